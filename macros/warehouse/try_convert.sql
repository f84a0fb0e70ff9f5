{#- A column converted to a kind of the input contract (timestamp in UTC, number, boolean); null where it can't be. -#}
{% macro try_convert(column, data_type, kind) %}
    {%- if not kindred.is_of_kind(data_type, kind) and kind != 'timestamp' -%}
        {{ return("try_cast(cast(" ~ column ~ " as varchar) as " ~ kindred.type_of(kind) ~ ")") }}
    {%- elif kind != 'timestamp' -%}
        {{ return("cast(" ~ column ~ " as " ~ kindred.type_of(kind) ~ ")") }}
    {%- endif -%}
    {{- return(adapter.dispatch('try_convert_timestamp', 'kindred')(column, data_type)) -}}
{% endmacro %}

{% macro duckdb__try_convert_timestamp(column, data_type) -%}
    {%- if 'time zone' in data_type or data_type == 'timestamptz' -%}
        cast({{ column }} at time zone 'UTC' as timestamp)
    {%- elif kindred.is_of_kind(data_type, 'timestamp') -%}
        cast({{ column }} as timestamp)
    {%- else -%}
        try_cast(cast({{ column }} as varchar) as timestamp)
    {%- endif -%}
{%- endmacro %}

{% macro snowflake__try_convert_timestamp(column, data_type) -%}
    {%- if 'tz' in data_type and 'ntz' not in data_type -%}
        cast(convert_timezone('UTC', {{ column }}) as timestamp)
    {%- elif kindred.is_of_kind(data_type, 'timestamp') -%}
        cast({{ column }} as timestamp)
    {%- else -%}
        try_cast(cast({{ column }} as varchar) as timestamp)
    {%- endif -%}
{%- endmacro %}
