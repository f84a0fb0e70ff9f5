{#- What Fivetran's tables of one Shopify shop say, in the shape of its REST connector or of its GraphQL one.
    https://fivetran.com/docs/connectors/applications/shopify -#}

{#- The lines of orders: what of them counts as bought, what was cancelled taken off. -#}
{% macro shopify_lines(tables) %}
    {% set order = kindred.raw_columns(tables['order'], 'orders') %}
    {% set line = kindred.raw_columns(tables['order_line'], 'line') %}
    {% set status = "lower(" ~ kindred.raw_text(order, ['financial_status', 'display_financial_status']) ~ ")" %}
    {% set total = kindred.raw_number(line, ['original_total_set_shop_amount']) %}
    {% set sql %}
select
    concat('line-', {{ kindred.shopify_id(line, ['id']) }}) as row_id,
    'order_line' as event_name,
    {{ kindred.shopify_id(line, ['id']) }} as line_id,
    {{ kindred.shopify_person(order) }} as user_id,
    {{ kindred.shopify_item(line) }} as item_id,
    {{ kindred.raw_time(order, ['processed_at', 'created_at'], kindred.tracker_zone('shopify')) }} as occurred_at,
    {{ kindred.raw_time(line, ['_fivetran_synced']) }} as received_at,
    {{ kindred.raw_number(line, ['quantity']) }} as quantity,
    coalesce({{ total }}, {{ kindred.raw_number(line, ['price']) }} * {{ kindred.raw_number(line, ['quantity']) }})
    - coalesce({{ kindred.raw_number(line, ['total_discount_set_shop_amount', 'total_discount']) }}, 0) as amount,
    {{ kindred.raw_text(order, ['currency', 'currency_code']) }} as currency,
    {{ kindred.shopify_id(order, ['id']) }} as order_id,
    {{ kindred.raw_text(line, ['title', 'name']) }} as title,
    {{ kindred.raw_text(line, ['vendor']) }} as brand,
    case
        when {{ kindred.shopify_id(order, ['id']) }} is null then 'missing_order'
        when {{ kindred.raw_text(order, ['cancelled_at']) }} is not null then 'cancelled'
        when {{ kindred.raw_boolean(order, ['test']) }} then 'test_order'
        when {{ kindred.raw_boolean(order, ['_fivetran_deleted']) }} then 'deleted'
        when {{ status }} in ('voided', 'expired') then 'not_paid'
        when {{ kindred.raw_boolean(line, ['gift_card', 'is_gift_card']) }} then 'gift_card'
        when {{ kindred.raw_text(line, ['product_id']) }} is null then 'no_product'
    end as refusal
from {{ tables['order_line'] }} as line
left join {{ tables['order'] }} as orders
    on {{ kindred.shopify_id(line, ['order_id']) }} = {{ kindred.shopify_id(order, ['id']) }}
    {% endset %}
    {{ return(sql) }}
{% endmacro %}

{#- The lines that were refunded, by the line that was bought. -#}
{% macro shopify_refunds(tables) %}
    {% set refunded = tables.get('refund_line_item') or tables.get('order_line_refund') %}
    {% if not refunded %}
        {{ return(kindred.select_nothing({
            'row_id': 'varchar', 'line_id': 'varchar', 'occurred_at': 'timestamp', 'received_at': 'timestamp',
            'quantity': 'double', 'amount': 'double', 'restock_type': 'varchar',
        })) }}
    {% endif %}
    {% set found = kindred.raw_columns(refunded, 'refunded') %}
    {% set refund_relation = tables.get('refund') %}
    {% set refund = kindred.raw_columns(refund_relation, 'refund') if refund_relation else {} %}
    {% set sql %}
select
    concat('refund-', {{ kindred.shopify_id(found, ['id']) }}) as row_id,
    {{ kindred.shopify_id(found, ['order_line_id']) }} as line_id,
    coalesce(
        {{ kindred.raw_time(refund, ['processed_at', 'created_at'], kindred.tracker_zone('shopify')) }},
        {{ kindred.raw_time(found, ['created_at', '_fivetran_synced']) }}
    ) as occurred_at,
    {{ kindred.raw_time(found, ['_fivetran_synced']) }} as received_at,
    {{ kindred.raw_number(found, ['quantity']) }} as quantity,
    {{ kindred.raw_number(found, ['subtotal_set_shop_amount', 'subtotal']) }} as amount,
    lower({{ kindred.raw_text(found, ['restock_type']) }}) as restock_type
from {{ refunded }} as refunded
{% if refund_relation %}
left join {{ refund_relation }} as refund
    on {{ kindred.shopify_id(found, ['refund_id']) }} = {{ kindred.shopify_id(refund, ['id']) }}
{% endif %}
    {% endset %}
    {{ return(sql) }}
{% endmacro %}

{#- gid://shopify/Product/123 is 123. -#}
{% macro shopify_id(found, names) %}
    {{ return("regexp_replace(" ~ kindred.raw_text(found, names) ~ ", '^gid://.*/', '')") }}
{% endmacro %}

{#- Guests are known by their address alone, of which nothing but a hash is kept. -#}
{% macro shopify_person(order) %}
    {{ return("coalesce(" ~ kindred.shopify_id(order, ['customer_id']) ~ ", " ~ kindred.shopify_guest(order) ~ ")") }}
{% endmacro %}

{% macro shopify_guest(found) %}
    {#- `concat` would make one person of all who have no address. -#}
    {{ return("('email:' || " ~ kindred.sha256("lower(" ~ kindred.raw_text(found, ['email']) ~ ")") ~ ")") }}
{% endmacro %}

{% macro shopify_item(line) %}
    {% set by_variant = kindred.setting('tracker_options', 'shopify_item') == 'variant' %}
    {{ return(kindred.shopify_id(line, ['variant_id', 'product_id'] if by_variant else ['product_id'])) }}
{% endmacro %}

{% macro sha256(text) %}
    {{ return(adapter.dispatch('sha256', 'kindred')(text)) }}
{% endmacro %}

{% macro duckdb__sha256(text) %}
    {{ return("sha256(" ~ text ~ ")") }}
{% endmacro %}

{% macro snowflake__sha256(text) %}
    {{ return("sha2(" ~ text ~ ", 256)") }}
{% endmacro %}
