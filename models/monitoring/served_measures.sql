-- one row per gate: what was measured of the release that apps read; no rows where nothing is served
-- first_at: since when releases measure the same. With builds that follow each other closely the last one alone would
-- never be long ago.
{{ config(materialized='ephemeral') }}

{% set served = kindred.served() %}

{% if served and served.measures %}
with final as (

    {% for row in served.measures %}
    {% set texts = [] %}
    {% for value in [row.measure, row.standard_error, row.first_at] %}
    {% do texts.append('null' if value is none else "'" ~ value ~ "'") %}
    {% endfor %}
    select
        {{ kindred.text_literal(row.gate) }} as gate,
        cast({{ texts[0] }} as double) as measure,
        cast({{ texts[1] }} as double) as standard_error,
        cast({{ texts[2] }} as timestamp) as first_at
    {{ "union all" if not loop.last }}
    {% endfor %}

)

{% else %}
-- Publication of a version before 0.1.0 wrote no figures beside the store: publish_gates has those of the served run.
with publish_gates as (

    {{ kindred.previous_rows('publish_gates', {
        'run_id': 'varchar', 'gate': 'varchar', 'measure': 'double', 'standard_error': 'double',
        'generated_at': 'timestamp',
    }) }}

),

releases as (

    {{ kindred.previous_rows('releases', {'run_id': 'varchar', 'release_id': 'varchar'}) }}

),

-- Ids rise with time: what came after the one that was gone back to is of no account. A build that was killed after
-- apps began to read its release left no row in releases.
published as (

    select
        run_id,
        release_id
    from releases
    where release_id < {{ kindred.text_literal(served.release_id if served else '') }}

    union all

    select
        {{ kindred.text_literal(served.run_id if served else '') }} as run_id,
        {{ kindred.text_literal(served.release_id if served else '') }} as release_id

),

measured as (

    select
        publish_gates.gate,
        publish_gates.measure,
        publish_gates.standard_error,
        dense_rank() over (order by published.release_id desc) as recency,
        published.release_id = {{ kindred.text_literal(served.release_id if served else '') }} as is_served,
        min(publish_gates.generated_at) over (partition by publish_gates.gate, publish_gates.measure) as first_at
    from publish_gates
    inner join published
        on publish_gates.run_id = published.run_id

),

-- A daily build evaluates nothing: the quality of the newest release that was evaluated.
final as (

    select
        gate,
        measure,
        standard_error,
        first_at
    from measured
    where is_served
        or (gate = 'quality' and measure is not null)
    qualify row_number() over (partition by gate order by measure is null, recency) = 1

)

{% endif %}
-- Lists of segments cover less of the catalogue than lists of people: where lists_for changed, that compares nothing.
-- The gate `people` has a measure of lists of people alone.
select
    gate,
    case
        when gate <> 'catalog_coverage' then measure
        when (max(case when gate = 'people' then measure end) over () is not null) = {{ kindred.lists_for_people() }}
            then measure
    end as measure,
    standard_error,
    first_at
from final
