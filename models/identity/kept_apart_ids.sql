-- one row per (input, entity_id, problem): ids that join nobody, and what becomes of them
-- Groups and addresses that join too many, accounts that very many use, devices of very many people.
{{ config(materialized='ephemeral') }}

with final as (

    select
        'identity_links' as input,
        group_id as entity_id,
        case fate when 'dissolved' then 'dissolved_group' else fate end as problem,
        case fate when 'dissolved' then 'each of its ids stands for itself' else 'joins nobody' end as fate,
        max(n_ids) as n_rows
    from {{ ref('identity_groups') }}
    where fate <> 'joined'
    group by
        group_id,
        fate

    union all

    select
        'events' as input,
        user_id as entity_id,
        'shared_account' as problem,
        'claims no device' as fate,
        n_devices as n_rows
    from {{ ref('shared_accounts') }}

    union all

    select
        'events' as input,
        identity_id as entity_id,
        'hub_device' as problem,
        'events that no login claims are left out' as fate,
        n_events as n_rows
    from {{ ref('identities') }}
    where link = 'hub'

)

select * from final
