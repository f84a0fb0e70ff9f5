-- one row per (fold, policy, generator, target_group, k, user_id) with a hit: what the first k items hit
{{ config(materialized='view') }}

with evaluated_lists as (select * from {{ ref('evaluated_lists') }}),

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

cuts as (select k from {{ ref('evaluated_cuts') }}),

hits as (

    select
        evaluated_lists.fold,
        evaluated_lists.policy,
        evaluated_lists.generator,
        targets.target_group,
        evaluated_lists.user_id,
        evaluated_lists.rank,
        row_number() over (
            partition by
                evaluated_lists.fold,
                evaluated_lists.policy,
                evaluated_lists.generator,
                targets.target_group,
                evaluated_lists.user_id
            order by evaluated_lists.rank
        ) as n_hits_so_far
    from evaluated_lists
    inner join targets
        on evaluated_lists.fold = targets.fold
            and evaluated_lists.user_id = targets.user_id
            and evaluated_lists.item_id = targets.item_id

),

final as (

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

)

select * from final
