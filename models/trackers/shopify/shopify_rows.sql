-- one row per line of an order, and per line of a refund
-- A refund that was only cancelled takes its pieces off the purchase; any other is a return of what was bought.
{{ config(materialized='view', enabled=('shopify' in kindred.named_trackers())) }}

{% set lines, refunds = [], [] %}
{% for schema in kindred.tracker_schemas('shopify') %}
    {% set tables = kindred.schema_tables('shopify', schema) %}
    {% if tables.get('order') and tables.get('order_line') %}
        {#- Two shops may number their lines alike. -#}
        {% do lines.append("select '" ~ loop.index ~ "' as shop, rows.* from (" ~ kindred.shopify_lines(tables) ~ ") as rows") %}
        {% do refunds.append("select '" ~ loop.index ~ "' as shop, rows.* from (" ~ kindred.shopify_refunds(tables) ~ ") as rows") %}
    {% else %}
        {% do kindred.need_table('shopify', schema, ['order and order_line'], tables) %}
    {% endif %}
{% endfor %}
{% if not lines %}
{{ kindred.united_rows([]) }}
{% else %}
with lines as (

    {{ lines | join('\nunion all\n') }}

),

refunds as (

    {{ refunds | join('\nunion all\n') }}

),

taken_back as (

    select
        shop,
        line_id,
        sum(quantity) as quantity
    from refunds
    where restock_type = 'cancel'
    group by
        shop,
        line_id

),

bought as (

    select
        lines.*,
        lines.quantity - coalesce(taken_back.quantity, 0) as kept_quantity
    from lines
    left join taken_back
        on lines.shop = taken_back.shop
            and lines.line_id = taken_back.line_id

),

final as (

    select
        {{ kindred.tracked_row({
            'row_id': "concat(shop, '-', row_id)",
            'product_number': '0',
            'event_name': 'event_name',
            'user_id': 'user_id',
            'item_id': 'item_id',
            'occurred_at': 'occurred_at',
            'received_at': 'received_at',
            'quantity': 'kept_quantity',
            'amount': 'amount * kept_quantity / nullif(quantity, 0)',
            'currency': 'currency',
            'order_id': 'order_id',
            'title': 'title',
            'brand': 'brand',
            'refusal': "coalesce(refusal, case when kept_quantity <= 0 then 'cancelled' end)",
        }) }}
    from bought

    union all

    select
        {{ kindred.tracked_row({
            'row_id': "concat(refunds.shop, '-', refunds.row_id)",
            'product_number': '0',
            'event_name': "'refund_line'",
            'user_id': 'bought.user_id',
            'item_id': 'bought.item_id',
            'occurred_at': 'refunds.occurred_at',
            'received_at': 'refunds.received_at',
            'quantity': 'least(refunds.quantity, bought.quantity)',
            'amount': 'coalesce(refunds.amount, bought.amount * refunds.quantity / nullif(bought.quantity, 0))',
            'currency': 'bought.currency',
            'order_id': 'bought.order_id',
            'refusal': "case when bought.line_id is null then 'missing_order' when refunds.restock_type = 'cancel' then 'cancelled' else bought.refusal end",
        }) }}
    from refunds
    left join bought
        on refunds.shop = bought.shop
            and refunds.line_id = bought.line_id

)

select * from final
{% endif %}
