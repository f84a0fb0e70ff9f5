-- one row per generator: its say in the blend
select
    generator,
    reason,
    cast(weight as double) as weight,
    row_number() over (order by generator) as generator_number
from {{ ref('generator_weights') }}
