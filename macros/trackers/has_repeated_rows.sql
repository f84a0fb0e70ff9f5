{#- Whether raw rows came more than once: where none did, none is looked for. True where that can't be known yet. -#}
{% macro has_repeated_rows() %}
    {% set rows = kindred.known_rows("select count(*) as n_rows", ref('repeated_tracker_rows')) %}
    {{ return(rows is none or rows[0].n_rows > 0) }}
{% endmacro %}
