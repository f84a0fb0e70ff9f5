-- one row per policy of the table of policies, and main: how its lists are made, with what is wrong with it
{% set most_policies = 10 %}
{% set ranking = {
    'diversity': kindred.setting('ranking', 'diversity'),
    'freshness': kindred.setting('ranking', 'freshness'),
    'fatigue': kindred.setting('ranking', 'fatigue'),
    'discovery_share': kindred.setting('ranking', 'discovery_share'),
    'exploration_share': kindred.setting('ranking', 'exploration_share'),
} %}

with policies as (select * from {{ ref('typed_policies') }}),

generators as (

    select
        {{ kindred.select_table_columns('generators') }}
    from {{ kindred.table_relation('generators') }}

),

named as (

    select
        policies.number_of_policy,
        policies.generators is null
        or contains(concat('+', policies.generators, '+'), concat('+', generators.generator, '+')) as is_named,
        generators.weight,
        -- What stands between its name and the next +.
        nullif(split_part(
            split_part(concat('+', policies.weights, '+'), concat('+', generators.generator, ':'), 2), '+', 1
        ), '') as weight_text
    from policies
    cross join generators

),

-- How many of the names between the + are generators, and how many of their weights are numbers.
known_names as (

    select
        number_of_policy,
        sum(case when is_named then 1 else 0 end) as n_names,
        sum(case
            when is_named
                and weight > 0
                and {{ kindred.try_convert('weight_text', 'varchar', 'number') }} > 0
                and {{ kindred.try_convert('weight_text', 'varchar', 'number') }} <= 1e6
                then 1
            else 0
        end) as n_weights
    from named
    group by number_of_policy

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
            when coalesce(known_names.n_weights, 0)
                <> coalesce(1 + length(policies.weights) - length(replace(policies.weights, '+', '')), 0)
                then concat(
                        'weights is ''',
                        policies.weights,
                        ''': write some of its generators that weigh anything, each once with a number above 0, ',
                        'such as als:2+popular:0.5'
                    )
            when policies.ranker not in ('learned', 'fixed')
                then concat('ranker is ''', policies.ranker, ''': write learned, fixed or nothing')
            when policies.ranker = 'learned' and coalesce(policies.generators, policies.weights) is not null
                then 'the ranker is learned with all generators: leave generators and weights empty or write fixed'
            {% for name, most in {
                'diversity': 1, 'freshness': none, 'fatigue': 1, 'discovery_share': 1, 'exploration_share': 1
            }.items() %}
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
        weights,
        case when coalesce(generators, weights) is not null then 'fixed' else coalesce(ranker, 'learned') end as ranker,
        {% for name, setting in ranking.items() %}
        coalesce({{ name }}, cast({{ setting }} as double)) as {{ name }},
        {% endfor %}
        problem
    from checked

)

select * from final
