"""Error rates and stops over many looks: sums are given to the models of results directly, whole series at once."""

import duckdb
import hillstrom
import numpy as np
import pandas as pd
import pytest
import skips
from conftest import EXPERIMENTS, REPOSITORY, Shop
from scipy import stats

# Whole shops are built.
pytestmark = pytest.mark.slow

ASOS = REPOSITORY.parent / "shared/data/ab_asos/asos_digital_experiments.parquet"
PLANNED = (5_000, 50_000, 500_000)
# {what is counted: series, experiments (any arm and metric), experiments by metric 1 alone}, made with gbstats
COUNTS = {
    "peeking": (224, 65, 44),
    "fixed": (105, 41, 26),
    "stops_5000": (71, 26, 16),
    "stops_50000": (85, 35, 19),
    "stops_500000": (96, 39, 20),
    "ends_5000": (42, 13, 9),
    "ends_50000": (46, 16, 11),
    "ends_500000": (53, 20, 15),
}
SUMS = ("y", "d", "x", "e", "y2", "d2", "x2", "e2", "yd", "yx", "ye", "dx", "de", "xe")


def periods(query):
    """experiment_periods for a query of (experiment_id, planned_people)."""
    return f"""
        select experiment_id, 'offer' as kind, 'user' as unit, experiment_id as salt, 'fixed' as allocation,
            'sequential' as stopping, 'm' as metric, planned_people::double as planned_people,
            timestamp '2026-01-01' as starts_at, null::timestamp as ends_at, null::timestamp as changed_at,
            timestamp '2026-01-01' as period_from, timestamp '2026-03-01' as as_of
        from ({query})
    """


def metrics(*names):
    return " union all ".join(
        f"select '{name}' as metric, 'mean' as statistic, 0 as covariate_days, false as is_guardrail,"
        " true as higher_is_better, null as problem"
        for name in names
    )


def make_results(folder, models, **tables):
    """A shop in which these tables stand in place of kindred's models, and `models` built on them."""
    shop = Shop(folder)
    for name, query in tables.items():
        shop.run(f"create table {name} as {query}")
    return shop.build("--select", *models, tables=EXPERIMENTS)


@pytest.fixture(scope="module")
def asos(tmp_path_factory):
    if not ASOS.exists():
        pytest.skip(f"{skips.NO_DATA}: {ASOS}")
    series = f"""
        select *,
            row_number() over (partition by experiment_id, variant_id, metric_id order by time_since_start) as look
        from '{ASOS}' where count_c >= 100 and count_t >= 100 and variance_c > 0 and variance_t > 0
    """
    row = """
        {day} as day, {arm} as arm, '' as segment_by, '' as segment, concat('m', metric_id) as metric,
        count_c::bigint as n_control, count_t::bigint as n, 0::bigint as n_left_out, mean_c as control,
        mean_t as treatment,
        variance_c / count_c as control_square, variance_t / count_t as treatment_square, 0.0::double as theta,
        0::bigint as n_winsorized, null::bigint as n_positive, null::double as z_before
    """
    # The ends of all series as one family, too.
    ends = f"select * from ({series}) qualify look = max(look) over (partition by experiment_id, variant_id, metric_id)"
    looks = row.format(day="look", arm="concat('arm ', variant_id)")
    copies = [
        f"select concat(experiment_id, '@{planned}') as experiment_id, {looks} from ({series})" for planned in PLANNED
    ]
    at_end = row.format(day="1", arm="concat(experiment_id, variant_id)")
    copies.append(f"select 'ends' as experiment_id, {at_end} from ({ends})")
    compared = " union all ".join(copies)
    planned = "select distinct experiment_id, split_part(experiment_id, '@', 2) as planned from compared_arms"
    return make_results(
        tmp_path_factory.mktemp("asos"),
        ["adjusted_results"],
        compared_arms=compared,
        checked_metrics=metrics("m1", "m2", "m3", "m4"),
        experiment_periods=periods(
            f"select experiment_id, coalesce(try_cast(planned as double), 5000) as planned_people from ({planned})"
        ),
    )


def counts(shop, condition, planned=5000, last=False):
    """(series, experiments, experiments by metric 1 alone) with a look, or the last one, that meets a condition."""
    where = f"experiment_id like '%@{planned}'"
    if last:
        where += " qualify day = max(day) over (partition by experiment_id, arm, metric)"
    [found] = shop.query(f"""
        select count(*), count(distinct experiment_id), count(distinct case when metric = 'm1' then experiment_id end)
        from (select distinct experiment_id, arm, metric from (select * from adjusted_results where {where})
            where {condition})
    """)
    return found


def test_asos__counts_of_other_packages(asos):
    excludes = "sequential_lower > 0 or sequential_upper < 0"
    found = {
        "peeking": counts(asos, "p < 0.05"),
        "fixed": counts(asos, "p < 0.05", last=True),
        **{f"stops_{planned}": counts(asos, excludes, planned) for planned in PLANNED},
        **{f"ends_{planned}": counts(asos, excludes, planned, last=True) for planned in PLANNED},
    }
    assert found == COUNTS
    [(n_series,)] = asos.query("select count(*) from adjusted_results where experiment_id = 'ends'")
    assert n_series == 381
    [adjusted] = asos.query("""
        select count(case when p_adjusted_bh < 0.05 then 1 end), count(case when p_adjusted < 0.05 then 1 end)
        from adjusted_results where experiment_id = 'ends'
    """)
    assert adjusted == (68, 44)


def test_asos__the_p_tells_what_the_interval_tells(asos):
    """A sequence has stopped where its smallest p so far is below alpha."""
    [(n_differing,)] = asos.query("""
        select count(*) from (
            select min(sequential_p) over w < 0.05 as by_p,
                max(case when sequential_lower > 0 or sequential_upper < 0 then 1 else 0 end) over w = 1 as by_interval
            from adjusted_results
            window w as (partition by experiment_id, arm, metric order by day)
        ) where by_p <> by_interval
    """)
    assert n_differing == 0


def test_asos__one_row_to_the_digit(asos):
    [row] = asos.query("""
        select effect, standard_error, p, sequential_upper - effect from adjusted_results
        where experiment_id = '036afc@5000' and arm = 'arm 2' and metric = 'm1' order by day desc limit 1
    """)
    expected = (0.0005065829208846795, 0.00067929081482889, 0.4558168518129725, 0.0025514936381572)
    assert row == pytest.approx(expected, rel=1e-8)


def aa_splits(n_splits=200, n_looks=42, seed=20261129):
    """cumulated_arms of splits of Hillstrom's control by chance: each look has 500 more people."""
    data = hillstrom.values(f"select visit, conversion, spend from ({hillstrom.people()}) where arm = 'control'")
    values = {name: np.asarray(column, dtype=float) for name, column in data.items()}
    random = np.random.default_rng(seed)
    n_people = len(values["visit"])
    looks = np.minimum(200 + 500 * np.arange(1, n_looks + 1), n_people)
    rows = []
    for split in range(n_splits):
        order = random.permutation(n_people)
        is_treated = random.permutation(n_people) % 2 == 1
        for metric, column in values.items():
            for arm, chosen in (("control", ~is_treated), ("treatment", is_treated)):
                y = np.where(chosen, column[order], 0)
                for day, n in enumerate(looks):
                    size = chosen[:n].sum()
                    rows.append((f"split {split}", day, arm, metric, int(size), y[:n].sum(), (y[:n] ** 2).sum()))
    return rows


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("splits")
    table = pd.DataFrame(aa_splits(), columns=["experiment_id", "day", "arm", "metric", "n", "y", "y2"])
    given = {name: "n::double" if name in ("d", "e", "d2", "e2", "de") else "0.0::double" for name in SUMS}
    given |= {"y": "y", "y2": "y2", "yd": "y", "ye": "y"}
    sums = ", ".join(f"{sql} as sum_{name}" for name, sql in given.items())
    shop = Shop(folder)
    with duckdb.connect(shop.database) as connection:
        connection.register("given", table)
        connection.execute(f"""
            create table cumulated_arms as
            select experiment_id, day, arm, '' as segment_by, '' as segment, metric, n, 0 as n_winsorized,
                n as n_positive, {sums}
            from given
        """)
        connection.execute(
            "create table checked_arms as select distinct experiment_id, 'control' as arm, true as is_control"
            " from cumulated_arms"
        )
        connection.execute(f"create table checked_metrics as {metrics('visit', 'conversion', 'spend')}")
        every = "select distinct experiment_id, 21306 as planned_people from cumulated_arms"
        connection.execute(f"create table experiment_periods as {periods(every)}")
        connection.execute("""
            create table arm_quantiles as select '' as experiment_id, '' as metric, '' as arm, 0 as day, 0::bigint as n,
                0.0::double as value, 0.0::double as standard_error where false
        """)
        connection.execute("""
            create table bandit_effects as select '' as experiment_id, 0 as day, '' as arm, '' as segment_by,
                '' as segment, '' as metric, 0::bigint as n_control, 0::bigint as n, 0::bigint as n_left_out,
                0.0::double as control, 0.0::double as treatment, 0.0::double as control_square,
                0.0::double as treatment_square, 0::bigint as n_winsorized, 0::bigint as n_positive where false
        """)
    return shop.build("--select", "paired_arms", "compared_arms", "adjusted_results", tables=EXPERIMENTS)


@pytest.mark.parametrize("metric", ["visit", "conversion", "spend"])
def test_nothing_is_found_where_nothing_is(splits, metric):
    """200 splits of one group, 42 looks: a fixed test that is looked at stops three in ten."""
    [(n, peeking, at_end, stopped)] = splits.query(f"""
        select count(*), avg(ever::int), avg(at_end::int), avg(stopped::int) from (
            select max(p < 0.05) as ever, max(day = 41 and p < 0.05) as at_end, max(sequential_p < 0.05) as stopped
            from adjusted_results where metric = '{metric}' group by experiment_id
        )
    """)
    assert n == 200
    assert stopped <= 0.05
    assert 0.02 <= at_end <= 0.08
    assert peeking > 0.15


def test_the_end_of_a_split_is_scipys(splits):
    """One of the series of sums against the raw values."""
    data = hillstrom.values(f"select spend from ({hillstrom.people()}) where arm = 'control'")["spend"]
    random = np.random.default_rng(20261129)
    order, is_treated = random.permutation(len(data)), random.permutation(len(data)) % 2 == 1
    y = np.asarray(data)[order]
    [(effect, p)] = splits.query(
        "select effect, p from adjusted_results where experiment_id = 'split 0' and metric = 'spend' and day = 41"
    )
    n = min(200 + 500 * 42, len(data))
    treated, control = y[:n][is_treated[:n]], y[:n][~is_treated[:n]]
    assert effect == pytest.approx(treated.mean() - control.mean(), rel=1e-9)
    error = np.sqrt(treated.var(ddof=1) / len(treated) + control.var(ddof=1) / len(control))
    assert p == pytest.approx(2 * stats.norm.sf(abs(effect) / error), rel=1e-6)
