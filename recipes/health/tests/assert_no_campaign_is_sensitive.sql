-- A newsletter about a sensitive category says in an inbox what only its reader may know.
select
    campaigns.campaign_id,
    sensitive_categories.category
from {{ ref('health_campaigns') }} as campaigns
left join {{ ref('health_items') }} as items
    on campaigns.item_id = items.item_id
inner join {{ ref('sensitive_categories') }} as sensitive_categories
    on lower(coalesce(campaigns.category, items.category)) = lower(sensitive_categories.category)
