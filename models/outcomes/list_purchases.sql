-- one row per (list_id, user_id, item_id): the purchases that count for a list
-- list_events is named for each use: behind one shared CTE it would be held in memory as a whole.
{{ config(materialized='view') }}

-- A purchase that names its list belongs to it, any other to the person's last click on the item.
with claims as (

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

final as (

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

)

select * from final
