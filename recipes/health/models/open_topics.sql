-- one row per (member_id, category): the sensitive categories that are open to a member, and why
-- Stated: the member said that it concerns them. Allowed: the member allowed its purpose. Nothing is ever inferred.
with sensitive_categories as (select * from {{ ref('sensitive_categories') }}),

conditions as (select * from {{ ref('member_sets') }} where field = 'conditions'),

stated_words as ({{ kindred.set_words('conditions', 'words', keep=['member_id']) }}),

final as (

    select
        members.member_id,
        sensitive_categories.category,
        sensitive_categories.stated_as,
        max(case when stated_words.member_id is not null then 1 else 0 end) = 1 as is_stated,
        max(case when permissions.is_allowed then 1 else 0 end) = 1 as is_allowed
    from {{ ref('checked_members') }} as members
    cross join sensitive_categories
    left join stated_words
        on members.member_id = stated_words.member_id
            and sensitive_categories.stated_as = stated_words.word
    left join {{ ref('member_permissions') }} as permissions
        on members.member_id = permissions.member_id
            and sensitive_categories.purpose = permissions.purpose
    where stated_words.member_id is not null
        or permissions.is_allowed
    group by
        members.member_id,
        sensitive_categories.category,
        sensitive_categories.stated_as

)

select * from final
