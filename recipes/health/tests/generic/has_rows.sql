{#- Fails where a table is empty: what it protects from would be open to everybody. -#}
{% test has_rows(model) %}
select 'no rows' as problem
from (select count(*) as n_rows from {{ model }}) as counted
where n_rows = 0
{% endtest %}
