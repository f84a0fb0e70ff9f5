{#- The normal form of a name that is shown and compared (category, brand, segment): as of an id, with its letters'
    case. -#}
{% macro normal_text(text, composes=true) -%}
    {%- set cleaned = kindred.clean_text(text, composes=composes) -%}
    case
        when not {{ kindred.matches_part(text, '[^!-~]|[.]0') }} then {{ text }}
        when contains({{ text }}, '.0') and {{ kindred.is_whole_number(cleaned) }}
            then split_part({{ cleaned }}, '.', 1)
        else nullif({{ cleaned }}, '')
    end
{%- endmacro %}

{#- The normal form of a word that kindred knows (event type, purpose, activity, action, yes and no): 'Add to-cart ' is
    add_to_cart. -#}
{% macro normal_word(text) -%}
    case
        when not {{ kindred.is_odd_word(text) }} then {{ text }}
        else nullif(replace(replace(lower({{ kindred.clean_text(text) }}), ' ', '_'), '-', '_'), '')
    end
{%- endmacro %}

{#- Whether a word may have another normal form than itself. -#}
{% macro is_odd_word(text) -%}
    {{- return(kindred.matches_part(text, '[^a-z0-9_]')) -}}
{%- endmacro %}
