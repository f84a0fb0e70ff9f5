-- one row per (fold, user_id, item_id): the pool of some hundred items of which each person's list is made
with candidates as (select * from {{ ref('candidates') }}),

generators as (select * from {{ ref('generators') }}),

item_features as (select * from {{ ref('item_features') }}),

votes as (

    select
        candidates.fold,
        candidates.user_id,
        candidates.item_id,
        generators.generator_number,
        cast(1e12 * generators.weight / (60 + candidates.rank) as bigint) as vote
    from candidates
    inner join generators
        on candidates.generator = generators.generator
    inner join item_features
        on candidates.fold = item_features.fold
            and candidates.item_id = item_features.item_id
    where item_features.is_recommendable

),

blended as (

    select
        fold,
        user_id,
        item_id,
        cast(sum(vote) as double) / 1e12 as score,
        mod(max(vote * 100 + generator_number), 100) as generator_number
    from votes
    group by
        fold,
        user_id,
        item_id

),

ranked as (

    select
        fold,
        user_id,
        item_id,
        score,
        generator_number,
        row_number() over (partition by fold, user_id order by score desc, item_id) as rank
    from blended
    qualify rank <= 100

),

final as (

    select
        ranked.fold,
        ranked.user_id,
        ranked.item_id,
        ranked.score,
        cast(ranked.rank as bigint) as rank,
        generators.generator as source,
        cast(null as varchar) as because_item_id
    from ranked
    inner join generators
        on ranked.generator_number = generators.generator_number

)

select * from final
