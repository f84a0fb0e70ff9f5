"""The search for settings: its path through a grid, its budget, and that later builds use what it found."""

import json
import shutil
import time

import duckdb
import numpy as np
import pytest
from conftest import run_dbt


@pytest.fixture(scope="module")
def search(python_model):
    return python_model("tuning_trials").search


def test_search__climbs_line_by_line_to_the_best_point(search):
    def try_settings(settings):
        return np.full(3, 1 - (settings["a"] - 3) ** 2 / 50 - (settings["b"] - settings["a"]) ** 2 / 200)

    grid = {"a": [0, 1, 2, 3, 4], "b": [0, 1, 2, 3, 4]}
    trials = search(grid, {"a": 0, "b": 0, "c": "kept"}, try_settings, seconds=60)
    assert trials[0][0] == {"a": 0, "b": 0, "c": "kept"}
    assert max(trials, key=lambda trial: trial[1].mean())[0] == {"a": 3, "b": 3, "c": "kept"}
    # Nothing is tried twice.
    keys = [json.dumps(settings, sort_keys=True) for settings, _, _ in trials]
    assert len(keys) == len(set(keys)) < 25


def test_search__ends_with_its_budget_but_tries_the_defaults(search):
    def try_settings(settings):
        time.sleep(0.05)
        return np.array([settings["a"]])

    assert len(search({"a": range(1, 1000)}, {"a": 0}, try_settings, seconds=0)) == 1
    assert 2 <= len(search({"a": range(1, 1000)}, {"a": 0}, try_settings, seconds=0.3)) <= 8


def test_ndcg_of_lists__by_hand(helpers):
    wanted = helpers.csr_matrix(np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    people, items, ranks = np.array([0, 0, 1, 1]), np.array([2, 1, 2, 0]), np.array([1, 2, 1, 2])
    half = 1 / np.log2(3)
    assert helpers.ndcg_of_lists(people, items, ranks, wanted).tolist() == pytest.approx([half / (1 + half), 1, 0])
    assert helpers.ndcg_of_lists(people, items, ranks, wanted, k=1).tolist() == pytest.approx([0, 1, 0])


def test_build__uses_what_the_search_found(sample_shop, tmp_path):
    """A search of seconds on the sample shop; the next build's factors are as long as the best trial says."""
    database = tmp_path / "shop.duckdb"
    shutil.copy(sample_shop.database, database)
    given = {"kindred__als": {"iterations": 2}}
    done = run_dbt(
        "run", "--select", "tuning_trials", target=tmp_path / "target", database=database,
        settings={"kindred__tune_minutes": 0.1} | given,
    )  # fmt: skip
    assert done.returncode == 0, done.output
    done = run_dbt("run", "--select", "als_item_factors", target=tmp_path / "target", database=database, settings=given)
    assert done.returncode == 0, done.output
    with duckdb.connect(database, read_only=True) as connection:
        trials = connection.execute("select generator, trial, settings, ndcg, n_people from tuning_trials").fetchall()
        lengths = connection.execute("select distinct len(factors) from als_item_factors").fetchall()
        n_judged = connection.execute("select count(distinct user_id) from targets where fold = 'tuning'").fetchone()[0]
    assert {row[0] for row in trials} == {"neighbors", "sessions", "sequence", "content", "als"}
    assert all(0 <= ndcg <= 1 and 0 < n_people <= n_judged for _, _, _, ndcg, n_people in trials)
    of_als = [row for row in trials if row[0] == "als"]
    assert len(of_als) > 1 and all(json.loads(row[2])["iterations"] == 2 for row in of_als)
    best = json.loads(max(of_als, key=lambda row: (row[3], -row[1]))[2])
    assert lengths == [(best["factors"],)]
