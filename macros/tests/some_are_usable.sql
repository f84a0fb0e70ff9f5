{#- Stops the build where more than max_rejected_share of kindred__traffic of the raw events can't be used: then the
    table is not what the contract means, and a list made from the rest would mislead. A failed test says no more than a
    number of rows, so this one raises the reason: dbt repeats it where it ends. It looks at the events once. -#}
{% test some_are_usable(model) %}
{% set counted %}
    select
        rejection_reason,
        min(rejected_text) as rejected_text,
        count(*) as n_rows
    from {{ model }}
    group by rejection_reason
    order by
        count(*) desc,
        rejection_reason
{% endset %}
{% set most = kindred.setting('traffic', 'max_rejected_share') %}

{% set n_rejected, n_rows, reasons, advice = namespace(total=0), namespace(total=0), [], [] %}
{% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'show'] %}
    {% for row in kindred.fetch_rows(counted) %}
        {% set n_rows.total = n_rows.total + row.n_rows | int %}
        {% if row.rejection_reason %}
            {% set n_rejected.total = n_rejected.total + row.n_rows | int %}
            {% do reasons.append(row.rejection_reason ~ " (" ~ "{:,}".format(row.n_rows | int)
                ~ (", such as '" ~ kindred.shortened(row.rejected_text) ~ "'" if row.rejected_text else "") ~ ")") %}
            {% do advice.append(kindred.problem_advice('events', row.rejection_reason, row.rejected_text)) %}
        {% endif %}
    {% endfor %}
    {% if n_rejected.total > n_rows.total * most %}
        {% do exceptions.raise_compiler_error(
            "kindred: " ~ "{:,}".format(n_rejected.total) ~ " of " ~ "{:,}".format(n_rows.total)
            ~ " raw events can't be used: " ~ reasons | join(', ') ~ ".\n"
            ~ advice | select | map('trim') | join('.\n') ~ (".\n" if advice | select | list else "")
            ~ "Look at them in " ~ model ~ " (rejection_reason, rejected_text); correct what kindred__inputs, events "
            ~ "points at, or raise kindred__traffic: {max_rejected_share: ...}"
        ) %}
    {% endif %}
{% endif %}

select *
from (
    select
        {{ n_rejected.total }} as n_rejected,
        {{ n_rows.total }} as n_rows
) as counts
where n_rejected > n_rows * {{ most }}
{% endtest %}
