-- one row per (fold, model, k, user_id): how good each judged person's first k items were
-- Binary relevance. Whoever a model has no list for counts with 0 for it: all models are judged on the same people.
{% set cuts = [5, 10, 20] %}

with targets as (select * from {{ ref('targets') }}),

judged_lists as (select * from {{ ref('judged_lists') }}),

item_features as (select * from {{ ref('item_features') }}),

judged_people as (select * from {{ ref('judged_people') }} where segment = 'all'),

people_per_fold as (

    select
        fold,
        count(*) as n_people
    from {{ ref('user_features') }}
    where n_items > 0
    group by fold

),

models as (

    select
        fold,
        model
    from judged_lists
    group by
        fold,
        model

),

cuts as (

    {% for k in cuts %}
    select {{ k }} as k
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

-- The best that a person with so many targets could get: the gain of hits on all the first ranks. It is added up as
-- the gain is, so that a perfect list has an ndcg of 1 to the last bit.
ideals as (

    select
        rank,
        cast(
            sum(cast(1 / log(2, rank + 1) as decimal(18, 15))) over (
                order by rank rows between unbounded preceding and current row
            ) as double
        ) as ideal_gain
    from (
        {% for rank in range(1, 21) %}
        select {{ rank }} as rank
        {{ "union all" if not loop.last }}
        {%- endfor %}
    ) as ranks

),

shown as (

    select
        judged_lists.fold,
        judged_lists.model,
        judged_lists.user_id,
        judged_lists.item_id,
        judged_lists.rank,
        item_features.category,
        -log(2, greatest(coalesce(item_features.n_users, 0), 1) / cast(people_per_fold.n_people as double)) as novelty,
        case when targets.item_id is not null then 1 else 0 end as is_hit
    from judged_lists
    inner join judged_people
        on judged_lists.fold = judged_people.fold
            and judged_lists.user_id = judged_people.user_id
    left join targets
        on judged_lists.fold = targets.fold
            and judged_lists.user_id = targets.user_id
            and judged_lists.item_id = targets.item_id
    left join item_features
        on judged_lists.fold = item_features.fold
            and judged_lists.item_id = item_features.item_id
    left join people_per_fold
        on judged_lists.fold = people_per_fold.fold

),

counted as (

    select
        *,
        sum(is_hit) over (
            partition by fold, model, user_id order by rank
            rows between unbounded preceding and current row
        ) as n_hits_so_far,
        -- Items of the same kind above this one: the pairs that are alike, counted without joining the list to itself.
        count(category)
            over (
                partition by fold, model, user_id, category order by rank
                rows between unbounded preceding and current row
            )
        - case when category is null then 0 else 1
        end as n_alike_above
    from shown

),

per_cut as (

    select
        counted.fold,
        counted.model,
        cuts.k,
        counted.user_id,
        count(*) as n_shown,
        sum(counted.is_hit) as n_hits,
        {{ kindred.exact_sum('counted.is_hit / log(2, counted.rank + 1)', scale=15) }} as gain,
        {{ kindred.exact_sum('counted.is_hit * counted.n_hits_so_far / cast(counted.rank as double)', scale=15) }}
            as precision_at_hits,
        min(case when counted.is_hit = 1 then counted.rank end) as first_hit_rank,
        {{ kindred.exact_sum('counted.novelty', scale=12) }} / count(*) as novelty,
        sum(counted.n_alike_above) as n_alike_pairs,
        count(counted.category) as n_categorised
    from counted
    inner join cuts
        on counted.rank <= cuts.k
    group by
        counted.fold,
        counted.model,
        cuts.k,
        counted.user_id

),

final as (

    select
        models.fold,
        models.model,
        cast(cuts.k as bigint) as k,
        judged_people.user_id,
        cast(coalesce(per_cut.n_hits, 0) as double) / cuts.k as precision,
        cast(coalesce(per_cut.n_hits, 0) as double) / judged_people.n_targets as recall,
        cast(case when per_cut.n_hits > 0 then 1 else 0 end as double) as hit_rate,
        coalesce(per_cut.gain, 0) / ideals.ideal_gain as ndcg,
        coalesce(per_cut.precision_at_hits, 0) / least(judged_people.n_targets, cuts.k) as average_precision,
        coalesce(1 / cast(per_cut.first_hit_rank as double), 0) as mrr,
        per_cut.novelty,
        case
            when per_cut.n_shown > 1 and per_cut.n_categorised > 0
                then 1 - 2 * per_cut.n_alike_pairs / cast(per_cut.n_shown * (per_cut.n_shown - 1) as double)
        end as diversity
    from judged_people
    inner join models
        on judged_people.fold = models.fold
    cross join cuts
    inner join ideals
        on ideals.rank = least(judged_people.n_targets, cuts.k)
    left join per_cut
        on judged_people.fold = per_cut.fold
            and judged_people.user_id = per_cut.user_id
            and models.model = per_cut.model
            and cuts.k = per_cut.k

)

select * from final
