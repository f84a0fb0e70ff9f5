{#- The sums that the statistics of experiments are made of: {column: what is multiplied}, of a numerator y and a
    denominator d, and of the same before the first exposure, x and e. -#}
{% macro moment_sums() %}
    {{ return({
        'sum_y': 'y', 'sum_d': 'd', 'sum_x': 'x', 'sum_e': 'e', 'sum_y2': 'yy', 'sum_d2': 'dd', 'sum_x2': 'xx',
        'sum_e2': 'ee', 'sum_yd': 'yd', 'sum_yx': 'yx', 'sum_ye': 'ye', 'sum_dx': 'dx', 'sum_de': 'de', 'sum_xe': 'xe',
    }) }}
{% endmacro %}
