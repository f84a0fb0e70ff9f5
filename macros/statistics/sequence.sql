{#- The always-valid interval and p of a mean that is looked at as often as one likes: the asymptotic confidence
    sequence of I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy, A. Ramdas, "Time-uniform central limit theory and
    asymptotic confidence sequences", Annals of Statistics 2024 (equations 9 and 155), narrowest at n = planned. n:
    the people so far, planned: the people for which it was planned, which must not change while the experiment runs.
    -#}
{% macro sequence_half_width(standard_error, n, planned) -%}
    {%- set spread = "(" ~ kindred.sequence_spread(n, planned) ~ ")" -%}
    {{ standard_error }} * sqrt(
        2.0e0 * ({{ spread }} + 1.0e0) / {{ spread }}
        * (0.5e0 * ln({{ spread }} + 1.0e0) - ln({{ kindred.number_literal(kindred.setting('experiments', 'alpha')) }}))
    )
{%- endmacro %}

{#- The same of the p of z = effect / standard error; its running minimum over the looks is valid too. -#}
{% macro sequence_p(z, n, planned) -%}
    {%- set spread = "(" ~ kindred.sequence_spread(n, planned) ~ ")" -%}
    case when {{ z }} is not null then exp(least(
        0.0e0,
        0.5e0 * ln({{ spread }} + 1.0e0) - {{ z }} * {{ z }} * {{ spread }} / (2.0e0 * ({{ spread }} + 1.0e0))
    )) end
{%- endmacro %}

{#- n times the variance of the mixture, by which the sequence is narrowest at `planned`. -#}
{% macro sequence_spread(n, planned) -%}
    {%- set log_alpha = "ln(" ~ kindred.number_literal(kindred.setting('experiments', 'alpha')) ~ ")" -%}
    cast({{ n }} as double) * (-2.0e0 * {{ log_alpha }} + ln(1.0e0 - 2.0e0 * {{ log_alpha }})) / {{ planned }}
{%- endmacro %}
