-- one row per (segment, rank): what is rising, in each segment and (segment '') for everyone
select
    segment,
    cast(rank as bigint) as rank,
    item_id,
    cast(score as double) as score,
    generator as source,
    '{{ invocation_id }}' as run_id,
    cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
from {{ ref('popular_items') }}
where fold = 'live'
    and generator in ('trending', 'trending_in_segment')
    and rank <= {{ var('kindred__n_recommendations') }}
