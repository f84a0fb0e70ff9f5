-- one row per (experiment_id, metric, segment_by, segment, arm, day, context): sums over the people of a bandit's batch
-- Shares follow results, and in a contextual bandit they differ between contexts: only people of one batch, between two
-- changes of the shares and of one context, were assigned with the same probabilities. In whole numbers, as in
-- experiment_cells. An app reads new shares soon after the build: the day of a change is the first of its period.
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

{% set sums = ['n', 'n_winsorized', 'n_positive', 'sum_y', 'sum_d', 'sum_y2', 'sum_d2', 'sum_yd'] %}

with periods as (select * from {{ ref('experiment_periods') }} where allocation <> 'fixed'),

logged as (

    select
        experiment_id,
        cast(valid_from as date) as changed_on,
        concat(coalesce(salt, ''), '|', from_key, '|', to_key) as own_keys,
        lag(concat(coalesce(salt, ''), '|', from_key, '|', to_key)) over (
            partition by experiment_id, coalesce(context, ''), arm
            order by valid_from, run_id
        ) as earlier_keys
    from (
        {{ kindred.previous_rows('arm_shares', {
            'run_id': 'varchar', 'experiment_id': 'varchar', 'salt': 'varchar', 'context': 'varchar', 'arm': 'varchar',
            'from_key': 'varchar', 'to_key': 'varchar', 'valid_from': 'timestamp',
        }) }}
    ) as earlier
    where run_id <> '{{ invocation_id }}'

),

changes as (

    select
        experiment_id,
        changed_on,
        lead(changed_on) over (partition by experiment_id order by changed_on) as changed_again_on
    from (
        select
            experiment_id,
            changed_on
        from logged
        where own_keys <> earlier_keys
        group by
            experiment_id,
            changed_on
    ) as days

),

cells as (

    select
        cells.*,
        changes.changed_on,
        max(cells.exposed_on) over (partition by cells.experiment_id, cells.metric, changes.changed_on) as day,
        kinds.segment_by,
        case kinds.segment_by when 'segment' then cells.segment when 'activity' then cells.activity else '' end
            as own_segment,
        case
            when periods.allocation = 'contextual' then {{ kindred.context_text('cells.segment', 'cells.activity') }}
            else ''
        end as context
    from {{ ref('experiment_cells') }} as cells
    inner join periods
        on cells.experiment_id = periods.experiment_id
    left join changes
        on cells.experiment_id = changes.experiment_id
            and cells.exposed_on >= changes.changed_on
            and coalesce(cells.exposed_on < changes.changed_again_on, true)
    cross join (
        select '' as segment_by
        union all
        select 'segment' as segment_by
        union all
        select 'activity' as segment_by
    ) as kinds

),

final as (

    select
        experiment_id,
        metric,
        segment_by,
        own_segment as segment,
        arm,
        context,
        {% for column in sums -%}
        sum({{ column }}) as {{ column }},
        {% endfor -%}
        day
    from cells
    group by
        experiment_id,
        metric,
        segment_by,
        own_segment,
        arm,
        day,
        context

)

select * from final
