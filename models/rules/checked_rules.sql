-- one row per rule of the seed ranking_rules, read, with what is wrong with it
-- The seed is text, so that a slip in it ends in a sentence that says how to mend it, not in a conversion error.
with read as (

    select
        nullif(trim(cast(rule_id as varchar)), '') as rule_id,
        lower(nullif(trim(cast(action as varchar)), '')) as action,
        nullif(trim(cast(item_id as varchar)), '') as item_id,
        nullif(trim(cast(category as varchar)), '') as category,
        nullif(trim(cast(brand as varchar)), '') as brand,
        nullif(trim(cast(segment as varchar)), '') as segment,
        lower(nullif(trim(cast(activity as varchar)), '')) as activity,
        nullif(trim(cast(amount as varchar)), '') as amount_text,
        nullif(trim(cast(starts_at as varchar)), '') as starts_at_text,
        nullif(trim(cast(ends_at as varchar)), '') as ends_at_text
    from {{ ref('ranking_rules') }}

),

converted as (

    select
        *,
        {{ kindred.try_convert('amount_text', 'varchar', 'number') }} as amount,
        {{ kindred.try_convert('starts_at_text', 'varchar', 'timestamp') }} as starts_at,
        {{ kindred.try_convert('ends_at_text', 'varchar', 'timestamp') }} as ends_at,
        count(*) over (partition by rule_id) as n_rows_of_id
    from read

),

items as (

    select
        converted.rule_id,
        count(*) as n_items
    from converted
    inner join {{ ref('items') }} as items
        on (converted.item_id = items.item_id or converted.item_id is null)
            and (converted.category = items.category or coalesce(converted.category, '*') = '*')
            and (converted.brand = items.brand or coalesce(converted.brand, '*') = '*')
    group by converted.rule_id

),

segments as (select segment from {{ ref('users') }} where segment is not null group by segment),

-- Pins that want the same rank for some of the same people at the same time.
rivals as (

    select
        pins.rule_id,
        min(earlier.rule_id) as earlier_rule_id
    from converted as pins
    inner join converted as earlier
        on pins.rule_id > earlier.rule_id
            and pins.amount = earlier.amount
            and (pins.segment = earlier.segment or pins.segment is null or earlier.segment is null)
            and (pins.activity = earlier.activity or pins.activity is null or earlier.activity is null)
            and (pins.starts_at < earlier.ends_at or pins.starts_at is null or earlier.ends_at is null)
            and (pins.ends_at > earlier.starts_at or earlier.starts_at is null or pins.ends_at is null)
    where pins.action = 'pin'
        and earlier.action = 'pin'
    group by pins.rule_id

),

judged as (

    select
        converted.rule_id,
        converted.action,
        converted.item_id,
        converted.category,
        converted.brand,
        converted.segment,
        converted.activity,
        cast(converted.amount as double) as amount,
        case
            when converted.rule_id is null then 'it has no rule_id: give it one'
            when converted.n_rows_of_id > 1 then 'its rule_id stands more than once: give each rule its own'
            when coalesce(converted.action, '') not in ('exclude', 'boost', 'bury', 'pin', 'cap')
                then concat('action is ''', coalesce(converted.action, ''), ''': give exclude, boost, bury, pin or cap')
            when coalesce(converted.item_id, converted.category, converted.brand) is null
                then 'it names no items: fill in item_id, category or brand'
            when converted.action = 'pin' and converted.item_id is null
                then 'a pin puts one item at one rank: fill in item_id'
            when converted.action = 'cap' and converted.item_id is not null
                then 'a cap counts the items of a category or brand: leave item_id empty (or exclude)'
            when converted.action <> 'cap' and (converted.category = '*' or converted.brand = '*')
                then '* means each category or brand for itself, which only a cap can use: leave it empty'
            when converted.activity not in ('cold', 'warm', 'hot')
                then concat('activity is ''', converted.activity, ''': write cold, warm, hot or nothing')
            when converted.starts_at_text is not null and converted.starts_at is null
                then concat('starts_at is ''', converted.starts_at_text, ''': write a UTC date or time, 2026-12-01')
            when converted.ends_at_text is not null and converted.ends_at is null
                then concat('ends_at is ''', converted.ends_at_text, ''': write a UTC time, 2026-12-24 18:00:00')
            when converted.ends_at <= converted.starts_at
                then 'it ends before it starts: ends_at must be later than starts_at'
            when converted.action = 'boost' and not coalesce(converted.amount > 1 and converted.amount <= 1000, false)
                then 'amount of a boost is what the score is multiplied by: write a number above 1, at most 1000'
            when converted.action = 'bury' and not coalesce(converted.amount >= 0.001 and converted.amount < 1, false)
                then 'amount of a bury is what the score is multiplied by: write a number from 0.001 to below 1'
            when converted.action = 'pin'
                and not coalesce(
                    converted.amount between 1 and 1e6 and floor(converted.amount) = converted.amount, false
                )
                then 'amount of a pin is the rank where the item stands: write a whole number from 1'
            when converted.action = 'cap'
                and not coalesce(
                    converted.amount between 0 and 1e6 and floor(converted.amount) = converted.amount, false
                )
                then 'amount of a cap is how many items a list may have: write a whole number from 0'
        end as problem,
        case
            when coalesce(items.n_items, 0) = 0
                then 'no item matches its item_id, category and brand: correct them, or delete the rule'
            when converted.segment is not null and segments.segment is null
                then 'no user is in its segment: correct it (see kindred__segment_by), or delete the rule'
            when converted.action = 'pin' and converted.amount > {{ kindred.setting('lists', 'n_recommendations') }}
                then 'its rank is beyond the end of the list: give a rank up to kindred__n_recommendations'
            when rivals.rule_id is not null
                then concat('rule ', rivals.earlier_rule_id, ' pins at the same rank, this gets the next: give another')
        end as idleness,
        converted.starts_at,
        converted.ends_at
    from converted
    left join items
        on converted.rule_id = items.rule_id
    left join segments
        on converted.segment = segments.segment
    left join rivals
        on converted.rule_id = rivals.rule_id

),

final as (

    select
        rule_id,
        action,
        item_id,
        category,
        brand,
        segment,
        activity,
        amount,
        problem,
        case when problem is null then idleness end as warning,
        starts_at,
        ends_at
    from judged

)

select * from final
