{#- A shop's products, or its variants where kindred__tracker_options says shopify_item: variant. -#}
{% macro shopify_products(tables) %}
    {% set product = kindred.raw_columns(tables['product'], 'product') %}
    {% set by_variant = kindred.setting('tracker_options', 'shopify_item') == 'variant' %}
    {% set variants = tables.get('product_variant') %}
    {% set variant = kindred.raw_columns(variants, 'variant') if variants else {} %}
    {% set is_sold %}
coalesce({{ kindred.raw_boolean(variant, ['available_for_sale']) }}, false)
    or lower(coalesce({{ kindred.raw_text(variant, ['inventory_policy']) }}, '')) = 'continue'
    {% endset %}
    {% set is_offered %}
coalesce(lower({{ kindred.raw_text(product, ['status']) }}), 'active') = 'active'
    and {{ kindred.raw_text(product, ['published_at']) }} is not null
    and not coalesce({{ kindred.raw_boolean(product, ['_fivetran_deleted']) }}, false)
    {% endset %}
    {% set sql %}
    select
        {{ kindred.shopify_id(variant, ['id']) if by_variant and variants else kindred.shopify_id(product, ['id']) }} as item_id,
        max({{ kindred.raw_text(product, ['title']) }}) as title,
        max({{ kindred.raw_text(product, ['description', 'body_html']) }}) as description,
        max({{ kindred.raw_text(product, ['product_type']) }}) as category,
        max({{ kindred.raw_text(product, ['vendor']) }}) as brand,
        min({{ kindred.raw_number(variant, ['price']) }}) as price,
        {% if variants -%}
        max(case when ({{ is_offered | trim }}) and ({{ is_sold | trim }}) then 1 else 0 end) = 1 as is_available,
        {%- else -%}
        max(case when {{ is_offered | trim }} then 1 else 0 end) = 1 as is_available,
        {%- endif %}
        min({{ kindred.raw_time(product, ['published_at', 'created_at'], kindred.tracker_zone('shopify')) }}) as created_at,
        {{ "max(concat('{\"variant_group\": \"', " ~ kindred.shopify_id(product, ['id']) ~ ", '\"}'))" if by_variant else "cast(null as varchar)" }} as attributes
    from {{ tables['product'] }} as product
    {% if variants -%}
    left join {{ variants }} as variant
        on {{ kindred.shopify_id(product, ['id']) }} = {{ kindred.shopify_id(variant, ['product_id']) }}
    {%- endif %}
    where {{ kindred.raw_text(product, ['id']) }} is not null
    group by 1
    {% endset %}
    {{ return(sql) }}
{% endmacro %}
