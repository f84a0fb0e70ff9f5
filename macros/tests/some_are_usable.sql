{#- Fails where more than `kindred__max_rejected_share` of the raw events can't be used: then the table is not what the
    contract means, and a list made from the rest would mislead. dbt shows no rows of a failed test, so the test counts
    while it is compiled and says what is wrong; it looks at the events once. -#}
{% test some_are_usable(model) %}
{% set counted %}
    select
        coalesce(rejection_reason, '') as rejection_reason,
        count(*) as n_rows
    from {{ model }}
    group by coalesce(rejection_reason, '')
{% endset %}

{% set n_rejected, n_rows, reasons = namespace(total=0), namespace(total=0), [] %}
{% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'show'] %}
    {% for row in kindred.fetch_rows(counted) | sort(attribute='rejection_reason') %}
        {% set n_rows.total = n_rows.total + row.n_rows | int %}
        {% if row.rejection_reason %}
            {% set n_rejected.total = n_rejected.total + row.n_rows | int %}
            {% do reasons.append(row.rejection_reason ~ " (" ~ row.n_rows ~ ")") %}
        {% endif %}
    {% endfor %}
    {% if n_rejected.total > n_rows.total * kindred.setting('traffic', 'max_rejected_share') %}
        {% do print("kindred: " ~ n_rejected.total ~ " of " ~ n_rows.total ~ " raw events can't be used: "
            ~ reasons | join(', ') ~ ". Look at them in " ~ model ~ " (rejection_reason, rejected_text); mend what "
            ~ "kindred__inputs, events points at, or raise kindred__traffic: {max_rejected_share: ...}") %}
    {% endif %}
{% endif %}

select *
from (
    select
        {{ n_rejected.total }} as n_rejected,
        {{ n_rows.total }} as n_rows
) as counts
where n_rejected > n_rows * {{ kindred.setting('traffic', 'max_rejected_share') }}
{% endtest %}
