-- one row per (segment, rank): the list for users without one: their segment's, else (segment '') the global one
{% set reach = kindred.setting('lists', 'n_candidates') | int + kindred.setting('lists', 'n_recommendations') | int %}

with popular_items as (select * from {{ ref('popular_items') }} where fold = 'live'),

generators as (select * from {{ ref('generators') }}),

-- What is excluded for everyone isn't among the popular items at all. Users without a list are cold.
excluded as (

    select
        segment,
        item_id
    from {{ ref('item_rules') }}
    where fold = 'live'
        and action = 'exclude'
        and (activity is null or activity = 'cold')
        and policy is null
    group by
        segment,
        item_id

),

-- Where nobody has done anything yet a rule counts all the same: the list is everyone's without what it excludes.
segments as (

    select segment from popular_items
    union
    select segment from excluded
    where segment is not null

),

-- A segment sees its own lists and those for everyone, so that a small segment's list is as long as any.
votes as (

    select
        segments.segment,
        popular_items.item_id,
        generators.generator,
        cast(1e12 * generators.weight / (60 + popular_items.rank) as bigint) as vote
    from segments
    inner join popular_items
        on popular_items.segment in (segments.segment, '')
    inner join generators
        on popular_items.generator = generators.generator
    left join excluded
        on popular_items.item_id = excluded.item_id
            and segments.segment = coalesce(excluded.segment, segments.segment)
    -- Of whom nothing is known nobody knows that they may see it.
    left join {{ ref('item_eligibility') }} as item_eligibility
        on popular_items.item_id = item_eligibility.item_id
    where excluded.item_id is null
        and item_eligibility.item_id is null
        and popular_items.rank <= {{ reach }}

),

numbered as (

    select
        *,
        row_number() over (partition by segment, item_id order by vote desc, generator desc) as vote_number
    from votes

),

-- The generator of the largest vote stands for the item.
blended as (

    select
        segment,
        item_id,
        cast(sum(vote) as double) / 1e12 as score,
        max(case when vote_number = 1 then generator end) as generator
    from numbered
    group by
        segment,
        item_id

),

ranked as (

    select
        segment,
        item_id,
        score,
        generator,
        row_number() over (partition by segment order by score desc, item_id) as rank
    from blended

),

final as (

    select
        ranked.segment,
        cast(ranked.rank as bigint) as rank,
        ranked.item_id,
        ranked.score,
        generators.generator,
        generators.reason,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from ranked
    inner join generators
        on ranked.generator = generators.generator
    where ranked.rank <= {{ kindred.setting('lists', 'n_recommendations') }}

)

select * from final
