-- one row per row of tracker_rows, and per line of an order that came back as a whole: the event, or why there is none
{{ config(materialized='view', enabled=(kindred.named_trackers() | length > 0)) }}

{% set shop_currency = kindred.setting('tracker_options', 'currency') %}
{% set rates = kindred.setting('tracker_options', 'rates') %}

with order_lines as (select * from {{ ref('order_lines') }}),

order_sources as (

    select
        order_key,
        min(first_source_rank) as first_source_rank
    from order_lines
    group by order_key

),

unrepeated as (

    select
        tracker_rows.*,
        1 as occurrence
    from {{ ref('tracker_rows') }} as tracker_rows
    left join {{ ref('repeated_tracker_rows') }} as repeated
        on tracker_rows.source = repeated.source
            and tracker_rows.row_id = repeated.row_id
    where repeated.row_id is null

),

repeated as (

    select
        tracker_rows.*,
        row_number() over (
            partition by
                tracker_rows.source,
                tracker_rows.row_id,
                tracker_rows.product_number
            order by
                tracker_rows.received_at nulls last,
                tracker_rows.occurred_at nulls last,
                tracker_rows.user_id nulls last,
                tracker_rows.anonymous_id nulls last,
                tracker_rows.item_id nulls last,
                tracker_rows.price nulls last,
                tracker_rows.quantity nulls last
        ) as occurrence
    from {{ ref('tracker_rows') }} as tracker_rows
    inner join {{ ref('repeated_tracker_rows') }} as repeated
        on tracker_rows.source = repeated.source
            and tracker_rows.row_id = repeated.row_id

),

all_rows as (

    select * from unrepeated
    union all
    select * from repeated

),

-- A return of an order that names no product returns each line of it.
lined as (

    select
        all_rows.source,
        all_rows.source_rank,
        all_rows.row_id,
        all_rows.occurrence,
        coalesce(returned.line_number, all_rows.product_number) as product_number,
        all_rows.event_name,
        all_rows.event_type,
        all_rows.order_key,
        all_rows.user_id,
        all_rows.anonymous_id,
        all_rows.session_id,
        coalesce(all_rows.item_id, returned.item_id) as item_id,
        all_rows.occurred_at,
        all_rows.received_at,
        coalesce(all_rows.quantity, returned.quantity) as quantity,
        coalesce(all_rows.price, returned.price) as price,
        coalesce(all_rows.discount, returned.discount) as discount,
        case when returned.item_id is null then all_rows.amount else returned.amount end as amount,
        all_rows.rating,
        upper(coalesce(all_rows.currency, returned.currency)) as currency,
        all_rows.order_id,
        all_rows.list_id,
        -- A list says by its order where each item stood.
        coalesce(
            all_rows.position, case when all_rows.event_type = 'impression' then all_rows.product_number + 1 end
        ) as position,
        all_rows.query,
        all_rows.traffic,
        all_rows.user_agent,
        all_rows.host,
        all_rows.ip_address,
        all_rows.refusal
    from all_rows
    left join order_lines as returned
        on all_rows.event_type = 'return'
            and all_rows.item_id is null
            and all_rows.source = returned.source
            and all_rows.order_key = returned.order_key

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
    from lined
    left join order_lines as first_lines
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
        concat(
            priced.source, ':', priced.row_id,
            case
                when priced.product_number > 0 then concat('/', cast(cast(priced.product_number as bigint) as varchar))
                else ''
            end
        ) as event_id,
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
