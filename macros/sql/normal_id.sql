{#- The normal form of an id, which is the same in every input: without blanks around it, without invisible characters,
    in Unicode NFC; a number is written without decimals (1000.0 is 1000); an e-mail address is in lower case where
    kindred__identity: {case_insensitive_ids: true}. Null where nothing is left. src/kindred/ids.py does the same in
    Python. composes: whether letters in two pieces are put together, which on Snowflake nests deeply. -#}
{% macro normal_id(text, composes=true) -%}
    {%- set cleaned = kindred.clean_text(text, is_id=true, composes=composes) -%}
    case
        when not {{ kindred.is_odd_id(text) }} then {{ text }}
        {% if kindred.setting('identity', 'case_insensitive_ids') -%}
        when contains({{ text }}, '@') then nullif(lower({{ cleaned }}), '')
        {% endif -%}
        when contains({{ text }}, '.0') and {{ kindred.is_whole_number(cleaned) }}
            then split_part({{ cleaned }}, '.', 1)
        else nullif({{ cleaned }}, '')
    end
{%- endmacro %}

{#- Whether an id may have another normal form than itself: one look that spares nearly all rows the way through it. -#}
{% macro is_odd_id(text) -%}
    {%- set patterns = ['[^!-~]', '[.]0'] -%}
    {%- if kindred.setting('identity', 'case_insensitive_ids') -%}
        {%- do patterns.extend(['[A-Z].*@', '@.*[A-Z]']) -%}
    {%- endif -%}
    {{- return(kindred.matches_part(text, patterns | join('|'))) -}}
{%- endmacro %}

{#- What ids have in common that only look like two: case, leading zeros, blanks and hyphens. -#}
{% macro nearly_same_key(id) -%}
    regexp_replace(replace(replace(replace(lower({{ id }}), ' ', ''), '-', ''), '_', ''), '^0+', '')
{%- endmacro %}
