-- one row per (experiment_id, day): which of two policies people click more, by all lists up to the end of the day
{{ config(enabled=kindred.has_experiments()) }}

{% set alpha = kindred.setting('experiments', 'alpha') | float %}
with sums as (

    select *
    from {{ ref('interleaving_sums') }}
    where {{ kindred.enough_people('n_people') }}

),

experiments as (select * from {{ ref('checked_experiments') }}),

measured as (

    select
        sums.*,
        -- 5,000 people where none are planned.
        coalesce(experiments.planned_people, 5000) as planned_people,
        cast(sums.wins - sums.losses as double) / (2 * sums.n_people) as delta,
        -- The deviations of half a win, and of the score, between people.
        sqrt(
            (sums.wins + sums.losses - power(cast(sums.wins - sums.losses as double), 2) / sums.n_people)
            / 4 / nullif(sums.n_people - 1, 0)
        ) as win_deviation,
        sqrt(
            (sums.squares - power(cast(sums.scores as double), 2) / sums.n_people) / nullif(sums.n_people - 1, 0)
        ) as score_deviation
    from sums
    left join experiments
        on sums.experiment_id = experiments.experiment_id

),

tested as (

    select
        *,
        cast(scores as double) / n_people / nullif(score_deviation / sqrt(n_people), 0) as z
    from measured

),

quantile as (

    select {{ kindred.normal_quantile(kindred.number_literal(1 - alpha / 2)) }} as bound

),

final as (

    select
        tested.experiment_id,
        tested.day,
        tested.n_people,
        tested.n_lists,
        tested.wins,
        tested.losses,
        tested.n_people - tested.wins - tested.losses as ties,
        tested.delta,
        tested.delta - quantile.bound * tested.win_deviation / sqrt(tested.n_people) as lower,
        tested.delta + quantile.bound * tested.win_deviation / sqrt(tested.n_people) as upper,
        tested.z,
        {{ kindred.two_sided_p('tested.z') }} as p,
        min({{ kindred.sequence_p('tested.z', 'tested.n_people', 'tested.planned_people') }}) over (
            partition by tested.experiment_id order by tested.day rows unbounded preceding
        ) as sequential_p
    from tested
    cross join quantile

)

select * from final
