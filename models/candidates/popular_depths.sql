-- one row per (list_number, user_id): how deep a person has to read in a popular list to be left with a full list
{% set n = kindred.setting('lists', 'n_recommendations') | int %}
{% set reach = kindred.popular_reach() %}

with people as (

    select
        fold,
        user_id,
        segment,
        n_excluded_items
    from {{ ref('user_features') }}

),

lists as (select * from {{ ref('popular_lists') }}),

people_lists as (

    select
        lists.list_number,
        people.user_id,
        people.n_excluded_items
    from people
    inner join lists
        on people.fold = lists.fold
            and (people.segment = lists.segment or lists.segment = '')

),

excluded_counts as (

    select
        list_number,
        user_id,
        count(*) as n_excluded
    from {{ ref('popular_exclusions') }}
    group by
        list_number,
        user_id

),

final as (

    select
        people_lists.list_number,
        people_lists.user_id,
        case
            when {{ n }} + coalesce(excluded_counts.n_excluded, 0) <= {{ reach }}
                then {{ n }} + coalesce(excluded_counts.n_excluded, 0)
            else {{ n }} + people_lists.n_excluded_items
        end as depth
    from people_lists
    left join excluded_counts
        on people_lists.list_number = excluded_counts.list_number
            and people_lists.user_id = excluded_counts.user_id

)

select * from final
