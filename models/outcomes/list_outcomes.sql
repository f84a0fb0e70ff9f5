-- one row per (list_id, user_id, item_id): what was shown to whom, and what came of it
-- list_events is named for each use: behind one shared CTE it would be held in memory as a whole.
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
            'generator': 'varchar',
        }) }}
    ) as earlier
    where run_id <> '{{ invocation_id }}'

),

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

-- A purchase that names its list belongs to it, any other to the person's last click on the item.
claims as (

    select
        event_id,
        list_id,
        user_id,
        item_id,
        value,
        occurred_at as bought_at,
        occurred_at as claimed_at
    from {{ ref('list_events') }}
    where event_type = 'purchase'
        and list_id is not null

    union all

    select
        purchases.event_id,
        clicks.list_id,
        purchases.user_id,
        purchases.item_id,
        purchases.value,
        purchases.occurred_at as bought_at,
        clicks.occurred_at as claimed_at
    from {{ ref('list_events') }} as purchases
    inner join {{ ref('list_events') }} as clicks
        on purchases.user_id = clicks.user_id
            and purchases.item_id = clicks.item_id
            and purchases.occurred_at >= clicks.occurred_at
            and purchases.occurred_at
            < {{ dbt.dateadd('day', kindred.setting('experiments', 'conversion_days'), 'clicks.occurred_at') }}
    where purchases.event_type = 'purchase'
        and purchases.list_id is null
        and clicks.event_type = 'click'
        and clicks.list_id is not null

),

ordered_claims as (

    select
        *,
        row_number() over (partition by event_id order by claimed_at desc, list_id) as claim_number
    from claims

),

bought as (

    select
        list_id,
        user_id,
        item_id,
        count(*) as n_purchases,
        coalesce({{ kindred.exact_sum('value') }}, 0) as revenue,
        min(bought_at) as bought_at
    from ordered_claims
    where claim_number = 1
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
        case
            when recommendation_log.generator is not null then recommendation_log.generator
            when named.kind in ('person', 'other') then 'unknown'
            else named.kind
        end as generator,
        coalesce(recommendation_log.rank, named.position) as position,
        cast(named.n_clicks as bigint) as n_clicks,
        cast(coalesce(bought.n_purchases, 0) as bigint) as n_purchases,
        coalesce(bought.revenue, 0) as revenue,
        named.shown_at,
        named.clicked_at,
        bought.bought_at
    from named
    left join bought
        on named.list_id = bought.list_id
            and named.user_id = bought.user_id
            and named.item_id = bought.item_id
    left join recommendation_log
        on named.list_id = recommendation_log.list_id
            and named.item_id = recommendation_log.item_id
    left join runs
        on named.kind <> 'other'
            and substr(named.list_id, 1, 8) = runs.run_prefix

)

select * from final
