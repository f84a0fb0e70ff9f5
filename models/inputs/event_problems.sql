-- one row per (entity_id, problem): what is wrong with raw events, and their fate
{{ config(materialized='view') }}

with event_counts as (select * from {{ ref('event_counts') }}),

event_spellings as (select * from {{ ref('event_spellings') }}),

rejected as (

    select
        cast(null as varchar) as entity_id,
        rejection_reason as problem,
        coalesce(min(rejected_text), min(unknown_item_id)) as example,
        'row set aside' as fate,
        sum(n_events) as n_rows
    from event_counts
    where rejection_reason is not null
    group by rejection_reason

),

refunds as (

    select
        cast(null as varchar) as entity_id,
        'negative_value' as problem,
        cast(null as varchar) as example,
        'taken as a return' as fate,
        sum(n_events) as n_rows
    from event_counts
    where is_refund
        and rejection_reason is null
    having sum(n_events) > 0

),

changed as (

    select
        cast(null as varchar) as entity_id,
        concat('changed_', column_name) as problem,
        min(spelling) as example,
        'taken in its normal form' as fate,
        sum(n_events) as n_rows
    from event_spellings
    where not is_blocked
    group by column_name

),

{% if kindred.named_trackers() -%}
unknown_currencies as (

    select
        cast(null as varchar) as entity_id,
        'currency_unknown' as problem,
        min(currency) as example,
        'value taken as empty' as fate,
        count(*) as n_rows
    from {{ ref('tracker_fates') }}
    where is_currency_unknown
        and fate is null
    having count(*) > 0

),

{% endif -%}
final as (

    select * from rejected
    union all
    select * from refunds
    union all
    select * from changed
    union all
    select
        item_id as entity_id,
        'nearly_same_item_id' as problem,
        example,
        'row set aside, as unknown_item' as fate,
        n_events as n_rows
    from {{ ref('nearly_known_items') }}
    {%- if kindred.named_trackers() %}
    union all
    select * from unknown_currencies
    {%- endif %}

)

select * from final
