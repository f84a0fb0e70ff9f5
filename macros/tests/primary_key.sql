{#- Fails for every key that is null in part or stands more than once. One query instead of one per column and one for
    the combination: a build runs these on every table. -#}
{% test primary_key(model, columns) %}
select
    {{ columns | join(',\n    ') }},
    count(*) as n_rows
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
    or {% for column in columns %}{{ column }} is null{{ " or " if not loop.last }}{% endfor %}
{% endtest %}
