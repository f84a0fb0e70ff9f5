{#- How far down a popular list a person's exclusions are counted before anything is unfolded: it keeps
    popular_candidates small. -#}
{% macro popular_reach() %}
    {{ return(10 * kindred.setting('lists', 'n_recommendations') | int) }}
{% endmacro %}
