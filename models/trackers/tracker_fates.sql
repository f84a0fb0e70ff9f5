-- one row per row of tracker_rows, and per line of an order that came back as a whole: the event, or why there is none
-- A view: of nearly all rows the fate can be told by themselves, and reading them again costs less than writing them
-- once more.
{{ config(materialized='view', enabled=(kindred.named_trackers() | length > 0)) }}

{% set has_repeated = kindred.has_repeated_rows() %}

with alone as (

    select tracker_rows.*
    from {{ ref('tracker_rows') }} as tracker_rows
    {% if has_repeated -%}
    left join {{ ref('repeated_tracker_rows') }} as repeated
        on tracker_rows.source = repeated.source
            and tracker_rows.row_id = repeated.row_id
    {% endif -%}
    where (tracker_rows.event_type is null or tracker_rows.event_type not in ('purchase', 'return'))
        {{ "and repeated.row_id is null" if has_repeated }}

),

final as (

    select
        source,
        row_id,
        1 as occurrence,
        cast(product_number as bigint) as product_number,
        event_id,
        event_name,
        event_type,
        user_id,
        anonymous_id,
        session_id,
        item_id,
        occurred_at,
        received_at,
        quantity,
        case event_type when 'rate' then rating when 'watch' then amount end as value,
        false as is_currency_unknown,
        upper(currency) as currency,
        order_id,
        list_id,
        position,
        query,
        traffic,
        user_agent,
        host,
        ip_address,
        case
            when refusal in ('forgotten', 'duplicate') then refusal
            when refusal is not null or event_type is null then 'unmapped'
        end as fate,
        case when refusal is not null then refusal when event_type is null then 'no_event_type' end as reason
    from alone

    union all

    select
        source,
        row_id,
        occurrence,
        product_number,
        event_id,
        event_name,
        event_type,
        user_id,
        anonymous_id,
        session_id,
        item_id,
        occurred_at,
        received_at,
        quantity,
        value,
        is_currency_unknown,
        currency,
        order_id,
        list_id,
        position,
        query,
        traffic,
        user_agent,
        host,
        ip_address,
        fate,
        reason
    from {{ ref('compared_rows') }}

)

select * from final
