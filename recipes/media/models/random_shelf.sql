-- one row per (policy that is evaluated, place of the shelf that is filled at random), as kindred's foreign_log has it
-- A policy fills the place with one of the first titles of the viewer's list, each as likely. Titles of the shelf are
-- drawn without replacement, so each is as likely at each place; what places earn does not depend on one another.
with impressions as (select * from {{ source('raw', 'impressions') }} where shelf = 'surprise'),

compared_lists as (select * from {{ ref('compared_lists') }}),

policies as (

    select
        learns_from,
        user_id,
        count(*) as n_items
    from compared_lists
    group by
        learns_from,
        user_id

),

watched as (

    select
        impression_id,
        sum(watched_seconds) as watched_seconds
    from {{ ref('watched_plays') }}
    where impression_id is not null
    group by impression_id

),

final as (

    select
        impressions.visit_id as list_id,
        impressions.viewer_id as user_id,
        impressions.shown_id as item_id,
        impressions.place as rank,
        'at_random' as policy,
        impressions.chance as propensity,
        coalesce(watched.watched_seconds, 0) / cast(60 as double) as reward,
        policies.learns_from as evaluated_policy,
        case
            when compared_lists.item_id is null then 0
            else cast(1 as double) / policies.n_items
        end as evaluated_propensity,
        impressions.shown_at
    from impressions
    inner join policies
        on impressions.viewer_id = policies.user_id
    left join compared_lists
        on policies.learns_from = compared_lists.learns_from
            and impressions.viewer_id = compared_lists.user_id
            and impressions.shown_id = compared_lists.item_id
    left join watched
        on impressions.impression_id = watched.impression_id

)

select * from final
