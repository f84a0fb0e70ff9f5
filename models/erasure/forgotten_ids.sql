-- one row per id of a forgotten person, as a keyed hash: what is never taken in again
-- Never made again: these rows are all that is left of the people. `kindred forget` adds rows too.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

with source_rows as (

    {{ kindred.select_person_rows('erasures') }}

),

-- A time that can't be read holds no request back.
requested as (

    select
        identity_id,
        min(requested_at) as requested_at
    from source_rows
    where identity_id is not null
        and not is_blocked
    group by identity_id

),

-- All ids of these people that the build before knew. A device that others use too is no id of theirs.
known as ({{ kindred.previous_rows('identities', {'identity_id': 'varchar', 'user_id': 'varchar'}) }}),

people as (

    select
        known.user_id,
        min(requested.requested_at) as requested_at
    from known
    inner join requested
        on known.identity_id = requested.identity_id
    where known.user_id is not null
    group by known.user_id

),

all_ids as (

    select
        identity_id,
        requested_at,
        true as is_named
    from requested

    union all

    select
        known.identity_id,
        people.requested_at,
        false as is_named
    from known
    inner join people
        on known.user_id = people.user_id

),

hashed as (

    select
        {{ kindred.id_hash('all_ids.identity_id', 'forgotten_key.hash_key') }} as id_hash,
        max(case when all_ids.is_named then 1 else 0 end) = 1 as is_named,
        min(all_ids.requested_at) as requested_at
    from all_ids
    cross join {{ ref('forgotten_key') }} as forgotten_key
    group by {{ kindred.id_hash('all_ids.identity_id', 'forgotten_key.hash_key') }}

),

earlier as ({{ kindred.previous_rows('forgotten_ids', {'id_hash': 'varchar'}) }}),

final as (

    select
        hashed.id_hash,
        '{{ invocation_id }}' as request_id,
        hashed.is_named,
        coalesce(hashed.requested_at, cast('{{ kindred.run_clock() }}' as timestamp)) as requested_at,
        cast('{{ kindred.run_clock() }}' as timestamp) as forgotten_at,
        cast(null as timestamp) as erased_at
    from hashed
    left join earlier
        on hashed.id_hash = earlier.id_hash
    where earlier.id_hash is null

)

select * from final
