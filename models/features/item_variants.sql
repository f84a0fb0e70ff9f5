-- one row per item_id: the thing that an item is one size or colour of
{% set attribute = kindred.setting('lists', 'variant_attribute') %}

with items as (

    select
        item_id,
        {% if attribute -%}
        nullif({{ kindred.json_text('attributes', attribute) }}, '') as named_group,
        {%- else -%}
        cast(null as varchar) as named_group,
        {%- endif %}
        brand,
        nullif(trim(description), '') as description
    from {{ ref('kindred', 'items') }}

),

-- A shop that names no groups gives the sizes and colours of a thing one description. A text that more than a hundred
-- items of a brand share is about the brand.
final as (

    select
        item_id,
        coalesce(
            named_group,
            case
                when brand is not null
                    and description is not null
                    and count(*) over (partition by brand, description, named_group) <= 100
                    then min(item_id) over (partition by brand, description, named_group)
            end,
            item_id
        ) as variant_group
    from items

)

select * from final
