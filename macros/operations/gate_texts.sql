{#- The sentence of each gate of publish_gates: what its value says, and how its measure is called beside the one of the
    release that apps read. -#}
{% macro gate_texts() %}
    {{ return({
        'catalog_coverage': ('share of the catalogue coverage that is lost: ', 'items in lists / recommendable items'),
        'changed_lists': ('mean share of the first 10 items that are new to a person: ', none),
        'quality': ('standard errors that quality is below the last: ', 'ndcg@10 on the fold backtest'),
        'people': ('share of the people with a list that is lost: ', 'people'),
        'rejected_events': ('rise of the share of events that are set aside: ', 'share'),
        'stale_data': ('days that the newest event has grown older since a release brought new ones: ', none),
        'data_age': ('age of the newest event in days: ', none),
    }) }}
{% endmacro %}

{% macro rollback_text(rollback) %}
    {% if not rollback or not rollback.is_held %}{{ return('nobody holds publication') }}{% endif %}
    {{ return(rollback.by ~ " went back from release " ~ rollback['from'] ~ " to " ~ rollback.serves ~ " at "
        ~ rollback['at'] ~ (" (" ~ rollback.reason ~ ")" if rollback.reason else "")
        ~ "; `" ~ ("make" if target.type == 'duckdb' else "dbt run-operation") ~ " resume` ends the hold") }}
{% endmacro %}

{#- A number with three decimals as text, the same on both warehouses. -#}
{% macro figure(column) -%}
    cast(cast({{ column }} as decimal(28, 3)) as varchar)
{%- endmacro %}

{#- The sentence that says how a gate's figure stands to its bound, as SQL over the columns of `judged`. -#}
{% macro gate_explanation(text, measure) %}
    {% set parts = ["'" ~ text ~ "'", kindred.figure('judged.value'), "', at most '", kindred.figure('judged.bound')] %}
    {% if measure %}
        {% do parts.extend([
            "' (" ~ measure ~ " '", kindred.figure('judged.measure'),
            "', before '", kindred.figure('judged.old_measure'), "')'",
        ]) %}
    {% endif %}
    {% do parts.extend(["'; compared with release '", 'judged.old_release_id']) %}
    {{ return('concat(' ~ parts | join(', ') ~ ')') }}
{% endmacro %}
