-- one row per (source, policy, period, kind, estimator): what a policy would have earned, and whether to believe it
{{ config(enabled=kindred.has_experiments()) }}

{% set bounds = {'people': 100, 'weight': 0.1, 'unsupported': 0.05, 'errors': 3} %}
{% set alpha = kindred.setting('experiments', 'alpha') | float %}
{% set quantile = kindred.normal_quantile(kindred.number_literal(1 - alpha / 2)) %}
with estimated_values as (

    select *
    from {{ ref('estimated_values') }}
    where {{ kindred.enough_people('n_people') }}

),

noted as (

    select
        *,
        case
            when value is null and estimator in ('dr', 'switch_dr', 'cascade_dr')
                then
                    'no value: it is not known what the policy would show at each place; fill in foreign_policies'
            when value is null then 'no value: the policy would show nothing of what was shown; try it on people'
            when unsupported_share > {{ bounds.unsupported }}
                then concat(
                        {{ kindred.figure('unsupported_share') }},
                        ' of what the policy would show is never shown by what made',
                        ' the lists: the value is that of the rest; try it on people'
                    )
            when effective_people < {{ bounds.people }}
                then concat(
                        'the weights leave ', {{ kindred.figure('effective_people') }},
                        ' people''s worth of data, less than {{ bounds.people }}: wait, or try it on people'
                    )
            when max_weight_share > {{ bounds.weight }}
                then concat(
                        'one person has ', {{ kindred.figure('max_weight_share') }},
                        ' of all weights: wait, or log with more exploration'
                    )
            when abs(mean_weight - 1) > {{ bounds.errors }} * weight_error + 1e-6 then concat(
                    'the mean weight is ', {{ kindred.figure('mean_weight') }},
                    ' where 1 is due: the logged propensities are wrong, or rows are missing'
                )
        end as problem
    from estimated_values

),

quantile as (select {{ quantile }} as z
),

final as (

    select
        noted.source,
        noted.policy,
        noted.period,
        noted.kind,
        noted.estimator,
        noted.value,
        noted.standard_error,
        noted.value - quantile.z * noted.standard_error as lower,
        noted.value + quantile.z * noted.standard_error as upper,
        cast(noted.n_lists as bigint) as n_lists,
        cast(noted.n_people as bigint) as n_people,
        noted.effective_people,
        noted.max_weight_share,
        noted.unsupported_share,
        noted.mean_weight,
        noted.problem is null as is_reliable,
        noted.problem as note
    from noted
    cross join quantile

)

select * from final
