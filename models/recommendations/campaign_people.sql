-- one row per (campaign_id, rank): whom a running campaign should write to, about which item, and at what hour
with audiences as (select * from {{ ref('campaign_audiences') }} where allowance >= 1),

-- A person gets the campaigns that suit best, as long as each of them lets as many be sent.
numbered as (

    select
        *,
        row_number() over (partition by user_id order by pool_rank, campaign_id) as number_of_person,
        min(allowance) over (
            partition by user_id order by pool_rank, campaign_id rows between unbounded preceding and current row
        ) as least_allowance
    from audiences

),

chosen as (

    select
        campaign_id,
        user_id,
        item_id,
        score,
        row_number() over (partition by campaign_id order by pool_rank, score desc, user_id) as rank
    from numbered
    where number_of_person <= least_allowance
    qualify rank <= max_people

),

final as (

    select
        chosen.campaign_id,
        cast(chosen.rank as bigint) as rank,
        chosen.user_id,
        chosen.item_id,
        cast(chosen.score as double) as score,
        send_hours.send_hour,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from chosen
    left join {{ ref('send_hours') }} as send_hours
        on chosen.user_id = send_hours.user_id

)

select * from final
