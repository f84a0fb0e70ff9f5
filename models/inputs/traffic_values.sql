-- one row per (field, value) of events that a rule of traffic meets
-- Once per build and value: typed_events, which is read many times, then looks up the few that there are.
-- depends_on: {{ ref('forgotten_spellings') }}
{% set fields = kindred.ruled_columns() | select('in', kindred.input_columns('events')) | list %}

with rules as (select * from {{ ref('known_traffic_rules') }} where problem is null),

given_values as (

    {% for field in fields -%}
    select distinct
        '{{ field }}' as field,
        {{ field }} as value,
        {{ kindred.traffic_form(field, field) }} as form,
        {{ kindred.ip_key(field) if field == 'ip_address' else 'cast(null as varchar)' }} as ip_key
    from (

        {{ kindred.select_known_events() }}

    ) as source_rows
    where {{ field }} is not null

    union all

    {% endfor -%}
    select
        '' as field,
        '' as value,
        '' as form,
        '' as ip_key
    where false

),

met as (

    select
        given_values.field,
        given_values.value,
        rules.rule_id,
        rules.traffic,
        row_number() over (
            partition by given_values.field, given_values.value
            order by case when rules.traffic = 'person' then 0 else 1 end, rules.rule_id
        ) as place
    from given_values
    inner join rules
        on given_values.field = rules.field
            and case
                when rules.field = 'ip_address'
                    then given_values.ip_key between rules.first_ip_key and rules.last_ip_key
                else given_values.form like rules.pattern
            end

),

final as (

    select
        field,
        value,
        rule_id,
        traffic
    from met
    where place = 1
        and traffic <> 'person'

)

select * from final
