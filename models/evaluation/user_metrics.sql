-- one row per (fold, policy, generator, target_group, k, user_id): how well each judged person's first k items met their targets
-- Binary relevance. Whoever a generator has no list for counts with 0 for it: all models are judged on the same people.
{% set cuts = [5, 10, 20] %}

with evaluated_lists as (select * from {{ ref('evaluated_lists') }}),

-- Each person once per group of targets: the groups by activity are part of `all`.
evaluated_people as (select * from {{ ref('evaluated_people') }} where user_group = target_group),

targets as (

    {% for target_group, condition in [
        ('all', 'true'), ('new_items', 'is_new_item'), ('discoveries', 'is_discovery')
    ] %}
    select
        fold,
        '{{ target_group }}' as target_group,
        user_id,
        item_id
    from {{ ref('targets') }}
    where {{ condition }}
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

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

hits as (

    select
        evaluated_lists.fold,
        evaluated_lists.policy,
        evaluated_lists.generator,
        targets.target_group,
        evaluated_lists.user_id,
        evaluated_lists.rank,
        row_number() over (
            partition by evaluated_lists.fold, evaluated_lists.policy, evaluated_lists.generator, targets.target_group, evaluated_lists.user_id
            order by evaluated_lists.rank
        ) as n_hits_so_far
    from evaluated_lists
    inner join targets
        on evaluated_lists.fold = targets.fold
            and evaluated_lists.user_id = targets.user_id
            and evaluated_lists.item_id = targets.item_id

),

per_cut as (

    select
        hits.fold,
        hits.policy,
        hits.generator,
        hits.target_group,
        cuts.k,
        hits.user_id,
        count(*) as n_hits,
        {{ kindred.exact_sum('1 / log(2, hits.rank + 1)', scale=15) }} as gain,
        {{ kindred.exact_sum('hits.n_hits_so_far / cast(hits.rank as double)', scale=15) }} as precision_at_hits,
        min(hits.rank) as first_hit_rank
    from hits
    inner join cuts
        on hits.rank <= cuts.k
    group by
        hits.fold,
        hits.policy,
        hits.generator,
        hits.target_group,
        cuts.k,
        hits.user_id

),

final as (

    select
        generators.fold,
        generators.policy,
        generators.generator,
        evaluated_people.target_group,
        cast(cuts.k as bigint) as k,
        evaluated_people.user_id,
        cast(coalesce(per_cut.n_hits, 0) as double) / cuts.k as precision,
        cast(coalesce(per_cut.n_hits, 0) as double) / evaluated_people.n_targets as recall,
        cast(case when per_cut.n_hits > 0 then 1 else 0 end as double) as hit_rate,
        coalesce(per_cut.gain, 0) / ideals.ideal_gain as ndcg,
        coalesce(per_cut.precision_at_hits, 0) / least(evaluated_people.n_targets, cuts.k) as average_precision,
        coalesce(1 / cast(per_cut.first_hit_rank as double), 0) as mrr
    from evaluated_people
    inner join generators
        on evaluated_people.fold = generators.fold
    cross join cuts
    inner join ideals
        on ideals.rank = least(evaluated_people.n_targets, cuts.k)
    left join per_cut
        on evaluated_people.fold = per_cut.fold
            and evaluated_people.user_id = per_cut.user_id
            and evaluated_people.target_group = per_cut.target_group
            and generators.policy = per_cut.policy
            and generators.generator = per_cut.generator
            and cuts.k = per_cut.k

)

select * from final
