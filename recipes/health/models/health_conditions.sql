-- one row per (rule_id): the conditions under which content is shown, as kindred's table of eligibility has them
-- A condition of a tag is for each item with this risk; a sensitive category is for people who said that it concerns
-- them, or allowed its purpose; content of a check is for the ages and the sex that guideline_intervals has for it.
-- A misspelt word of `has_none` would protect nobody, so that a word outside the vocabulary stops the build.
with conditions as (

    select *
    from {{ ref('health_eligibility') }}
    {%- if not var('is_careful') %}
    where field <> 'reading_level'
    {%- endif %}

),

-- Several intervals of one content: whom one of them is for may see it.
guidelines as (

    select
        item_id,
        cast(min(from_age) as varchar) as from_age,
        cast(case when count(*) = count(to_age) then max(to_age) end as varchar) as to_age,
        case when count(*) = count(sex) and min(sex) = max(sex) then max(sex) end as sex
    from {{ ref('checked_intervals') }}
    group by item_id

),

declared as (

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

    {% for column, field, operator in [('from_age', 'age', '>='), ('to_age', 'age', '<='), ('sex', 'sex', '=')] %}
    union all

    select
        concat('check_{{ column }}:', item_id) as rule_id,
        item_id,
        cast(null as varchar) as category,
        cast(null as varchar) as brand,
        '{{ field }}' as field,
        '{{ operator }}' as operator,
        {{ column }} as value
    from guidelines
    where {{ column }} is not null
    {% endfor %}

),

-- What is open is named by the condition that a member would state.
asked as (

    select
        rule_id as id,
        case when field = 'open_topics' then 'conditions' else field end as field,
        value
    from declared
    where lower(operator) in ('has', 'has_none')
        and value is not null

),

unknown_words as ({{ unknown_words('asked') }}),

final as (

    select
        declared.*,
        unknown_words.problem
    from declared
    left join unknown_words
        on declared.rule_id = unknown_words.id

)

select * from final
