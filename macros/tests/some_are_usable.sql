{#- Fails where more than `kindred__max_rejected_share` of the raw events can't be used: then the table is not what the
    contract means, and a list made from the rest would mislead. -#}
{% test some_are_usable(model) %}
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
    a_reason,
    'Read rejected_events for the reasons; mend the events, or raise kindred__max_rejected_share' as advice
from counted
where n_rejected > n_rows * {{ var('kindred__max_rejected_share') }}
{% endtest %}
