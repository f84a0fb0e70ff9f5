{#- A JSON array of objects as text, `[null]` where there is none, so that each row has at least one entry to be
    exploded by. An object alone is an array of one. -#}
{% macro at_least_one(json) %}
    {{ return(adapter.dispatch('at_least_one', 'kindred')(json)) }}
{% endmacro %}

{% macro duckdb__at_least_one(json) %}
    {{ return(
        "case when not coalesce(json_valid(" ~ json ~ "), false) then '[null]' when json_array_length(" ~ json
        ~ ") > 0 then " ~ json ~ " when json_type(" ~ json ~ ") = 'OBJECT' then concat('[', " ~ json ~ ", ']') else '[null]' end"
    ) }}
{% endmacro %}

{% macro snowflake__at_least_one(json) %}
    {% set tree = "try_parse_json(" ~ json ~ ")" %}
    {{ return(
        "case when array_size(" ~ tree ~ ") > 0 then " ~ json ~ " when typeof(" ~ tree ~ ") = 'OBJECT' then concat('[', "
        ~ json ~ ", ']') else '[null]' end"
    ) }}
{% endmacro %}

{#- The text of the first of `keys` that an entry of json_items has, null where it has none. -#}
{% macro entry_text(entry, keys) %}
    {% set parts = [] %}
    {% for key in keys %}
        {% do parts.append(kindred.trimmed(kindred.entry_value(entry, key))) %}
    {% endfor %}
    {{ return(kindred.first_of(parts, 'varchar')) }}
{% endmacro %}

{% macro entry_number(entry, keys) %}
    {{ return("try_cast(" ~ kindred.entry_text(entry, keys) ~ " as double)") }}
{% endmacro %}

{% macro entry_value(entry, key) %}
    {{ return(adapter.dispatch('entry_value', 'kindred')(entry, key)) }}
{% endmacro %}

{% macro duckdb__entry_value(entry, key) %}
    {{ return("json_extract_string(" ~ entry ~ ".value, '$.\"" ~ key ~ "\"')") }}
{% endmacro %}

{% macro snowflake__entry_value(entry, key) %}
    {{ return("cast(" ~ entry ~ ".value['" ~ key ~ "'] as varchar)") }}
{% endmacro %}

{#- JSON text whose keys have lost the dollar sign with which Mixpanel and Amplitude begin their own ($user_id): clients
    of Snowflake take it for the beginning of a session variable. -#}
{% macro without_dollars(json) %}
    {{ return("replace(" ~ json ~ ", concat('\"', chr(36)), '\"')") }}
{% endmacro %}

{#- The text at the first of `keys` of a column of JSON text. -#}
{% macro json_first(json, keys) %}
    {% set parts = [] %}
    {% for key in keys %}
        {% do parts.append(kindred.trimmed(kindred.json_text(json, key))) %}
    {% endfor %}
    {{ return(kindred.first_of(parts, 'varchar')) }}
{% endmacro %}

{#- The JSON text of the tree at a key of a column of JSON text. -#}
{% macro json_tree(json, key) %}
    {{ return(adapter.dispatch('json_tree', 'kindred')(json, key)) }}
{% endmacro %}

{% macro duckdb__json_tree(json, key) %}
    {{ return(
        "case when json_valid(" ~ json ~ ") then cast(json_extract(" ~ json ~ ", '$.\"" ~ key ~ "\"') as varchar) end"
    ) }}
{% endmacro %}

{% macro snowflake__json_tree(json, key) %}
    {{ return("to_json(try_parse_json(" ~ json ~ ")['" ~ key ~ "'])") }}
{% endmacro %}

{#- JSON text without blanks. -#}
{% macro compact_json(json) %}
    {{ return(adapter.dispatch('compact_json', 'kindred')(json)) }}
{% endmacro %}

{% macro duckdb__compact_json(json) %}
    {{ return("case when json_valid(" ~ json ~ ") then cast(json(" ~ json ~ ") as varchar) end") }}
{% endmacro %}

{% macro snowflake__compact_json(json) %}
    {{ return("to_json(try_parse_json(" ~ json ~ "))") }}
{% endmacro %}

{#- The part of a text that matches a pattern, null or '' where none does. -#}
{% macro matched_part(text, pattern) %}
    {{ return(adapter.dispatch('matched_part', 'kindred')(text, pattern)) }}
{% endmacro %}

{% macro duckdb__matched_part(text, pattern) %}
    {{ return("regexp_extract(" ~ text ~ ", '" ~ pattern ~ "')") }}
{% endmacro %}

{% macro snowflake__matched_part(text, pattern) %}
    {{ return("regexp_substr(" ~ text ~ ", '" ~ pattern ~ "')") }}
{% endmacro %}
