-- one row per (item_id, rank): whom to tell about an item
-- Candidates hold nothing that a person's history excludes, so nothing needs to be taken out here.
with ranked as (

    select
        item_id,
        user_id,
        score,
        because_item_id,
        row_number() over (partition by item_id order by score desc, user_id) as rank
    from {{ ref('scored_candidates') }}
    where fold = 'live'
    qualify rank <= 100

),

final as (

    select
        item_id,
        cast(rank as bigint) as rank,
        user_id,
        score,
        because_item_id,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from ranked

)

select * from final
