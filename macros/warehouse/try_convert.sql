{#- A column converted to a kind of the input contract (timestamp in UTC, number, boolean); null where it can't be. -#}
{% macro try_convert(column, data_type, kind) %}
    {%- if not kindred.is_of_kind(data_type, kind) and kind != 'timestamp' -%}
        {{ return("try_cast(cast(" ~ column ~ " as varchar) as " ~ kindred.type_of(kind) ~ ")") }}
    {%- elif kind != 'timestamp' -%}
        {{ return("cast(" ~ column ~ " as " ~ kindred.type_of(kind) ~ ")") }}
    {%- endif -%}
    {{- return(adapter.dispatch('try_convert_timestamp', 'kindred')(column, data_type)) -}}
{% endmacro %}

{#- Either warehouse drops the offset from a text such as 2026-03-01T06:24:48+02:00 when it is cast to a plain
    timestamp, so texts with an offset take their own way. A sign after the date tells them apart; what is
    just a date and a time, or ends in Z, needs no such look, which halves the time. -#}
{% macro duckdb__try_convert_timestamp(column, data_type) -%}
    {%- if 'time zone' in data_type or data_type == 'timestamptz' -%}
        cast({{ column }} at time zone 'UTC' as timestamp)
    {%- elif kindred.is_of_kind(data_type, 'timestamp') -%}
        cast({{ column }} as timestamp)
    {%- else -%}
        {%- set text = "cast(" ~ column ~ " as varchar)" -%}
        case
            when length({{ text }}) = 19 and substr({{ text }}, 17, 1) = ':' or suffix({{ text }}, 'Z')
                then try_cast({{ text }} as timestamp)
            when contains(substr({{ text }}, 12), '+') or contains(substr({{ text }}, 12), '-') then cast(
                try_cast(replace(replace({{ text }}, ' +', '+'), ' -', '-') as timestamptz) at time zone 'UTC'
                as timestamp
            )
            else try_cast({{ text }} as timestamp)
        end
    {%- endif -%}
{%- endmacro %}

{#- Snowflake guesses at formats, takes a text of digits for seconds since 1970 and a text without an offset for a time
    in the session's zone. So only ISO 8601 gets so far, and always as 2026-03-01T06:24:48+02:00. -#}
{% macro snowflake__try_convert_timestamp(column, data_type) -%}
    {%- if data_type.startswith('timestamp_tz') or data_type.startswith('timestamp_ltz') -%}
        cast(convert_timezone('UTC', {{ column }}) as timestamp)
    {%- elif kindred.is_of_kind(data_type, 'timestamp') -%}
        cast({{ column }} as timestamp)
    {%- else -%}
        {%- set text = "replace(replace(cast(" ~ column ~ " as varchar), ' UTC', 'Z'), 'Z', '+00:00')" -%}
        {%- set text = "replace(replace(" ~ text ~ ", ' +', '+'), ' -', '-')" -%}
        {%- set date = '[0-9]{4}-[0-9]{2}-[0-9]{2}' -%}
        {%- set time = date ~ '[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?' -%}
        cast(convert_timezone('UTC', try_cast(replace(
            case
                when regexp_like({{ text }}, '{{ date }}') then concat({{ text }}, 'T00:00:00+00:00')
                when regexp_like({{ text }}, '{{ time }}') then concat({{ text }}, '+00:00')
                when regexp_like({{ text }}, '{{ time }}[+-][0-9]{2}') then concat({{ text }}, ':00')
                when regexp_like({{ text }}, '{{ time }}[+-][0-9]{2}:[0-9]{2}') then {{ text }}
                when regexp_like({{ text }}, '{{ time }}[+-][0-9]{4}')
                    then concat(left({{ text }}, length({{ text }}) - 2), ':', right({{ text }}, 2))
            end, ' ', 'T'
        ) as timestamp_tz)) as timestamp)
    {%- endif -%}
{%- endmacro %}
