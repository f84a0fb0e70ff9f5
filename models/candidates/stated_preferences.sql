-- one row per (fold, user_id) of a person who told us what they like, and the number of the text in which they did
-- People who said the same share one text, and so one list.
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
    from {{ ref('kindred', 'users') }} as users
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
        row_number() over (order by fold, preferences) as text_number
    from told
    where recency = 1
    group by
        fold,
        preferences

),

final as (

    select
        told.fold,
        told.user_id,
        told.preferences,
        texts.text_number
    from told
    inner join texts
        on told.fold = texts.fold
            and told.preferences = texts.preferences
    where told.recency = 1

)

select * from final
