{#- What a device needs to make lists without a server, as files in an existing folder; examples/on_device reads them.
    With epsilon of kindred__privacy the lists for unknown visitors come from private_popularity. Factors and neighbours
    are models of all people and never private in that sense; min_people keeps out what rests on few.
    dbt run-operation export_for_devices --args '{folder: export}' -#}
{% macro export_for_devices(folder='export') %}
    {% if target.type != 'duckdb' %}
        {% do exceptions.raise_compiler_error(
            "export_for_devices writes files beside a DuckDB warehouse. On " ~ target.type ~ " unload the same tables "
            ~ "(als_item_factors, release_neighbors, release_segments, release_items, release_session_settings, release_arms, release_item_arms, event_types) with COPY INTO a stage"
        ) %}
    {% endif %}
    {% if kindred.setting('privacy', 'epsilon') != '' %}
        {% set popular = "
            select item_id, row_number() over (order by n_people desc, item_id) as rank
            from " ~ ref('private_popularity') ~ " as private
            inner join " ~ ref('release_items') ~ " as items using (item_id)
            where private.segment = '' and items.is_recommendable and items.eligibility = ''" %}
        {% set fallback = "
            select segment, row_number() over (partition by segment order by is_filler, n_people desc, item_id) as rank, item_id
            from (
                select segments.segment, private.item_id, private.segment <> segments.segment as is_filler, private.n_people
                from (select distinct segment from " ~ ref('private_popularity') ~ ") as segments
                inner join " ~ ref('private_popularity') ~ " as private on private.segment in (segments.segment, '')
                inner join " ~ ref('release_items') ~ " as items on private.item_id = items.item_id
                    and items.is_recommendable and items.eligibility = ''
                qualify row_number() over (partition by segments.segment, private.item_id order by private.segment desc) = 1
            )
            qualify rank <= " ~ kindred.setting('lists', 'n_recommendations') %}
    {% else %}
        {% set popular = "
            select item_id, popular_rank as rank
            from " ~ ref('release_items') ~ "
            where is_recommendable and popular_rank is not null and eligibility = ''" %}
        {% set fallback = "
            select segment, number as rank, entry ->> 0 as item_id
            from " ~ ref('release_segments') ~ ",
                unnest(cast(fallback as json[])) with ordinality as entries(entry, number)" %}
    {% endif %}
    {#- Nobody knows whose device reads these files: they name no item that is under a condition. -#}
    {% set neighbors = "
        select neighbors.item_id, entries.key as neighbor_id, cast(entries.value as double) as score, entries.rowid as place
        from " ~ ref('release_neighbors') ~ " as neighbors, json_each(neighbors.neighbors) as entries
        inner join " ~ ref('release_items') ~ " as items on entries.key = items.item_id and items.eligibility = ''" %}
    {% set factors = "
            select factors.item_id, factors.factors, items.is_recommendable and items.eligibility = '' as is_recommendable, factors.alpha, factors.regularization,
                factors.content_share
            from " ~ ref('als_item_factors') ~ " as factors
            inner join " ~ ref('release_items') ~ " as items on factors.item_id = items.item_id
            inner join " ~ ref('item_features') ~ " as features
                on factors.item_id = features.item_id and features.fold = 'live'
            where factors.fold = 'live'
                and (factors.content_share = 1 or " ~ kindred.enough_people('features.n_users') ~ ")" %}
    {% set event_types = "
            select event_type, weight, half_life_days, neutral_value, excludes_item, learns_until,
                " ~ kindred.setting('traffic', 'max_events_per_person') ~ " as max_events_per_person
            from " ~ ref('event_types') ~ "
            cross join " ~ ref('folds') ~ " as folds
            where folds.fold = 'live' and (weight <> 0 or excludes_item)" %}
    {% set files = {
        'item_factors.parquet': factors ~ " order by item_id",
        'neighbors.parquet': "
            select item_id, neighbor_id, score
            from (" ~ neighbors ~ ")
            order by item_id, score desc, neighbor_id",
        'fallback.parquet': fallback ~ " order by segment, rank",
        'popular.parquet': popular ~ " order by rank",
        'event_types.parquet': event_types ~ " order by event_type",
        'session_settings.parquet': "select * exclude (case_insensitive_ids, has_eligibility) from " ~ ref('release_session_settings'),
        'item_arms.json': "select coalesce(map_from_entries(list((item_id, cast(arms as json)) order by item_id)), map()) as item_arms
            from " ~ ref('release_item_arms'),
        'arms.json': "select coalesce(list(arms order by from_key, arm_id), []) as arms from " ~ ref('release_arms') ~ " as arms",
        'vector.json': "
            select
                (select any_value(alpha) from " ~ ref('als_item_factors') ~ " where fold = 'live') as alpha,
                (select any_value(regularization) from " ~ ref('als_item_factors') ~ " where fold = 'live') as regularization,
                (select list({'item_id': item_id, 'factors': factors, 'is_recommendable': is_recommendable,
                    'is_learned': content_share < 1} order by item_id) from (" ~ factors ~ ")) as items,
                (select list({'event_type': event_type, 'weight': weight, 'half_life_days': half_life_days,
                    'neutral_value': neutral_value, 'excludes_item': excludes_item} order by event_type)
                    from (" ~ event_types ~ ")) as event_types,
                (select any_value(learns_until) from (" ~ event_types ~ ")) as learns_until,
                " ~ kindred.setting('traffic', 'max_events_per_person') ~ " as max_events_per_person",
        'session.json': "
            select
                (select {'n_steps': n_steps, 'decay': decay, 'session_share': session_share, 'list_share': list_share}
                    from " ~ ref('release_session_settings') ~ ") as settings,
                (select map_from_entries(list((item_id, neighbors) order by item_id)) from (
                    select item_id, to_json(map_from_entries(list((neighbor_id, score) order by place))) as neighbors
                    from (" ~ neighbors ~ ") group by item_id
                )) as neighbors,
                (select list(item_id order by rank) from (" ~ fallback ~ ") where segment = '') as fallback,
                (select list(item_id order by rank) from (" ~ popular ~ ")) as popular",
    } %}
    {% if 'transformer' not in kindred.absent_generators() %}
        {% do files.update({
            'transformer_items.parquet': "
                select factors.item_id, factors.factors, factors.session_factors,
                    items.is_recommendable and items.eligibility = '' as is_recommendable
                from " ~ ref('transformer_item_factors') ~ " as factors
                inner join " ~ ref('release_items') ~ " as items on factors.item_id = items.item_id
                inner join " ~ ref('item_features') ~ " as features
                    on factors.item_id = features.item_id and features.fold = 'live'
                where factors.fold = 'live' and " ~ kindred.enough_people('features.n_users') ~ "
                order by factors.item_id",
            'transformer_weights.parquet': "
                select unnest(factors) as weight
                from " ~ ref('transformer_parameters') ~ "
                where fold = 'live' and key = 'session_weights'",
        }) %}
    {% endif %}
    {% if kindred.setting('privacy', 'device_epsilon') != '' %}
        {% set protocol = kindred.device_protocol() %}
        {% do files.update({
            'reports.json': "select " ~ protocol.epsilon ~ " as epsilon, " ~ protocol.n_buckets ~ " as n_buckets, "
                ~ protocol.n_seeds ~ " as n_seeds",
        }) %}
    {% endif %}
    {% for name, query in files.items() %}
        {% do run_query(
            "copy (" ~ query ~ ") to " ~ kindred.text_literal(folder ~ '/' ~ name)
            ~ " (format " ~ name.split('.')[1] ~ ")"
        ) %}
        {% do print("kindred: " ~ folder ~ "/" ~ name) %}
    {% endfor %}
{% endmacro %}
