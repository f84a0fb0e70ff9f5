-- one row per (experiment_id, context, item_id, arm): the arms that an item may be in, and what it costs there
-- Where fewer than two arms are left there is nothing to compare: the item is in no arm, at the shop's own price and with
-- its own creative.
{{ config(enabled=kindred.has_experiments()) }}

with eligible as (

    select
        *,
        count(*) over (partition by experiment_id, context, item_id) as n_eligible,
        sum(cast(round(arm_share * 1e12) as bigint)) over (partition by experiment_id, context, item_id) / 1e12 as total
    from {{ ref('eligible_item_arms') }}

),

shares as (

    select
        *,
        -- Rounding would make other shares of those that are in force.
        case when n_eligible = n_arms then arm_share else arm_share / total end as share
    from eligible
    where n_eligible > 1

),

{{ kindred.key_ranges('shares', 'experiment_id, context, item_id') }},

final as (

    select
        experiment_id,
        context,
        item_id,
        arm,
        value,
        price,
        cast(share as double) as share,
        {{ kindred.key_of_share('from_fraction') }} as from_key,
        {{ kindred.key_of_share('to_fraction') }} as to_key,
        n_eligible = n_arms as has_all_arms
    from borders

)

select * from final
