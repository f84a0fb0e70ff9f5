-- one row per (experiment_id, context, arm) that may be assigned until the release of this build expires
{% set clock = "cast('" ~ kindred.run_clock() ~ "' as timestamp)" %}
{% set hours = kindred.setting('lists', 'expires_after_hours') %}

with experiments as (select * from {{ ref('checked_experiments') }} where problem is null),

arms as (select * from {{ ref('checked_arms') }}),

live as (select as_of from {{ ref('folds') }} where fold = 'live'),

-- The declared shares. Of an experiment with allocation thompson or contextual, those of a model of that purpose would
-- stand here in their place, by context.
shares as (

    select
        arms.experiment_id,
        '' as context,
        arms.arm,
        arms.share,
        'declared' as reason
    from arms

),

-- Sums of whole 1e-12, which no order of the rows can change.
places as (

    select
        shares.*,
        arms.position,
        cast(round(shares.share * 1e12) as bigint) as width,
        sum(cast(round(shares.share * 1e12) as bigint)) over (
            partition by shares.experiment_id, shares.context
            order by arms.position
            rows between unbounded preceding and current row
        ) as reach,
        max(case when shares.share > 0 then arms.position end) over (
            partition by shares.experiment_id, shares.context
        ) as last_position
    from shares
    inner join arms
        on shares.experiment_id = arms.experiment_id
            and shares.arm = arms.arm

),

-- Rounding leaves nobody without an arm: the last one that has a share ends at 1.
borders as (

    select
        places.*,
        case when places.position > places.last_position then 1e0 else (places.reach - places.width) / 1e12 end
            as from_fraction,
        case when places.position >= places.last_position then 1e0 else places.reach / 1e12 end as to_fraction
    from places

),

final as (

    select
        borders.experiment_id,
        borders.context,
        borders.arm,
        experiments.kind,
        experiments.unit,
        experiments.allocation,
        arms.is_control,
        arms.position,
        cast(borders.share as double) as share,
        borders.reason,
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
