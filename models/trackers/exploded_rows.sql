-- one row per product of a raw event of any tracker, or per raw event without products: what the trackers say of it
-- A table, as exploding takes time and much reads it. So does writing: columns that are null in all rows are left out,
-- and the raw row's id stands in the event's. `tracker_rows` has all of them.
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

-- depends_on: {{ kindred.table_relation('event_weights') }}
{{ kindred.check_tracker_events() }}

{% set has_forgotten, filled, models = kindred.has_forgotten(), {}, [] %}
{% for tracker in kindred.named_trackers() %}
    {% do models.append(tracker ~ '_rows') %}
    {% do filled.update({tracker: kindred.filled_columns([tracker ~ '_rows'])}) %}
{% endfor %}
{% set unread = kindred.traffic_columns() | reject('in', kindred.ruled_columns()) | list %}
{% set columns = kindred.tracked_columns() | list if has_forgotten
    else kindred.filled_columns(models) | reject('in', unread) | list %}

with all_rows as (
    {% for tracker in kindred.named_trackers() %}
    select
        '{{ tracker }}' as source,
        {% for column in columns -%}
        {% if column == 'event_name' %}{{ kindred.normal_word('tracked.event_name') }} as event_name
        {%- elif column in unread or column not in filled[tracker] -%}
        cast(null as {{ kindred.type_of(kindred.tracked_columns()[column]) }}) as {{ column }}
        {%- else %}tracked.{{ column }}{% endif %}{{ "," if not loop.last }}
        {% endfor -%}
    from {{ ref('kindred', tracker ~ '_rows') }} as tracked
    {{ "union all" if not loop.last }}
    {% endfor %}
),
{% if has_forgotten %}
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
        case when is_forgotten then md5(row_id) else row_id end as row_id,
        product_number,
        event_name,
        {% for column in columns if column not in ['row_id', 'product_number', 'event_name'] -%}
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
        known_rows.source,
        {{ kindred.tracked_event_id('known_rows') | indent(8) }} as event_id,
        {% for column in columns if column != 'row_id' -%}
        known_rows.{{ column }},
        {% endfor -%}
        mapping.event_type
    from known_rows
    left join mapping
        on known_rows.source = mapping.tracker
            and known_rows.event_name = mapping.event_name

)

select * from final
