-- one row per film
with movies as (select * from {{ source('movielens', 'movies') }}),

final as (

    select
        cast(movieid as varchar) as item_id,
        title,
        split_part(genres, '|', 1) as category,
        json_object(
            'genres', replace(genres, '|', ' '),
            'year', regexp_extract(title, '[(]([0-9]+)[)] *$', 1)
        ) as attributes
    from movies

)

select * from final
