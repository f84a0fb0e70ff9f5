-- one row per gate on lists: this build's figure, and the reasons that help a reader of a failed gate
{{ config(materialized='ephemeral') }}

{% set depth = 10 %}

with built as (

    select
        count(distinct item_id) as n_items,
        count(distinct {{ 'user_id' if kindred.lists_for_people() == 'true' else 'segment' }}) as n_lists
    from {{ kindred.published_lists() }}

),

catalogue as (select count(*) as n_items from {{ ref('recommendable_items') }}),

events as (select count(*) as n_events from {{ ref('person_events') }}),

changes as (

    select
        {{ kindred.exact_sum('new_share', scale=12) }} / nullif(count(*), 0) as share,
        concat(cast(count(*) as varchar), ' people compared') as details
    from {{ ref('changed_lists') }}

),

-- A table of an earlier evaluation says nothing of this build's lists: without the fold it isn't even built.
quality as (

    {% if 'backtest' in kindred.fold_names() -%}
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
    {%- else -%}
    select
        cast(null as double) as ndcg,
        cast(null as double) as standard_error
    {%- endif %}

),

risen as (

    select
        max(rise) as rise,
        max(details) as details
    from {{ ref('risen_concentration') }}

),

-- The upper bound of the interval: what chance may have made holds nothing back.
short_groups as (

    select
        1 - upper as shortfall,
        concat(
            'the ', measure, ' of ', field, ' ''', group_value, '''',
            case when category = '' then '' else concat(' to ', category) end, ' is ', {{ kindred.figure('ratio') }},
            ' of that of ''', reference_group, ''', at most ', {{ kindred.figure('upper') }}
        ) as details
    from {{ ref('group_fairness') }}
    where upper is not null
    qualify row_number() over (order by upper, field, measure, category, group_value) = 1

),

fairness as (

    select
        max(shortfall) as shortfall,
        max(details) as details
    from short_groups

),

{% set nothing = "concat(cast(catalogue.n_items as varchar), ' recommendable items, ', " ~
    "cast(events.n_events as varchar), ' usable events')" %}
{% set measures = {
    'lists': ('built.n_lists', 'null', nothing),
    'catalog_coverage': ('built.n_items / nullif(cast(catalogue.n_items as double), 0)', 'null', 'null'),
    'people': ('built.n_lists' if kindred.lists_for_people() == 'true' else 'null', 'null', 'null'),
    'quality': ('quality.ndcg', 'quality.standard_error', 'null'),
    'changed_lists': ('changes.share', 'null', 'changes.details'),
    'concentration': ('risen.rise', 'null', 'risen.details'),
    'fairness': ('fairness.shortfall', 'null', 'fairness.details'),
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
    cross join fairness
    {{ "union all" if not loop.last }}
    {% endfor %}

)

select * from final
