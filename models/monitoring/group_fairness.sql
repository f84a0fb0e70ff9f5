-- one row per (field, measure, category, group_value): what people of a group may be shown and are shown
{% set z = kindred.number_literal(1.959963984540054) %}

with spreads as (

    select
        *,
        base + total / n_people as value,
        squares - total * total / n_people as spread
    from {{ ref('group_sums') }}

),

-- What is left of equal amounts by rounding is 0.
means as (

    select
        *,
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

select * from final
