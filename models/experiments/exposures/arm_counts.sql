-- one row per (experiment_id, arm, segment_by, segment): units that were exposed, and how many the shares let expect
-- People who are held out are in no other experiment: the shares of the arms are of the people who are left.
{{ config(enabled=kindred.has_experiments()) }}

with kinds as (select * from {{ ref('exposed_hours') }}),

periods as (select * from {{ ref('experiment_periods') }}),

arms as (select * from {{ ref('checked_arms') }}),

share_versions as (select * from {{ ref('share_versions') }}),

-- What earlier builds decided; of an experiment without such a build, what is declared.
shares as (

    select
        experiment_id,
        arm,
        share,
        valid_from,
        valid_to
    from share_versions

    union all

    select
        arms.experiment_id,
        arms.arm,
        arms.share,
        cast('1990-01-01' as timestamp) as valid_from,
        cast('9999-01-01' as timestamp) as valid_to
    from arms
    inner join periods
        on arms.experiment_id = periods.experiment_id
    where periods.allocation <> 'contextual'
        and arms.experiment_id not in (select share_versions.experiment_id from share_versions)

),

observed as (

    select
        experiment_id,
        arm,
        segment_by,
        segment,
        sum(n) as n
    from kinds
    group by
        experiment_id,
        arm,
        segment_by,
        segment

),

expected as (

    select
        kinds.experiment_id,
        shares.arm,
        kinds.segment_by,
        kinds.segment,
        {{ kindred.exact_sum('kinds.n * shares.share') }} as n
    from kinds
    inner join shares
        on kinds.experiment_id = shares.experiment_id
            and kinds.hour_at >= shares.valid_from
            and kinds.hour_at < shares.valid_to
    where shares.share > 0
    group by
        kinds.experiment_id,
        shares.arm,
        kinds.segment_by,
        kinds.segment

),

final as (

    select
        coalesce(observed.experiment_id, expected.experiment_id) as experiment_id,
        coalesce(observed.arm, expected.arm) as arm,
        coalesce(observed.segment_by, expected.segment_by) as segment_by,
        coalesce(observed.segment, expected.segment) as segment,
        cast(coalesce(observed.n, 0) as bigint) as n,
        expected.n as expected_n
    from observed
    full outer join expected
        on observed.experiment_id = expected.experiment_id
            and observed.arm = expected.arm
            and observed.segment_by = expected.segment_by
            and observed.segment = expected.segment

)

select * from final
