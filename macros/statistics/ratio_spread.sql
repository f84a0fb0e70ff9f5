{#- Sums over people as SQL: of the columns n, sum_y, sum_d, sum_y2, sum_yd, ... of an alias. -#}
{% macro sample_covariance(of, one, other) -%}
    {%- set product = {
        'yy': 'y2', 'dd': 'd2', 'xx': 'x2', 'ee': 'e2', 'yd': 'yd', 'dy': 'yd', 'yx': 'yx', 'ye': 'ye', 'dx': 'dx',
        'de': 'de', 'xe': 'xe', 'ex': 'xe',
    }[one ~ other] -%}
    ({{ of }}sum_{{ product }} - {{ of }}sum_{{ one }} * {{ of }}sum_{{ other }} / {{ of }}n) / nullif({{ of }}n - 1, 0)
{%- endmacro %}

{#- The covariance of the linearised ratios (first - r * second) / mean(second) of two pairs of sums, such as ('y', 'd')
    and ('x', 'e'); of a pair with itself its variance. With a denominator of 1 the ratio is the mean, and this the
    variance of the sample. Delta method: A. Deng, U. Knoblich, J. Lu, "Applying the delta method in metric analytics",
    KDD 2018. -#}
{% macro ratio_covariance(of, one, other) -%}
    {%- set r = of ~ "sum_" ~ one[0] ~ " / nullif(" ~ of ~ "sum_" ~ one[1] ~ ", 0)" -%}
    {%- set q = of ~ "sum_" ~ other[0] ~ " / nullif(" ~ of ~ "sum_" ~ other[1] ~ ", 0)" -%}
    (
        {{ kindred.sample_covariance(of, one[0], other[0]) }}
        - {{ q }} * {{ kindred.sample_covariance(of, one[0], other[1]) }}
        - {{ r }} * {{ kindred.sample_covariance(of, one[1], other[0]) }}
        + {{ r }} * {{ q }} * {{ kindred.sample_covariance(of, one[1], other[1]) }}
    ) * {{ of }}n * {{ of }}n / nullif({{ of }}sum_{{ one[1] }} * {{ of }}sum_{{ other[1] }}, 0)
{%- endmacro %}

{#- The squared standard error of a ratio that is adjusted by the column theta. -#}
{% macro adjusted_square(of) -%}
    greatest(
        {{ kindred.ratio_covariance(of, 'yd', 'yd') }} + case
            when theta = 0 then 0.0e0
            else theta * theta * {{ kindred.ratio_covariance(of, 'xe', 'xe') }}
                - 2.0e0 * theta * {{ kindred.ratio_covariance(of, 'yd', 'xe') }}
        end, 0.0e0
    ) / {{ of }}n
{%- endmacro %}
