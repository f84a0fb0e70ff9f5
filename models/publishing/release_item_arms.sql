-- one row per item_id that an experiment has arms for: its arms, with price, creative or offer
-- Those of experiments that `arms` has. The unit's key decides, among the arms of experiment and context.
{% if kindred.has_experiments() %}
with item_arms as (

    select
        *,
        concat(experiment_id, '|', context, '|', from_key, '|', arm) as place
    from {{ ref('item_arms') }}
    -- Rounding may leave an arm no key.
    where from_key < to_key

),

final as (

    select
        item_id,
        {{ kindred.json_rows(
            ['experiment_id', 'context', 'arm', 'value', 'price', 'share', 'from_key', 'to_key'], order_by='place'
        ) }} as arms
    from item_arms
    group by item_id

)

select * from final
{% else %}
select
    cast(null as varchar) as item_id,
    cast(null as varchar) as arms
where false
{% endif %}
