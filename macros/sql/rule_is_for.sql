{#- Whether a rule (a row of item_rules) is for a person (a row of user_features). -#}
{% macro rule_is_for(people, rules='item_rules') -%}
    ({{ rules }}.segment is null or {{ rules }}.segment = {{ people }}.segment)
            and ({{ rules }}.activity is null or {{ rules }}.activity = {{ people }}.activity)
{%- endmacro %}
