-- one row per gate on lists: this build's figure, and the reasons that help a reader of a failed gate
{{ config(materialized='ephemeral') }}

{% set depth = 10 %}
{% set served = kindred.served() %}

with built as (

    select
        count(distinct item_id) as n_items,
        count(distinct user_id) as n_people
    from {{ ref('recommendations') }}

),

catalogue as (select count(*) as n_items from {{ ref('recommendable_items') }}),

events as (select count(*) as n_events from {{ ref('person_events') }}),

changes as (

    select
        {{ kindred.exact_sum('new_share', scale=12) }} / nullif(count(*), 0) as share,
        concat(cast(count(*) as varchar), ' people compared') as details
    from {{ ref('changed_lists') }}

),

quality as (

    select
        max(value) as ndcg,
        max(standard_error) as standard_error
    from {{ ref('evaluation_metrics') }}
    where fold = 'backtest'
        and policy = 'main'
        and generator = 'blend'
        and user_group = 'all'
        and metric = 'ndcg'
        and k = {{ depth }}

),

-- Items that came to the catalogue since then are in no list for a while: that is no concentration, so the Gini
-- coefficient of then is taken with so many items more that nobody is shown.
risen as (

    select
        max(
            list_concentration.gini
            - (1 - (1 - earlier.gini) * least(1.0e0, cast(earlier.n_items as double) / list_concentration.n_items))
        ) as rise,
        max(concat(
            'Gini coefficient ', {{ kindred.figure('list_concentration.gini') }},
            ', before ', {{ kindred.figure('earlier.gini') }}
        )) as details
    from {{ ref('list_concentration') }} as list_concentration
    inner join (
        {{ kindred.previous_rows('concentration', {
            'run_id': 'varchar', 'policy': 'varchar', 'gini': 'double', 'n_items': 'bigint',
        }) }}
    ) as earlier
        on list_concentration.policy = earlier.policy
    -- Of few lists a Gini coefficient depends on how many there are.
    where list_concentration.policy = ''
        and list_concentration.n_places >= 1000
        and earlier.run_id = {{ kindred.text_literal(served.run_id if served else '') }}

),

{% set nothing = "concat(cast(catalogue.n_items as varchar), ' recommendable items, ', " ~
    "cast(events.n_events as varchar), ' usable events')" %}
{% set measures = {
    'lists': ('built.n_people', 'null', nothing),
    'catalog_coverage': ('built.n_items / nullif(cast(catalogue.n_items as double), 0)', 'null', 'null'),
    'people': ('built.n_people', 'null', 'null'),
    'quality': ('quality.ndcg', 'quality.standard_error', 'null'),
    'changed_lists': ('changes.share', 'null', 'changes.details'),
    'concentration': ('risen.rise', 'null', 'risen.details'),
} %}

final as (

    {% for gate, (measure, standard_error, details) in measures.items() %}
    select
        '{{ gate }}' as gate,
        cast({{ measure }} as double) as measure,
        cast({{ standard_error }} as double) as standard_error,
        cast({{ details }} as varchar) as details
    from built
    cross join catalogue
    cross join events
    cross join changes
    cross join quality
    cross join risen
    {{ "union all" if not loop.last }}
    {% endfor %}

)

select * from final
