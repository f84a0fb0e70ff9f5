-- one row per (member_id, field): what a member said of conditions, allergies and medicines, as a list of JSON
-- Null = said, but not so that it is sure what: an entry that isn't one word of the vocabulary makes the whole unknown,
-- as it may be a misspelt allergy.
with members as (select * from {{ ref('checked_members') }}),

said as (

    {% for field in ['conditions', 'allergies', 'medicines'] %}
    select
        member_id,
        '{{ field }}' as field,
        {{ field }} as value
    from members
    where {{ field }} is not null
    {{ "union all" if not loop.last }}
    {% endfor %}

),

words as ({{ kindred.set_words('said', 'value', keep=['member_id', 'field']) }}),

read as (

    select
        words.member_id,
        words.field,
        {{ kindred.json_rows(['words.word'], order_by='words.word') }} as words,
        count(*) = count(vocabulary.word) as is_sure
    from words
    left join {{ ref('health_words') }} as vocabulary
        on words.field = vocabulary.field
            and words.word = vocabulary.word
    group by
        words.member_id,
        words.field

),

final as (

    select
        said.member_id,
        said.field,
        case when read.member_id is null then '[]' when read.is_sure then read.words end as words
    from said
    left join read
        on said.member_id = read.member_id
            and said.field = read.field

)

select * from final
