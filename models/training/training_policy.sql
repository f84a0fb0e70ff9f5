-- one row: whether this build trains, or brings people and lists up to date with the models of an earlier training
{% set bounds = kindred.retraining_bounds() %}

with last_training as (select * from {{ ref('last_training') }}),

changes_since_training as (select * from {{ ref('changes_since_training') }}),

moment as (

    select
        max(as_of) as as_of,
        max(case when fold = 'live' then learns_until end) as learns_until
    from {{ ref('folds') }}

),

searches as (

    select max(tuning_trials.as_of) as as_of
    from {{ ref('tuning_trials') }} as tuning_trials
    inner join moment
        on tuning_trials.as_of <= moment.as_of

),

measured as (

    select
        moment.as_of,
        moment.learns_until,
        concat(
            {{ kindred.text_literal(kindred.training_settings()) }},
            coalesce(' tuned ' || cast(searches.as_of as varchar), '')
        ) as training_settings,
        last_training.learned_until,
        last_training.training_settings as trained_settings,
        {{ kindred.days_between('last_training.learned_until', 'moment.learns_until') }} as age_days,
        changes_since_training.new_events_share,
        changes_since_training.drift
    from moment
    cross join searches
    cross join last_training
    cross join changes_since_training

),

decided as (

    select
        *,
        case
            when '{{ var("kindred__train") }}' = 'always' then 'always'
            when {{ flags.FULL_REFRESH | default(false, true) }} then 'full_refresh'
            when '{{ var("kindred__as_of") }}' <> '' then 'replay'
            when learned_until is null or learns_until is null then 'first'
            when age_days < 0 then 'older'
            when training_settings <> trained_settings then 'settings'
            {% for name, bound in bounds.items() %}
            when {{ name }} > {{ bound }} then '{{ name }}'
            {% endfor %}
            else 'not_due'
        end as reason
    from measured

),

final as (

    select
        as_of,
        reason <> 'not_due' as is_due,
        reason in ({{ "'" ~ bounds | join("', '") ~ "'" }}) as is_warm,
        reason,
        case when reason = 'not_due' then learned_until else learns_until end as learned_until,
        cast(age_days as double) as age_days,
        cast(new_events_share as double) as new_events_share,
        cast(drift as double) as drift,
        training_settings
    from decided

)

select * from final
