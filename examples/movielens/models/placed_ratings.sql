-- one row per rating: whether it is history, evaluated in tuning or held out, by its place among the person's ratings
-- Ratings of one second have no order: a hash decides.
with ratings as (select * from {{ source('movielens', 'ratings') }}),

numbered as (

    select
        userid,
        movieid,
        rating,
        row_number() over (
            partition by userid
            order by ts desc, md5(concat(userid, '-', movieid))
        ) as place_from_newest,
        count(*) over (partition by userid) as n_ratings
    from ratings

),

final as (

    select
        cast(userid as varchar) as user_id,
        cast(movieid as varchar) as item_id,
        rating,
        place_from_newest,
        case
            when place_from_newest <= n_ratings / 5 then 'held_out'
            when place_from_newest <= 2 * (n_ratings / 5) then 'tuning'
            else 'history'
        end as part
    from numbered

)

select * from final
