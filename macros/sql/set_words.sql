{#- A select of one row per entry of the sets in `column`, for each row of `relation`: a set is a list of JSON, or words
    with | between them. `word` is the entry without case and blanks around it; null where it isn't one word for sure:
    empty, null, a list or object itself, or with a character between several words. An empty set has no row. `keep`
    names columns of the relation to hand on. -#}
{% macro set_words(relation, column, keep) -%}
    {%- set escaped = "replace(" ~ column ~ ", chr(92), concat(chr(92), chr(92)))" -%}
    {%- set escaped = "replace(" ~ escaped ~ ", '\"', concat(chr(92), '\"'))" -%}
    with set_lists as (

        select
            {% for name in keep %}{{ name }}, {% endfor %}
            case
                when {{ kindred.is_json_list(column) }} then {{ column }}
                else concat('["', replace({{ escaped }}, '|', '","'), '"]')
            end as json_list
        from {{ relation }}

    ),

    set_entries as ({{ kindred.unnest_json_rows('set_lists', 'json_list', {'entry': 'varchar'}, keep=keep) }})

    select
        {% for name in keep %}{{ name }}, {% endfor %}
        case
            when translate(entry, '[]{}|,;', '') = entry and lower(entry) <> 'null'
                then nullif(lower(trim({{ kindred.normal_text('entry') }})), '')
        end as word
    from set_entries
{%- endmacro %}
