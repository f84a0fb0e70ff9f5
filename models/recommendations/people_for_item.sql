-- one row per (item_id, rank): whom to tell about an item
-- First whoever has it nearest the top of their own pool: scores order the items of a person, not people among each
-- other. Candidates hold nothing that a person's history excludes, so nothing needs to be taken out here.
with ranked as (

    select
        item_id,
        user_id,
        score,
        row_number() over (partition by item_id order by rank, score desc, user_id) as place
    from {{ ref('scored_candidates') }}
    where fold = 'live'
    qualify place <= 100

),

final as (

    select
        item_id,
        cast(place as bigint) as rank,
        user_id,
        score,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from ranked

)

select * from final
