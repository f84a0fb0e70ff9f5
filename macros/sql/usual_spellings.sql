{#- A query with one row per spelling of the words in a column: spellings that differ in case alone are one word,
    written as most rows write it. -#}
{% macro usual_spellings(relation, column) -%}
    select
        {{ column }} as spelling,
        first_value({{ column }}) over (
            partition by lower({{ column }})
            order by count(*) desc, {{ column }}
            rows between unbounded preceding and unbounded following
        ) as usual_spelling,
        count(*) as n_rows
    from {{ relation }}
    where {{ column }} is not null
    group by {{ column }}
{%- endmacro %}
