{#- The columns that every adapter makes, and their kinds: a raw row, exploded by its products.
    row_id: which raw row, the same when it is sent again. product_number: place in the row's products, from 0.
    amount: money of the line where the tracker says it. traffic: bot, internal or test where the tracker says so. refusal: why the tracker's own data let no event be made of the
    row. -#}
{% macro tracked_columns() %}
    {{ return({
        'row_id': 'text', 'product_number': 'number', 'event_name': 'text', 'user_id': 'text', 'anonymous_id': 'text',
        'session_id': 'text', 'item_id': 'text', 'occurred_at': 'timestamp', 'received_at': 'timestamp',
        'quantity': 'number', 'price': 'number', 'discount': 'number', 'amount': 'number', 'rating': 'number',
        'currency': 'text', 'order_id': 'text', 'list_id': 'text', 'position': 'number', 'query': 'text',
        'title': 'text', 'brand': 'text', 'category': 'text', 'traffic': 'text', 'user_agent': 'text', 'host': 'text',
        'ip_address': 'text', 'refusal': 'text',
    }) }}
{% endmacro %}

{#- The select list of an adapter: `values` gives SQL by column, of the column's kind; what it leaves out is null. -#}
{% macro tracked_row(values, columns=none) %}
    {% for column, kind in kindred.tracked_columns().items() if columns is none or column in columns %}
    cast({{ values.get(column, 'null') }} as {{ kindred.type_of(kind) }}) as {{ column }}{{ "," if not loop.last }}
    {% endfor %}
{% endmacro %}

{#- The selects of an adapter's tables as one, of no row where there are none: [{row: values of tracked_row, relation}].
    Columns that are null in all of them are left out, as writing nulls takes time, too. -#}
{% macro united_rows(selects) %}
    {% set types, parts = {}, [] %}
    {% for column, kind in kindred.tracked_columns().items() %}
        {% set given = [] %}
        {% for select in selects if not kindred.is_null(select.row.get(column, 'null')) %}
            {% do given.append(column) %}
        {% endfor %}
        {% if given or not selects %}{% do types.update({column: kindred.type_of(kind)}) %}{% endif %}
    {% endfor %}
    {% for select in selects %}
        {% do parts.append("select" ~ kindred.tracked_row(select.row, types) ~ "from " ~ select.relation) %}
    {% endfor %}
    {{ return(kindred.united(parts, types)) }}
{% endmacro %}

{#- Selects of the same columns as one, of no row where there are none. columns: {name: data type}. -#}
{% macro united(selects, columns) %}
    {{ return(selects | join('\nunion all\n') if selects else kindred.select_nothing(columns)) }}
{% endmacro %}

{#- A select of no row. columns: {name: data type}. -#}
{% macro select_nothing(columns) %}
    {% set parts = [] %}
    {% for name, data_type in columns.items() %}
        {% do parts.append("cast(null as " ~ data_type ~ ") as " ~ name) %}
    {% endfor %}
    {{ return("select " ~ parts | join(', ') ~ " where false") }}
{% endmacro %}

{#- A key of texts that may be null: the same only where all are. -#}
{% macro null_safe_key(texts) %}
    {% set parts = [] %}
    {% for text in texts %}
        {% set own = "cast(" ~ text ~ " as varchar)" %}
        {% do parts.append("coalesce(concat(length(" ~ own ~ "), ':', " ~ own ~ "), '-')") %}
    {% endfor %}
    {{ return("md5(concat(" ~ parts | join(", '|', ") ~ "))") }}
{% endmacro %}

{#- The keys under which a tracker's properties or products may hold the item's id. -#}
{% macro item_keys(tracker, otherwise) %}
    {% set given = kindred.setting('tracker_options', 'item_keys').get(tracker) %}
    {{ return(otherwise if not given else [given] if given is string else given) }}
{% endmacro %}

{% macro tracker_zone(tracker) %}
    {{ return(kindred.setting('tracker_options', 'time_zones').get(tracker, '')) }}
{% endmacro %}
