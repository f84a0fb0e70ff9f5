-- one row per play or impression, in the words of kindred's events
-- By default a play counts by the share that was watched. With --vars 'learns_from: clicks' every play is a click: what
-- the promise compares with. In both, what is half watched leaves the lists: it stands in continue_watching or
-- next_in_series instead, or was given up.
{% set is_by_share = var('learns_from') == 'watching' %}

with plays as (

    select
        play_id as event_id,
        viewer_id as user_id,
        visit_id as session_id,
        case
            {% if is_by_share -%}
            when is_finished and is_last then 'watched_to_the_end'
            when is_finished then 'watched_an_episode'
            when reached >= {{ var('half_from') }} then 'watched_half'
            else 'abandoned'
            {%- else -%}
            when reached >= {{ var('half_from') }} then 'clicked_and_begun'
            else 'click'
            {%- endif %}
        end as event_type,
        shown_id as item_id,
        started_at as occurred_at,
        cast(watched_seconds as double) as value,
        cast(null as varchar) as list_id,
        cast(null as bigint) as position,
        cast(null as varchar) as properties
    from {{ ref('watched_plays') }}

),

impressions as (

    select
        impression_id as event_id,
        viewer_id as user_id,
        visit_id as session_id,
        'impression' as event_type,
        shown_id as item_id,
        shown_at as occurred_at,
        cast(null as double) as value,
        concat(visit_id, '-', shelf) as list_id,
        place as position,
        cast(null as varchar) as properties
    from {{ source('raw', 'impressions') }}

),

-- Which thumbnail a viewer saw is what the experiment counts.
thumbnails as (

    select
        concat(impression_id, '-thumbnail') as event_id,
        viewer_id as user_id,
        visit_id as session_id,
        'exposure' as event_type,
        shown_id as item_id,
        shown_at as occurred_at,
        cast(null as double) as value,
        cast(null as varchar) as list_id,
        cast(null as bigint) as position,
        {{ kindred.json_record({'experiment': "'thumbnails'", 'arm': 'thumbnail'}) }} as properties
    from {{ source('raw', 'impressions') }}
    where thumbnail is not null

),

final as (

    select * from plays
    union all
    select * from impressions
    union all
    select * from thumbnails

)

select * from final
