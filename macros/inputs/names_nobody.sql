{#- The ids that are nobody's, in lower case (kindred__tables, blocked_ids), and 'null', which dbt reads as empty where
    a seed has it. -#}
{% macro select_blocked_ids() -%}
    select lower(blocked_id) as blocked_id
    from (
        select {{ kindred.select_table_columns('blocked_ids') }}
        from {{ kindred.table_relation('blocked_ids') }}
    ) as listed
    where blocked_id is not null
    union
    select 'null' as blocked_id
{%- endmacro %}

{#- Whether an id names nobody: it is joined with a row of blocked_ids, or is of zeros and hyphens, as trackers write
    for visitors who don't want to be known. -#}
{% macro names_nobody(id, blocked='blocked_ids') -%}
    ({{ blocked }}.blocked_id is not null or not {{ kindred.matches_part(id, '[^0-]') }})
{%- endmacro %}
