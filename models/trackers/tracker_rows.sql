-- one row per product of a raw event of any tracker, or per raw event without products
-- A table, as exploding takes time and much reads it.
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

-- depends_on: {{ kindred.table_relation('event_weights') }}
{{ kindred.check_tracker_events() }}

{% set unread = kindred.traffic_columns() | reject('in', kindred.ruled_columns()) | list %}

with all_rows as (
    {% for tracker in kindred.named_trackers() %}
    select
        '{{ tracker }}' as source,
        {{ loop.index }} as source_rank,
        {% for column in kindred.tracked_columns() -%}
        {% if column == 'event_name' %}{{ kindred.normal_word('tracked.event_name') }} as event_name
        {%- elif column in unread %}cast(null as varchar) as {{ column }}
        {%- else %}tracked.{{ column }}{% endif %}{{ "," if not loop.last }}
        {% endfor -%}
    from {{ ref('kindred', tracker ~ '_rows') }} as tracked
    {{ "union all" if not loop.last }}
    {% endfor %}
),
{% if kindred.has_forgotten() %}
-- Of a forgotten person's row nothing is kept but that it came.
marked as (

    select
        all_rows.*,
        by_user.id_hash is not null or (all_rows.user_id is null and by_device.id_hash is not null) as is_forgotten,
        by_device.id_hash is not null as has_forgotten_device
    from all_rows
    cross join {{ ref('forgotten_key') }} as forgotten_key
    {% for id, name in [('user_id', 'by_user'), ('anonymous_id', 'by_device')] -%}
    left join {{ ref('forgotten_ids') }} as {{ name }}
        on {{ kindred.id_hash(kindred.normal_id('all_rows.' ~ id), 'forgotten_key.hash_key') }} = {{ name }}.id_hash
    {% endfor %}

),

known_rows as (

    select
        source,
        source_rank,
        case when is_forgotten then md5(row_id) else row_id end as row_id,
        product_number,
        event_name,
        {% for column in kindred.tracked_columns() if column not in ['row_id', 'product_number', 'event_name'] -%}
        {% if column == 'refusal' -%}
        case when is_forgotten then 'forgotten' else refusal end as refusal
        {%- elif column in ['anonymous_id', 'session_id'] -%}
        case when not has_forgotten_device and not is_forgotten then {{ column }} end as {{ column }}
        {%- else -%}
        case when not is_forgotten then {{ column }} end as {{ column }}
        {%- endif %}{{ "," if not loop.last }}
        {% endfor -%}
    from marked

),
{% else %}
known_rows as (select * from all_rows),
{% endif %}
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
        known_rows.*,
        mapping.event_type,
        -- Orders of two trackers are the same whatever the hash before their number.
        case
            when mapping.event_type in ('purchase', 'return') then lower(ltrim(known_rows.order_id, '#'))
        end as order_key
    from known_rows
    left join mapping
        on known_rows.source = mapping.tracker
            and known_rows.event_name = mapping.event_name

)

select * from final
