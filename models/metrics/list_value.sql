-- one row per (experiment_id, segment, metric): what lists brought, by attribution and beside people without them
-- experiment_id '' = all lists, of which no holdout tells; segment '' = all people.
{% set segments = ['people.segment', "''"] if kindred.setting('lists', 'segment_by') else ["''"] %}

with by_person as (

    select
        listed_people.*,
        coalesce(people.segment, 'unknown') as segment
    from {{ ref('listed_people') }} as listed_people
    left join {{ ref('metric_people') }} as people
        on listed_people.user_id = people.user_id

),

attributed as (

    {% for segment in segments %}
    select
        people.experiment_id,
        {{ segment }} as segment,
        people.metric,
        count(*) as n_people,
        {{ kindred.exact_sum('people.attributed') }} as attributed
    from by_person as people
    group by
        people.experiment_id,
        {{ segment }},
        people.metric
    {{ "union all" if not loop.last }}
    {% endfor %}

),

results as (

    {% if kindred.has_experiments() -%}
    select
        experiment_id,
        segment,
        metric,
        n,
        n_control,
        effect,
        lower,
        upper,
        is_valid,
        note
    from {{ ref('experiment_results') }}
    where is_newest
        and segment_by in ('', 'segment')
    {%- else -%}
    select
        cast(null as varchar) as experiment_id,
        cast(null as varchar) as segment,
        cast(null as varchar) as metric,
        cast(null as bigint) as n,
        cast(null as bigint) as n_control,
        cast(null as double) as effect,
        cast(null as double) as lower,
        cast(null as double) as upper,
        false as is_valid,
        cast(null as varchar) as note
    where false
    {%- endif %}

),

joined as (

    select
        attributed.experiment_id,
        attributed.segment,
        attributed.metric,
        attributed.attributed,
        {% for name in ['effect', 'lower', 'upper'] -%}
        case when results.is_valid then results.{{ name }} * results.n end as {{ name }},
        {% endfor -%}
        coalesce(results.n, attributed.n_people) as n_people,
        results.n_control as n_holdout,
        least(attributed.n_people, coalesce(results.n_control, attributed.n_people)) as n_least,
        case
            when attributed.experiment_id = '' then 'attribution alone: no holdout tells what all lists bring'
            else results.note
        end as note
    from attributed
    left join results
        on attributed.experiment_id = results.experiment_id
            and attributed.segment = results.segment
            and attributed.metric = results.metric
    -- What the experiment keeps silent about is told by attribution neither.
    where attributed.experiment_id = ''
        or results.n is not null

),

{{ kindred.protected_cells('joined', ['experiment_id', 'segment', 'metric'], {'segment': "''"}, 'n_least') }},

final as (

    select
        experiment_id,
        segment,
        metric,
        attributed,
        effect as incremental,
        lower,
        upper,
        cast(n_people as bigint) as n_people,
        cast(n_holdout as bigint) as n_holdout,
        note
    from protected

)

select * from final
