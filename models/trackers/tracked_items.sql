-- one row per item that a tracker's catalogue has or its events name, in the shape of the input `items`
-- A shop's own catalogue (Shopify) comes first; of what events say of an item, the newest that isn't null counts.
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

{% set facts = ['title', 'brand', 'category', 'price'] %}
{% set catalogues = [] %}
{% for schema in kindred.tracker_schemas('shopify') %}
    {% set tables = kindred.schema_tables('shopify', schema) %}
    {% if tables.get('product') %}
        {% set products = kindred.shopify_products(tables) %}
        {% do catalogues.append("select " ~ loop.index ~ " as shop_number, products.* from (" ~ products ~ ") as products") %}
    {% endif %}
{% endfor %}

with named as (

    select *
    from {{ ref('tracker_rows') }}
    where item_id is not null
        and event_type is not null
        and refusal is null

),

-- Few, as an item's facts change seldom.
said as (

    select
        item_id,
        title,
        brand,
        category,
        case when source <> 'shopify' then price end as price,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from named
    group by
        item_id,
        title,
        brand,
        category,
        case when source <> 'shopify' then price end

),

first_seen as (

    select
        item_id,
        min(first_at) as created_at
    from said
    group by item_id

),
{% for fact in facts %}
{{ fact }}_numbered as (

    select
        item_id,
        {{ fact }},
        row_number() over (partition by item_id order by last_at desc, {{ fact }}) as place
    from said
    where {{ fact }} is not null

),
{% endfor %}
all_catalogues as (

    {{ kindred.united(catalogues, {
        'shop_number': 'bigint', 'item_id': 'varchar', 'title': 'varchar', 'description': 'varchar',
        'category': 'varchar', 'brand': 'varchar', 'price': 'double', 'is_available': 'boolean',
        'created_at': 'timestamp', 'attributes': 'varchar',
    }) }}

),

-- Of an item that two shops sell the first shop's facts count.
catalogue as (

    select *
    from all_catalogues
    qualify row_number() over (partition by item_id order by shop_number) = 1

),

item_ids as (

    select item_id from first_seen
    union
    select item_id from catalogue

),

final as (

    select
        item_ids.item_id,
        coalesce(catalogue.title, title_numbered.title) as title,
        catalogue.description,
        coalesce(catalogue.category, category_numbered.category) as category,
        coalesce(catalogue.brand, brand_numbered.brand) as brand,
        coalesce(catalogue.price, price_numbered.price) as price,
        catalogue.is_available,
        coalesce(catalogue.created_at, first_seen.created_at) as created_at,
        catalogue.attributes
    from item_ids
    left join first_seen
        on item_ids.item_id = first_seen.item_id
    left join catalogue
        on item_ids.item_id = catalogue.item_id
    {% for fact in facts %}
    left join {{ fact }}_numbered
        on item_ids.item_id = {{ fact }}_numbered.item_id
            and {{ fact }}_numbered.place = 1
    {% endfor %}

)

select * from final
