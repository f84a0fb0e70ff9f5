-- one row per pair of ids that a tracker says are one person, in the shape of the input `identity_links`
{{ config(materialized='view', enabled=(kindred.named_trackers() | length > 0)) }}

{% set selects = [] %}
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
            {% set select %}
select
    {{ kindred.raw_text(found, home[1]) }} as left_id,
    {{ kindred.raw_text(found, home[2]) }} as right_id,
    'alias' as kind,
    {{ kindred.raw_time(found, ['timestamp', 'original_timestamp', 'received_at'], kindred.tracker_zone(tracker)) }} as linked_at
from {{ relation }} as raw
where {{ kindred.raw_text(found, home[1]) }} <> {{ kindred.raw_text(found, home[2]) }}
            {% endset %}
            {% do selects.append(select) %}
        {% endif %}
    {% endfor %}
{% endfor %}
{{ kindred.united(selects, {'left_id': 'varchar', 'right_id': 'varchar', 'kind': 'varchar', 'linked_at': 'timestamp'}) }}
