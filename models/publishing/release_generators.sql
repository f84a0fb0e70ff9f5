-- one row per generator: the reason code that stands beside what it recommends
select
    generator,
    reason
from {{ ref('generators') }}

union all

select
    'pinned' as generator,
    'pinned' as reason

union all

select
    'exploration' as generator,
    'exploration' as reason
