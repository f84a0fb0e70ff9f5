-- one row per (fold, segment, user_id): who is judged, once among all and once in the group of their activity
with targets as (select * from {{ ref('targets') }}),

user_features as (select * from {{ ref('user_features') }}),

counted as (

    select
        targets.fold,
        targets.user_id,
        user_features.activity,
        count(*) as n_targets
    from targets
    inner join user_features
        on targets.fold = user_features.fold
            and targets.user_id = user_features.user_id
    group by
        targets.fold,
        targets.user_id,
        user_features.activity

),

final as (

    select
        fold,
        'all' as segment,
        user_id,
        n_targets
    from counted

    union all

    select
        fold,
        activity as segment,
        user_id,
        n_targets
    from counted

)

select * from final
