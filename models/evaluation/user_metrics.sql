-- one row per (fold, policy, generator, target_group, k, user_id): how well the first k items of a list met the targets
-- Binary relevance. A person for whom a generator has no list counts 0: all are evaluated on the same people.
with evaluated_lists as (select * from {{ ref('evaluated_lists') }}),

hits as (select * from {{ ref('list_hits') }}),

-- Each person once per group of targets: the groups by activity are part of `all`.
evaluated_people as (select * from {{ ref('evaluated_people') }} where user_group = target_group),

generators as (

    select
        fold,
        policy,
        generator
    from evaluated_lists
    group by
        fold,
        policy,
        generator

),

cuts as (select k from {{ ref('evaluated_cuts') }}),

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

final as (

    select
        generators.fold,
        generators.policy,
        generators.generator,
        evaluated_people.target_group,
        cast(cuts.k as bigint) as k,
        evaluated_people.user_id,
        cast(coalesce(hits.n_hits, 0) as double) / cuts.k as precision,
        cast(coalesce(hits.n_hits, 0) as double) / evaluated_people.n_targets as recall,
        cast(case when hits.n_hits > 0 then 1 else 0 end as double) as hit_rate,
        coalesce(hits.gain, 0) / ideals.ideal_gain as ndcg,
        coalesce(hits.precision_at_hits, 0) / least(evaluated_people.n_targets, cuts.k) as average_precision,
        coalesce(1 / cast(hits.first_hit_rank as double), 0) as mrr
    from evaluated_people
    inner join generators
        on evaluated_people.fold = generators.fold
    cross join cuts
    inner join ideals
        on ideals.rank = least(evaluated_people.n_targets, cuts.k)
    left join hits
        on evaluated_people.fold = hits.fold
            and evaluated_people.user_id = hits.user_id
            and evaluated_people.target_group = hits.target_group
            and generators.policy = hits.policy
            and generators.generator = hits.generator
            and cuts.k = hits.k

)

select * from final
