{#- The p of the two-sample Kolmogorov-Smirnov distance d of samples of n and m rows, by the first terms of its series
    (M. Stephens, "Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics without extensive tables",
    JRSS B 1970). All are columns. -#}
{% macro ks_p(d, n, m) -%}
    {%- set size = "sqrt(cast(" ~ n ~ " as double) * " ~ m ~ " / (" ~ n ~ " + " ~ m ~ "))" -%}
    {%- set x = "(" ~ size ~ " + 0.12e0 + 0.11e0 / " ~ size ~ ") * " ~ d -%}
    case
            when {{ x }} < 0.5e0 then 1.0e0
            else 2.0e0 * (exp(-2.0e0 * power({{ x }}, 2)) - exp(-8.0e0 * power({{ x }}, 2)) + exp(-18.0e0 * power({{ x }}, 2)))
        end
{%- endmacro %}
