{#- The largest value of a gate that passes, as SQL over the columns of the seed gates; null = the gate is off. -#}
{% macro gate_bound() -%}
    cast(
            case
                when gate in ('lists', 'rollback_hold') then 0
                {%- for gate, bound in kindred.given_gate_bounds().items() %}
                when gate = '{{ gate }}' then {{ bound if bound is not none else 'null' }}
                {%- endfor %}
                when is_off_for_sample and {{ not kindred.has_own_inputs() }} then null
                else default_bound
            end as double
        )
{%- endmacro %}
