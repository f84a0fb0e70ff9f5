-- one row per (experiment_id, context, item_id, arm): an arm with a share that an item may be in, and what it costs there
-- Experiments of prices and of creatives, and those with an arm for a category or a brand.
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

{% set floor = kindred.number_literal(1 + kindred.setting('experiments', 'margin_floor') | float) %}

with declared as (

    select
        experiment_id,
        arm,
        price_step,
        category,
        brand
    from {{ ref('checked_arms') }}

),

arms as (

    select
        current_arms.experiment_id,
        current_arms.context,
        current_arms.arm,
        current_arms.kind,
        current_arms.position,
        current_arms.share as arm_share,
        current_arms.value,
        current_arms.factor,
        declared.category,
        declared.brand,
        declared.price_step,
        -- Bounds that are no multiples of the step: the nearest multiples between them.
        ceil(current_arms.min_price / declared.price_step - 1e-9) * declared.price_step as lowest,
        floor(current_arms.max_price / declared.price_step + 1e-9) * declared.price_step as highest,
        sum(case when current_arms.share > 0 then 1 else 0 end) over (
            partition by current_arms.experiment_id, current_arms.context
        ) as n_arms
    from {{ ref('current_arms') }} as current_arms
    inner join declared
        on current_arms.experiment_id = declared.experiment_id
            and current_arms.arm = declared.arm
    where current_arms.is_by_item

),

items as (

    select
        item_id,
        category,
        brand,
        price,
        margin,
        {{ kindred.json_text('attributes', 'creatives') }} as creatives
    from {{ ref('kindred', 'items') }}

),

rounded as (

    select
        arms.*,
        items.item_id,
        items.creatives,
        items.price as own_price,
        items.price - items.margin as cost,
        round(items.price * arms.factor / arms.price_step) * arms.price_step as multiple
    from arms
    inner join items
        on (arms.category is null or arms.category = items.category)
            and (arms.brand is null or arms.brand = items.brand)
    where arms.arm_share > 0

),

-- A factor of 1 is the price as it is.
priced as (

    select
        *,
        case
            when kind <> 'price' or own_price is null then null
            when factor = 1 then own_price
            else round(least(greatest(multiple, coalesce(lowest, -1e12)), coalesce(highest, 1e12)), 6)
        end as price
    from rounded

),

-- Where the margin is unknown a price falls below the shop's own only as far as the shop says, by min_price.
judged as (

    select
        *,
        case
            when kind = 'choice' then coalesce(contains(creatives, concat('"', value, '"')), false)
            when kind <> 'price' then true
            when price is null then false
            when factor = 1 then true
            when price <= 0 or lowest > highest then false
            when cost is null then price >= own_price or lowest is not null
            else price >= cost * {{ floor }} - 1e-9
        end as is_eligible
    from priced

)

select
    experiment_id,
    context,
    item_id,
    arm,
    position,
    arm_share,
    n_arms,
    value,
    cast(price as double) as price
from judged
where is_eligible
