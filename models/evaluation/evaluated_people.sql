-- one row per (fold, user_group, user_id): the people on whom lists are evaluated, with their targets
-- Groups by activity have part of the people with all targets of each; groups of targets have the people who have such.
with targets as (select * from {{ ref('targets') }}),

user_features as (select * from {{ ref('user_features') }}),

counted as (

    select
        targets.fold,
        targets.user_id,
        user_features.activity,
        count(*) as n_targets,
        sum(case when targets.is_new_item then 1 else 0 end) as n_new_items,
        sum(case when targets.is_discovery then 1 else 0 end) as n_discoveries
    from targets
    inner join user_features
        on targets.fold = user_features.fold
            and targets.user_id = user_features.user_id
    group by
        targets.fold,
        targets.user_id,
        user_features.activity

),

grouped as (

    {% for user_group, target_group, n_targets in [
        ("'all'", 'all', 'n_targets'),
        ('activity', 'all', 'n_targets'),
        ("'new_items'", 'new_items', 'n_new_items'),
        ("'discoveries'", 'discoveries', 'n_discoveries'),
    ] %}
    select
        fold,
        {{ user_group }} as user_group,
        '{{ target_group }}' as target_group,
        user_id,
        {{ n_targets }} as n_targets
    from counted
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

final as (select * from grouped where n_targets > 0)

select * from final
