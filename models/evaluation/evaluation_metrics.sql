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

    select
        *,
        -- cold, warm and hot are parts of all; the other groups are no parts of anything.
        case when user_group in ('cold', 'warm', 'hot') then user_group else '' end as activity,
        case when user_group in ('cold', 'warm', 'hot') then 'all' else user_group end as whole
    from (

        select * from means
        union all
        select * from exposures

    ) as united

),

{{ kindred.protected_cells(
    'all_metrics', ['fold', 'policy', 'generator', 'metric', 'k', 'whole', 'activity'], {'activity': "''"}, 'n_users'
) }},

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
    from protected

)

select * from final
