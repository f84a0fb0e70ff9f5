"""The search for settings: its path through a grid, its budget, and that later builds use what it found."""

import json
import re
import shutil
import time

import duckdb
import numpy as np
import pytest
from conftest import Shop, run_dbt, run_model, to_variables
from scipy.sparse import csr_matrix

from kindred.tuning import ndcg_of_lists, search


def test_search__climbs_line_by_line_to_the_best_point():
    def try_settings(settings):
        return np.full(3, 1 - (settings["a"] - 3) ** 2 / 50 - (settings["b"] - settings["a"]) ** 2 / 200)

    grid = {"a": [0, 1, 2, 3, 4], "b": [0, 1, 2, 3, 4]}
    trials = search(grid, {"a": 0, "b": 0, "c": "kept"}, try_settings, seconds=60)
    assert trials[0][0] == {"a": 0, "b": 0, "c": "kept"}
    assert max(trials, key=lambda trial: trial[1].mean())[0] == {"a": 3, "b": 3, "c": "kept"}
    # Nothing is tried twice.
    keys = [json.dumps(settings, sort_keys=True) for settings, _, _ in trials]
    assert len(keys) == len(set(keys)) < 25


def test_search__ends_with_its_budget_but_tries_the_defaults():
    def try_settings(settings):
        time.sleep(0.05)
        return np.array([settings["a"]])

    assert len(search({"a": range(1, 1000)}, {"a": 0}, try_settings, seconds=0)) == 1
    assert 2 <= len(search({"a": range(1, 1000)}, {"a": 0}, try_settings, seconds=0.3)) <= 8


def test_ndcg_of_lists__by_hand():
    wanted = csr_matrix(np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    people, items, ranks = np.array([0, 0, 1, 1]), np.array([2, 1, 2, 0]), np.array([1, 2, 1, 2])
    half = 1 / np.log2(3)
    assert ndcg_of_lists(people, items, ranks, wanted).tolist() == pytest.approx([half / (1 + half), 1, 0])
    assert ndcg_of_lists(people, items, ranks, wanted, k=1).tolist() == pytest.approx([0, 1, 0])


@pytest.fixture(scope="module")
def tuned(sample_shop, tmp_path_factory):
    """The sample shop after a search of seconds; and the search's output."""
    shop = Shop(tmp_path_factory.mktemp("tuned"))
    shutil.copy(sample_shop.database, shop.database)
    return shop, dbt(shop, "tuning_trials", tune_minutes=0.1)


def dbt(shop, *models, **settings):
    """Run models with iterations of ALS given, as they are in the search."""
    done = run_dbt(
        *("run", "--select", *models),
        target=shop.targets,
        database=shop.database,
        settings=to_variables({"generators": {"als": {"iterations": 2}}} | settings),
    )
    assert done.returncode == 0, done.output
    return done


def test_build__says_what_it_tries(tuned):
    """One line for each trial, in the order of the trials: who waits for minutes sees that it goes on."""
    shop, done = tuned
    said = re.findall(r"\d\d:\d\d:\d\d  tuning_trials: (\w+), ndcg@20 ([.\d]+), ({.*})", done.printed)
    trials = shop.query("select generator, ndcg, settings from tuning_trials order by generator, trial")
    assert sorted(said, key=lambda line: line[0]) == [(name, f"{ndcg:.4f}", text) for name, ndcg, text in trials]
    assert {name for name, _, _ in said} == {"neighbors", "sessions", "slim", "sequence", "content", "als", "spectral"}
    n_evaluated = shop.value("select count(distinct user_id) from targets where fold = 'tuning'")
    assert shop.value("select max(n_people) from tuning_trials") <= n_evaluated
    assert shop.value("select bool_and(ndcg between 0 and 1 and n_people > 0) from tuning_trials")


# Far from the defaults, and each better than anything that the search could find.
PLANTED = {
    "neighbors": {
        "user_exponent": 0.1, "source_exponent": 0.9, "target_exponent": 0.7, "decay": 0.3, "n_steps": 2,
        "n_neighbors": 30,
    },
    "sequence": {"target_exponent": 0.8, "decay": 0.2, "n_steps": 2},
    "sessions": {"decay": 0.1, "n_steps": 1, "n_items": 3},
    "slim": {
        "user_exponent": 0.1, "ridge": 0.5, "n_neighbors": 20, "source_exponent": 0.9, "target_exponent": 0.9,
        "decay": 0.3, "n_steps": 2,
    },
    "content": {"decay": 0.1, "n_steps": 1},
}  # fmt: skip
OF_NEIGHBORS = ["item_neighbors", "neighbor_candidates", "session_candidates"]


@pytest.mark.slow
def test_build__uses_the_best_of_each_generator(tuned):
    """ALS's factors are as long as its best trial says, and what neighbours propose is what they do with the planted
    settings given by hand; a search of before or of later has no say."""
    shop, _ = tuned
    of_als = shop.query("select trial, settings, ndcg from tuning_trials where generator = 'als'")
    assert len(of_als) > 1 and all(json.loads(row[1])["iterations"] == 2 for row in of_als)
    best = json.loads(max(of_als, key=lambda row: (row[2], -row[0]))[1])
    for generator, settings in PLANTED.items():
        for days, ndcg, text in ((0, 1, settings), (-1, 2, {"decay": 0.9}), (1, 2, {"decay": 0.9})):
            shop.run(f"""
                insert into tuning_trials
                select any_value(as_of) + to_days({days}), 'planted', '{generator}', 999, '{json.dumps(text)}',
                    {ndcg}, 0, 1, 0
                from tuning_trials where run_id <> 'planted'
            """)
    dbt(shop, "als_item_factors", *OF_NEIGHBORS)
    assert shop.query("select distinct len(factors) from als_item_factors") == [(best["factors"],)]
    for name in OF_NEIGHBORS:
        shop.run(f"create table built_{name} as from {name}")
    shop.run("delete from tuning_trials")

    def differing(given):
        """The tables and generators whose rows aren't those that dbt built."""
        with duckdb.connect(shop.database) as connection:
            for name in OF_NEIGHBORS:
                run_model(connection, name, {"lists": {}, "generators": given, "privacy": {}})
            return {
                (name, generator)
                for name in OF_NEIGHBORS
                for (generator,) in connection.execute(f"""
                    select distinct generator from (
                        (from {name} except all from built_{name}) union all (from built_{name} except all from {name})
                    )
                """).fetchall()
            }

    assert differing(PLANTED) == set()
    trained = {("item_neighbors", generator) for generator in ("neighbors", "slim", "sequence")}
    proposing = {("neighbor_candidates", generator) for generator in PLANTED if generator != "sessions"}
    assert differing({}) == trained | proposing | {("session_candidates", "sessions")}
