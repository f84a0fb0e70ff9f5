-- one row per (column_name, spelling): an id or type that events write otherwise than in its normal form
-- Once per build and spelling: typed_events, which is read many times, then looks up the few that there are.
{% set contract = kindred.input_contract('events') %}
{% set columns = kindred.spelt_columns() %}

with source_rows as (

    select
        {{ kindred.select_input_columns('events') }}
    from {{ kindred.input_relation('events') }}

),

-- Of nearly all rows nothing is kept here, so that they are one group.
odd as (

    select
        {% for column in columns -%}
        case
            when
                {{ kindred.is_odd_word(column) if contract[column].form == 'word' else kindred.is_odd_id(column) }}
                then {{ column }}
        end as {{ column }},
        {% endfor -%}
        count(*) as n_events
    from source_rows
    group by all

),

spellings as (

    {% for column in columns %}
    select
        '{{ column }}' as column_name,
        {{ column }} as spelling,
        {{ kindred.normal_form(column, contract[column].form) }} as normal_form,
        n_events
    from odd
    where {{ column }} is not null

    union all
    {% endfor %}
    select
        '' as column_name,
        '' as spelling,
        '' as normal_form,
        0 as n_events
    where false

),

final as (

    select
        column_name,
        spelling,
        normal_form,
        cast(sum(n_events) as bigint) as n_events
    from spellings
    where coalesce(normal_form, '') <> spelling
    group by
        column_name,
        spelling,
        normal_form

)

select * from final
