"""Estimates whose errors aren't those of a plain sample: bandits, and quantiles of people with several units.

The models' SQL is run on tables of many simulated experiments at once.
"""

import duckdb
import numpy as np
import pandas as pd
import pytest
from conftest import EXPERIMENTS, run_dbt

# A project is compiled.
pytestmark = pytest.mark.slow

MODELS = ["bandit_sums", "bandit_batches", "bandit_effects", "quantile_values", "quantile_ranks", "quantile_clusters"]
MODELS += ["arm_quantiles"]


@pytest.fixture(scope="module")
def queries(tmp_path_factory):
    """{model: its SQL over tables of the names of its inputs}."""
    folder = tmp_path_factory.mktemp("estimates")
    result = run_dbt(
        *("compile", "--select", *MODELS),
        target=folder / "target",
        database=folder / "none.duckdb",
        settings={"kindred__tables": EXPERIMENTS},
    )
    assert result.returncode == 0, result.output
    compiled = {path.stem: path for path in (folder / "target/compiled").rglob("*.sql")}
    return {name: compiled[name].read_text(encoding="utf-8").replace('"none"."main".', "") for name in MODELS}


def simulated_bandits(n_experiments, n_days, truth, seed):
    """experiment_cells of bandits that put most people into the arm that did better so far; all arms get better by day.

    truth: what the second arm adds to the probability of a success.
    """
    rng = np.random.default_rng(seed)
    cells = []
    successes, people = np.zeros((n_experiments, 2)), np.zeros((n_experiments, 2))
    for day in range(n_days):
        base = 0.1 + 0.2 * day / n_days
        rate = np.divide(successes, people, out=np.zeros_like(people), where=people > 0)
        share = np.where(rate[:, 1] > rate[:, 0], 0.9, 0.1) if day else np.full(n_experiments, 0.5)
        n_new = rng.binomial(400, share)
        for arm, n in enumerate((400 - n_new, n_new)):
            y = rng.binomial(n, base + truth * arm)
            successes[:, arm] += y
            people[:, arm] += n
            frame = pd.DataFrame({"experiment_id": np.arange(n_experiments), "n": n, "n_positive": y})
            frame["arm"], frame["exposed_on"] = "ab"[arm], pd.Timestamp("2026-03-01") + pd.Timedelta(days=day)
            frame["sum_y"], frame["sum_d"] = y * 10**6, n * 10**6
            frame["sum_y2"], frame["sum_d2"], frame["sum_yd"] = y * 10**12, n * 10**12, y * 10**12
            cells.append(frame)
    naive = successes / people
    return pd.concat(cells), naive[:, 1] - naive[:, 0]


def bandit_effects(queries, cells):
    """The newest rows of bandit_effects, by experiment."""
    cells = cells.assign(experiment_id=cells["experiment_id"].astype(str), n_winsorized=0)  # noqa: F841, DuckDB finds it
    with duckdb.connect() as connection:
        connection.execute("""
            create table experiment_cells as
                select *, 'm' as metric, '' as segment, '' as activity from cells;
            create table experiment_periods as
                select distinct experiment_id, 'thompson' as allocation from cells;
            create table checked_arms as select distinct experiment_id, arm, arm = 'a' as is_control from cells;
        """)
        # No build's shares are known to the compiled model: each day is the batch of a change of its own.
        changes = """(select distinct experiment_id, cast(exposed_on as date) as changed_on,
            lead(cast(exposed_on as date)) over (partition by experiment_id order by exposed_on) as changed_again_on
            from (select distinct experiment_id, exposed_on from experiment_cells))"""
        sums = queries["bandit_sums"].replace("left join changes\n", f"left join {changes} as changes\n")
        assert sums != queries["bandit_sums"]
        connection.execute(f"create view bandit_sums as {sums}")
        connection.execute(f"create table bandit_batches as {queries['bandit_batches']}")
        connection.execute(f"create table bandit_effects as {queries['bandit_effects']}")
        found = connection.execute("""
            select *, treatment - control as effect, sqrt(control_square + treatment_square) as error
            from bandit_effects where segment_by = ''
            qualify row_number() over (partition by experiment_id order by day desc) = 1
            order by cast(experiment_id as bigint)
        """).df()
    return found


def test_bandits__intervals_hold_the_truth_and_the_naive_difference_does_not(queries):
    for truth in (0.0, 0.03):
        cells, naive = simulated_bandits(400, 14, truth, seed=11)
        found = bandit_effects(queries, cells)
        z = (found["effect"] - truth) / found["error"]
        assert len(found) == 400 and (found["n_left_out"] == 0).all()
        # 400 experiments: 5 % are missed, with an error of 1.1 %.
        assert 0.02 < (abs(z) > 1.96).mean() < 0.085
        assert abs(z.mean()) < 0.17 and 0.9 < z.std() < 1.12
        assert abs(found["effect"].mean() - truth) < 3 * found["error"].mean() / np.sqrt(400)
        # People of good days are mostly in the arm that led by then.
        assert (abs(naive - truth) > 1.96 * found["error"]).mean() > 0.2


def test_bandits__batches_by_hand(queries):
    """Weights of the root of people over the error, with variances of all days; a day with too few is left out."""
    rows = [("a", 1, 50, 10), ("b", 1, 50, 15), ("a", 2, 80, 40), ("b", 2, 20, 12), ("a", 3, 90, 9), ("b", 3, 5, 0)]
    cells = pd.DataFrame(rows, columns=["arm", "day", "n", "y"])
    for name, factor in (("sum_y", "y"), ("sum_d", "n"), ("sum_y2", "y"), ("sum_d2", "n"), ("sum_yd", "y")):
        cells[name] = cells[factor] * (10**12 if name[-1] in "2" or name == "sum_yd" else 10**6)
    cells["exposed_on"] = pd.Timestamp("2026-03-01") + pd.to_timedelta(cells["day"], unit="D")
    [found] = bandit_effects(queries, cells.assign(experiment_id=1, n_positive=cells["y"])).to_dict("records")

    def variance(k, n):
        return (k - k * k / n) / (n - 1)

    v_a, v_b = variance(59, 220), variance(27, 75)
    days = [(50, 10, 50, 15), (80, 40, 20, 12)]
    errors = [np.sqrt(v_a / n_a + v_b / n_b) for n_a, _, n_b, _ in days]
    weights = [np.sqrt(100) / error for error in errors]
    differences = [y_b / n_b - y_a / n_a for n_a, y_a, n_b, y_b in days]
    assert found["effect"] == pytest.approx(np.average(differences, weights=weights), rel=1e-12)
    z = sum(10 * difference / error for difference, error in zip(differences, errors, strict=True)) / np.sqrt(200)
    assert found["effect"] / found["error"] == pytest.approx(z, rel=1e-12)
    assert (found["n_control"], found["n"], found["n_left_out"]) == (130, 70, 95)


def test_quantiles_of_people_with_several_units_against_a_bootstrap(queries):
    """600 people with 1 to 8 items, whose values are nearer to each other than to other people's; a third are zeros."""
    rng = np.random.default_rng(5)
    n_units = rng.integers(1, 9, size=600)
    tastes = rng.gamma(2, 10, size=600)
    values = [
        np.where(rng.random(n) < 0.2, 0.0, np.round(taste * rng.uniform(0.8, 1.2, size=n), 2))
        for taste, n in zip(tastes, n_units, strict=True)
    ]
    people = pd.DataFrame({"subject_id": np.arange(600), "n_units": n_units})  # noqa: F841
    given = [(person, value) for person, own in enumerate(values) for value in own if value]
    units = pd.DataFrame(given, columns=["subject_id", "y"])  # noqa: F841
    with duckdb.connect() as connection:
        connection.execute("""
            create table experiment_periods as select 'e' as experiment_id, 'user_item' as unit;
            create table checked_metrics as
                select 'q' as metric, 'quantile' as statistic, 0.7e0 as quantile, 7 as window_days, null as problem;
            create table exposed_people as
                select 'e' as experiment_id, 'a' as arm, *, 7 as window_days, date '2026-03-01' as exposed_on
                from people;
            create table unit_values as
                select 'e' as experiment_id, 'q' as metric, 'quantile' as statistic, 'user_item' as unit,
                    'a' as arm, * from units;
        """)
        for name in ("quantile_values", "quantile_ranks", "quantile_clusters", "arm_quantiles"):
            connection.execute(f"create view {name} as {queries[name]}")
        [(n, value, error)] = connection.execute("select n, value, standard_error from arm_quantiles").fetchall()
        [(inflation,)] = connection.execute("select inflation from quantile_clusters").fetchall()
    assert n == n_units.sum() and value == np.quantile(np.concatenate(values), 0.7, method="inverted_cdf")
    drawn = [
        np.quantile(np.concatenate([values[one] for one in rng.integers(0, 600, size=600)]), 0.7) for _ in range(400)
    ]
    assert error == pytest.approx(np.std(drawn), rel=0.2)
    assert inflation > 1.7
