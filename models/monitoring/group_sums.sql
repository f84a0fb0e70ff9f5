-- one row per (field, measure, category, group_value): what people of a group are shown and may be shown, added up
-- Without protected_fields of kindred__privacy there are no rows, and nothing is read.
-- depends_on: {{ ref('protected_groups') }}, {{ ref('category_items') }}, {{ ref('fairness_amounts') }}
{{ config(materialized='ephemeral') }}

{% if kindred.setting('privacy', 'protected_fields') %}
with members as (select * from {{ ref('protected_groups') }}),

groups as (

    select
        field,
        group_value,
        max(n_people) as n_people
    from members
    group by
        field,
        group_value

),

-- Of each measure the part that everybody has.
measures as (

    select
        'exposure' as measure,
        category,
        cast(0 as double) as base
    from {{ ref('category_items') }}
    group by category
    {%- if kindred.has_table('eligibility') %}

    union all

    select
        'approval' as measure,
        category,
        (count(*) - count(eligibility)) / cast(count(*) as double) as base
    from {{ ref('category_items') }}
    group by category
    {%- endif %}

),

sums as (

    select
        members.field,
        members.group_value,
        amounts.measure,
        amounts.category,
        {{ kindred.exact_sum('amounts.amount', scale=9) }} as total,
        {{ kindred.exact_sum('amounts.amount * amounts.amount', scale=9) }} as squares
    from {{ ref('fairness_amounts') }} as amounts
    inner join members
        on amounts.user_id = members.user_id
    group by
        members.field,
        members.group_value,
        amounts.measure,
        amounts.category

),

final as (

    select
        groups.field,
        measures.measure,
        measures.category,
        groups.group_value,
        groups.n_people,
        measures.base,
        coalesce(sums.total, 0) as total,
        coalesce(sums.squares, 0) as squares
    from groups
    cross join measures
    left join sums
        on groups.field = sums.field
            and groups.group_value = sums.group_value
            and measures.measure = sums.measure
            and measures.category = sums.category

)

{% else %}
with final as (

    select
        cast(null as varchar) as field,
        cast(null as varchar) as measure,
        cast(null as varchar) as category,
        cast(null as varchar) as group_value,
        cast(null as double) as n_people,
        cast(null as double) as base,
        cast(null as double) as total,
        cast(null as double) as squares
    where false

)

{% endif %}
select * from final
