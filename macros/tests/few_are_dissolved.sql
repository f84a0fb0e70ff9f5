{#- Stops the build where more than 1 in 100 ids of `identities` is in a dissolved group: links that join so many ids
    are wrong, and their people would all lose their history at once. -#}
{% test few_are_dissolved(model) %}
{% set counted %}
    select
        (select count(*) from {{ ref('kindred', 'identity_groups') }} where fate = 'dissolved') as n_dissolved,
        (select max(n_ids) from {{ ref('kindred', 'identity_groups') }} where fate = 'dissolved') as largest,
        (select count(*) from {{ model }}) as n_ids
{% endset %}
{% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'show'] %}
    {% set row = kindred.fetch_rows(counted)[0] %}
    {% if row.n_dissolved | int * 100 > row.n_ids | int %}
        {% do exceptions.raise_compiler_error(
            "kindred: identity_links join " ~ "{:,}".format(row.n_dissolved | int) ~ " of "
            ~ "{:,}".format(row.n_ids | int) ~ " ids into groups of more than "
            ~ kindred.setting('identity', 'max_ids_per_person') ~ " (the largest has " ~ "{:,}".format(row.largest | int)
            ~ "). identity_problems names them: correct what kindred__inputs, identity_links points at, add an id that "
            ~ "is nobody's to a table of your own, kindred__tables: {blocked_ids: ...}, or raise kindred__identity: "
            ~ "{max_ids_per_person: ...}"
        ) %}
    {% endif %}
{% endif %}
select * from ({{ counted }}) as counts where n_dissolved * 100 > n_ids
{% endtest %}
