-- one row per (period, item_id): how liked an item is among people of reporting devices, by local differential privacy
-- A device names no item: it sends a bucket, and every item that falls into it under the device's hash function is
-- supported. By chance alone an item is supported by one report in n_buckets; what is above that is the item's.
{{ config(enabled=kindred.has_table('device_reports')) }}
{% set protocol = kindred.device_protocol() %}
{% set kept = protocol.keep / 2 ** 32 %}
{% set by_chance = 1 / protocol.n_buckets %}

with reports as (

    select
        period,
        seed,
        bucket
    from {{ ref('checked_device_reports') }}
    where problem is null

),

periods as (

    select
        period,
        count(*) as n_reports
    from reports
    group by period

),

seeds as (

    select
        period,
        seed
    from reports
    group by
        period,
        seed

),

sent as (

    select
        period,
        seed,
        bucket,
        count(*) as n_reports
    from reports
    group by
        period,
        seed,
        bucket

),

digests as (

    select
        seeds.period,
        seeds.seed,
        items.item_id,
        md5(concat(seeds.period, '|', cast(seeds.seed as varchar), '|', items.item_id)) as digest
    from seeds
    cross join {{ ref('kindred', 'items') }} as items

),

hashed as (

    select
        period,
        seed,
        item_id,
        {{ kindred.device_bucket('digest') | indent(8) }} as bucket
    from digests

),

supported as (

    select
        hashed.period,
        hashed.item_id,
        sum(sent.n_reports) as n_supporting
    from hashed
    inner join sent
        on hashed.period = sent.period
            and hashed.seed = sent.seed
            and hashed.bucket = sent.bucket
    group by
        hashed.period,
        hashed.item_id

),

counted as (

    select
        periods.period,
        items.item_id,
        periods.n_reports,
        coalesce(supported.n_supporting, 0) as n_supporting,
        coalesce(supported.n_supporting, 0) / cast(periods.n_reports as double) as supported_share
    from periods
    cross join {{ ref('kindred', 'items') }} as items
    left join supported
        on periods.period = supported.period
            and items.item_id = supported.item_id

),

-- The share's error is that of a binomial count; where fewer support an item than chance would, chance's error counts.
final as (

    select
        period,
        item_id,
        cast(n_reports as bigint) as n_reports,
        cast(n_supporting as bigint) as n_supporting,
        round((supported_share - {{ by_chance }}) / {{ kept - by_chance }}, 9) as share,
        round(
            sqrt(greatest(supported_share, {{ by_chance }}) * (1 - least(supported_share, {{ kept }})) / n_reports)
            / {{ kept - by_chance }},
            9
        ) as standard_error,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from counted

)

select * from final
