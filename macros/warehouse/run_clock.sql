{#- The moment at which this invocation began, UTC, as text: every model of a run reads the same clock. -#}
{% macro run_clock() %}
    {{- return(run_started_at.astimezone(modules.pytz.utc).strftime('%Y-%m-%d %H:%M:%S')) -}}
{% endmacro %}
