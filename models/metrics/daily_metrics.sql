-- one row per (day, segment): what people did on a UTC day; segment '' = all people
-- A person is in one segment, so sums over people of the segments add up to those of all.
{% set ratios = {
    'ctr': ('n_clicks', 'n_impressions'), 'conversion_rate': ('n_orders', 'n_sessions'), 'aov': ('revenue', 'n_orders'),
} %}
{% set counts = ['n_sessions', 'n_impressions', 'n_clicks', 'n_orders'] %}

with by_person as (

    select
        person_days.*,
        people.segment,
        case when person_days.day = people.first_day then 1 else 0 end as is_new
    from {{ ref('person_days') }} as person_days
    inner join {{ ref('metric_people') }} as people
        on person_days.user_id = people.user_id

),

by_segment as (

    select
        day,
        segment,
        count(*) as n_active,
        sum(is_new) as n_new,
        {% for name in counts -%}
        sum({{ name }}) as {{ name }},
        {% endfor -%}
        {% for name, (above, below) in ratios.items() -%}
        sum(case when {{ below }} > 0 then 1 else 0 end) as {{ name }}_n,
        {{ kindred.wide_sum(above ~ " * " ~ above) }} as {{ name }}_yy,
        {{ kindred.wide_sum(above ~ " * " ~ below) }} as {{ name }}_yd,
        {{ kindred.wide_sum(below ~ " * " ~ below) }} as {{ name }}_dd,
        {% endfor -%}
        {{ kindred.exact_sum('revenue') }} as revenue,
        {{ kindred.exact_sum('watch_seconds') }} as watch_seconds
    from by_person
    group by
        day,
        segment

),

added_up as (

    {% if kindred.setting('lists', 'segment_by') -%}
    select * from by_segment

    union all

    {% endif -%}
    select
        day,
        '' as segment,
        sum(n_active) as n_active,
        sum(n_new) as n_new,
        {% for name in counts -%}
        sum({{ name }}) as {{ name }},
        {% endfor -%}
        {% for name in ratios -%}
        sum({{ name }}_n) as {{ name }}_n,
        {% for part in ['yy', 'yd', 'dd'] -%}
        {{ kindred.wide_sum(name ~ "_" ~ part) }} as {{ name }}_{{ part }},
        {% endfor -%}
        {% endfor -%}
        {{ kindred.exact_sum('revenue') }} as revenue,
        {{ kindred.exact_sum('watch_seconds') }} as watch_seconds
    from by_segment
    group by day

),

{{ kindred.protected_cells('added_up', ['day', 'segment'], {'segment': "''"}, 'n_active') }},

final as (

    select
        day,
        segment,
        {% for name in ['n_active', 'n_new'] + counts -%}
        cast({{ name }} as bigint) as {{ name }},
        {% endfor -%}
        {% for name, (above, below) in ratios.items() -%}
        cast({{ above }} as double) / nullif({{ below }}, 0) as {{ name }},
        {{ kindred.ratio_error(name, above, below) | indent(8) }}
            as {{ name }}_standard_error,
        {% endfor -%}
        revenue,
        watch_seconds
    from protected

)

select * from final
