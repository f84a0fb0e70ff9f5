-- one row per event type that may occur: what the table of event weights says of it, in types that can be counted with
with event_weights as (

    select
        {{ kindred.select_table_columns('event_weights') }}
    from {{ kindred.table_relation('event_weights') }}

),

-- Exposures to experiments and messages that were sent are known, whatever table of weights a shop has.
completed as (

    select
        event_type,
        weight,
        weight_text,
        half_life_days,
        half_life_days_text,
        neutral_value,
        neutral_value_text,
        excludes_item,
        excludes_item_text,
        is_target,
        is_target_text
    from event_weights

    union all

    select
        added.event_type,
        0 as weight,
        null as weight_text,
        null as half_life_days,
        null as half_life_days_text,
        null as neutral_value,
        null as neutral_value_text,
        false as excludes_item,
        null as excludes_item_text,
        false as is_target,
        null as is_target_text
    from (
        select 'exposure' as event_type
        union all
        select 'send' as event_type
    ) as added
    left join event_weights
        on added.event_type = event_weights.event_type
    where event_weights.event_type is null

),

numbered as (

    select
        *,
        row_number() over (
            partition by event_type
            order by weight desc nulls last, is_target, excludes_item
        ) as occurrence,
        count(*) over (partition by event_type) as n_rows
    from completed

),

final as (

    select
        event_type,
        coalesce(weight, 0) as weight,
        half_life_days,
        neutral_value,
        coalesce(excludes_item, false) as excludes_item,
        coalesce(is_target, false) as is_target,
        case
            when event_type is null then 'a row has no event_type: name one, or delete the row'
            when n_rows > 1 then 'it stands more than once: leave one row of it'
            when weight is null then concat('weight is ''', coalesce(weight_text, ''), ''': give a number')
            when half_life_days is null and half_life_days_text is not null
                then concat('half_life_days is ''', half_life_days_text, ''': give a number of days, or nothing')
            when half_life_days <= 0 then 'half_life_days must be above 0: give a number of days, or nothing'
            when neutral_value is null and neutral_value_text is not null
                then concat('neutral_value is ''', neutral_value_text, ''': give a number, or nothing')
            when excludes_item is null and excludes_item_text is not null
                then concat('excludes_item is ''', excludes_item_text, ''': give true or false')
            when is_target is null and is_target_text is not null
                then concat('is_target is ''', is_target_text, ''': give true or false')
        end as problem
    from numbered
    where occurrence = 1

)

select * from final
