-- one row per (fold, user_id, item_id): each person's best candidates, blended from all generators
-- Reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009): each generator gives an item weight / (60 + rank).
-- It needs no common scale of scores, and where a person has no history what is popular moves up by itself.
{#- A list is made from so many: rules, caps and exploration need some beyond its length. -#}
{% set pool = [100, 2 * var('kindred__n_recommendations') | int] | max %}

with candidates as (select * from {{ ref('candidates') }}),

generators as (select * from {{ ref('generators') }}),

item_features as (select * from {{ ref('item_features') }}),

votes as (

    select
        candidates.fold,
        candidates.user_id,
        candidates.item_id,
        generators.generator_number,
        -- Whole numbers add up to the same sum in any order.
        cast(1e12 * generators.weight / (60 + candidates.rank) as bigint) as vote
    from candidates
    inner join generators
        on candidates.generator = generators.generator
    inner join item_features
        on candidates.fold = item_features.fold
            and candidates.item_id = item_features.item_id
    where item_features.is_recommendable

),

-- The generator with the largest vote is the source; its number rides in the last digits of the vote, which saves a
-- window over all candidates and breaks ties.
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
    qualify rank <= {{ pool }}

),

final as (

    select
        ranked.fold,
        ranked.user_id,
        ranked.item_id,
        generators.generator as source,
        cast(null as varchar) as because_item_id,
        ranked.score,
        cast(ranked.rank as bigint) as rank
    from ranked
    inner join generators
        on ranked.generator_number = generators.generator_number

)

select * from final
