-- one row per product of a raw event of any tracker, or per raw event without products
-- A table, as exploding takes time and much reads it.
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

-- depends_on: {{ kindred.table_relation('event_weights') }}
{{ kindred.check_tracker_events() }}

with all_rows as (
    {% for tracker in kindred.named_trackers() %}
    select
        '{{ tracker }}' as source,
        {{ loop.index }} as source_rank,
        {% for column in kindred.tracked_columns() -%}
        {% if column == 'event_name' %}{{ kindred.normal_word('tracked.event_name') }} as event_name
        {%- else %}tracked.{{ column }}{% endif %}{{ "," if not loop.last }}
        {% endfor -%}
    from {{ ref('kindred', tracker ~ '_rows') }} as tracked
    {{ "union all" if not loop.last }}
    {% endfor %}
),

tracker_events as (

    select
        {{ kindred.select_table_columns('tracker_events') }}
    from {{ kindred.table_relation('tracker_events') }}

),

-- A name that is mapped twice would double its events.
mapping as (

    select
        tracker,
        event_name,
        min(event_type) as event_type
    from tracker_events
    group by
        tracker,
        event_name

),

final as (

    select
        all_rows.*,
        mapping.event_type,
        -- Orders of two trackers are the same whatever the hash before their number.
        case
            when mapping.event_type in ('purchase', 'return') then lower(ltrim(all_rows.order_id, '#'))
        end as order_key
    from all_rows
    left join mapping
        on all_rows.source = mapping.tracker
            and all_rows.event_name = mapping.event_name

)

select * from final
