{#- Fails for each gate that stops this run's lists; log_build_summary says in words which and by how much. -#}
{% test gates_are_passed(model) %}
{{ kindred.stopping_gates_query(model) }}
{% endtest %}
