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

{#- The JSON text of the tree at the first of `keys` that a column of JSON text has. -#}
{% macro json_tree(json, keys) %}
    {{ return(adapter.dispatch('json_tree', 'kindred')(json, keys)) }}
{% endmacro %}

{% macro duckdb__json_tree(json, keys) %}
    {% set parts = [] %}
    {% for key in keys %}
        {% do parts.append("json_extract(" ~ json ~ ", '$.\"" ~ key ~ "\"')") %}
    {% endfor %}
    {{ return("case when json_valid(" ~ json ~ ") then cast(" ~ kindred.first_of(parts, 'json') ~ " as varchar) end") }}
{% endmacro %}

{% macro snowflake__json_tree(json, keys) %}
    {% set parts = [] %}
    {% for key in keys %}
        {% do parts.append("to_json(try_parse_json(" ~ json ~ ")['" ~ key ~ "'])") %}
    {% endfor %}
    {{ return(kindred.first_of(parts, 'varchar')) }}
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
