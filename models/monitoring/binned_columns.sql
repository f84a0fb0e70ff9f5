-- one row per (kind, subject, column_name, bin, category): how many rows of this build's columns are in each bin
{{ config(materialized='ephemeral') }}
{% set people, items = ref('user_features'), ref('item_features') %}
{#- (kind, subject, relation, numbers, categories) -#}
{% set parts = [
    ('feature', 'people', people, [
        'n_items', 'n_liked_items', 'n_purchases', 'n_sessions', 'revenue', 'mean_price', 'price_affinity',
        'top_category_share', 'tenure_days', 'recency_days',
    ], []),
    ('feature', 'items', items, [
        'price', 'n_users', 'popularity', 'trend', 'carts_per_view', 'purchases_per_view', 'age_days', 'recency_days',
    ], []),
    ('population', 'people', people, [], ['segment', 'activity', 'is_anonymous']),
    ('population', 'items', items, [], ['category', 'is_recommendable']),
] %}

with placed as (

    select
        item_id,
        generator,
        count(*) as n_places
    from {{ ref('recommendations') }}
    group by
        item_id,
        generator

),

placed_items as (

    select
        placed.generator,
        placed.n_places,
        item_features.category,
        item_features.n_users
    from placed
    inner join {{ ref('item_features') }} as item_features
        on placed.item_id = item_features.item_id
            and item_features.fold = 'live'

),

final as (

    {% for kind, subject, relation, numbers, categories in parts %}
    {% for name in numbers + categories %}
    select
        '{{ kind }}' as kind,
        '{{ subject }}' as subject,
        '{{ name }}' as column_name,
        {{ kindred.log_bin(name) if name in numbers else 'cast(0 as bigint)' }} as bin,
        {{ "''" if name in numbers else "coalesce(cast(" ~ name ~ " as varchar), '')" }} as category,
        count(*) as n_rows
    from {{ relation }}
    where fold = 'live'
    group by {{ kindred.log_bin(name) if name in numbers else "coalesce(cast(" ~ name ~ " as varchar), '')" }}
    union all
    {% endfor %}
    {% endfor %}
    {% for name in ['generator', 'category'] %}
    select
        'list' as kind,
        'places' as subject,
        '{{ name }}' as column_name,
        0 as bin,
        coalesce({{ name }}, '') as category,
        sum(n_places) as n_rows
    from placed_items
    group by coalesce({{ name }}, '')
    union all
    {% endfor %}
    select
        'list' as kind,
        'places' as subject,
        'n_users' as column_name,
        {{ kindred.log_bin('n_users') }} as bin,
        '' as category,
        sum(n_places) as n_rows
    from placed_items
    group by {{ kindred.log_bin('n_users') }}
    union all
    select
        'score' as kind,
        'lists' as subject,
        'first_score' as column_name,
        {{ kindred.log_bin('score') }} as bin,
        '' as category,
        count(*) as n_rows
    from {{ ref('recommendations') }}
    where rank = 1
        and policy = 'main'
    group by {{ kindred.log_bin('score') }}

)

select * from final
