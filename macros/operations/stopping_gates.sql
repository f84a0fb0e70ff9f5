{#- The gates of publish_gates that stop the lists which this run compared. -#}
{% macro stopping_gates(relation) %}
    {{ return(kindred.fetch_rows(kindred.stopping_gates_query(relation))) }}
{% endmacro %}

{% macro stopping_gates_query(relation) -%}
select
    gate,
    explanation
from {{ relation }}
where not is_passed
    and not is_overridden
    and evaluated_at = cast('{{ kindred.run_clock() }}' as timestamp)
order by gate
{%- endmacro %}
