-- one row per answer to a question for consent
select
    member_id as user_id,
    purpose,
    is_allowed as is_granted,
    answered_at as updated_at
from {{ source('raw', 'permissions') }}
