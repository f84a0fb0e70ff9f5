-- one row per user who is to be prompted, about the feature that comes next: users of accounts that may leave
-- account_value is what the build before said of the account's next 90 days, value_age_days how old that is: a prompt
-- can't wait for this build's value, nor may it read by chance the one or the other. In the first build both are null,
-- and so they are for an account without a payment; accounts then are ordered by their risk alone, behind the others.
-- While the experiment runs, nobody is prompted about a feature of which the user is in the control.
with next_features as (select * from {{ ref('next_features') }} where rank = 1),

health as (select * from {{ ref('account_health') }} where is_newest),

values_before as (select * from {{ ref('values_before') }}),

prompts as (select * from {{ source('raw', 'prompts') }}),

moment as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

arms as (

    select *
    from {{ ref('kindred', 'current_arms') }}
    where kind = 'offer'
        and unit = 'user_item'
        and context = ''
        and is_running

),

{% set pair = "concat(next_features.user_id, '|', next_features.feature_id)" %}
pairs as (

    select
        next_features.user_id,
        arms.is_control,
        arms.from_key,
        arms.to_key,
        arms.layer_from_key,
        arms.layer_to_key,
        {{ kindred.arm_key('arms', pair) }} as key,
        {{ kindred.layer_key('arms', pair) }} as layer_key
    from next_features
    cross join arms

),

controls as (

    select user_id
    from pairs
    where is_control
        and key >= from_key
        and key < to_key
        and layer_key >= layer_from_key
        and layer_key < layer_to_key
    group by user_id

),

prompted_lately as (

    select prompts.user_id
    from prompts
    inner join moment
        on prompts.shown_at >= moment.as_of - interval '{{ var('quiet_days') }} days'
            and prompts.shown_at < moment.as_of
    where coalesce(prompts.arm, '') <> 'control'
    group by prompts.user_id

),

chosen as (

    select
        next_features.user_id,
        next_features.account_id,
        next_features.feature_id,
        next_features.title,
        next_features.reason,
        next_features.because_title,
        health.churn_risk,
        health.reason_1 as risk_reason,
        values_before.value_90d as account_value,
        round({{ kindred.days_between('values_before.as_of', 'moment.as_of') }}, 2) as value_age_days,
        round(health.churn_risk * values_before.value_90d, 2) as value_at_risk
    from next_features
    inner join health
        on next_features.account_id = health.account_id
    cross join moment
    left join values_before
        on next_features.account_id = values_before.account_id
    left join prompted_lately
        on next_features.user_id = prompted_lately.user_id
    left join controls
        on next_features.user_id = controls.user_id
    where health.churn_risk >= {{ var('prompt_from_risk') }}
        and prompted_lately.user_id is null
        and controls.user_id is null

),

final as (

    select
        *,
        cast(row_number() over (
            order by value_at_risk desc nulls last, churn_risk desc, user_id
        ) as bigint) as priority
    from chosen

)

select * from final
