-- one row per rank: a list made at the moment of the request, as recommend.sql and fill_up.sql of the store define it
-- Names of arguments stand in `request` and nowhere else without the name of a table: elsewhere DuckDB would put the
-- argument where a column of the same name is meant, and Snowflake the column where the argument is.
with request as (

    select
        {{ kindred.normal_id('cast(user_id as varchar)', composes=false) }} as asking_user,
        {{ kindred.normal_text('cast(segment as varchar)', composes=false) }} as given_segment,
        cast(session_items as varchar) as clicked,
        cast(excluded_items as varchar) as left_out,
        cast(categories as varchar) as wanted,
        cast(given_items as varchar) as choice,
        cast(price_min as double) as lowest_price,
        cast(price_max as double) as highest_price,
        coalesce(cast(in_stock as boolean), true) as is_for_now,
        coalesce(cast(n as bigint), 20) as n_rows

),

{{ kindred.known_person() }}

items as ({{ kindred.published_rows('items') }}),

item_neighbors as ({{ kindred.published_rows('neighbors') }}),

segments as ({{ kindred.published_rows('segments') }}),

generators as ({{ kindred.published_rows('generators') }}),

session_settings as ({{ kindred.published_rows('session_settings') }}),

-- Who is held out gets what everyone gets: no segment, no history, and what is kept from everyone alone.
person as (

    select
        case
            when known_person.is_held_out then ''
            else coalesce(nullif(known_person.segment, ''), request.given_segment, '')
        end as own_segment,
        known_person.items,
        case when not known_person.is_held_out then known_person.history end as history,
        case when not known_person.is_held_out then known_person.excluded end as excluded,
        case when not known_person.is_held_out then known_person.eligible_for end as eligible_for,
        known_person.is_held_out or known_person.user_id is not null as is_known,
        known_person.is_held_out,
        case when known_person.is_held_out then 'holdout' else coalesce(known_person.policy, 'main') end as policy
    from request
    cross join known_person

),

person_segments as (

    select
        segments.fallback,
        segments.excluded,
        case when person.is_known then '[]' else segments.excluded_if_unknown end as excluded_if_unknown,
        case when segments.segment = person.own_segment then 3 else 4 end as tier
    from person
    inner join segments
        on segments.segment in (person.own_segment, '')

),

given_clicks as ({{ kindred.unnest_json_rows('request', 'clicked', {'item_id': 'varchar'}) }}),

-- Ids that come with a request are brought into the form that the tables have.
clicks as (

    select
        {{ kindred.normal_id('given_clicks.item_id', composes=false) }} as item_id,
        given_clicks.place
    from given_clicks
    cross join person
    where not person.is_held_out

),

-- Newest first; an item that was clicked again counts where it was clicked last.
session as (

    select
        clicks.item_id,
        row_number() over (order by max(clicks.place) desc) - 1 as place
    from clicks
    where clicks.item_id is not null
    group by clicks.item_id

),

session_size as (select count(*) as n_items from session),

person_excluded as ({{ kindred.unnest_json_rows('person', 'excluded', {'item_id': 'varchar'}) }}),

segment_excluded as (

    {{ kindred.unnest_json_rows('person_segments', 'excluded', {'item_id': 'varchar'}, keep=['tier']) }}

),

unknown_excluded as ({{ kindred.unnest_json_rows('person_segments', 'excluded_if_unknown', {'item_id': 'varchar'}) }}),

request_excluded as ({{ kindred.unnest_json_rows('request', 'left_out', {'item_id': 'varchar'}) }}),

eligible_sets as ({{ kindred.unnest_json_rows('person', 'eligible_for', {'eligibility': 'varchar'}) }}),

blocked as (

    select session.item_id from session
    union
    select person_excluded.item_id from person_excluded
    union
    select segment_excluded.item_id from segment_excluded where segment_excluded.tier = 3
    union
    select unknown_excluded.item_id from unknown_excluded
    union
    select {{ kindred.normal_id('request_excluded.item_id', composes=false) }} as item_id from request_excluded

),

list_entries as (

    {{ kindred.unnest_json_rows('person', 'items', {
        'item_id': 'varchar', 'score': 'double', 'generator': 'varchar', 'because_item_id': 'varchar', 'propensity': 'double'
    }) }}

),

listed as (

    select
        list_entries.*,
        1 - list_entries.place / cast(count(*) over () as double) as closeness
    from list_entries

),

history as ({{ kindred.unnest_json_rows('person', 'history', {'item_id': 'varchar'}) }}),

-- What neighbours are looked up of: tier 1 by the session, tier 2 by the history.
leads as (

    select
        1 as tier,
        session.item_id,
        session.place
    from session

    union all

    select
        2 as tier,
        history.item_id,
        history.place
    from history

),

weighted_leads as (

    select
        leads.tier,
        leads.item_id as lead_item_id,
        leads.place as step,
        round(power(session_settings.decay, leads.place), 12) as weight,
        item_neighbors.neighbors
    from leads
    inner join session_settings
        on leads.place < session_settings.n_steps
    inner join item_neighbors
        on leads.item_id = item_neighbors.item_id

),

lead_neighbors as (

    {{ kindred.unnest_json_object(
        'weighted_leads', 'neighbors', key='item_id', value='score', keep=['tier', 'lead_item_id', 'step', 'weight']
    ) }}

),

parts as (

    select
        lead_neighbors.tier,
        lead_neighbors.item_id,
        lead_neighbors.lead_item_id,
        lead_neighbors.weight * lead_neighbors.score as part,
        row_number() over (
            partition by lead_neighbors.tier, lead_neighbors.item_id
            order by floor(1e9 * lead_neighbors.weight * lead_neighbors.score) desc, lead_neighbors.step
        ) as lead_rank
    from lead_neighbors
    left join session
        on lead_neighbors.item_id = session.item_id
    where lead_neighbors.tier = 2 or session.item_id is null

),

-- Decimals add up to the same in any order. The lead that the most came by is the one to name.
near as (

    select
        parts.tier,
        parts.item_id,
        cast(sum(cast(parts.part as decimal(38, 18))) as double) as score,
        max(case when parts.lead_rank = 1 then parts.lead_item_id end) as because_item_id
    from parts
    group by
        parts.tier,
        parts.item_id

),

scaled as (

    select
        near.*,
        max(near.score) over (partition by near.tier) as highest
    from near

),

-- Without a session the list stands as it was published.
first_parts as (

    select
        coalesce(scaled.item_id, listed.item_id) as item_id,
        listed.place,
        listed.score as published_score,
        listed.generator,
        listed.because_item_id,
        listed.propensity,
        scaled.because_item_id as clicked_item_id,
        session_size.n_items > 0 as has_session,
        coalesce(scaled.score * (session_settings.session_share / nullif(scaled.highest, 0)), 0) as session_part,
        coalesce(session_settings.list_share * listed.closeness, 0) as list_part
    from (select scaled.* from scaled where scaled.tier = 1) as scaled
    full outer join listed
        on scaled.item_id = listed.item_id
    cross join session_size
    cross join session_settings

),

-- Scores in whole numbers of 1e-9, so that the last bits of a sum decide nothing.
first_choice as (

    select
        first_parts.*,
        floor((first_parts.session_part + first_parts.list_part) * 1e9 + 0.5) / cast(1e9 as double) as mixed_score,
        first_parts.has_session and (first_parts.place is null or first_parts.session_part >= first_parts.list_part)
            as is_by_session
    from first_parts

),

given_choices as ({{ kindred.unnest_json_rows('request', 'choice', {'item_id': 'varchar'}) }}),

choices as (

    select
        {{ kindred.normal_id('given_choices.item_id', composes=false) }} as item_id,
        given_choices.place
    from given_choices

),

candidates as (

    select
        1 as tier,
        case when first_choice.has_session then -first_choice.mixed_score else first_choice.place end as place,
        first_choice.item_id,
        case
            when first_choice.has_session then first_choice.mixed_score else first_choice.published_score
        end as score,
        case when first_choice.is_by_session then 'session' else first_choice.generator end as generator,
        case
            when first_choice.is_by_session then first_choice.clicked_item_id else first_choice.because_item_id
        end as because_item_id,
        coalesce(first_choice.propensity, 1) as propensity
    from first_choice

    union all

    select
        2 as tier,
        -floor(scaled.score / scaled.highest * 1e9 + 0.5) as place,
        scaled.item_id,
        floor(scaled.score / scaled.highest * 1e9 + 0.5) / cast(1e9 as double) as score,
        'neighbors' as generator,
        scaled.because_item_id,
        1 as propensity
    from scaled
    where scaled.tier = 2
        and scaled.score > 0

    union all

    select
        fallbacks.tier,
        fallbacks.place,
        fallbacks.item_id,
        fallbacks.score,
        fallbacks.generator,
        null as because_item_id,
        1 as propensity
    from (
        {{ kindred.unnest_json_rows(
            'person_segments', 'fallback', {'item_id': 'varchar', 'score': 'double', 'generator': 'varchar'}, keep=['tier']
        ) }}
    ) as fallbacks

    union all

    -- Given items keep their order where nothing but popularity could tell them apart.
    select
        5 as tier,
        items.popular_rank as place,
        items.item_id,
        0 as score,
        'popular' as generator,
        null as because_item_id,
        1 as propensity
    from items
    cross join request
    where items.popular_rank > 0
        and request.choice is null

    union all

    -- Who is held out gets given items in the order in which they were given.
    select
        0 as tier,
        choices.place,
        choices.item_id,
        0 as score,
        'as_given' as generator,
        null as because_item_id,
        1 as propensity
    from choices
    cross join person
    where person.is_held_out

),

wanted_names as ({{ kindred.unnest_json_rows('request', 'wanted', {'category': 'varchar'}) }}),

wanted_categories as (

    select lower({{ kindred.normal_text('wanted_names.category', composes=false) }}) as category
    from wanted_names

),

-- An item counts where it comes first.
fitting as (

    select
        candidates.*,
        row_number() over (partition by candidates.item_id order by candidates.tier, candidates.place) as occurrence
    from candidates
    cross join request
    inner join items
        on candidates.item_id = items.item_id
    left join blocked
        on candidates.item_id = blocked.item_id
    where blocked.item_id is null
        and items.is_recommendable
        and (
            items.eligibility = '' or items.eligibility in (select eligible_sets.eligibility from eligible_sets)
        )
        and (items.is_available or not request.is_for_now)
        and (
            request.wanted is null
            or lower(items.category) in (select wanted_categories.category from wanted_categories)
        )
        and (request.lowest_price is null or items.price >= request.lowest_price)
        and (request.highest_price is null or items.price <= request.highest_price)
        and (request.choice is null or items.item_id in (select choices.item_id from choices))

),

ranked as (

    select
        fitting.*,
        row_number() over (order by fitting.tier, fitting.place, fitting.item_id) as rank
    from fitting
    where fitting.occurrence = 1

)

select
    ranked.rank,
    ranked.item_id,
    ranked.score,
    ranked.generator,
    coalesce(
        generators.reason, case when ranked.generator = 'as_given' then 'as_given' else 'your_session' end
    ) as reason,
    ranked.because_item_id,
    ranked.propensity,
    person.policy
from ranked
cross join request
cross join person
left join generators
    on ranked.generator = generators.generator
where ranked.rank <= request.n_rows
order by ranked.rank
