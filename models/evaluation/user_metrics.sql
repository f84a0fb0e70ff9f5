-- one row per (fold, model, target_group, k, user_id): how well each judged person's first k items met their targets
-- Binary relevance. Whoever a model has no list for counts with 0 for it: all models are judged on the same people.
{% set cuts = [5, 10, 20] %}

with judged_lists as (select * from {{ ref('judged_lists') }}),

-- Each person once per group of targets: the groups by activity are part of `all`.
judged_people as (select * from {{ ref('judged_people') }} where segment = target_group),

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

hits as (

    select
        judged_lists.fold,
        judged_lists.model,
        targets.target_group,
        judged_lists.user_id,
        judged_lists.rank,
        row_number() over (
            partition by judged_lists.fold, judged_lists.model, targets.target_group, judged_lists.user_id
            order by judged_lists.rank
        ) as n_hits_so_far
    from judged_lists
    inner join targets
        on judged_lists.fold = targets.fold
            and judged_lists.user_id = targets.user_id
            and judged_lists.item_id = targets.item_id

),

per_cut as (

    select
        hits.fold,
        hits.model,
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
        hits.model,
        hits.target_group,
        cuts.k,
        hits.user_id

),

final as (

    select
        models.fold,
        models.model,
        judged_people.target_group,
        cast(cuts.k as bigint) as k,
        judged_people.user_id,
        cast(coalesce(per_cut.n_hits, 0) as double) / cuts.k as precision,
        cast(coalesce(per_cut.n_hits, 0) as double) / judged_people.n_targets as recall,
        cast(case when per_cut.n_hits > 0 then 1 else 0 end as double) as hit_rate,
        coalesce(per_cut.gain, 0) / ideals.ideal_gain as ndcg,
        coalesce(per_cut.precision_at_hits, 0) / least(judged_people.n_targets, cuts.k) as average_precision,
        coalesce(1 / cast(per_cut.first_hit_rank as double), 0) as mrr
    from judged_people
    inner join models
        on judged_people.fold = models.fold
    cross join cuts
    inner join ideals
        on ideals.rank = least(judged_people.n_targets, cuts.k)
    left join per_cut
        on judged_people.fold = per_cut.fold
            and judged_people.user_id = per_cut.user_id
            and judged_people.target_group = per_cut.target_group
            and models.model = per_cut.model
            and cuts.k = per_cut.k

)

select * from final
