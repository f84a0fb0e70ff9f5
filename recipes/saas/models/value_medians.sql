-- one row per (kind, plan): the days after which half of them have had value, by Kaplan-Meier; plan '' = all
-- Null where fewer than half can be expected to, as far as is known.
with spans as (select * from {{ ref('time_to_value') }}),

grouped as (

    {% for plan in ['plan', "''"] -%}
    select
        kind,
        {{ plan }} as plan,
        days,
        count(*) as n_gone,
        sum(case when has_value then 1 else 0 end) as n_valued
    from spans
    group by
        kind,
        {{ 'plan,' if plan == 'plan' }}
        days
    {{ "union all" if not loop.last }}
    {% endfor %}
),

at_risk as (

    select
        *,
        sum(n_gone) over (
            partition by kind, plan order by days desc rows between unbounded preceding and current row
        ) as n_at_risk
    from grouped

),

-- Where all who are left get there at once, nobody remains: in place of the logarithm of 0.
survival as (

    select
        *,
        exp(sum(
            case
                when n_valued = 0 then 0.0e0
                when n_valued = n_at_risk then -1.0e3
                else ln(1.0e0 - cast(n_valued as double) / n_at_risk)
            end
        ) over (partition by kind, plan order by days rows between unbounded preceding and current row)) as share_left
    from at_risk

),

final as (

    select
        kind,
        plan,
        cast(sum(n_gone) as bigint) as n,
        cast(sum(n_valued) as bigint) as n_with_value,
        cast(sum(n_gone) - sum(n_valued) as bigint) as n_waiting,
        round(min(case when share_left <= 0.5e0 + 1.0e-9 then days end), 1) as median_days
    from survival
    group by
        kind,
        plan

)

select * from final
