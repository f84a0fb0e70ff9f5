-- one row per (fold, generator, segment): the lists of popular_items, numbered
-- Joins over millions of rows then compare one integer instead of three texts.
select
    fold,
    generator,
    segment,
    row_number() over (order by fold, generator, segment) as list_number
from {{ ref('popular_items') }}
where rank = 1
