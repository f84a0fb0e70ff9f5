-- one row per experiment_id: the arm of a unit at the moment of the request, as src/kindred/serving/arms.py finds it
-- Names of arguments stand in `request` alone, as in recommend_items.
with request as (

    select
        {{ kindred.normal_id('cast(unit as varchar)', composes=false) }} as asking_user,
        {{ kindred.normal_id('cast(item_id as varchar)', composes=false) }} as asking_item,
        cast(context as varchar) as given_context

),

identities as ({{ kindred.published_rows('identities') }}),

arms as ({{ kindred.published_rows('arms') }}),

lists as ({{ kindred.published_rows('lists') }}),

item_arms as ({{ kindred.published_rows('item_arms') }}),

asking as (

    select
        coalesce(identities.user_id, request.asking_user) as user_id,
        request.asking_item,
        request.given_context
    from request
    left join identities
        on request.asking_user = identities.identity_id

),

-- Without a context that of the person counts, as the release has it.
people as (

    select
        asking.user_id,
        asking.asking_item,
        case
            when asking.given_context is not null then asking.given_context
            when lists.activity <> '' then {{ kindred.context_text('lists.segment', 'lists.activity') }}
            else ''
        end as own_context
    from asking
    left join lists
        on asking.user_id = lists.user_id

),

asked_item as (

    select item_arms.arms
    from people
    inner join item_arms
        on people.asking_item = item_arms.item_id

),

of_item as (
    {{ kindred.unnest_json_rows('asked_item', 'arms', {
        'experiment_id': 'varchar', 'context': 'varchar', 'arm': 'varchar', 'value': 'varchar', 'price': 'double',
        'share': 'double', 'from_key': 'varchar', 'to_key': 'varchar',
    }) }}
),

running as (select * from arms where {{ kindred.runs_now('arms') }}),

contexts as (

    select
        running.experiment_id,
        max(case when running.context = people.own_context then running.context end) as context
    from running
    cross join people
    group by running.experiment_id

),

units as (

    select
        running.*,
        running.is_by_item and people.asking_item is not null as is_asked_by_item,
        case
            when running.unit = 'user' then people.user_id
            when running.unit = 'item' then people.asking_item
            -- Null where either is.
            else people.user_id || '|' || people.asking_item
        end as asked_unit
    from running
    cross join people
    inner join contexts
        on running.experiment_id = contexts.experiment_id
            and running.context = case when running.kind = 'holdout' then '' else coalesce(contexts.context, '') end

),

keys as (

    select
        units.*,
        {{ kindred.arm_key('units', 'units.asked_unit') }} as key,
        {{ kindred.layer_key('units', 'units.asked_unit') }} as layer_key
    from units
    where units.asked_unit is not null

),

-- Where an item was asked for, its own part of the arms counts, and an item without a row there has none.
assigned as (

    select
        keys.experiment_id,
        keys.kind,
        keys.arm,
        keys.is_control,
        keys.policy,
        case when keys.is_asked_by_item then of_item.value else keys.value end as value,
        keys.min_price,
        keys.max_price,
        case when keys.is_asked_by_item then of_item.price end as price,
        keys.context,
        case when keys.is_asked_by_item then of_item.share else keys.share end as share,
        keys.key
    from keys
    left join of_item
        on keys.experiment_id = of_item.experiment_id
            and keys.context = of_item.context
            and keys.arm = of_item.arm
    where keys.key >= case when keys.is_asked_by_item then of_item.from_key else keys.from_key end
        and keys.key < case when keys.is_asked_by_item then of_item.to_key else keys.to_key end
        and keys.layer_key >= keys.layer_from_key
        and keys.layer_key < keys.layer_to_key

),

held_out as (

    select min(assigned.experiment_id) as experiment_id
    from assigned
    where assigned.kind = 'holdout'
        and assigned.is_control

)

select
    assigned.experiment_id,
    assigned.kind,
    assigned.arm,
    assigned.is_control,
    assigned.policy,
    assigned.value,
    assigned.min_price,
    assigned.max_price,
    assigned.price,
    assigned.context,
    assigned.share,
    assigned.key
from assigned
cross join held_out
where held_out.experiment_id is null
    or (assigned.kind = 'holdout' and assigned.experiment_id <= held_out.experiment_id)
