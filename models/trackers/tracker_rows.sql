-- one row per row of exploded_rows, with all columns that a tracker may have
{{ config(materialized='view', enabled=(kindred.named_trackers() | length > 0)) }}

{% set filled = kindred.filled_columns(['exploded_rows']) %}

with exploded_rows as (

    select
        source,
        event_id,
        {{ kindred.raw_row_of('exploded_rows') | indent(8) }} as row_id,
        event_type,
        {% for column, kind in kindred.tracked_columns().items() if column != 'row_id' -%}
        {{ column if column in filled else 'cast(null as ' ~ kindred.type_of(kind) ~ ') as ' ~ column }}
        {{- "," if not loop.last }}
        {% endfor %}
    from {{ ref('exploded_rows') }} as exploded_rows

),

final as (

    select
        source,
        case source
            {% for tracker in kindred.named_trackers() -%}
            when '{{ tracker }}' then {{ loop.index }}
            {% endfor -%}
        end as source_rank,
        event_id,
        {% for column in kindred.tracked_columns() if column != 'position' -%}
        {{ column }},
        {% endfor -%}
        -- A list says by its order where each item stood.
        coalesce(position, case when event_type = 'impression' then product_number + 1 end) as position,
        event_type,
        -- Orders of two trackers are the same whatever the hash before their number.
        case when event_type in ('purchase', 'return') then lower(ltrim(order_id, '#')) end as order_key
    from exploded_rows

)

select * from final
