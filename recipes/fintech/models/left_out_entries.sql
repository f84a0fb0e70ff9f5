-- one row per kind of card entry that is no payment: how many there are, and what they still count for
{{ config(materialized='view') }}

select
    kind,
    case kind when 'refund' then 'reduces the sums of its month and category' else 'nothing' end as counts_for,
    count(*) as n_entries,
    round(sum(case when kind = 'refund' then amount else 0 end), 2) as amount
from {{ ref('card_entries') }}
where kind <> 'payment'
group by kind
