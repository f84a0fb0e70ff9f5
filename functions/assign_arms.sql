-- one row per experiment_id: the arm of a unit at the moment of the request, as src/kindred/serving/arms.py finds it
-- Names of arguments stand in `request` alone, as in recommend_items.
with request as (

    select
        {{ kindred.normal_id('cast(unit as varchar)', composes=false) }} as asking_user,
        {{ kindred.normal_id('cast(item_id as varchar)', composes=false) }} as asking_item,
        coalesce(cast(context as varchar), '') as given_context

),

identities as ({{ kindred.published_rows('identities') }}),

arms as ({{ kindred.published_rows('arms') }}),

asking as (

    select
        coalesce(identities.user_id, request.asking_user) as user_id,
        request.asking_item,
        request.given_context
    from request
    left join identities
        on request.asking_user = identities.identity_id

),

running as (select * from arms where {{ kindred.runs_now('arms') }}),

contexts as (

    select
        running.experiment_id,
        max(case when running.context = asking.given_context then running.context end) as context
    from running
    cross join asking
    group by running.experiment_id

),

units as (

    select
        running.*,
        case
            when running.unit = 'user' then asking.user_id
            when running.unit = 'item' then asking.asking_item
            -- Null where either is.
            else asking.user_id || '|' || asking.asking_item
        end as asked_unit
    from running
    cross join asking
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

assigned as (

    select keys.*
    from keys
    where keys.key >= keys.from_key
        and keys.key < keys.to_key
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
    assigned.context,
    assigned.share,
    assigned.key
from assigned
cross join held_out
where held_out.experiment_id is null
    or (assigned.kind = 'holdout' and assigned.experiment_id <= held_out.experiment_id)
