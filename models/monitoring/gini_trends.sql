-- one row per policy, '' for all: how the Gini coefficient of its lists moves over eight releases, this build the last
{{ config(materialized='ephemeral') }}
{% set n_releases = 8 %}

with build as (

    select
        run_id,
        generated_at
    from {{ kindred.published_lists() }}
    group by
        run_id,
        generated_at

),

list_concentration as (select * from {{ ref('list_concentration') }}),

earlier as (

    {{ kindred.previous_rows('concentration', {
        'run_id': 'varchar', 'policy': 'varchar', 'gini': 'double', 'generated_at': 'timestamp',
    }) }}

),

releases as ({{ kindred.previous_rows('releases', {'run_id': 'varchar'}) }}),

ginis as (

    select
        list_concentration.policy,
        list_concentration.gini,
        build.run_id,
        build.generated_at
    from list_concentration
    cross join build

    union all

    select
        earlier.policy,
        earlier.gini,
        earlier.run_id,
        earlier.generated_at
    from earlier
    inner join (select run_id from releases group by run_id) as published
        on earlier.run_id = published.run_id
    left join build
        on earlier.run_id = build.run_id
    where build.run_id is null

),

numbered as (

    select
        policy,
        gini,
        {{ n_releases }} + 1 - row_number() over (partition by policy order by generated_at desc, run_id) as x
    from ginis
    where gini is not null

),

-- Least squares. Centred on the middle of all eight, the sums stay short.
sums as (

    select
        policy,
        cast(count(*) as double) as n,
        sum(x - 4.5e0) as x,
        sum((x - 4.5e0) * (x - 4.5e0)) as xx,
        {{ kindred.exact_sum('gini', scale=14) }} as y,
        {{ kindred.exact_sum('gini * gini', scale=14) }} as yy,
        {{ kindred.exact_sum('(x - 4.5e0) * gini', scale=14) }} as xy
    from numbered
    where x > 0
    group by policy

),

slopes as (

    select
        policy,
        n,
        (xy - x * y / n) / nullif(xx - x * x / n, 0) as slope,
        yy - y * y / n as spread,
        xx - x * x / n as width
    from sums

)

select
    policy,
    n,
    slope,
    case
        when n > 2 then sqrt(greatest(spread - slope * slope * width, 0) / (n - 2) / width)
    end as slope_standard_error,
    -- Of eight releases without a trend one in twenty has such a slope, so it has to lead somewhere, too.
    n = {{ n_releases }}
    and slope > 0.001e0
    and slope > 2 * sqrt(greatest(spread - slope * slope * width, 0) / nullif(n - 2, 0) / width) as is_rising
from slopes
