-- one row per (fold, user_id, item_id): what a person's events with an item add up to at the fold's moment
-- One aggregate per fold: with the fold among its keys a single one takes a third longer at 20 million events.
{% for fold in kindred.fold_names() %}
select
    '{{ fold }}' as fold,
    user_id,
    item_id,
    {{ kindred.exact_sum('weight') }} as weight,
    {{ kindred.exact_sum('case when is_recent then weight else 0 end') }} as recent_weight,
    count(*) as n_events,
    count(case when event_type = 'view' then 1 end) as n_views,
    count(case when event_type = 'add_to_cart' then 1 end) as n_carts,
    count(case when event_type = 'purchase' then 1 end) as n_purchases,
    max(case when excludes_item then 1 else 0 end) = 1 as is_excluded,
    max(occurred_at) as last_at
from {{ ref('fold_events') }}
where fold = '{{ fold }}'
group by
    user_id,
    item_id
{{ "union all" if not loop.last }}
{% endfor %}
