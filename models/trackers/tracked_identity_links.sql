-- one row per pair of ids that a tracker says are one person, in the shape of the input `identity_links`
{{ config(materialized='view', enabled=(kindred.named_trackers() | length > 0)) }}

{% set selects = [] %}
{#- Mixpanel's own ids of people are read as links between the ids that it mapped; devices lose the prefix $device. -#}
{% set homes = {
    'segment': ['aliases', ['previous_id'], ['user_id']],
    'rudderstack': ['aliases', ['previous_id'], ['user_id']],
    'mixpanel': ['mp_identity_mappings_data_view', ['distinct_id'], ['resolved_distinct_id']],
} %}
{% for tracker, home in homes.items() %}
    {% for schema in kindred.tracker_schemas(tracker) %}
        {% set relation = kindred.schema_tables(tracker, schema).get(home[0]) %}
        {% if relation %}
            {% set found = kindred.raw_columns(relation) %}
            {% set times = ['timestamp', 'original_timestamp', 'received_at'] %}
            {% set select %}
select
    regexp_replace({{ kindred.raw_text(found, home[1]) }}, '^.?device:', '') as left_id,
    regexp_replace({{ kindred.raw_text(found, home[2]) }}, '^.?device:', '') as right_id,
    'alias' as kind,
    {{ kindred.raw_time(found, times, kindred.tracker_zone(tracker)) }} as linked_at
from {{ relation }} as raw
            {% endset %}
            {% do selects.append(select) %}
        {% endif %}
    {% endfor %}
{% endfor %}
{#- The customers of a shop by the hash of their address, which is the id of guests too. -#}
{% for schema in kindred.tracker_schemas('shopify') %}
    {% set found = kindred.raw_columns(kindred.schema_tables('shopify', schema).get('customer')) %}
    {% if 'email' in found %}
        {% set select %}
select
    {{ kindred.shopify_id(found, ['id']) }} as left_id,
    {{ kindred.shopify_guest(found) }} as right_id,
    'email' as kind,
    cast(null as timestamp) as linked_at
from {{ kindred.schema_tables('shopify', schema).get('customer') }} as raw
where {{ kindred.raw_text(found, ['email']) }} is not null
        {% endset %}
        {% do selects.append(select) %}
    {% endif %}
{% endfor %}
{{ kindred.united(selects, {'left_id': 'varchar', 'right_id': 'varchar', 'kind': 'varchar', 'linked_at': 'timestamp'}) }}
