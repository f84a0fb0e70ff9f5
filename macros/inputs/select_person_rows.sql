{#- The rows of an input that names people, in the types of the contract, with is_blocked: whether an id in them is
    nobody's. None where the input isn't given. Rows of forgotten people are left out, but for the requests to forget
    them. -#}
{% macro select_person_rows(input) -%}
    {%- set relation, blocked, forgotten = kindred.input_relation(input), [], [] -%}
    {%- for column, rule in kindred.input_contract(input).items() if rule.is_person -%}
        {%- do blocked.append(
            'coalesce(' ~ kindred.names_nobody('raw_rows.' ~ column, 'blocked_' ~ column) ~ ', false)'
        ) -%}
        {%- do forgotten.append('forgotten_' ~ column ~ '.spelling_hash is null') if input != 'erasures' -%}
    {%- endfor -%}
    select
        raw_rows.*,
        {{ blocked | join(' or ') }} as is_blocked
    from (
        select
            {{ kindred.select_input_columns(input) }}
        {{ 'from ' ~ relation if relation is not none else 'where false' }}
    ) as raw_rows
    {% for column, rule in kindred.input_contract(input).items() if rule.is_person -%}
    left join ({{ kindred.select_blocked_ids() }}) as blocked_{{ column }}
        on lower(raw_rows.{{ column }}) = blocked_{{ column }}.blocked_id
    {% if input != 'erasures' -%}
    left join {{ ref('forgotten_spellings') }} as forgotten_{{ column }}
        on {{ kindred.spelling_hash('raw_rows.' ~ column) }} = forgotten_{{ column }}.spelling_hash
    {% endif -%}
    {% endfor -%}
    where {{ forgotten | join(' and ') or 'true' }}
{%- endmacro %}
