-- one row per policy of the table of policies, and main: how its lists are made, with what is wrong with it
{% set most_policies = 10 %}
{% set ranking = {
    'diversity': kindred.setting('ranking', 'diversity'),
    'freshness': kindred.setting('ranking', 'freshness'),
    'exploration_share': kindred.setting('ranking', 'exploration_share'),
} %}

with given as (

    select
        {{ kindred.select_table_columns('policies') }}
    from {{ kindred.table_relation('policies') }}

),

policies as (

    select
        policy,
        nullif(lower(replace(generators, ' ', '')), '') as generators,
        ranker,
        {% for name in ranking %}
        {{ name }},
        {{ name }}_text,
        {% endfor %}
        row_number() over (order by policy) as number_of_policy,
        count(*) over (partition by policy) as n_rows_of_policy,
        sum(case when policy = 'main' then 0 else 1 end) over (
            order by policy rows between unbounded preceding and current row
        ) as n_others
    from given

    union all

    select
        'main' as policy,
        null as generators,
        null as ranker,
        {% for name in ranking %}
        null as {{ name }},
        null as {{ name }}_text,
        {% endfor %}
        0 as number_of_policy,
        1 as n_rows_of_policy,
        0 as n_others
    from (select count(*) as n_rows from given where policy = 'main') as mains
    where mains.n_rows = 0

),

generators as (

    select
        {{ kindred.select_table_columns('generators') }}
    from {{ kindred.table_relation('generators') }}

),

-- How many of the names between the + are generators.
known_names as (

    select
        policies.number_of_policy,
        count(*) as n_names
    from policies
    inner join generators
        on contains(concat('+', policies.generators, '+'), concat('+', generators.generator, '+'))
    group by policies.number_of_policy

),

checked as (

    select
        policies.*,
        case
            when policies.policy is null then 'it has no name: fill in policy'
            when policies.policy in ('holdout', 'interleaved')
                then concat(policies.policy, ' is how lists are called that no single policy makes: give another name')
            when policies.n_rows_of_policy > 1 then 'its name stands more than once: give each policy its own'
            when policies.generators is not null
                and coalesce(known_names.n_names, 0)
                <> 1 + length(policies.generators) - length(replace(policies.generators, '+', ''))
                then concat(
                        'generators is ''',
                        policies.generators,
                        ''': write names of the table generators, such as als+popular'
                    )
            when policies.ranker not in ('learned', 'fixed')
                then concat('ranker is ''', policies.ranker, ''': write learned, fixed or nothing')
            when policies.ranker = 'learned' and policies.generators is not null
                then 'the ranker is learned with all generators: leave generators empty, or write fixed as ranker'
            {% for name, most in {'diversity': 1, 'freshness': none, 'exploration_share': 1}.items() %}
            when coalesce(policies.{{ name }} < 0, policies.{{ name }}_text is not null)
                {{- " or policies." ~ name ~ " > " ~ most if most }}
                then '{{ name }} is no number {{ "from 0 to 1" if most else "of at least 0" }}: mend it or leave it out'
            {% endfor %}
            when policies.policy <> 'main' and policies.n_others >= {{ most_policies }}
                then 'there are more than {{ most_policies }} policies, and each is made for many people: delete some'
        end as problem
    from policies
    left join known_names
        on policies.number_of_policy = known_names.number_of_policy

),

final as (

    select
        policy,
        generators,
        case when generators is not null then 'fixed' else coalesce(ranker, 'learned') end as ranker,
        {% for name, setting in ranking.items() %}
        coalesce({{ name }}, cast({{ setting }} as double)) as {{ name }},
        {% endfor %}
        problem
    from checked

)

select * from final
