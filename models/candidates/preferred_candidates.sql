-- one row per (fold, user_id, item_id): items of the categories and brands that a person told us they like
-- Preferences are text of any form: each quoted piece counts, or, where nothing is quoted, each piece between commas,
-- semicolons and bars. People who said the same share one list, from which each one's exclusions are taken.
{% set n = kindred.setting('lists', 'n_candidates') | int %}
{#- So long a list is made; whoever excluded more than this leaves has a history that speaks for itself. -#}
{% set reach = 2 * n %}

with folds as (select * from {{ ref('folds') }}),

-- A preference has no date of its own: it is known from the day the user is.
told as (

    select
        user_features.fold,
        user_features.user_id,
        lower(users.preferences) as preferences,
        row_number() over (
            partition by user_features.fold, user_features.user_id
            order by users.created_at desc nulls last, users.user_id
        ) as recency
    from {{ ref('users') }} as users
    inner join {{ ref('identities') }} as identities
        on users.user_id = identities.identity_id
    inner join {{ ref('user_features') }} as user_features
        on identities.user_id = user_features.user_id
    inner join folds
        on user_features.fold = folds.fold
            and (users.created_at < folds.learns_until or users.created_at is null)
    where users.preferences is not null

),

texts as (

    select
        fold,
        preferences,
        case when preferences like '%"%' then preferences else translate(preferences, ',;|', '"""') end as pieces,
        row_number() over (order by fold, preferences) as text_number
    from told
    where recency = 1
    group by
        fold,
        preferences

),

numbers as (

    {% for number in range(1, 101) %}
    select {{ number }} as number
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

mentions as (

    select distinct
        texts.text_number,
        texts.fold,
        trim({{ dbt.split_part('texts.pieces', "'\"'", 'numbers.number') }}) as name
    from texts
    inner join numbers
        on 1 + length(texts.pieces) - length(replace(texts.pieces, '"', '')) >= numbers.number

),

-- New = arrived within the last horizon.
named as (

    {% for name in ['category', 'brand'] %}
    select
        popular_items.fold,
        popular_items.item_id,
        popular_items.rank,
        case
            when item_features.age_days < {{ var('kindred__horizon_days') }} then item_features.age_days
        end as newness,
        lower(trim(item_features.{{ name }})) as name
    from {{ ref('popular_items') }} as popular_items
    inner join {{ ref('item_features') }} as item_features
        on popular_items.fold = item_features.fold
            and popular_items.item_id = item_features.item_id
    where popular_items.generator = 'popular'
        and item_features.{{ name }} is not null
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

placed as (

    select
        *,
        row_number() over (partition by fold, name order by rank) as place,
        row_number() over (partition by fold, name order by newness nulls last, rank) as new_place
    from named

),

-- What is of a category and of a brand that were named comes before what is of one of them.
text_items as (

    select
        mentions.text_number,
        placed.item_id,
        count(*) as n_mentions,
        min(placed.rank) as rank,
        min(placed.newness) as newness
    from mentions
    inner join placed
        on mentions.fold = placed.fold
            and mentions.name = placed.name
    where placed.place <= {{ reach }}
        or (placed.new_place <= {{ reach }} and placed.newness is not null)
    group by
        mentions.text_number,
        placed.item_id

),

text_places as (

    select
        *,
        row_number() over (partition by text_number order by n_mentions desc, rank) as place,
        row_number() over (
            partition by text_number, case when newness is null then 1 else 0 end
            order by n_mentions desc, newness, rank
        ) as new_place
    from text_items

),

-- Nobody has touched what is new, so every third place is kept for it while there is any.
text_lists as (

    select
        text_number,
        item_id,
        row_number() over (
            partition by text_number
            order by
                case when newness is not null and 2 * new_place < place then 2 * new_place else place end,
                place desc
        ) as place
    from text_places

),

remaining as (

    select
        told.fold,
        told.user_id,
        text_lists.item_id,
        text_lists.place,
        row_number() over (partition by told.fold, told.user_id order by text_lists.place) as rank
    from told
    inner join texts
        on told.fold = texts.fold
            and told.preferences = texts.preferences
    inner join text_lists
        on texts.text_number = text_lists.text_number
    left join {{ ref('interactions') }} as interactions
        on told.fold = interactions.fold
            and told.user_id = interactions.user_id
            and text_lists.item_id = interactions.item_id
            and interactions.is_excluded
    where told.recency = 1
        and text_lists.place <= {{ reach }}
        and interactions.item_id is null

),

final as (

    select
        fold,
        'preferences' as generator,
        user_id,
        item_id,
        cast(round(1 / cast(place as double), 6) as double) as score,
        rank
    from remaining
    where rank <= {{ n }}

)

select * from final
