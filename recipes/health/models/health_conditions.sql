-- one row per (rule_id): the conditions under which content is shown, as kindred's table of eligibility has them
-- A condition of a tag is for each item with this risk; a sensitive category is for who said that it concerns them, or
-- allowed its purpose.
with conditions as (

    select *
    from {{ ref('health_eligibility') }}
    {%- if not var('is_careful') %}
    where field <> 'reading_level'
    {%- endif %}

),

final as (

    select
        concat(conditions.rule_id, ':', content_risks.item_id) as rule_id,
        content_risks.item_id,
        conditions.category,
        conditions.brand,
        conditions.field,
        conditions.operator,
        conditions.value
    from conditions
    inner join {{ ref('content_risks') }} as content_risks
        on lower(conditions.tag) = content_risks.risk

    union all

    select
        rule_id,
        cast(null as varchar) as item_id,
        category,
        brand,
        field,
        operator,
        value
    from conditions
    where tag is null

    union all

    select
        concat('sensitive:', category) as rule_id,
        cast(null as varchar) as item_id,
        category,
        cast(null as varchar) as brand,
        'open_topics' as field,
        'has' as operator,
        stated_as as value
    from {{ ref('sensitive_categories') }}

)

select * from final
