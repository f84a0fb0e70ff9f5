{#- The lower or upper bound, `side`, of the 95 % interval of a share k / n: E. Wilson, "Probable inference, the law of
    succession, and statistical inference", JASA 1927. Null where n is 0; rounding doesn't carry it beyond 0 and 1. -#}
{% macro wilson_bound(k, n, side) -%}
    {%- set z = kindred.number_literal(1.959963984540054) -%}
    {%- set share = "(cast(" ~ k ~ " as double) / nullif(" ~ n ~ ", 0))" -%}
    case when {{ n }} > 0 then {{ {'lower': 'greatest(0.0e0', 'upper': 'least(1.0e0'}[side] }}, (
        {{ share }} + {{ z }} * {{ z }} / (2 * {{ n }}) {{ {'lower': '-', 'upper': '+'}[side] }} {{ z }} * sqrt(greatest(
            {{ share }} * (1 - {{ share }}) / {{ n }} + {{ z }} * {{ z }} / (4.0e0 * {{ n }} * {{ n }}), 0.0e0
        ))
    ) / (1 + {{ z }} * {{ z }} / {{ n }})) end
{%- endmacro %}
