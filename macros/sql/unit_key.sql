{#- The key by which a unit falls into an arm: the first 8 hexadecimal digits of the MD5 of `parts`, SQL expressions of
    text, joined by |. Keys are compared as text. The store, the functions and devices compute the same. -#}
{% macro unit_key(parts) -%}
    substr(md5(concat({{ parts | join(", '|', ") }})), 1, 8)
{%- endmacro %}

{#- The key that decides a unit's arm. experiment: a relation of experiment_id, kind and salt; unit: SQL. Holdouts share
    one word, whichever they are. -#}
{% macro arm_key(experiment, unit) -%}
    {{ kindred.unit_key([
        "case when " ~ experiment ~ ".kind = 'holdout' then 'holdout' else " ~ experiment ~ ".experiment_id end",
        experiment ~ ".salt",
        unit,
    ]) }}
{%- endmacro %}

{#- The key that decides whether an experiment's part of its layer has a unit; of a whole layer none is computed. -#}
{% macro layer_key(experiment, unit) -%}
    case
        when {{ experiment }}.layer_from_key = '00000000' and {{ experiment }}.layer_to_key = 'g' then '00000000'
        else {{ kindred.unit_key(["'layer'", experiment ~ ".layer", unit]) }}
    end
{%- endmacro %}

{#- The key at which a share of all keys ends: 8 hexadecimal digits of the fraction; of 1 'g', which is above all of
    them. Powers of 16 change no digit of a float, so each digit is exact. -#}
{% macro key_of_share(fraction) -%}
    case
        when {{ fraction }} >= 1 then 'g'
        else concat(
            {%- for place in range(1, 9) %}
            {%- set digit = "mod(cast(floor(" ~ fraction ~ " * " ~ 16 ** place ~ ".0e0) as bigint), 16)" %}
            substr('0123456789abcdef', cast({{ digit }} as integer) + 1, 1){{ "," if not loop.last }}
            {%- endfor %}
        )
    end
{%- endmacro %}

{#- What each arm has at least where shares follow the results. -#}
{% macro smallest_share() %}
    {{- return('0.02e0') -}}
{% endmacro %}
