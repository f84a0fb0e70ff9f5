{#- The table of a shop's decisions: what kindred__tables points at under `name`, else the seed that comes with kindred.
    -#}
{% macro table_relation(name) %}
    {% set pointer = kindred.table_pointer(name) %}
    {% if not pointer %}
        {{ return(ref('kindred', kindred.table_contract(name).seed)) }}
    {% endif %}
    {{ return(kindred.pointed_relation(pointer, 'kindred__tables has ' ~ name)) }}
{% endmacro %}

{#- What kindred__tables points at, '' = nothing but kindred's own seed, which may be named, too. -#}
{% macro table_pointer(name) %}
    {% set pointer = kindred.setting('tables', name) %}
    {{ return('' if pointer == kindred.table_contract(name).seed else pointer) }}
{% endmacro %}

{#- Whether kindred__tables names a table, be it kindred's own seed. Else models needn't count with rows. -#}
{% macro has_table(name) %}
    {{ return(kindred.setting('tables', name) != '') }}
{% endmacro %}
