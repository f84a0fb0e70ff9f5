-- one row per (fold, user_id, rank): each person's list: ordered, made diverse, some places drawn, cut to length
{% set n = kindred.setting('lists', 'n_recommendations') | int %}
{% set diversity = kindred.setting('ranking', 'diversity') | float %}
{% set share = kindred.setting('ranking', 'exploration_share') | float if 'live' in kindred.fold_names() else 0 %}
{% set n_explored = (share * n + 0.5) | int %}
{#- So many candidates from the first drawn place on may stand there, and so many more that hardly anybody touched. -#}
{% set pool = 20 %}
{% set new_pool = 10 %}

with generators as (select * from {{ ref('generators') }}),

pins as (select * from {{ ref('ruled_candidates') }} where pin_number is not null),

{% if diversity > 0 %}
-- Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998) takes one item after the other, each time the largest
-- (1 - d) * relevance - d * (largest similarity to what is taken). Let similarity be 1 within a category, else 0. Then an
-- item pays d if its category is taken, and nothing if not. The items of a category always pay alike, so the most
-- relevant comes first and pays nothing, and all others pay d when their turn comes. While the first isn't taken it
-- has the better of them at every turn, whatever they would pay; so nothing changes if they pay d from the beginning:
-- one sort by (1 - d) * relevance - d * (is not the first of its category) is the greedy list, without the loop.
-- Relevance is the score scaled to 0 .. 1 within the person's candidates. What is pinned is taken beforehand.
scaled as (

    select
        candidates.*,
        item_features.category,
        min(case when candidates.popular_rank is null and candidates.pin_number is null then candidates.score end)
            over (partition by candidates.fold, candidates.user_id) as lowest,
        max(case when candidates.popular_rank is null and candidates.pin_number is null then candidates.score end)
            over (partition by candidates.fold, candidates.user_id) as highest,
        row_number() over (
            partition by candidates.fold, candidates.user_id, item_features.category
            order by
                candidates.pin_number nulls last,
                candidates.stage,
                candidates.popular_rank nulls first,
                candidates.score desc,
                candidates.item_id
        ) as number_in_category
    from {{ ref('fitting_candidates') }} as candidates
    left join {{ ref('item_features') }} as item_features
        on candidates.fold = item_features.fold
            and candidates.item_id = item_features.item_id

),

valued as (

    select
        *,
        {{ 1 - diversity }} * coalesce((score - lowest) / nullif(highest - lowest, 0), 1)
        - case when category is null or number_in_category = 1 then 0 else {{ diversity }} end as marginal_relevance
    from scaled

),
{% else %}
valued as (

    select
        *,
        score as marginal_relevance
    from {{ ref('fitting_candidates') }}

),
{% endif %}
{%- set by_relevance %}
valued.stage, valued.popular_rank nulls first, valued.marginal_relevance desc, valued.score desc, valued.item_id
{%- endset %}
{% if n_explored %}
-- What generators that learn from people's choices can't see yet, and rank too low to be seen by anybody.
new_items as (

    select item_id
    from {{ ref('item_features') }}
    where fold = 'live'
        and n_users < 5

),

ordered as (

    select
        valued.*,
        new_items.item_id is not null and valued.popular_rank is null as is_new,
        row_number() over (partition by valued.fold, valued.user_id order by {{ by_relevance }}) as place,
        row_number() over (
            partition by valued.fold, valued.user_id, new_items.item_id is not null and valued.popular_rank is null
            order by {{ by_relevance }}
        ) as place_of_its_kind
    from valued
    left join new_items
        on valued.item_id = new_items.item_id
            and valued.fold = 'live'
    where valued.pin_number is null
    qualify place <= {{ n + pool }} or (is_new and place_of_its_kind <= {{ new_pool }})

),
{% else %}
ordered as (

    select
        valued.*,
        row_number() over (partition by valued.fold, valued.user_id order by {{ by_relevance }}) as place
    from valued
    where valued.pin_number is null
    qualify place <= {{ n }}

),
{% endif %}

pin_counts as (

    select
        fold,
        user_id,
        count(*) as n_pins
    from pins
    group by
        fold,
        user_id

),

-- The last of the places that pins leave are given by chance, but only in what is published: the lists that are judged
-- are those that would be shown without it.
placed as (

    select
        ordered.*,
        {{ n }} - coalesce(pin_counts.n_pins, 0) as n_places,
        {% if n_explored -%}
        (ordered.fold = 'live' and ordered.place > {{ n - n_explored }} - coalesce(pin_counts.n_pins, 0))
        {%- else -%}
        false
        {%- endif %} as is_drawn
    from ordered
    left join pin_counts
        on ordered.fold = pin_counts.fold
            and ordered.user_id = pin_counts.user_id
    where ordered.place <= {{ n }} - coalesce(pin_counts.n_pins, 0)
    {%- if n_explored %}
    or (
        ordered.fold = 'live'
        and ordered.stage = 0
        and (
            ordered.place <= {{ n - n_explored + pool }} - coalesce(pin_counts.n_pins, 0)
            or (ordered.is_new and ordered.place_of_its_kind <= {{ new_pool }})
        )
    )
    {%- endif %}

),
{% if n_explored %}
-- To sort by a hash is to draw without replacement: each of the pool's items is equally likely to stand at each drawn
-- place. The day is in the hash, so a replay draws the same and the next day anew.
days as (

    select
        fold,
        cast(extract(year from as_of) * 10000 + extract(month from as_of) * 100 + extract(day from as_of) as varchar)
            as day
    from {{ ref('folds') }}

),

drawn as (

    select
        placed.*,
        case when placed.is_drawn then md5(concat(placed.user_id, '|', placed.item_id, '|', days.day)) end as lot
    from placed
    inner join days
        on placed.fold = days.fold

),

organic as (

    select
        *,
        row_number() over (
            partition by fold, user_id
            order by is_drawn, case when not is_drawn then place end, lot nulls first, item_id
        ) as key,
        case
            when is_drawn then cast(1 as double) / count(*) over (partition by fold, user_id, is_drawn)
            else 1
        end as propensity
    from drawn
    qualify key <= n_places

),
{% else %}
organic as (

    select
        *,
        place as key,
        1 as propensity
    from placed

),
{% endif %}
-- Before the pin with number i and rank r there are r - i other items.
merged as (

    select
        fold,
        user_id,
        item_id,
        case when is_drawn then 'exploration' else generator end as generator,
        score,
        propensity,
        key,
        cast(null as bigint) as pin_number
    from organic

    union all

    select
        fold,
        user_id,
        item_id,
        'pinned' as generator,
        score,
        1 as propensity,
        pinned_rank - pin_number + 1 as key,
        pin_number
    from pins

),

final as (

    select
        merged.fold,
        merged.user_id,
        merged.item_id,
        'main' as policy,
        merged.generator,
        coalesce(generators.reason, merged.generator) as reason,
        cast(row_number() over (
            partition by merged.fold, merged.user_id order by merged.key, merged.pin_number nulls last
        ) as bigint) as rank,
        merged.score,
        cast(merged.propensity as double) as propensity
    from merged
    left join generators
        on merged.generator = generators.generator

)

select * from final
