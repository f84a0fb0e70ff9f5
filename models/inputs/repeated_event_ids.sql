-- one row per event id that more than one usable raw row carries
-- Grouping hashes instead of ids of any length halves time and memory; the second step clears the rare collisions.
{% set is_tracked = kindred.input_pointers()['events'] == 'tracked_events' %}

with usable_events as (

    select event_id
    from {{ ref('typed_events') }}
    where rejection_reason is null

),

repeated_hashes as (

    {% if is_tracked -%}
    -- Rows of trackers were grouped once; only those that are compared with others may get another id since.
    select event_hash
    from {{ ref('repeated_tracker_hashes') }}
    union
    select hash(event_id) as event_hash
    from {{ ref('compared_rows') }}
    {%- else -%}
    select hash(event_id) as event_hash
    from usable_events
    group by hash(event_id)
    having count(*) > 1
    {%- endif %}

),

repeated_ids as (

    select usable_events.event_id
    from usable_events
    inner join repeated_hashes
        on hash(usable_events.event_id) = repeated_hashes.event_hash
    group by usable_events.event_id
    having count(*) > 1

)

select * from repeated_ids
