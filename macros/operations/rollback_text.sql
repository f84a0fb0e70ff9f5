{#- A rollback in words: who holds publication, why, and how the hold ends. -#}
{% macro rollback_text(rollback) %}
    {% if not rollback or not rollback.is_held %}{{ return('nobody holds publication') }}{% endif %}
    {{ return(rollback.by ~ " went back from release " ~ rollback['from'] ~ " to " ~ rollback.serves ~ " at "
        ~ rollback['at'] ~ (" (" ~ rollback.reason ~ ")" if rollback.reason else "")
        ~ "; `" ~ ("make" if target.type == 'duckdb' else "dbt run-operation") ~ " resume` ends the hold") }}
{% endmacro %}
