-- one row per row of typed_experiments: with the first reason why it can't be used by itself
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with experiments as (select * from {{ ref('typed_experiments') }}),

with_arms as (select experiment_id from {{ ref('typed_arms') }} group by experiment_id),

arm_problems as (select * from {{ ref('arm_problems') }}),

final as (

    select
        experiments.experiment_id,
        experiments.kind,
        experiments.layer,
        experiments.layer_from,
        experiments.layer_to,
        experiments.starts_at,
        experiments.ends_at,
        case
            when experiments.experiment_id = '' then 'it has no experiment_id: give it one'
            when experiments.n_rows_of_id > 1
                then 'its experiment_id stands more than once: give each experiment its own'
            when contains(concat(experiments.experiment_id, experiments.salt, experiments.layer), '|')
                then 'its experiment_id, salt or layer has a |, which keys are put together with: leave it out'
            when experiments.experiment_id in ('holdout', 'layer')
                then 'holdout and layer are words of the keys: give it another experiment_id'
            when coalesce(experiments.kind, '') not in ('lists', 'interleaving', 'choice', 'offer', 'price', 'holdout')
                then concat(
                        'kind is ''', coalesce(experiments.kind, ''),
                        ''': give lists, interleaving, choice, offer, price or holdout'
                    )
            when experiments.unit not in ('user', 'user_item', 'item')
                then concat('unit is ''', experiments.unit, ''': give user, user_item, item or nothing')
            when experiments.allocation not in ('fixed', 'thompson', 'contextual')
                then concat(
                        'allocation is ''', experiments.allocation, ''': give fixed, thompson, contextual or nothing'
                    )
            when experiments.stopping not in ('fixed', 'sequential')
                then concat('stopping is ''', experiments.stopping, ''': give fixed, sequential or nothing')
            when experiments.starts_at is null
                then concat(
                        'starts_at is ''',
                        coalesce(experiments.starts_at_text, ''),
                        ''': write a UTC date or time, 2026-12-01'
                    )
            when experiments.ends_at_text is not null
                then concat('ends_at is ''', experiments.ends_at_text, ''': write a UTC time, 2026-12-24 18:00:00')
            when experiments.ends_at <= experiments.starts_at
                then 'it ends before it starts: ends_at must be later than starts_at'
            when not experiments.is_known_metric
                then concat(
                        'metric ''', experiments.metric, ''' is not in experiment_metrics: correct it, or add it there'
                    )
            when not coalesce(experiments.layer_from >= 0 and experiments.layer_to <= 1, false)
                or experiments.layer_from >= experiments.layer_to
                then 'its part of the layer is none: give layer_from and layer_to from 0 to 1, the second the greater'
            when experiments.planned_people_text is not null
                then concat(
                        'planned_people is ''', experiments.planned_people_text, ''': write a number from 200, or none'
                    )
            when experiments.planned_people < 200
                then 'planned_people is below 200, too few for any result: plan more, or leave it empty'
            when not coalesce(experiments.forgetting > 0 and experiments.forgetting <= 1, false)
                then 'forgetting is what a day weighs beside the next: write a number above 0, at most 1, or nothing'
            when experiments.allocation <> 'fixed' and experiments.is_quantile
                then 'shares follow means and ratios, and its metric is a quantile: give another metric'
            when experiments.kind in ('lists', 'interleaving', 'holdout') and experiments.unit <> 'user'
                then concat('kind ', experiments.kind, ' assigns people: leave unit empty')
            when experiments.kind in ('interleaving', 'holdout') and experiments.allocation <> 'fixed'
                then concat('kind ', experiments.kind, ' has declared shares: leave allocation empty')
            when experiments.allocation = 'contextual' and experiments.unit = 'item'
                then 'contextual shares depend on the person, whom the unit item leaves out: give user or user_item'
            when experiments.kind = 'holdout'
                and (experiments.has_layer or experiments.layer_from > 0 or experiments.layer_to < 1)
                then 'a holdout takes its people before any layer: leave layer, layer_from and layer_to empty'
            when with_arms.experiment_id is null then 'it has no arms: give it two rows or more of experiment_arms'
            else arm_problems.problem
        end as problem
    from experiments
    left join with_arms
        on experiments.experiment_id = with_arms.experiment_id
    left join arm_problems
        on experiments.experiment_id = arm_problems.experiment_id

)

select * from final
