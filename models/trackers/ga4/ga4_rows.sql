-- one row per product of a raw event, or per raw event without products
{{ config(materialized='view', enabled=('ga4' in kindred.named_trackers())) }}

{% set selects = [] %}
{% for schema in kindred.tracker_schemas('ga4') %}
    {% set tables = kindred.schema_tables('ga4', schema) %}
    {% set before = selects | length %}
    {% if tables.get('event') %}{% do selects.append(kindred.ga4_fivetran_select(tables)) %}{% endif %}
    {#- The tables of a day that is complete hold all that its intraday table did. -#}
    {% for name, relation in tables.items()
        if name == 'events' or (name.startswith('events_') and name[-8:].isdigit())
        and not (name.startswith('events_intraday_') and 'events_' ~ name[-8:] in tables) %}
        {% do selects.append(kindred.ga4_select(relation)) %}
    {% endfor %}
    {% if selects | length == before %}{% do kindred.need_table('ga4', schema, ['events_<day>', 'event'], tables) %}{% endif %}
{% endfor %}
{{ kindred.united_rows(selects) }}
