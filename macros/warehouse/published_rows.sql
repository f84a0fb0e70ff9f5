{#- What the functions read of a release: on Snowflake the rows of the release that is served, on DuckDB, where apps
    read files, the table that the last build made. -#}
{% macro published_rows(name) %}
    {{- return(adapter.dispatch('published_rows', 'kindred')(name)) -}}
{% endmacro %}

{% macro duckdb__published_rows(name) -%}
    select * from {{ ref('release_' ~ name) }}
{%- endmacro %}

{#- releases.py writes published_*. One row of releases is what moves, so there is no moment between two
    releases. -#}
{% macro snowflake__published_rows(name) -%}
    {%- set releases = ref('releases') -%}
    select published.*
    from {{ releases.incorporate(path={'identifier': 'published_' ~ name}) }} as published
    inner join (
        select run_id
        from {{ releases }}
        qualify row_number() over (order by published_at desc, release_id desc) = 1
    ) as served
        on published.run_id = served.run_id
{%- endmacro %}
