-- one row per (column_name, spelling): an id or type that events write otherwise than in its normal form
-- Once per build and spelling: typed_events, which is read many times, then
-- looks up the few that there are. An id of nobody has no normal form either.
{% set contract = kindred.input_contract('events') %}
{% set columns = kindred.spelt_columns() %}
{% set types = kindred.input_columns('events') %}

with source_rows as (

    {{ kindred.select_known_events() }}

),

blocked_ids as (

    {{ kindred.select_blocked_ids() }}

),

-- Of nearly all rows nothing is kept here, so that they are one group.
odd as (

    select
        {% for column in columns -%}
        {% set tests = [] -%}
        {% if kindred.has_spellings(types[column]) -%}
        {% set is_word = contract[column].form == 'word' -%}
        {% do tests.append((kindred.is_odd_word if is_word else kindred.is_odd_id)('source_rows.' ~ column)) -%}
        {% endif -%}
        {% if contract[column].is_person -%}
        {% do tests.append(kindred.names_nobody('source_rows.' ~ column, 'blocked_' ~ column) | trim) -%}
        {% endif -%}
        case when {{ tests | join(' or ') }} then source_rows.{{ column }} end as {{ column }},
        {% endfor -%}
        count(*) as n_events
    from source_rows
    {% for column in columns if contract[column].is_person -%}
    left join blocked_ids as blocked_{{ column }}
        on lower(source_rows.{{ column }}) = blocked_{{ column }}.blocked_id
    {% endfor -%}
    group by all

),

spellings as (

    {% for column in columns %}
    select
        '{{ column }}' as column_name,
        {{ column }} as spelling,
        {{ kindred.normal_form(column, contract[column].form) }} as normal_form,
        {{ 'true' if contract[column].is_person else 'false' }} as is_person,
        n_events
    from odd
    where {{ column }} is not null

    union all
    {% endfor %}
    select
        '' as column_name,
        '' as spelling,
        '' as normal_form,
        false as is_person,
        0 as n_events
    where false

),

decided as (

    select
        spellings.*,
        spellings.is_person and coalesce({{ kindred.names_nobody('spellings.normal_form') }}, false) as is_blocked
    from spellings
    left join blocked_ids
        on lower(spellings.normal_form) = blocked_ids.blocked_id

),

final as (

    select
        column_name,
        spelling,
        case when not is_blocked then normal_form end as normal_form,
        is_blocked,
        cast(sum(n_events) as bigint) as n_events
    from decided
    where is_blocked
        or coalesce(normal_form, '') <> spelling
    group by
        column_name,
        spelling,
        normal_form,
        is_blocked

)

select * from final
