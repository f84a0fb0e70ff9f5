{#- The lower or upper bound, `side`, of the 95 % interval of a share k / n: E. Wilson, "Probable inference, the law of
    succession, and statistical inference", JASA 1927. Null where n is 0. -#}
{% macro wilson_bound(k, n, side) -%}
    {%- set z = kindred.number_literal(1.959963984540054) -%}
    {%- set share = "(cast(" ~ k ~ " as double) / nullif(" ~ n ~ ", 0))" -%}
    (
        {{ share }} + {{ z }} * {{ z }} / (2 * {{ n }}) {{ {'lower': '-', 'upper': '+'}[side] }} {{ z }} * sqrt(greatest(
            {{ share }} * (1 - {{ share }}) / {{ n }} + {{ z }} * {{ z }} / (4.0e0 * {{ n }} * {{ n }}), 0.0e0
        ))
    ) / (1 + {{ z }} * {{ z }} / {{ n }})
{%- endmacro %}
