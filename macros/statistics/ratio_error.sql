{#- The standard error of the ratio of two sums over people, from the sums of squares and products of what each person
    adds to either: people are a sample, what one of them does is not independent (W. Cochran, "Sampling Techniques",
    1977, 6.4). `name` begins the columns <name>_n (people who add to the denominator), <name>_yy, <name>_yd and
    <name>_dd; y and d: the sums. Null below two people. What is left of equal ratios by rounding is 0. -#}
{% macro ratio_error(name, y, d) -%}
    {%- set r = "(cast(" ~ y ~ " as double) / nullif(" ~ d ~ ", 0))" -%}
    {%- set square -%}
        ({{ name }}_yy - 2 * {{ r }} * {{ name }}_yd + {{ r }} * {{ r }} * {{ name }}_dd)
    {%- endset -%}
    sqrt(
        case when {{ square }} > 1.0e-12 * {{ name }}_yy then {{ square }} else 0.0e0 end
        * cast({{ name }}_n as double) / nullif({{ name }}_n - 1, 0)
    ) / nullif({{ d }}, 0)
{%- endmacro %}
