-- one row per thing that a user did or was shown, in the words of kindred's events
-- Everything that kindred makes reads this table, so what it left in the build before is read first: see values_before.
-- depends_on: {{ ref('values_before') }}
with uses as (

    select
        use_id as event_id,
        user_id,
        case
            when row_number() over (partition by user_id, feature_id order by used_at, use_id) = 1 then 'adopt'
            else 'use'
        end as event_type,
        feature_id as item_id,
        used_at as occurred_at,
        cast(null as double) as value,
        cast(null as varchar) as order_id,
        cast(null as varchar) as properties
    from {{ source('raw', 'feature_uses') }}

),

page_views as (

    select
        view_id as event_id,
        user_id,
        'view' as event_type,
        feature_id as item_id,
        viewed_at as occurred_at,
        cast(null as double) as value,
        cast(null as varchar) as order_id,
        cast(null as varchar) as properties
    from {{ source('raw', 'page_views') }}

),

-- Money is the account's; it counts for the user who pays, and values_before adds the users of an account up.
payments as (

    select
        payment_id as event_id,
        paid_by as user_id,
        'purchase' as event_type,
        concat('plan-', plan) as item_id,
        paid_at as occurred_at,
        amount as value,
        payment_id as order_id,
        cast(null as varchar) as properties
    from {{ source('raw', 'payments') }}

),

exposures as (

    select
        concat(prompt_id, '-arm') as event_id,
        user_id,
        'exposure' as event_type,
        feature_id as item_id,
        shown_at as occurred_at,
        cast(null as double) as value,
        cast(null as varchar) as order_id,
        {{ kindred.json_record({'experiment': "'prompts'", 'arm': 'arm'}) }} as properties
    from {{ source('raw', 'prompts') }}
    where arm is not null

),

-- What was shown to whom: campaigns count it, nothing else does.
shown as (

    select
        prompt_id as event_id,
        user_id,
        'send' as event_type,
        feature_id as item_id,
        shown_at as occurred_at,
        cast(null as double) as value,
        cast(null as varchar) as order_id,
        cast(null as varchar) as properties
    from {{ source('raw', 'prompts') }}
    where coalesce(arm, '') <> 'control'

),

final as (

    select * from uses
    union all
    select * from page_views
    union all
    select * from payments
    union all
    select * from exposures
    union all
    select * from shown

)

select * from final
