-- one row: what a list made at the moment of a request is made of
-- The only place of these numbers: the store, functions and devices read them from the release. A session's newest
-- n_steps items count, each `decay` times the next newer one. 25 neighbours of 5 items fill a list within 1 ms.
select
    cast(5 as bigint) as n_steps,
    cast(25 as bigint) as n_neighbors,
    cast(0.7 as double) as decay,
    cast(0.7 as double) as session_share,
    cast(0.3 as double) as list_share,
    {{ 'true' if kindred.setting('identity', 'case_insensitive_ids') else 'false' }} as case_insensitive_ids,
    {{ 'true' if kindred.has_table('eligibility') else 'false' }} as has_eligibility
