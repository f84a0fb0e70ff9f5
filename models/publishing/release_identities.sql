-- one row per id that is not the one by which its person has a list, and that person
select
    identities.identity_id,
    identities.user_id
from {{ ref('identities') }} as identities
inner join {{ ref('release_lists') }} as lists
    on identities.user_id = lists.user_id
where identities.identity_id <> identities.user_id
    and {{ 'true' if kindred.setting('identity', 'serve_logged_out') else 'not identities.is_anonymous' }}
