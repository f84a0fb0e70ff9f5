-- one row per row of guideline_intervals, with what is wrong with it
-- A row that says nothing for sure would remind nobody, or everybody, and nobody would notice.
with intervals as (

    select
        reminder_id,
        title,
        item_id,
        done_as,
        lower(trim(sex)) as sex,
        lower(trim(condition)) as condition,
        excluded_by,
        from_age,
        to_age,
        every_months,
        starts_months_after,
        quiet_days,
        count(*) over (partition by reminder_id) as n_rows_of_id
    from {{ ref('guideline_intervals') }}

),

asked as (

    {% for column, field in [
        ('sex', 'sex'), ('condition', 'conditions'), ('excluded_by', 'conditions'), ('done_as', 'checks')
    ] %}
    select
        reminder_id as id,
        '{{ field }}' as field,
        {{ column }} as value
    from intervals
    where {{ column }} is not null
    {{ "union all" if not loop.last }}
    {% endfor %}

),

unknown_words as ({{ unknown_words('asked') }}),

final as (

    select
        intervals.reminder_id,
        intervals.title,
        intervals.item_id,
        intervals.done_as,
        intervals.sex,
        intervals.condition,
        intervals.excluded_by,
        intervals.from_age,
        intervals.to_age,
        intervals.every_months,
        intervals.starts_months_after,
        intervals.quiet_days,
        case
            when intervals.reminder_id is null then 'it has no reminder_id: give it one'
            when intervals.n_rows_of_id > 1 then 'its reminder_id stands more than once: give each row its own'
            when intervals.title is null then 'it has no title: write what the member is reminded of'
            when content.content_id is null
                then concat(
                        'no content has the item_id ''', coalesce(intervals.item_id, ''),
                        ''': write the id of its content'
                    )
            when intervals.done_as is null then 'it has no done_as: write the check that meets it'
            when unknown_words.problem is not null then unknown_words.problem
            when coalesce(intervals.from_age, -1) not between 0 and 120
                then 'from_age is the age from which it holds: write years from 0 to 120'
            when intervals.to_age < intervals.from_age then 'to_age is below from_age: correct one of them'
            when intervals.every_months < 1
                then 'every_months is how often it is due: write months from 1, or leave it empty for once'
            when coalesce(intervals.starts_months_after, -1) < 0
                then 'starts_months_after is when it is due first, after from_age: write months from 0'
            when coalesce(intervals.quiet_days, -1) < 0
                then 'quiet_days is for how long it is not sent again: write days from 0'
        end as problem
    from intervals
    left join unknown_words
        on intervals.reminder_id = unknown_words.id
    left join {{ source('raw', 'content') }} as content
        on intervals.item_id = content.content_id

)

select * from final
