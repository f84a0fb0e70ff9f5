{#- Noise of the discrete Laplace distribution, P(k) in proportion to exp(-|k| / scale), as a whole number: the
    difference of two geometric ones, each by inversion of a uniform number of 52 bits (A. Ghosh, T. Roughgarden,
    M. Sundararajan, "Universally utility-maximizing privacy mechanisms", SIAM J. Computing 2012).
    secret: 64 random hexadecimal digits as SQL, such as a keyed hash of the cell. -#}
{% macro discrete_laplace(secret, scale) -%}
    cast(
        floor(-{{ scale }} * ln({{ kindred.uniform(secret, 1) }})) - floor(-{{ scale }} * ln({{ kindred.uniform(secret, 14) }}))
        as bigint
    )
{%- endmacro %}

{#- The 13 hexadecimal digits from `place` on as a number above 0 and at most 1. -#}
{% macro uniform(digits, place) -%}
    (
        (
            {% for number in range(13) -%}
            {%- set digit = kindred.hex_digit("substr(" ~ digits ~ ", " ~ (place + number) ~ ", 1)") -%}
            {{ "+ " if not loop.first }}{{ digit }} * {{ 16 ** (12 - number) }}.0e0
            {% endfor -%}
            + 1
        ) / {{ 16 ** 13 }}.0e0
    )
{%- endmacro %}
