-- one row per (experiment_id, arm, user_id, item_id, shown_at, ...): an arm that was shown, by an event or a list
{{ config(enabled=kindred.has_experiments()) }}

{% set found = kindred.known_rows("select count(*) as n_experiments", ref('checked_experiments')) %}
{% set has_experiments = found is none or found[0].n_experiments > 0 %}
{% set needs_consent = kindred.consent_purposes().required | length > 0 %}

-- Without experiments nothing is looked for: the events are not read once more.
with exposure_events as (

    select
        *,
        {{ kindred.json_text('properties', 'experiment') }} as experiment_id,
        {{ kindred.json_text('properties', 'arm') }} as arm
    from {{ ref('exposure_events') }}
    where {{ "traffic is null" if has_experiments else "false" }}

),

experiments as (select * from {{ ref('experiment_periods') }}),

arms as (select * from {{ ref('checked_arms') }}),

-- A person of whom there is nothing but exposures is in no table of identities, and was exposed all the same.
from_events as (

    select
        'event' as source,
        exposure_events.experiment_id,
        exposure_events.arm,
        case
            when identities.identity_id is not null then identities.user_id
            {% if not needs_consent -%}
            else coalesce(exposure_events.user_id, exposure_events.anonymous_id)
            {%- endif %}
        end as user_id,
        exposure_events.item_id,
        cast(null as varchar) as policy,
        exposure_events.occurred_at as shown_at
    from exposure_events
    inner join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
        on exposure_events.occurred_at < moment.as_of
    left join {{ ref('identities') }} as identities
        on coalesce(exposure_events.user_id, exposure_events.anonymous_id) = identities.identity_id
    where coalesce(identities.is_consented, {{ (not needs_consent) | lower }})
        and identities.traffic is null

),

all_shown as (

    select * from from_events

    union all

    select
        'list' as source,
        experiment_id,
        arm,
        user_id,
        cast(null as varchar) as item_id,
        policy,
        shown_at
    from {{ ref('shown_list_arms') }}

),

final as (

    select
        all_shown.source,
        all_shown.experiment_id,
        all_shown.arm,
        all_shown.user_id,
        all_shown.item_id,
        case experiments.unit
            when 'user' then all_shown.user_id
            when 'item' then all_shown.item_id
            when 'user_item' then concat(all_shown.user_id, '|', all_shown.item_id)
        end as unit_id,
        all_shown.policy,
        all_shown.shown_at,
        -- The first reason that applies is the one reported.
        case
            when all_shown.experiment_id is null then 'names_no_experiment'
            when experiments.experiment_id is null then 'unknown_experiment'
            when arms.arm is null then 'unknown_arm'
            when arms.share <= 0 then 'arm_without_share'
            when all_shown.user_id is null and experiments.unit <> 'item' then 'nobodys'
            when all_shown.item_id is null and experiments.unit <> 'user' then 'names_no_item'
            when all_shown.shown_at < experiments.starts_at then 'before_the_start'
            when all_shown.shown_at >= experiments.ends_at then 'after_the_end'
        end as problem
    from all_shown
    left join experiments
        on all_shown.experiment_id = experiments.experiment_id
    left join arms
        on all_shown.experiment_id = arms.experiment_id
            and all_shown.arm = arms.arm

)

select * from final
