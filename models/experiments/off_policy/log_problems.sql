-- one row per (source, problem): why rows of the logs of lists can't be used, and how many
{{ config(enabled=kindred.has_experiments()) }}

with unusable as (

    select
        source,
        problem,
        coalesce(rejected_text, list_id) as example
    from {{ ref('logged_places') }}
    where problem is not null

    union all

    select
        'foreign_policies' as source,
        problem,
        coalesce(policy, item_id) as example
    from {{ ref('foreign_items') }}
    where problem is not null

),

final as (

    select
        source,
        problem,
        cast(count(*) as bigint) as n_rows,
        min(example) as example
    from unusable
    group by
        source,
        problem

)

select * from final
