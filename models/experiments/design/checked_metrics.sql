-- one row per metric of the table of metrics, with what is wrong with it
{{ config(enabled=kindred.has_experiments()) }}

{% set words = "('events', 'people', 'orders', 'value', 'clicks', 'impressions')" %}
{% set of_lists = "('clicks', 'impressions')" %}

with metrics as (

    select
        {{ kindred.select_table_columns('experiment_metrics') }}
    from {{ kindred.table_relation('experiment_metrics') }}

),

event_types as (select event_type from {{ ref('known_event_types') }} where event_type not in ('exposure', 'send')),

counted as (

    select
        metrics.*,
        count(*) over (partition by metrics.metric) as n_rows,
        row_number() over (
            partition by metrics.metric
            order by metrics.statistic, metrics.numerator, metrics.denominator, metrics.event_type, metrics.window_days
        ) as occurrence,
        event_types.event_type is not null as is_known_type
    from metrics
    left join event_types
        on metrics.event_type = event_types.event_type

),

final as (

    select
        metric,
        statistic,
        numerator,
        denominator,
        -- '#lists' = what list_outcomes has, '*' = events of any type.
        case
            when numerator in {{ of_lists }} then '#lists'
            when event_type is not null then event_type
            when 'orders' in (numerator, coalesce(denominator, '')) or numerator = 'value' then 'purchase'
            else '*'
        end as event_type,
        coalesce(cast(window_days as bigint), 0) as window_days,
        coalesce(cast(covariate_days as bigint), 0) as covariate_days,
        winsorize_at,
        quantile,
        coalesce(is_guardrail, false) as is_guardrail,
        coalesce(higher_is_better, true) as higher_is_better,
        case
            when metric is null then 'it has no name: fill in metric'
            when n_rows > 1 then 'its name stands more than once: give each metric its own'
            when contains(metric, '|') then 'its name has a |: leave it out'
            when coalesce(statistic, '') not in ('mean', 'ratio', 'quantile')
                then concat('statistic is ''', coalesce(statistic, ''), ''': give mean, ratio or quantile')
            when coalesce(numerator, '') not in {{ words }}
                then concat(
                        'numerator is ''', coalesce(numerator, ''),
                        ''': give events, people, orders, value, clicks or impressions'
                    )
            when statistic = 'ratio' and coalesce(denominator, '') not in {{ words }}
                then concat(
                        'denominator is ''', coalesce(denominator, ''),
                        ''': give events, people, orders, value, clicks or impressions'
                    )
            when statistic <> 'ratio' and denominator is not null
                then 'only a ratio has a denominator: leave it empty, or make statistic ratio'
            when statistic = 'ratio'
                and case when numerator in {{ of_lists }} then 1 else 0 end
                <> case when denominator in {{ of_lists }} then 1 else 0 end
                then 'clicks and impressions are those of lists: divide one of them by the other, not by events'
            when event_type is not null and numerator in {{ of_lists }}
                then 'clicks and impressions are those of lists: leave event_type empty'
            when event_type is not null and not is_known_type
                then concat('event_type is ''', event_type, ''': give a type of the table event_weights, or nothing')
            when window_days is null and window_days_text is not null or not window_days between 1 and 3650
                or window_days <> floor(window_days)
                then 'window_days must be a whole number of days from 1, or empty (until the experiment ends)'
            when covariate_days is null and covariate_days_text is not null or not covariate_days between 0 and 3650
                or covariate_days <> floor(covariate_days)
                then 'covariate_days must be a whole number of days from 0, or empty (no covariate)'
            when winsorize_at is null and winsorize_at_text is not null or not winsorize_at between 0.5e0 and 0.999999e0
                then 'winsorize_at must be a share of people, from 0.5 to below 1, such as 0.999, or empty'
            when statistic = 'quantile' and winsorize_at is not null
                then 'a quantile needs no cut: leave winsorize_at empty'
            when statistic = 'quantile' and not coalesce(quantile > 0 and quantile < 1, false)
                then 'quantile says which: give a number between 0 and 1, such as 0.5'
            when statistic <> 'quantile' and coalesce(quantile_text, cast(quantile as varchar)) is not null
                then 'only the statistic quantile has a quantile: leave it empty'
            when is_guardrail is null and is_guardrail_text is not null
                then concat('is_guardrail is ''', is_guardrail_text, ''': give true or false')
            when higher_is_better is null and higher_is_better_text is not null
                then concat('higher_is_better is ''', higher_is_better_text, ''': give true or false')
        end as problem
    from counted
    where occurrence = 1 or metric is null

)

select * from final
