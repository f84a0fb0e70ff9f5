-- one row per row of tracker_lines: the event, or why there is none
-- A table of few rows, as what becomes of them takes joins with all orders.
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

{% set shop_currency = kindred.setting('tracker_options', 'currency') %}
{% set rates = kindred.setting('tracker_options', 'rates') %}

with order_sources as (

    select
        order_key,
        min(first_source_rank) as first_source_rank
    from {{ ref('order_lines') }}
    group by order_key

),

priced as (

    select
        lined.*,
        case
            when lined.event_type in ('purchase', 'return')
                then coalesce(lined.price * coalesce(lined.quantity, 1) - coalesce(lined.discount, 0), lined.amount)
            when lined.event_type = 'rate' then lined.rating
            when lined.event_type = 'watch' then lined.amount
        end as own_value,
        lined.event_type in ('purchase', 'return') as is_money,
        case
            when lined.refusal = 'forgotten' then 'forgotten'
            when lined.occurrence > 1 or lined.refusal = 'duplicate' then 'duplicate'
            when first_lines.row_id <> lined.row_id then 'duplicate'
            when order_sources.first_source_rank < lined.source_rank then 'seen_elsewhere'
            when lined.refusal is not null or lined.event_type is null then 'unmapped'
            when lined.event_type = 'return' and lined.item_id is null and lined.order_key is not null then 'unmapped'
        end as fate,
        case
            {% for tracker in kindred.named_trackers() -%}
            when order_sources.first_source_rank < lined.source_rank
                and order_sources.first_source_rank = {{ loop.index }}
                then 'also_in_{{ tracker }}'
            {% endfor -%}
            when lined.refusal is not null then lined.refusal
            when lined.event_type is null then 'no_event_type'
            when lined.event_type = 'return' and lined.item_id is null and lined.order_key is not null
                then 'return_without_lines'
        end as reason
    from {{ ref('tracker_lines') }} as lined
    left join {{ ref('order_lines') }} as first_lines
        on lined.event_type = 'purchase'
            and lined.source = first_lines.source
            and lined.order_key = first_lines.order_key
            and lined.item_id = first_lines.item_id
            and case when lined.source = 'shopify' then lined.row_id else cast(lined.product_number as varchar) end
            = first_lines.line_key
    left join order_sources
        on lined.order_key = order_sources.order_key

),

final as (

    select
        priced.source,
        priced.row_id,
        priced.occurrence,
        cast(priced.product_number as bigint) as product_number,
        {{ kindred.tracked_event_id('priced') | indent(8) }} as event_id,
        priced.event_name,
        priced.event_type,
        priced.user_id,
        priced.anonymous_id,
        priced.session_id,
        priced.item_id,
        priced.occurred_at,
        priced.received_at,
        case when priced.is_money then coalesce(priced.quantity, 1) else priced.quantity end as quantity,
        {% if shop_currency -%}
        case
            when not priced.is_money
                or coalesce(priced.currency, '{{ shop_currency | upper }}') = '{{ shop_currency | upper }}'
                then priced.own_value
            {% if rates -%}
            else priced.own_value * rates.rate
            {%- endif %}
        end as value,
        priced.is_money and priced.own_value is not null
        and coalesce(priced.currency, '{{ shop_currency | upper }}') <> '{{ shop_currency | upper }}'
        {{ "and rates.rate is null" if rates }} as is_currency_unknown,
        {%- else -%}
        priced.own_value as value,
        false as is_currency_unknown,
        {%- endif %}
        priced.currency,
        priced.order_id,
        priced.list_id,
        priced.position,
        priced.query,
        priced.traffic,
        priced.user_agent,
        priced.host,
        priced.ip_address,
        priced.fate,
        priced.reason
    from priced
    {% if shop_currency and rates -%}
    left join {{ kindred.pointed_relation(rates, 'kindred__tracker_options has rates') }} as rates
        on priced.currency = upper(rates.currency)
            and cast(priced.occurred_at as date) = cast(rates.day as date)
    {%- endif %}

)

select * from final
