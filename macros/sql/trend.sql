{#- How far recent popularity is above what the item's whole past makes one expect: standard deviations, as for a
    Poisson count, drawn towards 0 for items of little weight. What people dislike is expected to have none: that
    nothing happened to it lately is no rise. -#}
{% macro trend(recent, expected, mean_popularity) -%}
    ({{ recent }} - greatest({{ expected }}, 0))
    / sqrt(greatest({{ expected }}, 0) + greatest({{ mean_popularity }}, 0) + 1)
{%- endmacro %}
