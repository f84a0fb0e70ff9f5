{#- What stands in the first of `names` that a raw table has and that isn't null, as SQL of a kind of the input
    contract; `null` of that kind where it has none. Trackers make a column when its first value arrives, so none is
    promised. Structures and variants are the text of their JSON. -#}
{% macro raw_text(found, names) %}
    {% set parts = [] %}
    {% for name in names if name in found %}
        {% do parts.append(kindred.trimmed(kindred.as_text(found[name].sql, found[name].type))) %}
    {% endfor %}
    {{ return(kindred.first_of(parts, 'varchar')) }}
{% endmacro %}

{% macro raw_number(found, names) %}
    {% set parts = [] %}
    {% for name in names if name in found %}
        {% do parts.append(kindred.try_convert(found[name].sql, found[name].type, 'number')) %}
    {% endfor %}
    {{ return(kindred.first_of(parts, 'double')) }}
{% endmacro %}

{#- zone: that of the times of a tracker that have no offset; '' = UTC. -#}
{% macro raw_time(found, names, zone='') %}
    {% set parts = [] %}
    {% for name in names if name in found %}
        {% set column = found[name] %}
        {% set is_typed = kindred.is_of_kind(column.type, 'timestamp') %}
        {% set value = column.sql if is_typed else kindred.trimmed("cast(" ~ column.sql ~ " as varchar)") %}
        {% set moment = kindred.try_convert(value, column.type if is_typed else 'varchar', 'timestamp') %}
        {#- What says its own offset is in UTC by now. -#}
        {% set has_offset = 'time zone' in column.type or column.type.endswith(('tz', '_ltz')) %}
        {% if not zone or has_offset %}
            {% do parts.append(moment) %}
        {% elif is_typed %}
            {% do parts.append(kindred.zone_to_utc(moment, zone)) %}
        {% else %}
            {% do parts.append(
                "case when " ~ kindred.matches_part(value, ':[0-9][0-9]([.][0-9]+)? ?(Z|z|UTC|[+-][0-9][0-9]:?[0-9]*)$')
                ~ " then " ~ moment ~ " else " ~ kindred.zone_to_utc(moment, zone) ~ " end"
            ) %}
        {% endif %}
    {% endfor %}
    {{ return(kindred.first_of(parts, 'timestamp')) }}
{% endmacro %}

{#- Null where it can't be read. -#}
{% macro raw_boolean(found, names) %}
    {% set parts = [] %}
    {% for name in names if name in found %}
        {% do parts.append(kindred.read_boolean(found[name].sql, found[name].type, 'answers')) %}
    {% endfor %}
    {{ return(kindred.first_of(parts, 'boolean')) }}
{% endmacro %}

{#- The first of the SQL of values that isn't null. -#}
{% macro first_of(parts, data_type) %}
    {% set given = [] %}
    {% for part in parts if not kindred.is_null(part) %}{% do given.append(part) %}{% endfor %}
    {{ return(
        'cast(null as ' ~ data_type ~ ')' if not given
        else given[0] if given | length == 1
        else 'coalesce(' ~ given | join(', ') ~ ')'
    ) }}
{% endmacro %}

{#- Whether SQL says null, as it does of what a raw table has no column for. -#}
{% macro is_null(sql) %}
    {{ return(modules.re.fullmatch('null|cast[(]null as [a-z]+[)]', sql | trim) is not none) }}
{% endmacro %}

{#- What is empty or blank is null. -#}
{% macro trimmed(text) %}
    {{ return("nullif(trim(" ~ text ~ "), '')") }}
{% endmacro %}

{#- A local time of a time zone as UTC. -#}
{% macro zone_to_utc(moment, zone) %}
    {{ return(adapter.dispatch('zone_to_utc', 'kindred')(moment, zone)) }}
{% endmacro %}

{% macro duckdb__zone_to_utc(moment, zone) %}
    {{ return("cast(timezone('UTC', timezone('" ~ zone ~ "', " ~ moment ~ ")) as timestamp)") }}
{% endmacro %}

{% macro snowflake__zone_to_utc(moment, zone) %}
    {{ return("cast(convert_timezone('" ~ zone ~ "', 'UTC', " ~ moment ~ ") as timestamp)") }}
{% endmacro %}

{#- A number of microseconds since 1970 as a timestamp in UTC. -#}
{% macro from_microseconds(number) %}
    {{ return(adapter.dispatch('from_microseconds', 'kindred')(number)) }}
{% endmacro %}

{% macro duckdb__from_microseconds(number) %}
    {{ return("make_timestamp(cast(" ~ number ~ " as bigint))") }}
{% endmacro %}

{% macro snowflake__from_microseconds(number) %}
    {{ return("cast(to_timestamp(cast(" ~ number ~ " as number(38, 0)), 6) as timestamp)") }}
{% endmacro %}

{#- The host in an address of a page. -#}
{% macro host_of(url) %}
    {{ return(
        url if kindred.is_null(url)
        else "nullif(split_part(split_part(split_part(" ~ url ~ ", '://', 2), '/', 1), ':', 1), '')"
    ) }}
{% endmacro %}
