{#- What a word of checked_metrics counts, of the columns of unit_measures that begin with `of`; without a word, as the
    denominator of a mean, each unit counts once. Sums beyond 10^11 would overflow their squares. -#}
{% macro metric_word(word, of) -%}
    least(greatest(case {{ word }}
        when 'events' then {{ of }}n_events
        when 'impressions' then {{ of }}n_events
        when 'people' then least({{ of }}n_events, 1)
        when 'orders' then {{ of }}n_orders
        when 'clicks' then {{ of }}n_clicks
        when 'value' then {{ of }}value
        else 1
    end, -1e11), 1e11)
{%- endmacro %}
