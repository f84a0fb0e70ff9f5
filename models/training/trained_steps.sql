-- one row: the steps of the trainings of the transformer from nothing in this build: what a replay can do again
{{ config(materialized='ephemeral') }}

{% if 'transformer' in kindred.absent_generators() -%}
select cast(null as varchar) as transformer_steps
{%- else -%}
with folds as (

    select
        parameters.fold,
        max(parameters.n_steps) as n_steps
    from {{ ref('transformer_parameters') }} as parameters
    cross join {{ ref('training_policy') }} as training_policy
    where not parameters.is_warm
        and (parameters.fold <> 'live' or training_policy.is_due)
    group by parameters.fold

)

select
    nullif(
        concat(
            '{',
            {{ dbt.listagg("concat('\"', fold, '\": ', cast(n_steps as varchar))", "', '", "order by fold") }},
            '}'
        ),
        '{}'
    ) as transformer_steps
from folds
{%- endif %}
