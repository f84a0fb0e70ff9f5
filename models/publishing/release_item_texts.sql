-- one row per item_id of which more is said than release_items has: what a search reads of it
{#- As much of a text as the encoder reads. -#}
{% set longest = 2000 %}

with items as (select * from {{ ref('kindred', 'items') }}),

release_items as (select * from {{ ref('release_items') }} where is_recommendable),

texts as (

    select
        items.item_id,
        left(items.description, {{ longest }}) as description,
        left(items.attributes, {{ longest }}) as attributes,
        {% if kindred.setting('generators', 'text_encoder') != '' -%}
        {{ kindred.json_text('items.embedding', 'words') }} as vector
        {%- else -%}
        cast(null as varchar) as vector
        {%- endif %}
    from items
    inner join release_items
        on items.item_id = release_items.item_id

),

final as (

    select *
    from texts
    where coalesce(description, attributes, vector) is not null

)

select * from final
