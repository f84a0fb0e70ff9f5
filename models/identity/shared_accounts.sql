-- one row per user id that events have on more devices than one person uses: a test account, the login of a till
select
    user_id,
    count(*) as n_devices
from {{ ref('id_pairs') }}
where user_id <> anonymous_id
group by user_id
having count(*) > {{ kindred.setting('identity', 'max_devices_per_user') }}
