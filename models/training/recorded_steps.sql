-- one row at most, in a replay: the steps of the transformer in the newest build of that as-of date
with builds as (

    {{ kindred.previous_rows('builds', {
        'run_id': 'varchar', 'as_of': 'timestamp', 'transformer_steps': 'varchar', 'started_at': 'timestamp',
    }) }}

),

moment as (select max(as_of) as as_of from {{ ref('folds') }})

select builds.transformer_steps
from builds
inner join moment
    on builds.as_of = moment.as_of
where builds.transformer_steps is not null
    and '{{ var("kindred__as_of") }}' <> ''
qualify row_number() over (order by builds.started_at desc nulls last, builds.run_id desc) = 1
