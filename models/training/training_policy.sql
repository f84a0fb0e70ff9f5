-- one row: whether this build trains anew, or people and lists are brought up to date with what was trained before
-- What was trained when is read from the diary of builds, which a build writes last: a build that failed half-way
-- trained nothing. `--full-refresh`, which empties the diary, trains everything.
{% set bounds = kindred.retraining_bounds() %}
{% set horizon_days = var('kindred__horizon_days') | int %}
{% set diary = kindred.training_diary() %}

with moment as (

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

build as (

    select
        moment.as_of,
        moment.learns_until,
        concat(
            {{ kindred.text_literal(kindred.training_settings()) }},
            coalesce(' tuned ' || cast(searches.as_of as varchar), '')
        ) as training_settings
    from moment
    cross join searches

),

trainings as (

    {% if diary %}
    select
        learned_until,
        training_settings,
        row_number() over (order by started_at desc, run_id desc) as recency
    from {{ diary }}
    where learned_until is not null
    {% else %}
    select
        cast(null as timestamp) as learned_until,
        cast(null as varchar) as training_settings,
        1 as recency
    {% endif %}

),

trained as (select * from trainings where recency = 1),

by_item as (

    select
        person_events.item_id,
        sum(case when person_events.occurred_at < trained.learned_until then 1 else 0 end) as n_old,
        sum(
            case
                when person_events.occurred_at < trained.learned_until
                    and person_events.occurred_at
                    >= {{ dbt.dateadd('day', -horizon_days, 'trained.learned_until') }}
                    then 1
                else 0
            end
        ) as n_recent,
        sum(case when person_events.occurred_at >= trained.learned_until then 1 else 0 end) as n_new
    from {{ ref('person_events') }} as person_events
    cross join trained
    inner join build
        on person_events.occurred_at < build.learns_until
    group by person_events.item_id

),

-- What came since is held against the horizon before the training, by category; new items are a category of their own.
by_category as (

    select
        by_item.*,
        case when by_item.n_old = 0 then 'new items' else concat('category ', items.category) end as category
    from by_item
    inner join {{ ref('items') }} as items
        on by_item.item_id = items.item_id

),

counted as (

    select
        category,
        sum(n_new) as n_new,
        sum(n_recent) as n_recent,
        sum(n_old) + sum(n_new) as n_events
    from by_category
    group by category

),

totals as (

    select
        sum(n_new) as n_new,
        nullif(cast(sum(n_recent) as double), 0) as n_recent,
        nullif(cast(sum(n_events) as double), 0) as n_events
    from counted

),

-- Total variation: the share of events that would have to be in another category for the two to be the same.
drift as (

    select
        {{ kindred.exact_sum(
            'abs(counted.n_new / nullif(cast(totals.n_new as double), 0) - counted.n_recent / totals.n_recent) / 2'
        ) }} as drift
    from counted
    cross join totals

),

measured as (

    select
        build.as_of,
        build.learns_until,
        build.training_settings,
        trained.learned_until,
        trained.training_settings as trained_settings,
        {{ kindred.days_between('trained.learned_until', 'build.learns_until') }} as age_days,
        totals.n_new / totals.n_events as new_events_share,
        drift.drift
    from build
    left join trained on true
    cross join totals
    cross join drift

),

judged as (

    select
        *,
        case
            when '{{ var("kindred__train") }}' = 'always' then 'always'
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

)

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
from judged
