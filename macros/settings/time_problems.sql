{#- What is wrong with the folds and the moment to build as of. -#}
{% macro time_problems() %}
    {% set problems = [] %}
    {% set folds = var('kindred__folds') %}
    {% if folds is string or folds is not iterable or not folds %}
        {% do problems.append("kindred__folds is '" ~ folds ~ "': give a list such as [backtest, live]") %}
    {% else %}
        {% for fold in folds if fold not in ['tuning', 'backtest', 'live'] %}
            {% do problems.append("kindred__folds has '" ~ fold ~ "': the folds are tuning, backtest and live") %}
        {% endfor %}
        {% if folds | unique | list | length != folds | length %}
            {% do problems.append("kindred__folds names a fold twice: " ~ folds | join(', ')) %}
        {% endif %}
    {% endif %}

    {% set as_of = var('kindred__as_of') | string %}
    {% set form = '^[12]\d{3}-(0[1-9]|1[012])-[0-3]\d([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?$' %}
    {% set is_moment = modules.re.match(form, as_of) is not none %}
    {% if is_moment %}
        {#- The month's first day plus so many days lies in another month for 30 February and the like. -#}
        {% set first = modules.datetime.date(as_of[:4] | int, as_of[5:7] | int, 1) %}
        {% set is_moment = (first + modules.datetime.timedelta(days=as_of[8:10] | int - 1)).month == first.month %}
    {% endif %}
    {% if as_of and not is_moment %}
        {% do problems.append("kindred__as_of is '" ~ as_of ~ "': give a UTC date or time such as 2026-05-01 or "
            ~ "2026-05-01 06:00:00, or '' for the newest events") %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}
