-- one row per (customer_id, offer_id, input, name): what became of an offer for a customer, and all that decided it
-- The first row of a pair is the decision. Rows without an offer say whether a customer is made offers at all.
-- The rows of earlier builds stay: what was decided last month is read, not built again.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='run_id',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

with customers as (select user_id from {{ ref('kindred', 'user_features') }} where fold = 'live'),

offers as (

    select
        item_id,
        is_recommendable
    from {{ ref('kindred', 'item_features') }}
    where fold = 'live'

),

places as (select * from {{ ref('kindred', 'recommendations') }}),

pool as (select * from {{ ref('kindred', 'scored_candidates') }} where fold = 'live'),

proposals as (select * from {{ ref('kindred', 'eligible_candidates') }} where fold = 'live'),

histories as (select * from {{ ref('kindred', 'interactions') }} where fold = 'live'),

policies as (select * from {{ ref('kindred', 'person_policies') }} where fold = 'live' and is_shown),

rules as (select * from {{ ref('kindred', 'item_rules') }} where fold = 'live'),

declined as (

    select
        customer_id,
        offer_id,
        count(*) as n_reasons
    from {{ ref('decline_reasons') }}
    group by
        customer_id,
        offer_id

),

-- The newest build is the one that made these tables.
build as (

    select
        run_id,
        as_of,
        ranker,
        md5(regexp_replace(parameters, '"kindred__as_of": "[^"]*"', '')) as settings_key
    from {{ ref('kindred', 'builds') }}
    qualify row_number() over (order by started_at desc, run_id) = 1

),

-- Who refuses consent is made no offer, and that is a decision, too.
consented as (

    select
        identities.user_id,
        '' as item_id,
        0 as step,
        'consent' as input,
        'personalization' as name,
        'granted' as asked,
        case
            when max(case when identities.is_consented then 1 else 0 end) = 0 then 'not granted'
            when max(identities.traffic) is not null then concat('granted; traffic ', max(identities.traffic))
            else 'granted'
        end as known,
        case when max(customers.user_id) is null then 'no personal offers' else 'offers are decided' end as answer
    from {{ ref('kindred', 'identities') }} as identities
    left join customers
        on identities.user_id = customers.user_id
    where identities.user_id is not null
    group by identities.user_id

),

decisions as (

    select
        customers.user_id,
        offers.item_id,
        1 as step,
        'decision' as input,
        '' as name,
        cast(null as varchar) as asked,
        case
            when places.item_id is not null then concat('place ', cast(places.rank as varchar))
            when declined.offer_id is not null then concat(cast(declined.n_reasons as varchar), ' conditions not met')
            when pool.item_id is not null then concat('place ', cast(pool.rank as varchar), ' of the pool')
        end as known,
        case
            when places.item_id is not null then 'offered'
            when not offers.is_recommendable then 'not open'
            when declined.offer_id is not null then 'declined'
            when coalesce(histories.is_excluded, false) then 'already applied for'
            when pool.item_id is not null then 'others ranked higher'
            else 'not proposed'
        end as answer
    from customers
    cross join offers
    left join places
        on customers.user_id = places.user_id
            and offers.item_id = places.item_id
    left join declined
        on customers.user_id = declined.customer_id
            and offers.item_id = declined.offer_id
    left join histories
        on customers.user_id = histories.user_id
            and offers.item_id = histories.item_id
    left join pool
        on customers.user_id = pool.user_id
            and offers.item_id = pool.item_id

),

asked as (

    select
        customer_id as user_id,
        offer_id as item_id,
        2 as step,
        'condition' as input,
        rule_id as name,
        concat(field, ' ', asked) as asked,
        known,
        answer
    from {{ ref('asked_conditions') }}

),

done as (

    select
        user_id,
        item_id,
        3 as step,
        'history' as input,
        'events with the offer' as name,
        cast(null as varchar) as asked,
        concat(
            cast(n_events as varchar), ' events, weight ', cast(cast(weight as decimal(18, 6)) as varchar),
            ', last at ', cast(last_at as varchar)
        ) as known,
        case when is_excluded then 'takes the offer off the list' else 'counts for taste' end as answer
    from histories

),

proposed as (

    select
        user_id,
        item_id,
        4 as step,
        'candidate' as input,
        generator as name,
        cast(null as varchar) as asked,
        concat('rank ', cast(rank as varchar), ', score ', cast(cast(score as decimal(18, 6)) as varchar)) as known,
        'proposed' as answer
    from proposals

),

ranked as (

    select
        pool.user_id,
        pool.item_id,
        5 as step,
        'score' as input,
        pool.generator as name,
        cast(null as varchar) as asked,
        concat(
            'rank ', cast(pool.rank as varchar), ', score ', cast(cast(pool.score as decimal(18, 6)) as varchar)
        ) as known,
        concat(build.ranker, ' ranker, policy ', pool.policy) as answer
    from pool
    inner join policies
        on pool.user_id = policies.user_id
            and pool.policy = policies.policy
    cross join build

),

-- A rule may be for a segment, for how active people are, or for one policy.
ruled as (

    select
        members.user_id,
        rules.item_id,
        6 as step,
        'ranking rule' as input,
        rules.rule_id as name,
        concat(
            rules.action,
            case
                when rules.amount is null then ''
                else concat(' ', cast(cast(rules.amount as decimal(18, 6)) as varchar))
            end
        ) as asked,
        cast(null as varchar) as known,
        'in force' as answer
    from {{ ref('kindred', 'user_features') }} as members
    inner join policies
        on members.user_id = policies.user_id
    inner join rules
        on {{ kindred.rule_is_for('members', rules='rules', policy='policies.policy') }}
    where members.fold = 'live'

),

shown as (

    select
        user_id,
        item_id,
        7 as step,
        'place' as input,
        generator as name,
        cast(null as varchar) as asked,
        concat(
            'rank ', cast(rank as varchar), ', probability ', cast(cast(propensity as decimal(18, 6)) as varchar)
        ) as known,
        concat(
            reason, case when because_item_id is null then '' else concat(', because of ', because_item_id) end
        ) as answer
    from places

),

inputs as (

    {% for name in ['consented', 'decisions', 'asked', 'done', 'proposed', 'ranked', 'ruled', 'shown'] -%}
    select * from {{ name }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

final as (

    select
        inputs.user_id as customer_id,
        inputs.item_id as offer_id,
        inputs.step,
        inputs.input,
        inputs.name,
        inputs.asked,
        inputs.known,
        inputs.answer,
        build.settings_key,
        build.as_of,
        build.run_id
    from inputs
    cross join build

)

select * from final
