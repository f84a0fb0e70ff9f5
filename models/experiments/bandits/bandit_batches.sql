-- one row per (experiment_id, metric, segment_by, segment, arm, day, context): a batch of an arm beside its control
{{ config(enabled=kindred.has_experiments()) }}

{#- A mean of fewer people is no estimate. How many an arm has follows from earlier days and never from its own results,
    so that leaving a batch out favours nobody. -#}
{% set least_people = 10 %}
{% set cell = ['experiment_id', 'metric', 'segment_by', 'segment'] %}

with sums as (select * from {{ ref('bandit_sums') }}),

arms as (

    select
        experiment_id,
        arm,
        max(case when is_control then arm end) over (partition by experiment_id) as control
    from {{ ref('checked_arms') }}

),

totals as (

    select
        {{ cell | join(', ') }},
        arm,
        cast(sum(n) as double) as n,
        cast(sum(sum_y) as double) / 1e6 as sum_y,
        cast(sum(sum_d) as double) / 1e6 as sum_d,
        cast(sum(sum_y2) as double) / 1e12 as sum_y2,
        cast(sum(sum_d2) as double) / 1e12 as sum_d2,
        cast(sum(sum_yd) as double) / 1e12 as sum_yd
    from sums
    group by
        {{ cell | join(', ') }},
        arm

),

-- Of all days together: the spread of the few people of a batch would go with their mean.
spreads as (

    select
        {{ cell | join(', ') }},
        arm,
        {{ kindred.ratio_covariance('', 'yd', 'yd') | indent(8) }} as variance
    from totals

),

places as (

    select
        {{ cell | join(', ') }},
        day,
        context
    from sums
    group by
        {{ cell | join(', ') }},
        day,
        context

),

final as (

    select
        {% for column in cell + ['day', 'context'] -%}
        places.{{ column }},
        {% endfor -%}
        arms.arm,
        coalesce(control.n, 0) as n_control,
        coalesce(treatment.n, 0) as n,
        coalesce(control.n_winsorized, 0) + coalesce(treatment.n_winsorized, 0) as n_winsorized,
        coalesce(control.n_positive, 0) as n_positive_control,
        coalesce(treatment.n_positive, 0) as n_positive,
        cast(control.sum_y as double) / nullif(control.sum_d, 0) as control,
        cast(treatment.sum_y as double) / nullif(treatment.sum_d, 0) as treatment,
        greatest(of_control.variance, 0) / nullif(control.n, 0) as control_square,
        greatest(of_treatment.variance, 0) / nullif(treatment.n, 0) as treatment_square,
        coalesce(
            control.n >= {{ least_people }}
            and treatment.n >= {{ least_people }}
            and control.sum_d > 0
            and treatment.sum_d > 0, false
        ) as is_used
    from places
    inner join arms
        on places.experiment_id = arms.experiment_id
            and arms.arm <> arms.control
    {%- for side, arm in {'control': 'control', 'treatment': 'arm'}.items() %}
    left join sums as {{ side }}
        on arms.{{ arm }} = {{ side }}.arm
            {%- for column in cell + ['day', 'context'] %}
            and places.{{ column }} = {{ side }}.{{ column }}
            {%- endfor %}
    left join spreads as of_{{ side }}
        on arms.{{ arm }} = of_{{ side }}.arm
            {%- for column in cell %}
            and places.{{ column }} = of_{{ side }}.{{ column }}
            {%- endfor %}
    {%- endfor %}

)

select * from final
