-- one row per rule of traffic: what it looks at, in types that can be compared, or what is wrong with it
with traffic_rules as (

    select
        {{ kindred.select_table_columns('traffic_rules') }}
    from {{ kindred.table_relation('traffic_rules') }}

),

read as (

    select
        rule_id,
        traffic,
        field,
        lower(pattern) as pattern,
        count(*) over (partition by rule_id) as n_rows,
        {{ kindred.ip_key("case when field = 'ip_address' then split_part(pattern, '/', 1) end") | indent(8) }}
            as ip_key,
        -- Of an address of IPv4 the last 32 of the 128 bits count.
        coalesce(
            {{ kindred.try_convert("nullif(split_part(pattern, '/', 2), '')", 'varchar', 'number') }}
            + case when contains(pattern, '.') then 96 else 0 end,
            128
        ) as n_bits
    from traffic_rules

),

checked as (

    select
        *,
        case
            when rule_id is null then 'a row has no rule_id: name the rule, or delete the row'
            when n_rows > 1 then 'it stands more than once: leave one row of it'
            when coalesce(traffic, '') not in ('bot', 'internal', 'test', 'person')
                then concat('traffic is ''', coalesce(traffic, ''), ''': give bot, internal, test or person')
            when coalesce(field, '') not in ('traffic', 'user_agent', 'host', 'ip_address', 'id')
                then concat('field is ''', coalesce(field, ''), ''': give traffic, user_agent, host, ip_address or id')
            when pattern is null then 'it has no pattern: give one, or delete the row'
            when field = 'ip_address' and (ip_key is null or n_bits < 0 or n_bits > 128 or n_bits <> floor(n_bits))
                then concat('pattern is ''', pattern, ''': give an address or a network, such as 203.0.113.0/24')
        end as problem
    from read

),

final as (

    select
        rule_id,
        traffic,
        field,
        pattern,
        {{ kindred.ip_bound('ip_key', 'cast(n_bits as integer)', is_last=false) | indent(8) }} as first_ip_key,
        {{ kindred.ip_bound('ip_key', 'cast(n_bits as integer)', is_last=true) | indent(8) }} as last_ip_key,
        problem
    from checked
    qualify row_number() over (partition by rule_id order by pattern, field, traffic) = 1

)

select * from final
