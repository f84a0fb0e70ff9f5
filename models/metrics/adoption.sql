-- one row per (feature, segment): how many people have used a feature, and how soon; '' = any feature, all people
-- Kaplan-Meier: who has not used it yet counts for as long as they have been there (E. Kaplan, P. Meier,
-- "Nonparametric estimation from incomplete observations", JASA 1958).
with at_risk as (

    select
        *,
        sum(n_gone) over (
            partition by feature, segment order by days desc rows between unbounded preceding and current row
        ) as n_at_risk
    from {{ ref('adoption_days') }}

),

-- Where all who are at risk use it, nobody is left: in place of the logarithm of 0.
steps as (

    select
        *,
        case
            when n_adopted = 0 then 0.0e0
            when n_adopted = n_at_risk then -1.0e3
            else ln(1.0e0 - cast(n_adopted as double) / n_at_risk)
        end as log_step
    from at_risk

),

survival as (

    select
        *,
        exp(sum(log_step) over (
            partition by feature, segment order by days rows between unbounded preceding and current row
        )) as share_left
    from steps

),

added_up as (

    select
        feature,
        segment,
        sum(n_gone) as n_eligible,
        sum(n_adopted) as n_adopters,
        min(case when share_left <= 0.5e0 + 1.0e-9 then days end) as median_days_to_value
    from survival
    group by
        feature,
        segment

),

{{ kindred.protected_cells(
    'added_up', ['feature', 'segment'], {'segment': "''", 'feature': "''"}, 'n_adopters'
) }},

final as (

    select
        feature,
        segment,
        cast(n_eligible as bigint) as n_eligible,
        cast(n_adopters as bigint) as n_adopters,
        cast(n_adopters as double) / n_eligible as adoption,
        {{ kindred.wilson_bound('n_adopters', 'n_eligible', 'lower') | indent(8) }} as lower,
        {{ kindred.wilson_bound('n_adopters', 'n_eligible', 'upper') | indent(8) }} as upper,
        cast(median_days_to_value as bigint) as median_days_to_value
    from protected

)

select * from final
