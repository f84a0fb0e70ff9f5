-- one row per row of the table of policies, and one for main: numbers as numbers and as the texts that were given
{% set columns = ['diversity', 'freshness', 'fatigue', 'discovery_share', 'exploration_share'] %}

with given as (

    select
        {{ kindred.select_table_columns('policies') }}
    from {{ kindred.table_relation('policies') }}

),

policies as (

    select
        policy,
        nullif(lower(replace(generators, ' ', '')), '') as generators,
        nullif(lower(replace(weights, ' ', '')), '') as weights,
        ranker,
        {% for name in columns %}
        {{ name }},
        {{ name }}_text,
        {% endfor %}
        row_number() over (order by policy) as number_of_policy,
        count(*) over (partition by policy) as n_rows_of_policy,
        sum(case when policy = 'main' then 0 else 1 end) over (
            order by policy rows between unbounded preceding and current row
        ) as n_others
    from given

),

final as (

    select * from policies

    union all

    select
        'main' as policy,
        null as generators,
        null as weights,
        null as ranker,
        {% for name in columns %}
        null as {{ name }},
        null as {{ name }}_text,
        {% endfor %}
        0 as number_of_policy,
        1 as n_rows_of_policy,
        0 as n_others
    from (select count(*) as n_rows from given where policy = 'main') as mains
    where mains.n_rows = 0

)

select * from final
