-- one row at most: how much more unequally this build's lists share out the items than those that apps are served
{{ config(materialized='ephemeral') }}

{% set served = kindred.served() %}

with list_concentration as (select * from {{ ref('list_concentration') }}),

list_settings as (select * from {{ ref('list_settings') }}),

earlier as (

    {{ kindred.previous_rows('concentration', {
        'run_id': 'varchar', 'policy': 'varchar', 'gini': 'double', 'n_items': 'bigint', 'settings_key': 'varchar',
    }) }}

),

-- Items that came to the catalogue since then are in no list for a while: that is no concentration, so the Gini
-- coefficient of then is taken with so many items more that nobody is shown.
compared as (

    select
        list_concentration.gini,
        earlier.gini as earlier_gini,
        (1 - earlier.gini)
        * least(1.0e0, cast(earlier.n_items as double) / list_concentration.n_items) as earlier_equality,
        coalesce(earlier.settings_key = list_settings.settings_key, false) as is_comparable
    from list_concentration
    cross join list_settings
    inner join earlier
        on list_concentration.policy = earlier.policy
    -- Of few lists a Gini coefficient depends on how many there are.
    where list_concentration.policy = ''
        and list_concentration.n_places >= 1000
        and earlier.run_id = {{ kindred.text_literal(served.run_id if served else '') }}

)

select
    case when is_comparable then gini - (1 - earlier_equality) end as rise,
    case
        when is_comparable
            then
                concat(
                    'Gini coefficient ', {{ kindred.figure('gini') }}, ', before ', {{ kindred.figure('earlier_gini') }}
                )
        else 'the settings, weights, policies or rules that make lists are not those of then'
    end as details
from compared
