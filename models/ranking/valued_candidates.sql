-- one row per (fold, policy, user_id, item_id): the fitting candidates with the value that lists are ordered by
-- depends_on: {{ ref('checked_policies') }}, {{ ref('item_features') }}
{{ config(materialized='view') }}
{% set is_diverse = kindred.some_policy_has('diversity') %}

-- Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998) takes one item after the other, each time the largest
-- (1 - d) * relevance - d * (largest similarity to the items taken). Let similarity be 1 within a category, else 0.
-- Then an item loses d if its category is taken, and nothing if not. All items of a category lose the same, so the
-- most relevant one is taken first and loses nothing, and the others lose d when their turn comes. Until the first is
-- taken it is ahead of them at every turn, whatever they lose; so nothing changes if they lose d from the beginning:
-- one sort by (1 - d) * relevance - d * (is not the first of its category) gives the greedy list without the loop.
-- Relevance is the score scaled to 0 .. 1 within the person's candidates. Pinned items are taken beforehand.
{% if is_diverse %}
with scaled as (

    select
        candidates.*,
        policies.diversity,
        item_features.category,
        min(case when candidates.popular_rank is null and candidates.pin_number is null then candidates.score end)
            over (partition by candidates.fold, candidates.policy, candidates.user_id) as lowest,
        max(case when candidates.popular_rank is null and candidates.pin_number is null then candidates.score end)
            over (partition by candidates.fold, candidates.policy, candidates.user_id) as highest,
        row_number() over (
            partition by candidates.fold, candidates.policy, candidates.user_id, item_features.category
            order by
                candidates.pin_number nulls last,
                candidates.stage,
                candidates.popular_rank nulls first,
                candidates.score desc,
                candidates.item_id
        ) as number_in_category
    from {{ ref('fitting_candidates') }} as candidates
    inner join {{ ref('checked_policies') }} as policies
        on candidates.policy = policies.policy
    left join {{ ref('item_features') }} as item_features
        on candidates.fold = item_features.fold
            and candidates.item_id = item_features.item_id

),

final as (

    select
        fold,
        policy,
        user_id,
        item_id,
        generator,
        score,
        pin_number,
        popular_rank,
        stage,
        -- Without diversity the score itself: a rounded quotient could make two of them equal.
        case
            when diversity = 0 then score
            else
                (1 - diversity) * coalesce((score - lowest) / nullif(highest - lowest, 0), 1)
                - case when category is null or number_in_category = 1 then 0 else diversity end
        end as marginal_relevance
    from scaled

)
{% else %}
with final as (

    select
        fold,
        policy,
        user_id,
        item_id,
        generator,
        score,
        pin_number,
        popular_rank,
        stage,
        score as marginal_relevance
    from {{ ref('fitting_candidates') }}

)
{% endif %}

select * from final
