-- one row per (field, measure, category, group_value): what people of a group may be shown and are shown
-- Without protected_fields of kindred__privacy there are no rows, and nothing is read.
-- depends_on: {{ ref('user_fields') }}, {{ ref('identities') }}, {{ ref('user_features') }}, {{ ref('item_features') }}
-- depends_on: {{ ref('recommendations') }}, {{ ref('item_eligibility') }}, {{ ref('eligible_people') }}
{% set given = kindred.setting('privacy', 'protected_fields') %}
{#- dbt reads all models before validate_configuration may speak. -#}
{% set fields = given if given is iterable and given is not string and given is not mapping else [] %}
{#- Below that the normal approximation of the intervals says little. -#}
{% set least_people = [30, kindred.setting('privacy', 'min_people') | int] | max %}
{% set z = kindred.number_literal(1.959963984540054) %}

{% if fields %}
with people as (select user_id from {{ ref('user_features') }} where fold = 'live'),

-- Whose accounts say different things is of no group.
members as (

    select
        people.user_id,
        user_fields.field,
        min(lower(user_fields.value)) as group_value
    from {{ ref('user_fields') }} as user_fields
    inner join {{ ref('identities') }} as identities
        on user_fields.user_id = identities.identity_id
    inner join people
        on identities.user_id = people.user_id
    where user_fields.field in (
            {%- for field in fields %}{{ kindred.text_literal(field) }}{{ ", " if not loop.last }}{% endfor -%}
        )
    group by
        people.user_id,
        user_fields.field
    having min(lower(user_fields.value)) = max(lower(user_fields.value))

),

group_sizes as (

    select
        field,
        group_value,
        cast(count(*) as double) as n_people
    from members
    group by
        field,
        group_value
    having count(*) >= {{ least_people }}

),

-- Each item counts among all, category '', and in its own.
items as (

    select
        item_id,
        '' as category
    from {{ ref('item_features') }}
    where fold = 'live'
        and is_recommendable

    union all

    select
        item_id,
        category
    from {{ ref('item_features') }}
    where fold = 'live'
        and is_recommendable
        and category is not null

),

-- Few sets of conditions stand for many items.
sets as (

    select
        items.category,
        item_eligibility.eligibility,
        count(*) as n_items
    from items
    left join {{ ref('item_eligibility') }} as item_eligibility
        on items.item_id = item_eligibility.item_id
    group by
        items.category,
        item_eligibility.eligibility

),

categories as (

    select
        category,
        cast(sum(n_items) as double) as n_items,
        sum(case when eligibility is null then n_items else 0 end) as n_for_all
    from sets
    group by category

),

-- Of each measure the part that everybody has.
measures as (

    select
        'exposure' as measure,
        category,
        cast(0 as double) as base
    from categories
    {%- if kindred.has_table('eligibility') %}

    union all

    select
        'approval' as measure,
        category,
        n_for_all / n_items as base
    from categories
    {%- endif %}

),

-- A place is seen the less the lower it stands, by the discount of ndcg.
amounts as (

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
        sum(sets.n_items) / max(categories.n_items) as amount
    from {{ ref('eligible_people') }} as eligible_people
    inner join sets
        on eligible_people.eligibility = sets.eligibility
    inner join categories
        on sets.category = categories.category
    group by
        sets.category,
        eligible_people.user_id
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
    from amounts
    inner join members
        on amounts.user_id = members.user_id
    group by
        members.field,
        members.group_value,
        amounts.measure,
        amounts.category

),

spreads as (

    select
        group_sizes.field,
        group_sizes.group_value,
        measures.measure,
        measures.category,
        group_sizes.n_people,
        measures.base + coalesce(sums.total, 0) / group_sizes.n_people as value,
        coalesce(sums.squares, 0) as squares,
        coalesce(sums.squares - sums.total * sums.total / group_sizes.n_people, 0) as spread
    from group_sizes
    cross join measures
    left join sums
        on group_sizes.field = sums.field
            and group_sizes.group_value = sums.group_value
            and measures.measure = sums.measure
            and measures.category = sums.category

),

-- What is left of equal amounts by rounding is 0.
means as (

    select
        field,
        group_value,
        measure,
        category,
        n_people,
        value,
        sqrt(case when spread > 1.0e-8 * squares then spread else 0 end / (n_people * (n_people - 1))) as standard_error
    from spreads

),

numbered as (

    select
        *,
        row_number() over (partition by field, measure, category order by value desc, group_value) as place
    from means

),

-- Groups are different people, so the errors of both add up in that of the ratio (the delta method).
compared as (

    select
        means.*,
        most.group_value as reference_group,
        means.value / nullif(most.value, 0) as ratio,
        case
            when means.place > 1
                then
                    sqrt(
                        means.standard_error * means.standard_error
                        + power(means.value / nullif(most.value, 0), 2) * most.standard_error * most.standard_error
                    ) / most.value
        end as ratio_standard_error
    from numbered as means
    inner join numbered as most
        on means.field = most.field
            and means.measure = most.measure
            and means.category = most.category
            and most.place = 1
    -- What nobody is shown is shown to nobody alike.
    where most.value > 0

),

final as (

    select
        field,
        measure,
        category,
        group_value,
        cast(n_people as bigint) as n_people,
        round(value, 6) as value,
        round(standard_error, 6) as standard_error,
        reference_group,
        round(ratio, 6) as ratio,
        round(ratio_standard_error, 6) as ratio_standard_error,
        case
            when ratio_standard_error is not null then round(greatest(ratio - {{ z }} * ratio_standard_error, 0), 6)
        end as lower,
        round(ratio + {{ z }} * ratio_standard_error, 6) as upper
    from compared

)

{% else %}
with final as (

    select
        cast(null as varchar) as field,
        cast(null as varchar) as measure,
        cast(null as varchar) as category,
        cast(null as varchar) as group_value,
        cast(null as bigint) as n_people,
        cast(null as double) as value,
        cast(null as double) as standard_error,
        cast(null as varchar) as reference_group,
        cast(null as double) as ratio,
        cast(null as double) as ratio_standard_error,
        cast(null as double) as lower,
        cast(null as double) as upper
    where false

)

{% endif %}
select * from final
