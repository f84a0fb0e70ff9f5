{#- P(Z > x) of a standard normal Z for x >= 0, as an expression over the column x: J. Hart, "Computer Approximations",
    1968, in the form of G. West, "Better approximations to cumulative normal functions", Wilmott 2005. Its relative
    error is at most 9e-9 to x = 36, where 1 - P(Z <= x) would be 0 from 8.3 on. A two-sided p is twice the tail of |z|.
    -#}
{% macro normal_tail(x) -%}
    {%- set x = "(" ~ x ~ ")" -%}
    {%- set above = [
        3.52624965998911e-2, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931,
        220.206867912376
    ] -%}
    {%- set below = [
        8.83883476483184e-2, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831,
        793.826512519948, 440.413735824752
    ] -%}
    case
        when {{ x }} > 38.0e0 then 0.0e0
        when {{ x }} < 7.07106781186547e0
            then exp(-0.5e0 * {{ x }} * {{ x }}) * {{ kindred.polynomial(above, x) }}
            / {{ kindred.polynomial(below, x) }}
        else exp(-0.5e0 * {{ x }} * {{ x }}) / 2.506628274631e0
            / ({{ x }} + 1.0e0 / ({{ x }} + 2.0e0 / ({{ x }} + 3.0e0 / ({{ x }} + 4.0e0 / ({{ x }} + 0.65e0)))))
    end
{%- endmacro %}

{#- The two-sided p of the column z. DuckDB's least() passes over a null. -#}
{% macro two_sided_p(z) -%}
    case when {{ z }} is not null then least(1.0e0, 2.0e0 * ({{ kindred.normal_tail("abs(" ~ z ~ ")") }})) end
{%- endmacro %}
