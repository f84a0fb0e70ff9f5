-- one row per (fold, item_id)
select
    items.fold,
    items.key as item_id,
    items.factors,
    session_items.factors as session_factors
from {{ ref('transformer_parameters') }} as items
inner join {{ ref('transformer_parameters') }} as session_items
    on items.fold = session_items.fold
        and items.key = session_items.key
where items.parameter = 'item'
    and session_items.parameter = 'session_item'
