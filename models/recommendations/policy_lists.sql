-- one row per (run_id, user_id, policy, rank): what all policies in experiments would show a tenth of the people
-- Never rebuilt: a full refresh would erase what nothing can make again.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
    post_hook="{{ kindred.forget_old_lists(this) }}",
) }}

with ranked_lists as (select * from {{ ref('ranked_lists') }} where fold = 'live'),

-- Of an interleaved list both sides' lists are made, and neither is shown as a list.
compared as (

    select user_id
    from ranked_lists
    where team is null
    group by user_id
    having max(case when is_shown then 0 else 1 end) = 1
        and max(case when is_shown then 1 else 0 end) = 1

),

final as (

    select
        '{{ invocation_id }}' as run_id,
        ranked_lists.user_id,
        ranked_lists.policy,
        ranked_lists.rank,
        ranked_lists.item_id,
        ranked_lists.propensity,
        ranked_lists.is_shown,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from ranked_lists
    inner join compared
        on ranked_lists.user_id = compared.user_id
    where {{ 'false' if var('kindred__as_of') else 'true' }}
        and {{ kindred.lists_for_people() }}

)

select * from final
