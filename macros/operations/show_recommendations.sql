{#- Prints a few people with what they cared most about and what they are recommended, and the evaluation: one screen.
    dbt run-operation show_recommendations --args '{people: 3}'
    dbt run-operation show_recommendations --args '{user_ids: [u0042]}' -#}
{% macro show_recommendations(people=3, user_ids=[], items=5) %}
    {% if user_ids %}
        {% set chosen = user_ids %}
    {% else %}
        {#- People whose lists a reader can check: enough history to see a taste, spread over the ids. -#}
        {% set chosen = [] %}
        {% for row in kindred.fetch_rows(
            "select user_id from " ~ ref('user_features') ~ " where fold = 'live' and n_purchases between 3 and 8"
            ~ " and not is_anonymous order by md5(user_id) limit " ~ people
        ) %}{% do chosen.append(row.user_id) %}{% endfor %}
    {% endif %}
    {% for user_id in chosen %}
        {% do kindred.show_person(user_id, items) %}
    {% endfor %}
    {% do kindred.show_evaluation() %}
{% endmacro %}

{% macro show_person(user_id, items) %}
    {% set literal = "'" ~ (user_id | string | replace("'", "''")) ~ "'" %}
    {#- Of all that was done with an item, what says most for it: where shops re-buy, a purchase excludes nothing. -#}
    {% set history = kindred.fetch_rows(
        "select interactions.item_id, items.title, items.category, done.event_type"
        ~ " from " ~ ref('interactions') ~ " as interactions"
        ~ " left join " ~ ref('items') ~ " as items on interactions.item_id = items.item_id"
        ~ " left join (select fold_events.item_id, fold_events.event_type"
        ~ " from " ~ ref('fold_events') ~ " as fold_events inner join " ~ ref('event_types') ~ " as event_types"
        ~ " on fold_events.event_type = event_types.event_type"
        ~ " where fold_events.fold = 'live' and fold_events.user_id = " ~ literal
        ~ " qualify row_number() over (partition by fold_events.item_id"
        ~ " order by event_types.weight desc, fold_events.event_type) = 1) as done"
        ~ " on interactions.item_id = done.item_id"
        ~ " where interactions.fold = 'live' and interactions.weight > 0 and interactions.user_id = " ~ literal
        ~ " order by interactions.weight desc, interactions.item_id limit 3"
    ) %}
    {% set list = kindred.fetch_rows(
        "select recommendations.rank, recommendations.item_id, items.title, items.category, recommendations.reason,"
        ~ " coalesce(because.title, recommendations.because_item_id) as because"
        ~ " from " ~ ref('recommendations') ~ " as recommendations"
        ~ " left join " ~ ref('items') ~ " as items on recommendations.item_id = items.item_id"
        ~ " left join " ~ ref('items') ~ " as because on recommendations.because_item_id = because.item_id"
        ~ " where recommendations.user_id = " ~ literal
        ~ " order by recommendations.rank limit " ~ items
    ) %}
    {% set lines = ["", user_id ~ " cared most about"] %}
    {% for row in history %}
        {% do lines.append("     " ~ kindred.pad(row.title or row.item_id, 52) ~ kindred.pad(row.category, 22)
                           ~ row.event_type) %}
    {% endfor %}
    {% do lines.append(user_id ~ " is recommended") %}
    {% for row in list %}
        {% do lines.append("  " ~ "%2d" % (row.rank | int) ~ " " ~ kindred.pad(row.title or row.item_id, 52)
                           ~ kindred.pad(row.category, 22) ~ row.reason
                           ~ (", because of " ~ row.because if row.because else "")) %}
    {% endfor %}
    {% for line in lines %}{% do print(line) %}{% endfor %}
{% endmacro %}

{#- Text cut or filled to a width. -#}
{% macro pad(text, width) %}
    {% set text = text | string if text is not none else '' %}
    {{ return(text[:width - 2] ~ ' ' * (width - text[:width - 2] | length)) }}
{% endmacro %}
