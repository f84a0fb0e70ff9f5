{#- The length of the list that people with the same stated preferences share; a person who excluded more than this
    leaves has a history that says more than the text. -#}
{% macro preferred_reach() %}
    {{ return(2 * kindred.setting('lists', 'n_candidates') | int) }}
{% endmacro %}
