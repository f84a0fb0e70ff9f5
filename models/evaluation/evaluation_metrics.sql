-- one row per (run_id, fold, generator, user_group, metric, k)
with means as (select * from {{ ref('mean_metrics') }}),

exposures as (

    {% for metric in ['coverage', 'gini'] %}
    select
        fold,
        policy,
        generator,
        user_group,
        '{{ metric }}' as metric,
        k,
        {{ metric }} as value,
        cast(null as double) as standard_error,
        n_users,
        cast(null as double) as lead_of_recommendations,
        cast(null as double) as lead_standard_error
    from {{ ref('exposure_metrics') }}
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

all_metrics as (

    select * from means
    union all
    select * from exposures

),

final as (

    select
        '{{ invocation_id }}' as run_id,
        fold,
        policy,
        generator,
        user_group,
        metric,
        cast(k as bigint) as k,
        cast(value as double) as value,
        cast(standard_error as double) as standard_error,
        cast(n_users as bigint) as n_users,
        cast(lead_of_recommendations as double) as lead_of_recommendations,
        cast(lead_standard_error as double) as lead_standard_error
    from all_metrics

)

select * from final
