{#- What the build's summary says of the inputs: (reasons of events that were set aside, lines about all other problems:
    those of refusals first, then the most frequent). built: {model: relation} of this run. -#}
{% macro input_problem_lines(built) %}
    {% set reasons, lines, selects = [], [], [] %}
    {% for model in ['input_problems', 'identity_problems'] if model in built %}
        {% do selects.append("select input, problem, fate, n_rows, rejected_text, entity_id from " ~ built[model]) %}
    {% endfor %}
    {% set found %}
        select
            input,
            problem,
            fate,
            sum(n_rows) as n_rows,
            min(rejected_text) as example,
            min(entity_id) as entity_id
        from ({{ selects | join(' union all ') }}) as problems
        group by
            input,
            problem,
            fate
        order by
            case when concat(problem, fate) like '%refusal%' then 0 else 1 end,
            sum(n_rows) desc,
            input,
            problem,
            fate
    {% endset %}
    {% for row in (kindred.fetch_rows(found) if selects else []) %}
        {% set example = row.example or row.entity_id %}
        {% set number = "{:,}".format(row.n_rows | int) %}
        {% if row.input == 'events' and row.fate == 'row set aside' %}
            {% do reasons.append(row.problem ~ " (" ~ number ~ ")") %}
        {% endif %}
        {% set advice = kindred.problem_advice(row.input, row.problem, row.example) %}
        {% if row.input != 'events' or row.fate != 'row set aside' or advice %}
            {% do lines.append("  " ~ row.input ~ ": " ~ row.problem ~ " (" ~ number
                ~ (", such as '" ~ kindred.shortened(example) ~ "'" if example else "") ~ "): " ~ row.fate
                ~ ("; " ~ advice if advice else "")) %}
        {% endif %}
    {% endfor %}
    {{ return([reasons, lines]) }}
{% endmacro %}

{#- A text that fits into a line. -#}
{% macro shortened(text) %}
    {% set line = text | string | replace('\n', ' ') %}
    {{ return(line if line | length <= 40 else line[:37] ~ '...') }}
{% endmacro %}

{#- How to correct a problem of the inputs, where the example tells; else ''. -#}
{% macro problem_advice(input, problem, example) %}
    {% if problem in ['invalid_time', 'invalid_created_at', 'invalid_updated_at', 'invalid_requested_at'] %}
        {{ return(kindred.time_advice(input, 'occurred_at' if problem == 'invalid_time' else problem[8:], example or '')) }}
    {% elif problem == 'too_early' and example and (example | string)[:4] in ['1969', '1970'] %}
        {{ return("times of 1970 come from seconds that were read as milliseconds, or from 0: correct them where "
            ~ "kindred__inputs, " ~ input ~ " points at") }}
    {% elif problem == 'unknown_event_type' %}
        {{ return("to use the type, name it in a table of your own, kindred__tables: {event_weights: ...}") }}
    {% elif problem == 'currency_unknown' %}
        {{ return("name a table with a rate for each currency and day, kindred__tracker_options: {rates: ...}") }}
    {% elif problem.startswith('unknown_purpose') %}
        {{ return("name what it means in a table of your own, kindred__tables: {purposes: ...}") }}
    {% endif %}
    {{ return('') }}
{% endmacro %}

{#- What a text that is no time looks like, with the time it means and how to convert it; '' where it looks like
    nothing. -#}
{% macro time_advice(input, column, text) %}
    {% set digits = (text | string).split('.')[0] %}
    {% set units = {9: [0, 'seconds'], 10: [0, 'seconds'], 12: [3, 'milliseconds'], 13: [3, 'milliseconds'],
                    15: [6, 'microseconds'], 16: [6, 'microseconds'], 18: [9, 'nanoseconds'], 19: [9, 'nanoseconds']} %}
    {% if modules.re.match('^[0-9]+([.][0-9]*)?$', text | string) is none or digits | length not in units %}
        {{ return('') }}
    {% endif %}
    {% set power, unit = units[digits | length] %}
    {% set since = modules.datetime.timedelta(seconds=digits | int // 10 ** power) %}
    {% set moment = modules.datetime.datetime(1970, 1, 1) + since %}
    {% set number = 'cast(' ~ column ~ ' as bigint)' %}
    {% set duckdb = {0: "to_timestamp(" ~ number ~ ") at time zone 'UTC'", 3: "epoch_ms(" ~ number ~ ")",
                     6: "make_timestamp(" ~ number ~ ")", 9: "make_timestamp_ns(" ~ number ~ ")"} %}
    {{ return("'" ~ text ~ "' looks like " ~ unit ~ " since 1970, " ~ moment ~ " UTC: select "
        ~ (duckdb[power] if target.type == 'duckdb' else "to_timestamp_ntz(" ~ number ~ ", " ~ power ~ ")")
        ~ " as " ~ column ~ " in a model, and point kindred__inputs, " ~ input ~ " at it") }}
{% endmacro %}
