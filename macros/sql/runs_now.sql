{#- Whether the experiment of a row of release_arms runs at this moment. -#}
{% macro runs_now(arms) -%}
    {%- set now = "substr(cast(" ~ kindred.utc_now() ~ " as varchar), 1, 19)" -%}
    {{ arms }}.starts_at <= {{ now }} and coalesce({{ arms }}.ends_at > {{ now }}, true)
{%- endmacro %}
