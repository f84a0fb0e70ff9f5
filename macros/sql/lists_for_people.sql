{#- Whether people have lists of their own, as SQL: with lists_for: segments of kindred__privacy no published table has
    a row about a person. -#}
{% macro lists_for_people() %}
    {{- return("true" if kindred.setting('privacy', 'lists_for') == 'people' else "false") -}}
{% endmacro %}

{#- The table of the lists that apps read: people's, or segments'. Both have item_id, rank, run_id, generated_at. -#}
{% macro published_lists() %}
    {{- return(ref('recommendations') if kindred.lists_for_people() == 'true' else ref('fallback_recommendations')) -}}
{% endmacro %}
