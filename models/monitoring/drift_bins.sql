-- one row per (run_id, kind, subject, column_name, bin, category): how many rows a column of a build has in each bin
-- Of earlier builds only such numbers are kept: of the one that apps are served, and of the newest ones.
{% set served = kindred.served() %}

with binned_columns as (select * from {{ ref('binned_columns') }}),

earlier as (

    {{ kindred.previous_rows('drift_bins', {
        'run_id': 'varchar', 'kind': 'varchar', 'subject': 'varchar', 'column_name': 'varchar', 'bin': 'bigint',
        'category': 'varchar', 'n_rows': 'bigint', 'settings_key': 'varchar', 'history_days': 'double',
        'generated_at': 'timestamp',
    }) }}

),

build as (select * from {{ ref('publishing_build') }}),

settings as (

    select
        concat(
            '{{ kindred.feature_settings_key() }}',
            {{ kindred.rows_key(['event_type'], ['weight', 'half_life_days'], 'event_type') }}
        ) as settings_key
    from {{ ref('known_event_types') }}
    where weight is not null

),

histories as (

    select {{ kindred.days_between('min(occurred_at)', 'max(occurred_at)') }} as history_days
    from {{ ref('person_events') }}

),

aged as (

    select
        earlier.*,
        dense_rank() over (order by earlier.generated_at desc, earlier.run_id) as age
    from earlier
    left join build
        on earlier.run_id = build.run_id
    where build.run_id is null

),

final as (

    select
        build.run_id,
        binned_columns.kind,
        binned_columns.subject,
        binned_columns.column_name,
        binned_columns.bin,
        binned_columns.category,
        cast(binned_columns.n_rows as bigint) as n_rows,
        settings.settings_key,
        histories.history_days,
        build.generated_at
    from binned_columns
    cross join build
    cross join settings
    cross join histories

    union all

    select
        run_id,
        kind,
        subject,
        column_name,
        bin,
        category,
        n_rows,
        settings_key,
        history_days,
        generated_at
    from aged
    where age <= {{ kindred.setting('serving', 'kept_releases') }}
        or run_id = {{ kindred.text_literal(served.run_id if served else '') }}

)

select * from final
