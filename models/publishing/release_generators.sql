-- one row per source: the reason code that stands beside what it recommends
select
    generator as source,
    reason
from {{ ref('generators') }}

union all

select
    'pinned' as source,
    'pinned' as reason

union all

select
    'exploration' as source,
    'exploration' as reason
