-- one row per row of the raw events, whatever it is worth
{{ config(materialized='view') }}

{% set has_catalogue = kindred.input_relation('items') is not none %}

with source_rows as (

    select
        {{ kindred.select_input_columns('events') }}
    from {{ kindred.input_relation('events') }}

),

event_types as (select * from {{ ref('event_weights') }}),
{% if has_catalogue %}
catalogue as (select item_id from {{ ref('items') }}),
{% endif %}
-- The first reason that applies is the one reported, so each row has one. Repeated ids are told apart later,
-- among the rows that could be used.
judged as (

    select
        source_rows.*,
        case
            when source_rows.event_id is null then 'missing_event_id'
            when coalesce(source_rows.user_id, source_rows.anonymous_id) is null then 'missing_person'
            when source_rows.event_type is null then 'missing_event_type'
            when event_types.event_type is null then 'unknown_event_type'
            when source_rows.occurred_at is null and source_rows.occurred_at_text is null then 'missing_time'
            when source_rows.occurred_at is null then 'invalid_time'
            when source_rows.occurred_at < cast('1990-01-01' as timestamp) then 'too_early'
            when source_rows.occurred_at > cast('{{ kindred.run_clock() }}' as timestamp) then 'in_future'
            when source_rows.item_id is null and source_rows.event_type <> 'search' then 'missing_item'
            {% if has_catalogue -%}
            when source_rows.item_id is not null and catalogue.item_id is null then 'unknown_item'
            {% endif -%}
            when source_rows.quantity is null and source_rows.quantity_text is not null then 'invalid_quantity'
            when source_rows.quantity < 0 then 'negative_quantity'
            when source_rows.value is null and source_rows.value_text is not null then 'invalid_value'
            when source_rows.position is null and source_rows.position_text is not null then 'invalid_position'
        end as rejection_reason
    from source_rows
    left join event_types
        on source_rows.event_type = event_types.event_type
    {%- if has_catalogue %}
    left join catalogue
        on source_rows.item_id = catalogue.item_id
    {%- endif %}

)

select * from judged
