{#- The rows of a relation or of a select in brackets, with what the readers note, to select from. At most one reader is
    of `entries`. -#}
{% macro read_rows(relation, alias, readers) %}
    {% for reader in readers %}{% do reader.update({'is_read': true}) %}{% endfor %}
    {% set given = readers | rejectattr('json', 'none') | list %}
    {{ return(adapter.dispatch('read_rows', 'kindred')(
        relation, alias, given | rejectattr('kind', 'equalto', 'entries') | list,
        readers | selectattr('kind', 'equalto', 'entries') | first
    )) }}
{% endmacro %}

{#- A list of unnested texts: a lateral join would hold all rows in memory. -#}
{% macro duckdb__read_rows(relation, alias, objects, entries) %}
    {% set sql %}
(
    select
        {{ alias }}.*
        {%- for reader in objects %},
        try(json_extract_string({{ reader.json }}, {{ kindred.json_paths(reader) }})) as kindred_{{ reader.name }}
        {%- endfor %}
    from {{ relation }} as {{ alias }}
) as {{ alias }}
    {% endset %}
    {% if not entries %}
        {{ return(sql) }}
    {% endif %}
    {% set exploded %}
(
    select
        {{ alias }}.*,
        json_extract_string(unnest(kindred_entries), {{ kindred.json_paths(entries) }}) as kindred_{{ entries.name }},
        generate_subscripts(kindred_entries, 1) - 1 as kindred_place
    from (
        select
            {{ alias }}.*,
            case
                when len(kindred_items) > 0 then kindred_items
                when kindred_items is null or json_type(kindred_json) <> 'OBJECT' then [cast(null as json)]
                else [cast(kindred_json as json)]
            end as kindred_entries
        from (
            select
                {{ alias }}.*,
                try(json_extract(kindred_json, '$[*]')) as kindred_items
            from (
                select
                    {{ alias }}.*,
                    {{ entries.json or 'cast(null as varchar)' }} as kindred_json
                from {{ sql }}
            ) as {{ alias }}
        ) as {{ alias }}
    ) as {{ alias }}
) as {{ alias }}
    {% endset %}
    {{ return(exploded) }}
{% endmacro %}

{% macro snowflake__read_rows(relation, alias, objects, entries) %}
    {% set sql %}
(
    select
        {{ alias }}.*
        {%- for reader in objects if reader.kind == 'first' %}
        {%- set tree = "try_parse_json(" ~ reader.json ~ ")" %},
        to_json(coalesce({{ tree }}[0], {{ tree }})) as kindred_{{ reader.name }}
        {%- endfor %}
    from {{ relation }} as {{ alias }}
) as {{ alias }}
{% if entries %}
{%- set json = entries.json or 'cast(null as varchar)' -%}
{%- set tree = "try_parse_json(" ~ json ~ ")" -%}
cross join lateral flatten(input => parse_json(
    case
        when array_size({{ tree }}) > 0 then {{ json }}
        when typeof({{ tree }}) = 'OBJECT' then concat('[', {{ json }}, ']')
        else '[null]'
    end
)) as {{ entries.name }}
{% endif %}
    {% endset %}
    {{ return(sql) }}
{% endmacro %}

{#- The places of all keys of a reader, as a list. -#}
{% macro json_paths(reader) %}
    {% set paths = [] %}
    {% for key in reader.asked %}
        {% do paths.append("'$.\"" ~ key ~ "\"'") %}
        {% if reader.kind == 'first' %}{% do paths.append("'$[0].\"" ~ key ~ "\"'") %}{% endif %}
    {% endfor %}
    {{ return("[" ~ paths | join(", ") ~ "]" if paths else "cast([] as varchar[])") }}
{% endmacro %}
