-- one row per (account_id, moment): how probably the account cancels in the next period, and why
-- health_score: 50 = as probably as the mean account, 100 = not at all. Risk and score are null where too few accounts
-- had cancelled by then to learn from.
with moments as (select * from {{ ref('account_moments') }}),

signals as (select * from {{ ref('account_signals') }}),

scales as (select * from {{ ref('risk_scales') }}),

reasons as (select * from {{ ref('churn_reasons') }}),

measured as (

    select
        account_id,
        {% for signal in ['breadth', 'active_share', 'trend', 'days_silent', 'n_bad'] -%}
        max(case when signal = '{{ signal }}' then value end) as {{ signal }},
        {% endfor -%}
        moment
    from signals
    group by
        account_id,
        moment

),

explained as (

    select
        account_id,
        moment,
        -- What speaks against the risk is no reason for it.
        {% for rank in [1, 2, 3] -%}
        max(case when rank = {{ rank }} and contribution > 0 then sentence end) as reason_{{ rank }},
        max(case when rank = {{ rank }} and contribution > 0 then contribution end) as contribution_{{ rank }},
        {% endfor -%}
        {{ kindred.exact_sum('contribution') }} as total
    from reasons
    group by
        account_id,
        moment

),

final as (

    select
        moments.account_id,
        moments.moment,
        moments.is_newest,
        moments.plan,
        moments.n_seats,
        cast(measured.breadth as bigint) as breadth,
        round(measured.active_share, 3) as active_share,
        round(measured.trend, 3) as trend,
        round(measured.days_silent, 1) as days_silent,
        cast(measured.n_bad as bigint) as n_bad,
        round(1 / (1 + exp(-(scales.base + scales.intercept + explained.total))), 4) as churn_risk,
        round(100 / (1 + exp(scales.intercept + explained.total)), 1) as health_score,
        {% for rank in [1, 2, 3] -%}
        explained.reason_{{ rank }},
        explained.contribution_{{ rank }},
        {% endfor -%}
        scales.n_learned,
        moments.is_cancelled
    from moments
    inner join measured
        on moments.account_id = measured.account_id
            and moments.moment = measured.moment
    left join scales
        on moments.moment = scales.moment
    left join explained
        on moments.account_id = explained.account_id
            and moments.moment = explained.moment

)

select * from final
