{#- Going back to an older release where the warehouse itself serves (Snowflake):

        dbt run-operation show_releases
        dbt run-operation roll_back --args '{reason: empty lists}'      # or release_id: ...
        dbt run-operation resume

    A serving folder has `kindred releases`, `kindred rollback` and `kindred resume`. -#}
{% macro show_releases() %}
    {% for row in kindred.kept_releases() %}
        {% do print(("* " if loop.first else "  ") ~ row.release_id
            ~ "  " ~ "{:>9,}".format(row.n_lists | int) ~ " lists"
            ~ "  as of " ~ row.as_of ~ "  made " ~ row.generated_at) %}
    {% endfor %}
    {% do print(kindred.rollback_text(kindred.read_rollback())) %}
{% endmacro %}

{#- The one statement changes what is read and holds publication; release_id '' = the one before. -#}
{% macro roll_back(release_id='', reason='') %}
    {% set kept = kindred.kept_releases() %}
    {% set current = kept[0] if kept else {} %}
    {% set wanted = [] %}
    {% for row in kept | sort(attribute='release_id', reverse=true)
        if row.release_id == release_id or (not release_id and row.release_id < current.release_id) %}
        {% do wanted.append(row.release_id) %}
    {% endfor %}
    {% if not wanted %}
        {% do exceptions.raise_compiler_error("kindred: there is no " ~ (release_id or 'release before the current one')
            ~ "; there are " ~ (kept | map(attribute='release_id') | join(', ') or 'none')) %}
    {% endif %}
    {% set hold = {
        'serves': wanted[0], 'from': current.release_id, 'by': target.user, 'reason': reason, 'is_held': true,
        'at': kindred.run_clock(),
    } %}
    {% do run_query("update " ~ kindred.previous('releases') ~ " set published_at = " ~ kindred.utc_now()
        ~ ", hold = " ~ kindred.text_literal(tojson(hold)) ~ " where release_id = " ~ kindred.text_literal(wanted[0])) %}
    {% do print("apps read " ~ wanted[0] ~ " now, before " ~ current.release_id
        ~ "; builds publish nothing until `dbt run-operation resume`") %}
{% endmacro %}

{% macro resume() %}
    {% set kept = kindred.kept_releases() %}
    {% do run_query("update " ~ kindred.previous('releases') ~ " set hold = null where hold is not null") %}
    {% do print("the next build publishes") %}
{% endmacro %}

{#- The rows of releases whose tables are still there, the one that apps read first. -#}
{% macro kept_releases() %}
    {% if target.type != 'snowflake' %}
        {% do exceptions.raise_compiler_error("kindred: a serving folder has `kindred releases`, `kindred rollback` and"
            ~ " `kindred resume`; PostgreSQL keeps no older release") %}
    {% endif %}
    {% set releases = kindred.previous('releases') %}
    {% if not releases %}{{ return([]) }}{% endif %}
    {{ return(kindred.fetch_rows(
        "select * from " ~ releases ~ " where run_id in (select run_id from "
        ~ releases.incorporate(path={'identifier': 'published_lists'}) ~ ") order by published_at desc, release_id desc"
    )) }}
{% endmacro %}
