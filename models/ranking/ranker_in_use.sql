-- one row: the ranker that scores this build's candidates, and why it is that one

with folds as (select max(as_of) as as_of from {{ ref('folds') }}),

-- The newest that knew no more than this build may know: what scored_candidates chooses too.
usable_rankers as (

    select
        rankers.kind,
        rankers.note,
        rankers.model
    from {{ ref('rankers') }} as rankers
    cross join folds
    where rankers.as_of <= folds.as_of
    qualify row_number() over (order by rankers.as_of desc) = 1

),

-- A learned ranker reads one score per generator first; made for other generators, it can't serve.
expected as (

    select
        'feature_names=' || {{ dbt.listagg("generator || '_score'", "' '", 'order by generator') }}
        || ' ' || min(generator) || '_share' as names
    from {{ ref('generators') }}

),

final as (

    select
        case
            when usable_rankers.kind = 'learned' and not contains(usable_rankers.model, expected.names) then 'fixed'
            else coalesce(usable_rankers.kind, 'fixed')
        end as kind,
        case
            when usable_rankers.kind = 'learned' and not contains(usable_rankers.model, expected.names)
                then 'the newest was learned with other generators'
            else coalesce(usable_rankers.note, 'not trained yet')
        end as note
    from expected
    left join usable_rankers on true

)

select * from final
