-- one row per (feature, segment, days): people who first used a feature after so many days, and who left those at risk
-- Who is left is counted, not listed: features times people would be as large as all events.
{{ config(materialized='view') }}
{% set most = 100 %}
{% set segments = ['segment', "''"] if kindred.setting('lists', 'segment_by') else ["''"] %}

with features as (

    select
        feature,
        row_number() over (order by count(*) desc, feature) as place
    from {{ ref('first_values') }}
    group by feature

),

adopters as (

    select
        first_values.feature,
        first_values.segment,
        first_values.age_days,
        first_values.days_to_value,
        count(*) as n_people
    from {{ ref('first_values') }} as first_values
    inner join features
        on first_values.feature = features.feature
            and features.place <= {{ most }}
    group by
        first_values.feature,
        first_values.segment,
        first_values.age_days,
        first_values.days_to_value

),

people as (

    select
        segment,
        age_days,
        count(*) as n_people
    from {{ ref('metric_people') }}
    group by
        segment,
        age_days

),

-- Everybody leaves where what is known of them ends, unless they have used it: then they left when they did.
leaving as (

    {% for segment in segments %}
    select
        features.feature,
        {{ 'people.segment' if segment == 'segment' else "''" }} as segment,
        people.age_days as days,
        0 as n_adopted,
        people.n_people as n_gone
    from people
    cross join features
    where features.place <= {{ most }}
    {% for days, n_adopted, n_gone in [('days_to_value', 'n_people', 'n_people'), ('age_days', '0', '-n_people')] %}
    union all

    select
        feature,
        {{ segment }} as segment,
        {{ days }} as days,
        {{ n_adopted }} as n_adopted,
        {{ n_gone }} as n_gone
    from adopters
    {% endfor %}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    select
        feature,
        segment,
        days,
        cast(sum(n_adopted) as bigint) as n_adopted,
        cast(sum(n_gone) as bigint) as n_gone
    from leaving
    group by
        feature,
        segment,
        days

)

select * from final
