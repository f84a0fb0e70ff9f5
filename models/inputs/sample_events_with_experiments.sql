-- one row per event of the sample shop, of its experiments too
{{ config(
    materialized='view',
    enabled=(var('kindred__inputs') or {}).get('events') == 'sample_events_with_experiments',
) }}

{% set shared = ['event_id', 'user_id', 'event_type', 'item_id', 'occurred_at', 'quantity', 'value', 'order_id', 'list_id',
    'position', 'properties'] %}

select
    {{ shared | join(',\n    ') }},
    anonymous_id,
    session_id,
    query
from {{ ref('sample_events') }}

union all

select
    {{ shared | join(',\n    ') }},
    cast(null as varchar) as anonymous_id,
    cast(null as varchar) as session_id,
    cast(null as varchar) as query
from {{ ref('sample_experiment_events') }}
