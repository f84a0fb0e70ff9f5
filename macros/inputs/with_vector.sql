{#- An embedding with one more vector under a name; both are JSON texts, null = none. A vector without a name is called
    given. -#}
{% macro with_vector(embedding, name, vector) -%}
    case
        when {{ vector }} is null then {{ embedding }}
        when {{ embedding }} is null or not {{ kindred.matches_part(embedding, '[0-9]') }}
            then concat('{"{{ name }}": ', {{ vector }}, '}')
        when contains({{ embedding }}, '{')
            then concat(rtrim(trim({{ embedding }}), '}'), ', "{{ name }}": ', {{ vector }}, '}')
        else concat('{"given": ', {{ embedding }}, ', "{{ name }}": ', {{ vector }}, '}')
    end
{%- endmacro %}
