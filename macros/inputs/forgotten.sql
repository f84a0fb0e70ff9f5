{#- The keyed hash of an id in normal form, as forgotten_ids has it; src/kindred/ids.py does the same. -#}
{% macro id_hash(id, key) %}
    {{- return(adapter.dispatch('id_hash', 'kindred')(id, key)) -}}
{% endmacro %}

{% macro duckdb__id_hash(id, key) -%}
    sha256(concat({{ key }}, {{ id }}))
{%- endmacro %}

{% macro snowflake__id_hash(id, key) -%}
    sha2(concat({{ key }}, {{ id }}), 256)
{%- endmacro %}

{#- The warehouse's own hash of a text, of 62 bits or more: cheap enough for every row, and the same within a warehouse
    alone. As a signed whole number, which every client can read. -#}
{% macro spelling_hash(text) %}
    {{- return(adapter.dispatch('spelling_hash', 'kindred')(text)) -}}
{% endmacro %}

{% macro duckdb__spelling_hash(text) -%}
    cast(hash({{ text }}) >> 1 as bigint)
{%- endmacro %}

{% macro snowflake__spelling_hash(text) -%}
    cast(mod(hash({{ text }}), 4611686018427387847) as bigint)
{%- endmacro %}

{#- A text that nobody can guess. -#}
{% macro random_key() %}
    {{- return(adapter.dispatch('random_key', 'kindred')()) -}}
{% endmacro %}

{% macro duckdb__random_key() -%}
    sha256(concat({% for _ in range(4) %}cast(uuid() as varchar){{ ", " if not loop.last }}{% endfor %}))
{%- endmacro %}

{% macro snowflake__random_key() -%}
    sha2(concat({% for _ in range(4) %}uuid_string(){{ ", " if not loop.last }}{% endfor %}), 256)
{%- endmacro %}

{#- Whether anybody is forgotten: where nobody is, nothing is looked for. True where that can't be known yet. -#}
{% macro has_forgotten() %}
    {% set rows = kindred.known_rows("select count(*) as n_ids", ref('forgotten_ids')) %}
    {{ return(rows is none or rows[0].n_ids > 0) }}
{% endmacro %}

{#- The raw events without those of forgotten people. An event of somebody else on a forgotten device stays, without the
    device and its session. -#}
{% macro select_known_events() -%}
    select
        {% for column, rule in kindred.input_contract('events').items() -%}
        {% if column in ['anonymous_id', 'session_id'] -%}
        case when forgotten_device.spelling_hash is null then source_rows.{{ column }} end as {{ column }}
        {%- else -%}
        source_rows.{{ column }}
        {%- if rule.kind != 'text' %},
        source_rows.{{ column }}_text
        {%- endif -%}
        {%- endif -%}
        {{ "," if not loop.last }}
        {% endfor -%}
    from (
        select
            {{ kindred.select_input_columns('events') }}
        from {{ kindred.input_relation('events') }}
    ) as source_rows
    left join {{ ref('forgotten_spellings') }} as forgotten_user
        on {{ kindred.spelling_hash('source_rows.user_id') }} = forgotten_user.spelling_hash
    left join {{ ref('forgotten_spellings') }} as forgotten_device
        on {{ kindred.spelling_hash('source_rows.anonymous_id') }} = forgotten_device.spelling_hash
    where forgotten_user.spelling_hash is null
        and (source_rows.user_id is not null or forgotten_device.spelling_hash is null)
{%- endmacro %}

{#- [(input, column)] of the ids of people in the inputs that are given. -#}
{% macro person_columns() %}
    {% set columns = [] %}
    {% for input in ['events', 'users', 'consents', 'identity_links'] if kindred.input_relation(input) is not none %}
        {% for column, rule in kindred.input_contract(input).items() if rule.is_person %}
            {% do columns.append((input, column)) %}
        {% endfor %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}
