-- one row per (experiment_id, arm, valid_from): an arm's share and keys from then on, of what earlier builds decided
-- Left out are experiments with shares per context, or with items that can't be in all arms: an exposure says neither
-- the context nor which arms there were.
{{ config(enabled=kindred.has_experiments()) }}

with logged as (

    select
        *,
        coalesce(context, '') as own_context
    from (
        {{ kindred.previous_rows('arm_shares', {
            'run_id': 'varchar', 'experiment_id': 'varchar', 'salt': 'varchar', 'context': 'varchar', 'arm': 'varchar',
            'share': 'double', 'from_key': 'varchar', 'to_key': 'varchar', 'valid_from': 'timestamp',
        }) }}
    ) as earlier
    where run_id <> '{{ invocation_id }}'

),

of_several as (

    select experiment_id
    from logged
    where own_context <> ''

    union distinct

    select experiment_id
    from (
        {{ kindred.previous_rows('item_arms', {'experiment_id': 'varchar', 'has_all_arms': 'boolean'}) }}
    ) as earlier_items
    where not has_all_arms

),

history as (

    select logged.*
    from logged
    left join of_several
        on logged.experiment_id = of_several.experiment_id
    where of_several.experiment_id is null

),

beginnings as (

    select
        experiment_id,
        min(valid_from) as first_at,
        max(valid_from) as newest_at
    from history
    group by experiment_id

),

compared as (

    select
        *,
        lag(concat(coalesce(salt, ''), '|', from_key, '|', to_key)) over (
            partition by experiment_id, arm
            order by valid_from, run_id
        ) as earlier_keys,
        concat(coalesce(salt, ''), '|', from_key, '|', to_key) as own_keys
    from history

),

changes as (

    select
        *,
        lead(valid_from) over (partition by experiment_id, arm order by valid_from, run_id) as valid_to
    from compared
    where earlier_keys is null
        or earlier_keys <> own_keys

),

final as (

    select
        changes.experiment_id,
        changes.arm,
        changes.share,
        changes.from_key,
        changes.to_key,
        -- The first build that has an experiment says what held before it, too.
        changes.valid_from > beginnings.first_at as is_change,
        case
            when changes.valid_from > beginnings.first_at then changes.valid_from
            else cast('1990-01-01' as timestamp)
        end as valid_from,
        coalesce(changes.valid_to, cast('9999-01-01' as timestamp)) as valid_to
    from changes
    inner join beginnings
        on changes.experiment_id = beginnings.experiment_id

)

select * from final
