-- one row per row of the table of campaigns, with what is wrong with it
with declared as (

    select
        {{ kindred.select_table_columns('campaigns') }}
    from {{ kindred.table_relation('campaigns') }}

),

items as (select * from {{ ref('kindred', 'items') }}),

categories as (

    select
        lower(category) as word,
        min(category) as category
    from items
    where category is not null
    group by lower(category)

),

typed as (

    select
        declared.*,
        coalesce(categories.category, declared.category) as known_category,
        declared.category is not null and categories.word is null as is_unknown_category,
        count(*) over (partition by declared.campaign_id) as n_rows_of_id
    from declared
    left join categories
        on lower(declared.category) = categories.word

),

final as (

    select
        typed.campaign_id,
        typed.item_id,
        typed.known_category as category,
        typed.purpose,
        cast(typed.max_people as double) as max_people,
        cast(typed.max_sends as double) as max_sends,
        cast(typed.within_days as double) as within_days,
        case
            when typed.campaign_id is null then 'it has no campaign_id: give it one'
            when typed.n_rows_of_id > 1 then 'its campaign_id stands more than once: give each campaign its own'
            when (typed.item_id is null) = (typed.category is null)
                then 'it is about one item or one category: fill in either item_id or category'
            when typed.is_unknown_category
                then concat('no item has the category ''', typed.category, ''': correct it, or delete the row')
            {%- for column, what in {
                'max_people': 'how many people one build may name',
                'max_sends': 'how many sends a person may get',
                'within_days': 'in how many days sends are counted',
            }.items() %}
            when not coalesce(
                    typed.{{ column }} between 1 and 1e9 and floor(typed.{{ column }}) = typed.{{ column }}, false
                )
                then '{{ column }} is {{ what }}: write a whole number from 1'
            {%- endfor %}
            when typed.starts_at is null
                then concat(
                        'starts_at is ''',
                        coalesce(typed.starts_at_text, ''),
                        ''': write a UTC date or time, 2026-12-01'
                    )
            when typed.ends_at_text is not null and typed.ends_at is null
                then concat('ends_at is ''', typed.ends_at_text, ''': write a UTC time, 2026-12-24 18:00:00')
            when typed.ends_at <= typed.starts_at then 'it ends before it starts: ends_at must be later than starts_at'
        end as problem,
        case
            when typed.item_id is not null and items.item_id is null
                then 'there is no item of its item_id: correct it, or delete the row'
        end as warning,
        typed.starts_at,
        typed.ends_at
    from typed
    left join items
        on typed.item_id = items.item_id

)

select * from final
