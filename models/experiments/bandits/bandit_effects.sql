-- one row per (experiment_id, day, arm, segment_by, segment, metric): an arm of a bandit beside its control, by then
-- Batches are added up as K. Zhang, L. Janson, S. Murphy, "Inference for batched bandits", NeurIPS 2020, do: the
-- difference of a batch over its error is standard normal whatever came before; the root of its people is its weight.
-- The effect is then a mean of the batches' differences with weights sqrt(n) / error, which earlier results can't bias.
{{ config(enabled=kindred.has_experiments()) }}

{% set key = "experiment_id, metric, segment_by, segment, arm" %}
{% set so_far %}
over (partition by {{ key }} order by day, context rows between unbounded preceding and current row)
{%- endset %}

with batches as (

    select
        *,
        case
            when is_used then sqrt((n_control + n) / nullif(control_square + treatment_square, 0)) else 0.0e0
        end as weight
    from {{ ref('bandit_batches') }}

),

added_up as (

    select
        *,
        sum(weight) {{ so_far }} as weights,
        sum(case when is_used then weight * control else 0.0e0 end) {{ so_far }} as control_sum,
        sum(case when is_used then weight * treatment else 0.0e0 end) {{ so_far }} as treatment_sum,
        sum(case when is_used then weight * weight * control_square else 0.0e0 end) {{ so_far }}
            as control_square_sum,
        sum(case when is_used then weight * weight * treatment_square else 0.0e0 end) {{ so_far }}
            as treatment_square_sum,
        {% for column in ['n_control', 'n', 'n_winsorized', 'n_positive_control', 'n_positive'] -%}
        sum(case when is_used then {{ column }} else 0 end) {{ so_far }} as {{ column }}_sum,
        {% endfor -%}
        sum(case when is_used then 0 else n_control + n end) {{ so_far }} as n_left_out,
        row_number() over (partition by {{ key }}, day order by context desc) as place
    from batches

),

final as (

    select
        experiment_id,
        day,
        arm,
        segment_by,
        segment,
        metric,
        cast(n_control_sum as bigint) as n_control,
        cast(n_sum as bigint) as n,
        cast(n_left_out as bigint) as n_left_out,
        -- Null without a batch that can be used, or where the metric is the same for all.
        control_sum / nullif(weights, 0) as control,
        treatment_sum / nullif(weights, 0) as treatment,
        control_square_sum / nullif(weights * weights, 0) as control_square,
        treatment_square_sum / nullif(weights * weights, 0) as treatment_square,
        cast(n_winsorized_sum as bigint) as n_winsorized,
        cast(least(n_positive_control_sum, n_positive_sum) as bigint) as n_positive
    from added_up
    where place = 1

)

select * from final
