-- one row per row of the table foreign_log: a place that another system showed, and why it can't be used
{{ config(enabled=kindred.has_experiments()) }}

with foreign_log as (

    select
        {{ kindred.select_table_columns('foreign_log') }}
    from {{ kindred.table_relation('foreign_log') }}

),

-- Rows of people who are forgotten are left out.
forgotten as (

    select ids.user_id
    from (select user_id from foreign_log where user_id is not null group by user_id) as ids
    cross join {{ ref('forgotten_key') }} as forgotten_key
    inner join {{ ref('forgotten_ids') }} as forgotten_ids
        on {{ kindred.id_hash('ids.user_id', 'forgotten_key.hash_key') }} = forgotten_ids.id_hash

),

items as (select * from {{ ref('foreign_items') }} where problem is null),

-- A policy treats all lists alike or each in its own way.
known_places as (

    select
        policy,
        list_id,
        rank
    from items
    group by
        policy,
        list_id,
        rank

),

policies as (

    select
        policy,
        max(list_id) <> '' as is_by_list
    from known_places
    group by policy

),

scoped as (

    select
        foreign_log.*,
        case when policies.is_by_list then foreign_log.list_id else '' end as scope
    from foreign_log
    left join policies
        on foreign_log.evaluated_policy = policies.policy
    left join forgotten
        on foreign_log.user_id = forgotten.user_id
    where forgotten.user_id is null

),

final as (

    select
        scoped.evaluated_policy as policy,
        scoped.list_id,
        coalesce(scoped.user_id, scoped.list_id) as user_id,
        scoped.rank,
        scoped.rank_text,
        scoped.item_id,
        scoped.scope,
        scoped.policy as logging_policy,
        scoped.propensity,
        scoped.propensity_text,
        coalesce(
            scoped.evaluated_propensity,
            case when scoped.evaluated_propensity_text is null then items.propensity end,
            case
                when scoped.evaluated_propensity_text is null and known_places.policy is not null then 0
            end
        ) as evaluated_propensity,
        scoped.evaluated_propensity_text,
        scoped.reward,
        scoped.reward_text,
        scoped.shown_at,
        scoped.shown_at_text,
        scoped.rewarded_at,
        scoped.rewarded_at_text
    from scoped
    left join items
        on scoped.evaluated_policy = items.policy
            and scoped.scope = items.list_id
            and scoped.rank = items.rank
            and scoped.item_id = items.item_id
    left join known_places
        on scoped.evaluated_policy = known_places.policy
            and scoped.scope = known_places.list_id
            and scoped.rank = known_places.rank

)

select * from final
