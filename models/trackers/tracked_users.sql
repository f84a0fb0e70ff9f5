-- one row per person that a tracker's table of people has, in the shape of the input `users`
{{ config(materialized='view', enabled=(kindred.named_trackers() | length > 0)) }}

{% set selects = [] %}
{% set homes = {
    'segment': 'users', 'rudderstack': 'users', 'shopify': 'customer', 'mixpanel': 'mp_people_data_view',
} %}
{% for tracker, name in homes.items() %}
    {% for schema in kindred.tracker_schemas(tracker) %}
        {% set relation = kindred.schema_tables(tracker, schema).get(name) %}
        {% if relation %}
            {% set found = kindred.raw_columns(relation) %}
            {% set select %}
select
    {{ kindred.shopify_id(found, ['id', 'distinct_id', 'user_id']) }} as user_id,
    {{ kindred.raw_time(found, ['created_at', '_created', 'created'], kindred.tracker_zone(tracker)) }} as created_at,
    {{ kindred.raw_text(found, ['country', 'address_country', 'context_location_country', 'country_code']) }} as country,
    {{ kindred.raw_text(found, ['preferences']) }} as preferences
from {{ relation }} as raw
            {% endset %}
            {% do selects.append(select) %}
        {% endif %}
    {% endfor %}
{% endfor %}
{{ kindred.united(selects, {'user_id': 'varchar', 'created_at': 'timestamp', 'country': 'varchar', 'preferences': 'varchar'}) }}
