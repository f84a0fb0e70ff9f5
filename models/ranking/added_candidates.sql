-- one row per (fold, policy, user_id, item_id): pinned items, and popular ones for lists that rules might leave short
{% set n = kindred.setting('lists', 'n_recommendations') | int %}

with people as (

    select
        person_policies.fold,
        person_policies.policy,
        person_policies.user_id,
        user_features.segment,
        user_features.activity
    from {{ ref('person_policies') }} as person_policies
    inner join {{ ref('user_features') }} as user_features
        on person_policies.fold = user_features.fold
            and person_policies.user_id = user_features.user_id

),

wanted as (

    select
        fold,
        policy,
        user_id,
        item_id,
        cast(null as varchar) as rule_id,
        cast(null as bigint) as wanted_rank,
        popular_rank
    from {{ ref('filler_candidates') }}

    union all

    select
        people.fold,
        people.policy,
        people.user_id,
        pins.item_id,
        pins.rule_id,
        cast(pins.amount as bigint) as wanted_rank,
        cast(null as bigint) as popular_rank
    from people
    inner join {{ ref('item_rules') }} as pins
        on people.fold = pins.fold
            and {{ kindred.rule_is_for('people', 'pins', policy='people.policy') }}
    inner join {{ ref('item_features') }} as item_features
        on pins.fold = item_features.fold
            and pins.item_id = item_features.item_id
            and item_features.is_recommendable
    where pins.action = 'pin'

),

-- What this person may not be shown isn't pinned either. Of two rules that pin an item the better rank counts.
allowed as (

    select
        wanted.*,
        row_number() over (
            partition by wanted.fold, wanted.policy, wanted.user_id, wanted.item_id
            order by wanted.wanted_rank nulls last, wanted.rule_id nulls last
        ) as number_of_item
    from wanted
    inner join people
        on wanted.fold = people.fold
            and wanted.policy = people.policy
            and wanted.user_id = people.user_id
    left join {{ ref('interactions') }} as interactions
        on wanted.fold = interactions.fold
            and wanted.user_id = interactions.user_id
            and wanted.item_id = interactions.item_id
            and interactions.is_excluded
    left join {{ ref('item_rules') }} as excludes
        on wanted.fold = excludes.fold
            and wanted.item_id = excludes.item_id
            and excludes.action = 'exclude'
            and {{ kindred.rule_is_for('people', 'excludes', policy='people.policy') }}
    left join {{ ref('item_eligibility') }} as item_eligibility
        on wanted.item_id = item_eligibility.item_id
    left join {{ ref('eligible_people') }} as eligible_people
        on wanted.user_id = eligible_people.user_id
            and item_eligibility.eligibility = eligible_people.eligibility
    where interactions.item_id is null
        and excludes.item_id is null
        and (item_eligibility.item_id is null or eligible_people.user_id is not null)
    qualify number_of_item = 1

),

numbered as (

    select
        *,
        row_number() over (
            partition by fold, policy, user_id order by wanted_rank nulls last, rule_id nulls last, popular_rank
        ) as number
    from allowed

),

-- A pin whose rank is taken stands at the next: rank(i) = max(wanted(i), rank(i - 1) + 1), and without the recursion
-- rank(i) = i + max over j <= i of (wanted(j) - j).
final as (

    select
        fold,
        policy,
        user_id,
        item_id,
        popular_rank,
        cast(case when popular_rank is null then number end as bigint) as pin_number,
        cast(case when popular_rank is null then number end + max(wanted_rank - number) over (
            partition by fold, policy, user_id order by number rows between unbounded preceding and current row
        ) as bigint) as pinned_rank
    from numbered
    -- Pushed off the end of the list, a pin is no more than any other item.
    qualify popular_rank is not null or pinned_rank <= {{ n }}

)

select * from final
