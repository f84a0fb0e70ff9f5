{#- {input: what it points at, '' = not given}. Nothing named is the sample shop; else what is not named is not given,
    so that no input of a shop ever falls back to the sample. Trackers give what kindred__inputs doesn't name. -#}
{% macro input_pointers() %}
    {% set given = kindred.setting('inputs') %}
    {% set pointers = {} %}
    {% set trackers = kindred.named_trackers() %}
    {% for input in kindred.default_settings().groups.inputs %}
        {% set is_tracked = trackers and (input in ['events', 'items'] or kindred.trackers_of(input)) %}
        {% do pointers.update({
            input: (given[input] or ('tracked_' ~ input if is_tracked else ''))
            if trackers or kindred.has_own_inputs() or input not in kindred.sample_inputs() else 'sample_' ~ input
        }) %}
    {% endfor %}
    {{ return(pointers) }}
{% endmacro %}

{#- The inputs that the sample shop has. -#}
{% macro sample_inputs() %}
    {{ return(['events', 'items', 'users', 'consents']) }}
{% endmacro %}

{#- Whether kindred__inputs names anything. -#}
{% macro has_own_inputs() %}
    {% set given = var('kindred__inputs') %}
    {{ return(given is mapping and given.values() | select | list | length > 0) }}
{% endmacro %}

{#- What is wrong with kindred__inputs. -#}
{% macro input_pointer_problems() %}
    {% set problems = [] %}
    {% set given = kindred.setting('inputs') %}
    {% set samples, own = [], [] %}
    {% for input, pointer in given.items() if pointer %}
        {% do (samples if (pointer | string).startswith('sample_' ~ input) else own).append(input) %}
    {% endfor %}
    {% if kindred.named_trackers() and given.events %}
        {% do problems.append("kindred__inputs has events and kindred__trackers names " ~ kindred.named_trackers() | join(', ')
            ~ ": give one of the two; who wants both unions them in a model of their own and names that") %}
    {% elif kindred.has_own_inputs() and not given.events and not kindred.named_trackers() %}
        {% do problems.append("kindred__inputs names " ~ (samples + own) | join(', ') ~ " and no events: name the "
            ~ "table or model that holds your events, the one input that is needed") %}
    {% endif %}
    {% if samples and own %}
        {% do problems.append("kindred__inputs mixes your own " ~ own | join(', ') ~ " with the sample shop's "
            ~ samples | join(', ') ~ ": leave out what you don't have") %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}
