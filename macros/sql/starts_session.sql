{#- 1 where an event begins a session by silence: the first of its partition, or more than session_gap_minutes after the
    one before; else 0. The one home of that rule. -#}
{% macro starts_session(occurred_at, partition) -%}
    case
        when {{ dbt.datediff(
            'lag(' ~ occurred_at ~ ') over (partition by ' ~ partition ~ ' order by ' ~ occurred_at ~ ')',
            occurred_at, 'second'
        ) }} <= {{ kindred.setting('lists', 'session_gap_minutes') }} * 60 then 0
        else 1
    end
{%- endmacro %}
