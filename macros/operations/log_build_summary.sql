{% macro log_build_summary(results) %}{% endmacro %}
