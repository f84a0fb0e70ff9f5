{#- The bin of a number in a histogram that needs no edges of any data: bins are 2 % wide, negative and positive alike,
    and stand in the numbers' order; 0 has its own and null has the lowest. So histograms of different builds have the
    same bins, and each quantile is right to 2 % (DDSketch: C. Masson, J. Rim, H. Lee, VLDB 2019). -#}
{% macro log_bin(x) -%}
    {%- set size = "greatest(1, least(40000, 2000 + ceil(50.0e0 * ln(nullif(abs(" ~ x ~ "), 0.0e0)))))" -%}
    cast(case when {{ x }} is null then -100000 when {{ x }} = 0 then 0 when {{ x }} > 0 then {{ size }} else -{{ size }} end as bigint)
{%- endmacro %}
