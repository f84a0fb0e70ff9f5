{#- What the catalogue says of an item in words, as the text encoder reads it. -#}
{% macro item_text() -%}
    concat(
        coalesce(title, ''), '. ', coalesce(description, ''), '. ', coalesce(category, ''), '. ', coalesce(brand, '')
    )
{%- endmacro %}
