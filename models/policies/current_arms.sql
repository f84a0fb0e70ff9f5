-- one row per (experiment_id, context, arm) that may be assigned until the release of this build expires
{{ config(enabled=kindred.has_experiments()) }}

{% set clock = "cast('" ~ kindred.run_clock() ~ "' as timestamp)" %}
{% set hours = kindred.setting('lists', 'expires_after_hours') %}

with experiments as (select * from {{ ref('checked_experiments') }} where problem is null),

arms as (

    select
        *,
        max(case when coalesce(category, brand) is not null then 1 else 0 end) over (partition by experiment_id) = 1
            as has_conditions
    from {{ ref('checked_arms') }}

),

live as (select as_of from {{ ref('folds') }} where fold = 'live'),

-- Shares that follow the results take the place of those that are declared.
shares as (

    select
        context_arms.experiment_id,
        context_arms.context,
        context_arms.arm,
        context_arms.position,
        coalesce(bandit_shares.share, context_arms.share) as share,
        coalesce(bandit_shares.reason, 'declared') as reason,
        coalesce(bandit_shares.is_frozen, false) as is_frozen,
        bandit_shares.n_people,
        bandit_shares.reward,
        bandit_shares.posterior_mean,
        bandit_shares.posterior_sd,
        bandit_shares.p_best
    from {{ ref('context_arms') }} as context_arms
    left join {{ ref('bandit_shares') }} as bandit_shares
        on context_arms.experiment_id = bandit_shares.experiment_id
            and context_arms.context = bandit_shares.context
            and context_arms.arm = bandit_shares.arm

),

{{ kindred.key_ranges('shares', 'experiment_id, context') }},

final as (

    select
        borders.experiment_id,
        borders.context,
        borders.arm,
        experiments.kind,
        experiments.unit,
        experiments.allocation,
        experiments.kind in ('choice', 'price') or arms.has_conditions as is_by_item,
        arms.is_control,
        borders.position,
        cast(borders.share as double) as share,
        borders.reason,
        borders.is_frozen,
        borders.n_people,
        borders.reward,
        borders.posterior_mean,
        borders.posterior_sd,
        borders.p_best,
        {{ kindred.key_of_share('borders.from_fraction') }} as from_key,
        {{ kindred.key_of_share('borders.to_fraction') }} as to_key,
        experiments.layer,
        {{ kindred.key_of_share('experiments.layer_from') }} as layer_from_key,
        {{ kindred.key_of_share('experiments.layer_to') }} as layer_to_key,
        experiments.salt,
        arms.policy,
        arms.value,
        arms.factor,
        arms.min_price,
        arms.max_price,
        experiments.starts_at <= live.as_of and coalesce(experiments.ends_at > live.as_of, true) as is_running,
        experiments.starts_at,
        experiments.ends_at
    from borders
    inner join arms
        on borders.experiment_id = arms.experiment_id
            and borders.arm = arms.arm
    inner join experiments
        on borders.experiment_id = experiments.experiment_id
    cross join live
    where experiments.starts_at <= greatest(live.as_of, {{ dbt.dateadd('hour', hours, clock) }})
        and coalesce(experiments.ends_at > least(live.as_of, {{ clock }}), true)

)

select * from final
