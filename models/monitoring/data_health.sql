-- one row per (input, day): the rows of the last five weeks, beside what the same weekday usually brings
{% set as_of = "(select max(as_of) from " ~ ref('folds') ~ ")" %}
{% set clock = as_of if var('kindred__as_of') else "cast('" ~ kindred.run_clock() ~ "' as timestamp)" %}
{% set weeks, deviations = ['week_1', 'week_2', 'week_3', 'week_4'], [] %}
{% for week in weeks %}{% do deviations.append("abs(" ~ week ~ " - expected)") %}{% endfor %}

with input_days as (select * from {{ ref('input_days') }}),

gaps as (

    select
        *,
        24 * {{ kindred.days_between('lag(day) over (partition by input order by day)', 'day') }} as gap_hours
    from input_days

),

-- A feed that brings rows on Mondays alone is late after three weeks, one that brings them every day after three days.
histories as (

    select
        input,
        min(day) as first_day,
        max(newest_at) as newest_at,
        3 * greatest(coalesce(median(gap_hours), 24), 24) as max_age_hours
    from gaps
    group by input

),

-- A day without a row is a day, too. Nine weeks: five that are checked and four before the first of them.
calendar as (

    select
        histories.*,
        numbers.number as n_days_ago,
        cast({{ dbt.dateadd(
            'day', '-numbers.number', "date_trunc('day', " ~ dbt.dateadd('second', -1, as_of) ~ ")"
        ) }} as timestamp) as day
    from histories
    cross join ({{ kindred.numbers(63) }}) as numbers

),

counted as (

    select
        calendar.*,
        {% for week in weeks %}
        lag(cast(coalesce(input_days.n_rows, 0) as double), {{ 7 * loop.index }}) over (
            partition by calendar.input order by calendar.day
        ) as {{ week }},
        {% endfor %}
        cast(coalesce(input_days.n_rows, 0) as double) as n_rows
    from calendar
    left join input_days
        on calendar.input = input_days.input
            and calendar.day = input_days.day
    where calendar.day >= calendar.first_day

),

-- A day is checked when it is over and has four weeks before it; it is itself in none of them.
expected as (

    select
        *,
        case
            when {{ dbt.dateadd('day', 1, 'day') }} <= {{ clock }} then {{ kindred.median_of_four(weeks) }}
        end as expected
    from counted

),

-- The widest of: the spread of the four weeks, a fifth, and what chance alone makes of so small a number.
bounded as (

    select
        *,
        greatest(
            4.4478e0 * {{ kindred.median_of_four(deviations) }}, 0.2e0 * expected, 3.0e0 * sqrt(expected + 1)
        ) as half_width,
        case when n_days_ago = 0 then 24 * {{ kindred.days_between('newest_at', clock) }} end as age_hours,
        -- The sample shop's events end once and for all.
        case when n_days_ago = 0 and {{ kindred.has_own_inputs() }} then max_age_hours end as age_bound
    from expected

),

final as (

    select
        input,
        cast(day as date) as day,
        cast(n_rows as bigint) as n_rows,
        expected,
        greatest(expected - half_width, 0.0e0) as lower,
        expected + half_width as upper,
        newest_at,
        age_hours,
        age_bound as max_age_hours,
        case
            when expected is not null or age_bound is not null
                then coalesce(abs(n_rows - expected) <= half_width, true) and coalesce(age_hours <= age_bound, true)
        end as is_usual
    from bounded
    where n_days_ago < 35

)

select * from final
