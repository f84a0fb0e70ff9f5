{#- From and where of a select: the events of exposed units that count for a measure. CTEs `exposures` and `measures`
    are there. Events are read by their refs, once for each unit: a shared CTE of all would be held in memory as a
    whole. unit: of the experiments. is_list: what lists showed, in place of events. condition: what else must be so.
    -#}
{% macro exposed_events(unit, is_list=false, condition='') -%}
    {%- set conditions = {
        'user': ['events.user_id = exposures.user_id'],
        'user_item': ['events.user_id = exposures.user_id', 'events.item_id = exposures.item_id'],
        'item': ['events.item_id = exposures.item_id'],
    } -%}
    {%- set moment = 'events.shown_at' if is_list else 'events.occurred_at' -%}
    from {{ ref('list_outcomes' if is_list else 'person_events') }} as events
    inner join exposures
        on {{ conditions[unit] | join('\n            and ') }}
            and exposures.unit = '{{ unit }}'
    inner join measures
        on {{ "measures.measure = '#lists'" if is_list else "events.event_type = measures.event_type" }}
    where {{ moment }} < case
        when measures.window_days = 0 then exposures.ends_at
        else {{ dbt.dateadd('day', 'measures.window_days', 'exposures.first_exposed_at') }}
    end
    and {{ moment }} >= {{ dbt.dateadd('day', '-measures.covariate_days', 'exposures.first_exposed_at') }}
    and {{ dbt.dateadd('day', 'measures.window_days', 'exposures.first_exposed_at') }} <= exposures.as_of
    {{- '\n    and ' ~ condition if condition }}
{%- endmacro %}
