-- one row per input: how many of its rows are of forgotten people and were left out by this build
with counted as (

    {% set inputs = kindred.person_columns() | map(attribute=0) | unique | list if kindred.has_forgotten() else [] -%}
    {% for input in inputs -%}
    {% set columns = [] -%}
    {% for name, column in kindred.person_columns() if name == input -%}{% do columns.append(column) %}{% endfor -%}
    select
        '{{ input }}' as input,
        count(*) as n_rows
    from (
        select
            {{ kindred.select_input_columns(input) }}
        from {{ kindred.input_relation(input) }}
    ) as source_rows
    {% for column in columns -%}
    left join {{ ref('forgotten_spellings') }} as by_{{ column }}
        on hash(source_rows.{{ column }}) = by_{{ column }}.spelling_hash
    {% endfor -%}
    where by_{{ columns[0] }}.spelling_hash is not null
        {% for column in columns[1:] -%}
        or (
            by_{{ column }}.spelling_hash is not null
            {{ 'and source_rows.user_id is null' if input == 'events' }}
        )
        {% endfor %}
    having count(*) > 0

    union all
    {% endfor -%}
    {% if kindred.named_trackers() -%}
    select
        source as input,
        count(*) as n_rows
    from {{ ref('tracker_rows') }}
    where refusal = 'forgotten'
        and product_number = 0
    group by source

    union all
    {% endif -%}
    select
        cast(null as varchar) as input,
        cast(null as bigint) as n_rows
    where false

),

final as (

    select
        input,
        cast(n_rows as bigint) as n_rows
    from counted

)

select * from final
