-- one row per person who logs in to the till: none of kindred's users
select
    'anna' as login,
    true as is_admin
