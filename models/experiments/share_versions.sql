-- one row per (experiment_id, arm, valid_from): an arm's share and keys from then on, of what earlier builds decided
-- Arms of experiments with shares per context are left out: an exposure doesn't say the context.
with history as (

    select *
    from (
        {{ kindred.previous_rows('arm_shares', {
            'run_id': 'varchar', 'experiment_id': 'varchar', 'salt': 'varchar', 'context': 'varchar', 'arm': 'varchar',
            'share': 'double', 'from_key': 'varchar', 'to_key': 'varchar', 'valid_from': 'timestamp',
        }) }}
    ) as earlier
    where run_id <> '{{ invocation_id }}'
        and coalesce(context, '') = ''

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
