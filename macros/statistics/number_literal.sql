{#- A number as a literal of type double: DuckDB reads 0.05 as a decimal, and long formulas overflow its scale. -#}
{% macro number_literal(number) %}
    {{- return("%.17e" | format(number | float)) -}}
{% endmacro %}

{#- Horner's scheme: the polynomial with these coefficients, the highest power first. x: a column. -#}
{% macro polynomial(coefficients, x) %}
    {%- set parts = {'sum': kindred.number_literal(coefficients[0])} -%}
    {%- for coefficient in coefficients[1:] -%}
        {%- set sum = "(" ~ parts.sum ~ " * " ~ x ~ " + " ~ kindred.number_literal(coefficient) ~ ")" -%}
        {%- do parts.update({'sum': sum}) -%}
    {%- endfor -%}
    {{- return(parts.sum) -}}
{% endmacro %}
