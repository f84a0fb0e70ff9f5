-- one row per experiment_id that can't be used: the first reason why
{{ config(enabled=kindred.has_experiments()) }}

with checked as (select * from {{ ref('experiment_row_problems') }}),

with_arms as (select experiment_id from {{ ref('typed_arms') }} group by experiment_id),

good as (select * from checked where problem is null),

-- Of two that can't run side by side the one that starts first goes on.
side_by_side as (

    select
        good.experiment_id,
        case
            when good.layer = earlier.layer
                then concat(
                        'its part of layer ''', good.layer, ''' overlaps that of experiment ''', earlier.experiment_id,
                        ''', which runs at the same time: give each a part of its own (layer_from, layer_to)'
                    )
            else concat(
                    'experiment ''',
                    earlier.experiment_id,
                    ''' decides at the same time who gets which list: give both the ',
                    'same layer and each a part of it (layer_from, layer_to)'
                )
        end as problem
    from good
    inner join good as earlier
        on good.experiment_id <> earlier.experiment_id
            and good.kind <> 'holdout'
            and earlier.kind <> 'holdout'
            and good.starts_at < coalesce(earlier.ends_at, cast('9999-12-31' as timestamp))
            and earlier.starts_at < coalesce(good.ends_at, cast('9999-12-31' as timestamp))
            and (
                good.starts_at > earlier.starts_at
                or (good.starts_at = earlier.starts_at and good.experiment_id > earlier.experiment_id)
            )
    where (
        good.layer = earlier.layer
        and good.layer_from < earlier.layer_to
        and earlier.layer_from < good.layer_to
    )
    or (
        good.layer <> earlier.layer
        and good.kind in ('lists', 'interleaving')
        and earlier.kind in ('lists', 'interleaving')
    )

),

problems as (

    select
        experiment_id,
        problem
    from checked

    union all

    select
        experiment_id,
        problem
    from side_by_side

    union all

    select
        with_arms.experiment_id,
        case
            when with_arms.experiment_id = '' then 'an arm names no experiment: fill in experiment_id'
            else 'it has arms and no row in experiments: add the row, or delete the arms'
        end as problem
    from with_arms
    left join checked
        on with_arms.experiment_id = checked.experiment_id
    where checked.experiment_id is null

),

final as (

    select
        experiment_id,
        min(problem) as problem
    from problems
    where problem is not null
    group by experiment_id

)

select * from final
