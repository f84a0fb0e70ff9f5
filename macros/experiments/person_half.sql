{#- Half of the people that a person belongs to, by hash: what is estimated on one half is used on the other. -#}
{% macro person_half(user_id) -%}
    case when substr(md5({{ user_id }}), 1, 1) < '8' then 'a' else 'b' end
{%- endmacro %}
