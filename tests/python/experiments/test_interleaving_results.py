"""Which of two interleaved policies people click more: against scipy, and in a shop whose better ranker is known."""

import importlib

import numpy as np
import pyarrow as pa
import pytest
from conftest import EXPERIMENTS, REPOSITORY
from foreign_logs import OUTCOMES
from scipy import stats

# Whole shops are built.
pytestmark = pytest.mark.slow

MODELS = ["interleaved_clicks", "interleaving_sums", "interleaving_results"]


@pytest.fixture
def world(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    return importlib.import_module("bench_interleaving")


def interleaving_results(shop, shown, **settings):
    """The rows of interleaving_results of what was shown: list_id, user_id, item_id, team, n_clicks, shown_at."""
    if "shown_at" not in shown.column_names:
        shown = shown.append_column("shown_at", pa.array(["2026-05-01"] * shown.num_rows))
    shop.run(OUTCOMES)
    shop.run("create table checked_experiments (experiment_id varchar, planned_people double)")
    shop.load(shown=shown)
    shop.run("""
        create or replace view interleaved_lists as select 'e' as experiment_id, list_id, item_id, team from raw.shown;
        insert into list_outcomes by name
        select * exclude (team) replace (cast(shown_at as timestamp) as shown_at), 'person' as kind from raw.shown;
    """)
    shop.build("--select", *MODELS, tables=EXPERIMENTS, **settings)
    columns = [
        "day",
        "n_people",
        "n_lists",
        "wins",
        "losses",
        "ties",
        "delta",
        "lower",
        "upper",
        "z",
        "p",
        "sequential_p",
    ]
    rows = shop.query(f"select {', '.join(columns)} from interleaving_results order by day")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_against_scipy(small_shop):
    """People who see lists on several days: their scores are added up, day by day."""
    draw = np.random.default_rng(4)
    shown, scores, by_day = [], np.zeros(300), []
    for day in range(1, 6):
        for person in range(0, 300, 1 + day % 2):
            for team in ("A", "B", None):
                clicked = int(draw.random() < {"A": 0.3, "B": 0.2, None: 0.5}[team])
                shown.append(
                    {"list_id": f"l{day}-{person}", "user_id": f"u{person}", "item_id": f"of {team}", "team": team}
                    | {"n_clicks": clicked, "shown_at": f"2026-05-{day:02d} 12:00:00"}
                )
                scores[person] += clicked * {"A": 1, "B": -1, None: 0}[team]
        seen = np.arange(300) if day > 1 else np.arange(0, 300, 2)
        by_day.append(scores[seen].copy())
    rows = interleaving_results(small_shop, pa.Table.from_pylist(shown))
    assert [row["n_lists"] for row in rows] == [150, 450, 600, 900, 1050]
    smallest = 1.0
    for row, of_people in zip(rows, by_day, strict=True):
        n = len(of_people)
        assert (row["n_people"], row["wins"], row["losses"]) == (n, (of_people > 0).sum(), (of_people < 0).sum())
        assert row["ties"] == (of_people == 0).sum()
        test = stats.ttest_1samp(of_people, 0)
        assert row["z"] == pytest.approx(test.statistic, rel=1e-12)
        assert row["p"] == pytest.approx(2 * stats.norm.sf(abs(test.statistic)), rel=1e-7)
        halves = np.sign(of_people) / 2
        assert row["delta"] == pytest.approx(halves.mean(), abs=1e-15)
        interval = stats.norm.interval(0.95, halves.mean(), stats.sem(halves))
        assert (row["lower"], row["upper"]) == pytest.approx(interval, rel=1e-9)
        # A sequence looks as often as it likes, so it says less at each look.
        assert row["p"] <= row["sequential_p"] <= smallest
        smallest = row["sequential_p"]
    # Wins against losses without ties is the sign test, which agrees.
    sign = stats.binomtest(rows[-1]["wins"], rows[-1]["wins"] + rows[-1]["losses"])
    assert rows[-1]["p"] < 0.01 and sign.pvalue < 0.01


def test_a_better_ranker__needs_a_third_of_the_people(small_shop, world):
    shop = world.Shop(world.PAIRS["much better"], 4000, seed=1)
    split_z, lift = shop.split_test()
    [row] = interleaving_results(small_shop, shop.interleave())
    assert lift > 0 and row["delta"] > 0 and row["p"] < 1e-4 and row["lower"] > 0
    assert (row["z"] / max(split_z, 1)) ** 2 > 3


def test_the_same_ranker_twice__finds_nothing(small_shop, world):
    """Two copies that agree on nothing but quality: noise of one size drawn twice. And one and the same list twice."""
    shop = world.Shop(world.PAIRS["as good"], 4000, seed=2)
    [row] = interleaving_results(small_shop, shop.interleave())
    assert row["p"] > 0.05 and row["lower"] < 0 < row["upper"] and row["sequential_p"] > 0.05
    assert row["wins"] > 300 and row["losses"] > 300


def test_one_list_twice__nobody_wins(small_shop, world):
    [row] = interleaving_results(small_shop, world.Shop((0.1, None), 500, seed=2).interleave())
    assert (row["wins"], row["losses"], row["ties"], row["delta"]) == (0, 0, 500, 0)
    assert row["z"] is None and row["p"] is None
