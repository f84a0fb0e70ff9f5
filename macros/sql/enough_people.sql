{#- Whether so many people are enough for a published figure (min_people of kindred__privacy). -#}
{% macro enough_people(n_people) %}
    {%- set min_people = kindred.setting('privacy', 'min_people') -%}
    {{- return(n_people ~ " >= " ~ min_people if min_people > 1 else "true") -}}
{% endmacro %}
