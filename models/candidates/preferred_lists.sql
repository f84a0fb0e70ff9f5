-- one row per (text_number, item_id): the items of the categories and brands that a text of preferences names, in order
-- Preferences are text of any form: each quoted piece counts, or, where nothing is quoted, each piece between commas,
-- semicolons and bars.
{{ config(materialized='view') }}
{% set reach = kindred.preferred_reach() %}

with named_items as (select * from {{ ref('named_items') }}),

texts as (

    select
        fold,
        text_number,
        case when preferences like '%"%' then preferences else translate(preferences, ',;|', '"""') end as pieces
    from {{ ref('stated_preferences') }}
    group by
        fold,
        text_number,
        preferences

),

numbers as (

    {% for number in range(1, 101) %}
    select {{ number }} as number
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

mentions as (

    select distinct
        texts.text_number,
        texts.fold,
        trim({{ dbt.split_part('texts.pieces', "'\"'", 'numbers.number') }}) as name
    from texts
    inner join numbers
        on 1 + length(texts.pieces) - length(replace(texts.pieces, '"', '')) >= numbers.number

),

-- Items of both a named category and a named brand come before items of one of them.
text_items as (

    select
        mentions.text_number,
        named_items.item_id,
        count(*) as n_mentions,
        min(named_items.rank) as rank,
        min(named_items.newness) as newness
    from mentions
    inner join named_items
        on mentions.fold = named_items.fold
            and mentions.name = named_items.name
    where named_items.place <= {{ reach }}
        or (named_items.new_place <= {{ reach }} and named_items.newness is not null)
    group by
        mentions.text_number,
        named_items.item_id

),

text_places as (

    select
        *,
        row_number() over (partition by text_number order by n_mentions desc, rank) as place,
        row_number() over (
            partition by text_number, case when newness is null then 1 else 0 end
            order by n_mentions desc, newness, rank
        ) as new_place
    from text_items

),

-- Nobody has touched new items, so every third place is kept for them while there are any.
ordered as (

    select
        text_number,
        item_id,
        row_number() over (
            partition by text_number
            order by
                case when newness is not null and 2 * new_place < place then 2 * new_place else place end,
                place desc
        ) as place
    from text_places

),

final as (

    select *
    from ordered
    where place <= {{ reach }}

)

select * from final
