-- one row per (run_id, gate): what this run's lists are held against before apps read them
-- All is compared with the release that apps read now, so the first release passes. A gate that has nothing to compare
-- passes and says so. A replay of another day and a build without the fold live publish nothing: they have no rows.
-- What apps and people read beside the lists is published or held back with them, so its tests come first too:
-- depends_on: {{ ref('buy_again') }}, {{ ref('people_for_item') }}
-- depends_on: {{ ref('rejected_events') }}, {{ ref('builds') }}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='run_id',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

{% set bounds = kindred.publish_gate_bounds() %}
{% set overridden = "('" ~ (var('kindred__override_gates') or ['']) | join("', '") ~ "')" %}
{% set rollback = kindred.read_rollback() %}
{% set served = kindred.served_release() %}
{% set releases = kindred.built_relation('releases') %}
{% set clock = "cast('" ~ kindred.run_clock() ~ "' as timestamp)" %}
{% set depth = 10 %}

with recommendations as (select * from {{ ref('recommendations') }}),

run as (

    select
        coalesce(max(run_id), '{{ invocation_id }}') as run_id,
        coalesce(max(generated_at), {{ clock }}) as generated_at
    from recommendations

),

-- Ids rise with time: what came after the one that was gone back to is of no account. A build that was killed after
-- apps began to read its release already left no row in releases.
releases as (

    {% if releases %}
    select
        run_id,
        release_id
    from {{ releases }}
    {{ "where release_id < " ~ kindred.text_literal(served.release_id) if served }}

    union all

    {% endif %}
    select
        {{ kindred.text_literal(served.run_id) if served else "cast(null as varchar)" }} as run_id,
        {{ kindred.text_literal(served.release_id) if served else "cast(null as varchar)" }} as release_id

),

published as (

    select
        run_id,
        release_id,
        row_number() over (order by release_id desc) as recency
    from releases
    where run_id is not null

),

last_release as (

    select
        run_id,
        release_id
    from published
    where recency = 1

),

catalogue as (

    select count(*) as n_items
    from {{ ref('item_features') }}
    where fold = 'live'
        and is_recommendable

),

shown as (

    select
        count(distinct item_id) as n_items,
        count(distinct user_id) as n_people
    from recommendations

),

events as (

    select max(occurred_at) as last_event_at
    from {{ ref('person_events') }}

),

typed_events as (

    select
        count(rejection_reason) as n_rejected,
        count(*) as n_events
    from {{ ref('checked_events') }}

),

old_lists as (

    select
        log.user_id,
        log.item_id
    from {{ ref('recommendation_log') }} as log
    inner join last_release
        on log.run_id = last_release.run_id
    where log.rank <= {{ depth }}

),

old_people as (select user_id from old_lists group by user_id),

changes as (

    select
        recommendations.user_id,
        sum(case when old_lists.item_id is null then 1 else 0 end) / cast(count(*) as double) as share
    from recommendations
    inner join old_people
        on recommendations.user_id = old_people.user_id
    left join old_lists
        on recommendations.user_id = old_lists.user_id
            and recommendations.item_id = old_lists.item_id
    where recommendations.rank <= {{ depth }}
    group by recommendations.user_id

),

measures as (

    select
        'catalog_coverage' as gate,
        shown.n_items / nullif(cast(catalogue.n_items as double), 0) as measure,
        cast(null as double) as standard_error
    from shown
    cross join catalogue

    union all

    select
        'people' as gate,
        cast(n_people as double) as measure,
        null as standard_error
    from shown

    union all

    select
        'quality' as gate,
        max(value) as measure,
        max(standard_error) as standard_error
    from {{ ref('evaluation_metrics') }}
    where fold = 'backtest'
        and generator = 'blend'
        and user_group = 'all'
        and metric = 'ndcg'
        and k = {{ depth }}

    union all

    select
        'rejected_events' as gate,
        n_rejected / nullif(cast(n_events as double), 0) as measure,
        null as standard_error
    from typed_events

    union all

    -- Days since 1970: a number as all the others.
    select
        'stale_data' as gate,
        {{ kindred.days_between("cast('1970-01-01' as timestamp)", 'last_event_at') }} as measure,
        null as standard_error
    from events

    union all

    select
        'data_age' as gate,
        {{ kindred.days_between('last_event_at', clock) }} as measure,  -- noqa: LT05
        null as standard_error
    from events

    union all

    select
        'changed_lists' as gate,
        {{ kindred.exact_sum('share', scale=12) }} / nullif(count(*), 0) as measure,
        null as standard_error
    from changes

    union all

    select
        'rollback_hold' as gate,
        {{ 1 if rollback and rollback.is_held else 0 }} as measure,
        null as standard_error

),

-- first_at: since when releases measure the same. With builds that follow each other closely the last one alone would
-- never be long ago.
earlier_measures as (

    {% if is_incremental() %}
    select
        earlier.gate,
        earlier.measure,
        earlier.standard_error,
        published.recency,
        min(earlier.generated_at) over (partition by earlier.gate, earlier.measure) as first_at
    from {{ this }} as earlier
    inner join published
        on earlier.run_id = published.run_id
    {% else %}
    select
        'none' as gate,
        cast(null as double) as measure,
        cast(null as double) as standard_error,
        1 as recency,
        cast(null as timestamp) as first_at
    {% endif %}

),

-- What was measured when the release was made that apps read now. A daily build judges nothing: quality is held against
-- the newest release that was judged.
old_measures as (

    select
        gate,
        measure,
        standard_error,
        first_at
    from earlier_measures
    where recency = 1
        or (gate = 'quality' and measure is not null)
    qualify row_number() over (partition by gate order by measure is null, recency) = 1

),

compared as (

    select
        measures.gate,
        measures.measure,
        measures.standard_error,
        old_measures.measure as old_measure,
        last_release.run_id as old_run_id,
        last_release.release_id as old_release_id,
        case measures.gate
            when 'catalog_coverage' then 1 - measures.measure / nullif(old_measures.measure, 0)
            when 'people' then 1 - measures.measure / nullif(old_measures.measure, 0)
            when 'quality'
                then
                    (old_measures.measure - measures.measure)
                    / nullif(sqrt(power(measures.standard_error, 2) + power(old_measures.standard_error, 2)), 0)
            when 'rejected_events' then measures.measure - old_measures.measure
            when 'stale_data'
                then {{ kindred.days_between('old_measures.first_at', 'run.generated_at') }}
                    - (measures.measure - old_measures.measure)
            when 'data_age' then case when last_release.run_id is not null then measures.measure end
            else measures.measure
        end as value
    from measures
    cross join run
    left join last_release on true
    left join old_measures
        on measures.gate = old_measures.gate

),

bounds as (

    {% for gate, bound in bounds.items() %}
    select
        '{{ gate }}' as gate,
        cast({{ bound if bound is not none else 'null' }} as double) as bound
    union all
    {% endfor %}
    select
        'rollback_hold' as gate,
        0 as bound

),

judged as (

    select
        compared.*,
        bounds.bound,
        coalesce(compared.value <= bounds.bound, true) as is_passed
    from compared
    inner join bounds
        on compared.gate = bounds.gate

),

final as (

    select
        run.run_id,
        judged.gate,
        judged.old_run_id as compared_run_id,
        cast(judged.measure as double) as measure,
        cast(judged.standard_error as double) as standard_error,
        cast(judged.value as double) as value,
        judged.bound,
        judged.is_passed,
        not judged.is_passed and judged.gate in {{ overridden }} as is_overridden,
        case
            when judged.gate = 'rollback_hold'
                then {{ kindred.text_literal(kindred.rollback_text(rollback)) }}
            when judged.bound is null then 'off'
            when judged.old_run_id is null then 'the first release: nothing to compare with'
            when judged.value is null then 'not judged: the figure is missing in this run or in the last release'
            {%- for gate, (text, measure) in kindred.gate_texts().items() %}
            when judged.gate = '{{ gate }}' then {{ kindred.gate_explanation(text, measure) }}  -- noqa: LT05
            {%- endfor %}
        end as explanation,
        run.generated_at,
        {{ clock }} as evaluated_at
    from judged
    cross join run
    where {{ "true" if 'live' in kindred.fold_names() and not var('kindred__as_of') else "false" }}

)

select * from final
