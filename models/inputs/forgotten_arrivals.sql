-- one row per input: how many of its rows are of forgotten people and were left out by this build
{% set columns = {} %}
{% for input, column in kindred.person_columns() if kindred.has_forgotten() %}
{% do columns.setdefault(input, []).append(column) %}
{% endfor %}

with counted as (

    {% for input, names in columns.items() %}
    select
        '{{ input }}' as input,
        count(*) as n_rows
    from (
        select
            {{ kindred.select_input_columns(input) }}
        from {{ kindred.input_relation(input) }}
    ) as source_rows
    {% for column in names -%}
    left join {{ ref('forgotten_spellings') }} as by_{{ column }}
        on {{ kindred.spelling_hash('source_rows.' ~ column) }} = by_{{ column }}.spelling_hash
    {% endfor -%}
    where by_{{ names[0] }}.spelling_hash is not null
        {%- for column in names[1:] %}
        or (by_{{ column }}.spelling_hash is not null {{ 'and source_rows.user_id is null' if input == 'events' }})
        {%- endfor %}
    having count(*) > 0

    union all
    {% endfor %}
    {%- if kindred.named_trackers() %}
    select
        source as input,
        count(*) as n_rows
    from {{ ref('tracker_fates') }}
    where fate = 'forgotten'
        and product_number = 0
    group by source

    union all
    {% endif %}
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
