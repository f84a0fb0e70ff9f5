-- one row per (list_id, user_id, item_id): what was shown to whom, and what came of it
{% set kinds = {
    'p': 'person', 'm': 'person_on_request', 's': 'session', 'f': 'fallback', 'i': 'similar_items', 'b': 'bundles',
    't': 'trending', 'r': 'rerank',
} %}

-- No event can name a list of the build in progress, so this room stands before all that makes lists. The log, too, is
-- named for each use.
with recommendation_log as (

    select *
    from (
        {{ kindred.previous_rows('recommendation_log', {
            'run_id': 'varchar', 'list_id': 'varchar', 'item_id': 'varchar', 'rank': 'bigint', 'policy': 'varchar',
            'generator': 'varchar', 'experiment_id': 'varchar', 'arm': 'varchar',
        }) }}
    ) as earlier
    where run_id <> '{{ invocation_id }}'

),

list_purchases as (select * from {{ ref('list_purchases') }}),

-- Whatever names a list says that the list was seen: trackers lose impressions more easily than clicks.
shown as (

    select
        list_id,
        user_id,
        item_id,
        min(position) as position,
        sum(case when event_type = 'click' then 1 else 0 end) as n_clicks,
        min(occurred_at) as shown_at,
        min(case when event_type = 'click' then occurred_at end) as clicked_at
    from {{ ref('list_events') }}
    where list_id is not null
    group by
        list_id,
        user_id,
        item_id

),

-- Ids of another make than ours are the shop's own: kept, though nothing is known of their making.
named as (

    select
        shown.*,
        case
            when length(shown.list_id) <> 27 then 'other'
            {%- for letter, kind in kinds.items() %}
            when substr(shown.list_id, 9, 3) = '-{{ letter }}-' then '{{ kind }}'
            {%- endfor %}
            else 'other'
        end as kind
    from shown

),

-- Lists made at request time are in no log, but begin like the run they were made from.
runs as (

    select
        substr(run_id, 1, 8) as run_prefix,
        max(run_id) as run_id
    from ({{ kindred.previous_rows('recommendation_log', {'run_id': 'varchar'}) }}) as earlier
    where run_id <> '{{ invocation_id }}'
    group by substr(run_id, 1, 8)

),

final as (

    select
        named.list_id,
        named.user_id,
        named.item_id,
        coalesce(recommendation_log.run_id, runs.run_id) as run_id,
        named.kind,
        coalesce(recommendation_log.policy, 'main') as policy,
        recommendation_log.experiment_id,
        recommendation_log.arm,
        case
            when recommendation_log.generator is not null then recommendation_log.generator
            when named.kind in ('person', 'other') then 'unknown'
            else named.kind
        end as generator,
        coalesce(recommendation_log.rank, named.position) as position,
        cast(named.n_clicks as bigint) as n_clicks,
        cast(coalesce(list_purchases.n_purchases, 0) as bigint) as n_purchases,
        coalesce(list_purchases.revenue, 0) as revenue,
        named.shown_at,
        named.clicked_at,
        list_purchases.bought_at
    from named
    left join list_purchases
        on named.list_id = list_purchases.list_id
            and named.user_id = list_purchases.user_id
            and named.item_id = list_purchases.item_id
    left join recommendation_log
        on named.list_id = recommendation_log.list_id
            and named.item_id = recommendation_log.item_id
    left join runs
        on named.kind <> 'other'
            and substr(named.list_id, 1, 8) = runs.run_prefix

)

select * from final
