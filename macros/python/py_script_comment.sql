{#- dbt appends this macro to every compiled Python model (it is empty in dbt itself): what our Python models share. A
    model file can't import a sibling, least of all inside an installed package or a Snowflake procedure, so the source
    stands once, in the macros of this folder; tests/python tests it. -#}
{% macro py_script_comment() %}
{{ kindred.python_edges() }}
{{ kindred.python_keeping() }}
{{ kindred.python_matrices() }}
{{ kindred.python_als() }}
{{ kindred.python_histories() }}
{{ kindred.python_neighbors() }}
{{ kindred.python_content() }}
{{ kindred.python_sessions() }}
{{ kindred.python_slim() }}
{{ kindred.python_tuning() }}
{{ kindred.python_ranker() }}
{% endmacro %}
