-- How recommend.sql and fill_up.sql begin: who asks, and what this person may not see. store.py puts it before them.
-- Parameters: :user_id, :segment, :session, :exclude, as in recommend.sql.
with person as materialized (

    select
        coalesce(nullif(lists.segment, ''), :segment, '') as segment,
        coalesce(lists.items, '[]') as items,
        coalesce(lists.history, '[]') as history,
        coalesce(lists.excluded, '[]') as excluded,
        coalesce(lists.eligible_for, '[]') as eligible_for,
        lists.user_id is not null as is_known
    from (select 1)
    left join lists
        on lists.user_id = :user_id

),

-- What is taken from an item's score in the list: 10 = not to be shown; a million million = an item of the session,
-- which has no part in the neighbors' scale either.
blocked as not materialized (

    select
        value as item_id,
        -1e12 as score
    from json_each(:session)
    union all
    select
        excluded.value,
        -10.0
    from person, json_each(person.excluded) as excluded
    union all
    select
        excluded.value,
        -10.0
    from person
    inner join segments using (segment),
        json_each(segments.excluded) as excluded
    union all
    select
        excluded.value,
        -10.0
    from person
    inner join segments
        on not person.is_known and segments.segment in (person.segment, ''),
        json_each(segments.excluded_if_unknown) as excluded
    union all
    select
        value,
        -10.0
    from json_each(:exclude)

),
