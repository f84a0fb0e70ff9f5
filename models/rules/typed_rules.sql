-- one row per rule, in types that can be counted with
-- Words of the catalogue and of segments are written as these write them: case makes no other word.
with rules as (

    select
        {{ kindred.select_table_columns('rules') }}
    from {{ kindred.table_relation('rules') }}

),

categories as (

    select
        lower(category) as word,
        min(category) as category
    from {{ ref('kindred', 'items') }}
    where category is not null
    group by lower(category)

),

brands as (

    select
        lower(brand) as word,
        min(brand) as brand
    from {{ ref('kindred', 'items') }}
    where brand is not null
    group by lower(brand)

),

segments as (

    select
        lower(segment) as word,
        min(segment) as segment
    from {{ ref('kindred', 'users') }}
    where segment is not null
    group by lower(segment)

),

final as (

    select
        rules.rule_id,
        rules.action,
        rules.item_id,
        coalesce(categories.category, rules.category) as category,
        coalesce(brands.brand, rules.brand) as brand,
        coalesce(segments.segment, rules.segment) as segment,
        rules.activity,
        rules.policy,
        rules.amount,
        rules.amount_text,
        rules.starts_at,
        rules.starts_at_text,
        rules.ends_at,
        rules.ends_at_text,
        count(*) over (partition by rules.rule_id) as n_rows_of_id
    from rules
    left join categories
        on lower(rules.category) = categories.word
    left join brands
        on lower(rules.brand) = brands.word
    left join segments
        on lower(rules.segment) = segments.word

)

select * from final
