{#- Fails where more than `kindred__max_rejected_share` of the raw events can't be used: then the table is not what the
    contract means, and a list made from the rest would mislead. -#}
{% test some_are_usable(model) %}
{#- dbt shows no rows of a failed test, so what is wrong is said beside it. -#}
{% if execute and flags.WHICH in ['build', 'test'] %}
    {% set counts = kindred.fetch_rows(
        "select rejection_reason, count(*) as n_rows from " ~ model
        ~ " group by rejection_reason order by count(*) desc, rejection_reason"
    ) %}
    {% set rejected = counts | rejectattr('rejection_reason', 'none') | list %}
    {% set n_rejected, n_rows = rejected | sum(attribute='n_rows'), counts | sum(attribute='n_rows') %}
    {% if n_rejected > n_rows * var('kindred__max_rejected_share') %}
        {% set reasons = [] %}
        {% for row in rejected %}{% do reasons.append(row.rejection_reason ~ " (" ~ row.n_rows ~ ")") %}{% endfor %}
        {% do print("kindred: " ~ n_rejected ~ " of " ~ n_rows ~ " raw events can't be used: " ~ reasons | join(', ')
            ~ ". Look at them in " ~ model ~ " (rejection_reason, rejected_text); mend what kindred__events points at, or "
            ~ "raise kindred__max_rejected_share") %}
    {% endif %}
{% endif %}
with counted as (

    select
        count(*) as n_rows,
        sum(case when rejection_reason is null then 0 else 1 end) as n_rejected,
        max(rejection_reason) as a_reason
    from {{ model }}

)

select
    n_rejected,
    n_rows,
    a_reason
from counted
where n_rejected > n_rows * {{ var('kindred__max_rejected_share') }}
{% endtest %}
