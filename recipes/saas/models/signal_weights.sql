-- one row per (moment, signal, bin): what a class of a signal says, learned from periods that were over at the moment
-- weight = logarithm of the odds to cancel in the class over those of all ("weight of evidence"), as if 20 more
-- accounts had been in the class and cancelled as often as all: what few accounts say counts little.
{% set prior = 20 %}

with moments as (select * from {{ ref('account_moments') }}),

signals as (select * from {{ ref('account_signals') }}),

known as (select * from moments where is_cancelled is not null),

asked as (

    select moment
    from moments
    group by moment

),

bases as (

    select
        asked.moment,
        count(*) as n_learned,
        sum(case when known.is_cancelled then 1 else 0 end) as n_cancelled
    from asked
    inner join known
        on asked.moment >= known.known_at
    group by asked.moment

),

shares as (

    select
        moment,
        n_learned,
        n_cancelled,
        cast(n_cancelled as double) / n_learned as share
    from bases
    where n_cancelled between {{ var('least_cancelled') }} and n_learned - 1

),

counts as (

    select
        shares.moment,
        signals.signal,
        signals.bin,
        shares.share,
        min(shares.n_learned) as n_learned,
        count(*) as n_accounts,
        sum(case when known.is_cancelled then 1 else 0 end) as n_cancelled
    from shares
    inner join known
        on shares.moment >= known.known_at
    inner join signals
        on known.account_id = signals.account_id
            and known.moment = signals.moment
    group by
        shares.moment,
        signals.signal,
        signals.bin,
        shares.share

),

final as (

    select
        moment,
        signal,
        bin,
        n_learned,
        n_accounts,
        n_cancelled,
        share,
        ln(
            (n_cancelled + {{ prior }} * share) / (n_accounts - n_cancelled + {{ prior }} * (1 - share))
        ) - ln(share / (1 - share)) as weight
    from counts

)

select * from final
