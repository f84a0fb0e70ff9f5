-- one row per answer that a tracker's tables have, in the shape of the input `consents`
{{ config(materialized='view', enabled=(kindred.named_trackers() | length > 0)) }}

{% set selects = [] %}
{% for tracker in ['segment', 'rudderstack'] %}
    {% for schema in kindred.tracker_schemas(tracker) %}
        {% set relation = kindred.schema_tables(tracker, schema).get('segment_consent_preference_updated') %}
        {% set found = kindred.raw_columns(relation) %}
        {% set beginning = 'context_consent_category_preferences_' %}
        {#- One column per category of the shop's consent banner. -#}
        {% for column in found if column.startswith(beginning) %}
            {% set select %}
select
    coalesce({{ kindred.raw_text(found, ['user_id']) }}, {{ kindred.raw_text(found, ['anonymous_id']) }}) as user_id,
    '{{ column[beginning | length:] }}' as purpose,
    {{ kindred.raw_text(found, [column]) }} as is_granted,
    {{ kindred.raw_time(found, ['timestamp', 'original_timestamp', 'received_at'], kindred.tracker_zone(tracker)) }} as updated_at
from {{ relation }} as raw
where {{ found[column].sql }} is not null
            {% endset %}
            {% do selects.append(select) %}
        {% endfor %}
    {% endfor %}
{% endfor %}
{% for schema in kindred.tracker_schemas('shopify') %}
    {% set relation = kindred.schema_tables('shopify', schema).get('customer') %}
    {% set found = kindred.raw_columns(relation) %}
    {% if 'email_marketing_consent_state' in found %}
        {% set state = kindred.raw_text(found, ['email_marketing_consent_state']) %}
        {% set select %}
select
    {{ kindred.shopify_id(found, ['id']) }} as user_id,
    'email' as purpose,
    case upper({{ state }}) when 'SUBSCRIBED' then 'true' when 'NOT_SUBSCRIBED' then null else 'false' end as is_granted,
    {{ kindred.raw_time(found, ['email_marketing_consent_updated_at'], kindred.tracker_zone('shopify')) }} as updated_at
from {{ relation }} as raw
where upper({{ state }}) <> 'NOT_SUBSCRIBED'
        {% endset %}
        {% do selects.append(select) %}
    {% endif %}
{% endfor %}
{{ kindred.united(selects, {'user_id': 'varchar', 'purpose': 'varchar', 'is_granted': 'varchar', 'updated_at': 'timestamp'}) }}
