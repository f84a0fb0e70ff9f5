{#- The context of a person, whose shares of an experiment may differ from those of others: segment=DE|activity=hot,
    with nothing after segment= where the person has none. '' are people of whom nothing is known. -#}
{% macro context_text(segment, activity) -%}
    concat('segment=', coalesce({{ segment }}, ''), '|activity=', coalesce({{ activity }}, ''))
{%- endmacro %}
