{#- A column read as true or false, null where it can't be read. Texts are read by the words of input feeds, numbers of
    pieces by whether there is one. -#}
{% macro read_boolean(column, data_type, words) -%}
    {%- if kindred.is_of_kind(data_type, 'boolean') -%}
        cast({{ column }} as boolean)
    {%- else -%}
        {#- https://schema.org/InStock, In Stock, in-stock and in_stock are one word. -#}
        {%- set text = "cast(" ~ column ~ " as varchar)" -%}
        {%- set word = kindred.normal_word(
            "replace(replace(" ~ text ~ ", 'https://schema.org/', ''), 'http://schema.org/', '')"
        ) -%}
        {%- set known = kindred.boolean_words()[words] -%}
        {%- set number = kindred.try_convert(text, 'varchar', 'number') -%}
        {#- Numbers first: without its hyphen -1 would be a yes. -#}
        case
            when {{ number }} is null then case
                when replace({{ word }}, '_', '') in ('{{ known[true] | join("', '") }}') then true
                when replace({{ word }}, '_', '') in ('{{ known[false] | join("', '") }}') then false
            end
            {% if words == 'availability' -%}
            when abs({{ number }}) < 1e12 then {{ number }} > 0
            {%- else -%}
            when {{ number }} in (0, 1) then {{ number }} = 1
            {%- endif %}
        end
    {%- endif -%}
{%- endmacro %}

{#- {kind of boolean: {true: words, false: words}}, in lower case without blanks and underscores. Feeds of shops list
    what can be ordered ahead as available: it may be recommended. -#}
{% macro boolean_words() %}
    {% set yes, no = ['true', 't', 'yes', 'y', 'on'], ['false', 'f', 'no', 'n', 'off'] %}
    {{ return({
        'availability': {
            true: yes + ['instock', 'available', 'availablefororder', 'limitedavailability', 'limited', 'lowstock',
                         'onlineonly', 'instoreonly', 'preorder', 'presale', 'backorder', 'backordered', 'madetoorder',
                         'active'],
            false: no + ['outofstock', 'soldout', 'unavailable', 'notavailable', 'discontinued', 'reserved', 'inactive',
                         'none'],
        },
        'answers': {
            true: yes + ['granted', 'grant', 'given', 'allowed', 'allow', 'accepted', 'accept', 'agreed', 'consented',
                         'optin', 'optedin', 'enabled'],
            false: no + ['denied', 'deny', 'refused', 'refuse', 'rejected', 'reject', 'declined', 'withdrawn', 'revoked',
                         'optout', 'optedout', 'disabled', 'objected'],
        },
    }) }}
{% endmacro %}
