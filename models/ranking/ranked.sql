-- one row per (fold, user_id, rank) placeholder until rules are merged
select
    s.fold,
    s.user_id,
    s.rank,
    s.item_id,
    s.score,
    s.source,
    g.reason
from {{ ref('scored_candidates') }} as s
left join {{ ref('generators') }} as g on s.source = g.generator
where s.rank <= {{ var('kindred__n_recommendations') }}
