{#- Fails for every row in which one of the columns is below `at_least` or above `at_most`. Null passes. -#}
{% test in_range(model, columns, at_least=none, at_most=none) %}
select {{ columns | join(', ') }}
from {{ model }}
where
    {%- for column in columns %}
    {{ "or" if not loop.first }} {{ column }} < {{ at_least if at_least is not none else column }}
    or {{ column }} > {{ at_most if at_most is not none else column }}
    {%- endfor %}
{% endtest %}
