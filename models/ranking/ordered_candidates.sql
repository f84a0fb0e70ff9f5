-- one row per (fold, policy, user_id, item_id): the candidates that aren't pinned, in the order of their places
{{ config(materialized='view') }}
{%- set by_relevance %}
valued.stage, valued.popular_rank nulls first, valued.marginal_relevance desc, valued.score desc, valued.item_id
{%- endset %}

-- Read where a share is asked for alone, and built before the unit tests, which ask for one:
-- depends_on: {{ ref('interactions') }}, {{ ref('checked_policies') }}
{% if kindred.some_policy_has('discovery_share') %}
-- Of the first p places of a list at least floor(share * p) go to discoveries, items without a purchase by the person:
-- the minimum share of every prefix of FA*IR (Zehlike et al., CIKM 2017). Greedy: where the next place needs one, the
-- best discovery that is left takes it, else the best item does. So discoveries keep their order by value and so do the
-- others, and all that is to be known is how many discoveries stand before the other with number j: those that are
-- worth more, or the smallest d with share * (j + d) < d + 1, which is floor(share * (j - 1) / (1 - share)), where
-- that is more. Variants of better items (stage 1) come after all of stage 0, and count for themselves.
with valued as (

    select
        candidates.*,
        policies.discovery_share,
        bought.item_id is null as is_discovery
    from {{ ref('valued_candidates') }} as candidates
    inner join {{ ref('checked_policies') }} as policies
        on candidates.policy = policies.policy
    left join {{ ref('interactions') }} as bought
        on candidates.fold = bought.fold
            and candidates.user_id = bought.user_id
            and candidates.item_id = bought.item_id
            and bought.n_purchases > 0
    where candidates.pin_number is null

),

by_value as (

    select
        valued.*,
        row_number() over (partition by valued.fold, valued.policy, valued.user_id order by {{ by_relevance }})
            as place_by_value
    from valued

),

numbered as (

    select
        *,
        row_number() over (
            partition by fold, policy, user_id, stage, is_discovery order by place_by_value
        ) as number_of_its_kind,
        sum(case when is_discovery then 1 else 0 end) over (
            partition by fold, policy, user_id, stage
            order by place_by_value rows between unbounded preceding and current row
        ) as n_better_discoveries
    from by_value

),

-- The share's rounding errors must not move a place: .3 * 7 / .7 is a little more or less than 3.
keyed as (

    select
        *,
        case
            when is_discovery then number_of_its_kind - 1
            else greatest(
                n_better_discoveries,
                coalesce(floor(discovery_share * (number_of_its_kind - 1) / nullif(1 - discovery_share, 0) + 1e-9), 1e9)
            )
        end as n_discoveries_before
    from numbered

),

final as (

    select
        fold,
        policy,
        user_id,
        item_id,
        generator,
        score,
        popular_rank,
        stage,
        is_discovery,
        row_number() over (
            partition by fold, policy, user_id
            order by stage, n_discoveries_before, is_discovery, place_by_value
        ) as place
    from keyed

)
{% else %}
with final as (

    select
        valued.fold,
        valued.policy,
        valued.user_id,
        valued.item_id,
        valued.generator,
        valued.score,
        valued.popular_rank,
        valued.stage,
        cast(null as boolean) as is_discovery,
        row_number() over (partition by valued.fold, valued.policy, valued.user_id order by {{ by_relevance }}) as place
    from {{ ref('valued_candidates') }} as valued
    where valued.pin_number is null

)
{% endif %}

select * from final
