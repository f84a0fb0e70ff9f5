-- one row per member account
-- Conditions ask for what stands in attributes; nothing in it is a feature of a model. Topics of what a member stated
-- are their preferences, so that the first list fits.
with members as (select * from {{ ref('checked_members') }}),

sets as (

    select
        member_id,
        max(case when field = 'conditions' then words end) as conditions,
        max(case when field = 'allergies' then words end) as allergies,
        max(case when field = 'medicines' then words end) as medicines
    from {{ ref('member_sets') }}
    group by member_id

),

topics as (

    select
        member_id,
        {{ kindred.json_rows(['stated_as'], order_by='stated_as') }} as topics
    from {{ ref('open_topics') }}
    group by member_id

),

stated as (select * from {{ ref('member_sets') }} where field = 'conditions'),

stated_words as ({{ kindred.set_words('stated', 'words', keep=['member_id']) }}),

preferred as (

    select
        stated_words.member_id,
        {{ kindred.json_rows(['condition_topics.category'], order_by='condition_topics.category') }} as categories
    from stated_words
    inner join {{ ref('condition_topics') }} as condition_topics
        on stated_words.word = condition_topics.condition
    group by stated_words.member_id

),

final as (

    select
        members.member_id as user_id,
        members.joined_at as created_at,
        preferred.categories as preferences,
        {{ kindred.json_record(
            {
                'age': 'members.age', 'sex': 'members.sex', 'reading_level': 'members.reading_level',
                'conditions': 'sets.conditions', 'allergies': 'sets.allergies', 'medicines': 'sets.medicines',
                'open_topics': "coalesce(topics.topics, '[]')"
            },
            json=['conditions', 'allergies', 'medicines', 'open_topics']
        ) }} as attributes
    from members
    left join sets
        on members.member_id = sets.member_id
    left join topics
        on members.member_id = topics.member_id
    left join preferred
        on members.member_id = preferred.member_id

)

select * from final
