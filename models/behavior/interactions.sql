-- one row per (fold, user_id, item_id): what a person's events with an item add up to at the fold's moment
-- One aggregate per fold: with the fold among its keys a single one takes a third longer at 20 million events.
{% set ceiling = kindred.setting('traffic', 'max_events_per_person') %}
{#- Up to the ceiling each event counts whole, above it n events count as ceiling + ln(1 + n - ceiling): a script that
    opens one page 60,000 times counts as 16 events, and more events still count more. -#}
{% set share %}
round(case
    when count(*) > {{ ceiling }} then ({{ ceiling }} + ln(1 + count(*) - {{ ceiling }})) / count(*)
    else 1
end, 9)
{% endset %}

{% for fold in kindred.fold_names() %}
select
    '{{ fold }}' as fold,
    user_id,
    item_id,
    {{ kindred.exact_sum('weight') }} * {{ share | trim | indent(4) }} as weight,
    {{ kindred.exact_sum('case when is_recent then weight else 0 end') }}
    * {{ share | trim | indent(4) }} as recent_weight,
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
