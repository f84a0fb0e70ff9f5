-- one row per k: the lengths of a list's head that are evaluated
{{ config(materialized='view') }}

{% for k in [5, 10, 20] %}
select {{ k }} as k
{{ "union all" if not loop.last }}
{%- endfor %}
