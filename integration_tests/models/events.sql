-- one row per tasting evening that the shop invites to: none of kindred's events
select
    1 as evening_id,
    'Teas of the Himalayas' as title,
    cast('2026-05-08' as date) as evening_date
