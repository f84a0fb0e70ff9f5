-- one row per (measure, category, user_id): what a person is shown, and may be shown of what not everybody may
{{ config(materialized='ephemeral') }}

with items as (select * from {{ ref('category_items') }}),

{% if kindred.has_table('eligibility') -%}
-- Few sets of conditions stand for many items.
sets as (

    select
        category,
        eligibility,
        count(*) as n_items,
        cast(sum(count(*)) over (partition by category) as double) as n_items_of_category
    from items
    group by
        category,
        eligibility

),

{% endif -%}
-- A place is seen the less the lower it stands, by the discount of ndcg.
final as (

    select
        'exposure' as measure,
        items.category,
        places.user_id,
        {{ kindred.exact_sum('ln(2.0e0) / ln(places.rank + 1.0e0)', scale=9) }} as amount
    from {{ ref('recommendations') }} as places
    inner join items
        on places.item_id = items.item_id
    group by
        items.category,
        places.user_id
    {%- if kindred.has_table('eligibility') %}

    union all

    select
        'approval' as measure,
        sets.category,
        eligible_people.user_id,
        sum(sets.n_items) / max(sets.n_items_of_category) as amount
    from {{ ref('eligible_people') }} as eligible_people
    inner join sets
        on eligible_people.eligibility = sets.eligibility
    group by
        sets.category,
        eligible_people.user_id
    {%- endif %}

)

select * from final
