-- one row per row of the table foreign_policies: what a policy would have put at a place, and why it can't be used
{{ config(enabled=kindred.has_experiments()) }}

with foreign_policies as (

    select
        {{ kindred.select_table_columns('foreign_policies') }}
    from {{ kindred.table_relation('foreign_policies') }}

),

counted as (

    select
        *,
        count(*) over (partition by evaluated_policy, list_id, rank, item_id) as n_rows_of_item,
        count(list_id) over (partition by evaluated_policy) as n_rows_with_list,
        count(*) over (partition by evaluated_policy) as n_rows_of_policy,
        {{ kindred.wide_sum('propensity', scale=15, over='partition by evaluated_policy, list_id, rank') }} as mass
    from foreign_policies

),

final as (

    select
        evaluated_policy as policy,
        coalesce(list_id, '') as list_id,
        cast(rank as bigint) as rank,
        item_id,
        propensity,
        case
            when evaluated_policy is null then 'it has no evaluated_policy: name the policy whose value is asked for'
            when item_id is null then 'it has no item_id: name the item'
            when not coalesce(rank >= 1 and floor(rank) = rank, false)
                then 'rank is no place: write a whole number from 1'
            when not coalesce(propensity > 0 and propensity <= 1, false)
                then 'propensity is no probability: write one above 0 to 1, and no row for what is never shown'
            when n_rows_with_list not in (0, n_rows_of_policy)
                then 'list_id is empty in some rows of the policy: give it in all of them or in none'
            when n_rows_of_item > 1 then 'its item stands twice at this place: write one row'
            when abs(mass - 1) > 1e-6
                then 'propensities of its place do not add up to 1: write a row for each item that may stand there'
        end as problem
    from counted

)

select * from final
