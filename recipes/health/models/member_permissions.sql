-- one row per (member_id, purpose): the newest answer; of two answers at once the refusal
with final as (

    select
        member_id,
        purpose,
        is_allowed,
        row_number() over (
            partition by member_id, purpose
            order by answered_at desc nulls last, case when is_allowed then 1 else 0 end
        ) as recency
    from {{ source('raw', 'permissions') }}
    qualify recency = 1

)

select * from final
