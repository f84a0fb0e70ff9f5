-- one row per (account_id, rank): the features that most users of an account are likely to want next
-- A user gives 1, 1/2 and 1/3 to the first, second and third feature of the own list.
with next_features as (select * from {{ ref('next_features') }}),

scored as (

    select
        account_id,
        feature_id,
        title,
        count(*) as n_users,
        round({{ kindred.exact_sum('cast(1 as double) / rank') }}, 4) as score
    from next_features
    group by
        account_id,
        feature_id,
        title

),

final as (

    select
        account_id,
        cast(row_number() over (
            partition by account_id order by score desc, n_users desc, feature_id
        ) as bigint) as rank,
        feature_id,
        title,
        n_users,
        score
    from scored
    qualify rank <= 3

)

select * from final
