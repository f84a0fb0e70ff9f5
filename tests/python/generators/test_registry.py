"""Adding a generator: one file, one row of a seed, and its tests. Here that file is written, and nothing else."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import REPOSITORY, Shop, run_dbt

TOY = '''"""The toy: people with an item are led to the item after it, in the order of the ids."""

import numpy as np
from scipy.sparse import csr_matrix

from kindred.generators.base import ItemToItem, Setting


class Toy(ItemToItem):
    name = "toy"
    method = "the next item by id"
    settings = {
        "distance": Setting(1.0, "items by which a neighbour is further on", (1.0, 2.0), above_zero=True),
        "decay": Setting(0.5, "what the next older step of a history counts", (0.5, 0.9)),
        "n_steps": Setting(20, "steps of a history that count", above_zero=True),
    }

    def fit(self, history, settings, n):
        places = np.arange(len(history.items))
        entries = (np.ones(len(places), np.float32), (places, (places + int(settings["distance"])) % len(places)))
        return csr_matrix(entries, shape=(len(places), len(places)))


GENERATOR = Toy()
'''
ROW = "toy,30,next_by_id\n"
N_PEOPLE, N_ITEMS = 60, 24


def tracked_files():
    """The project's files, those that git doesn't ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in listed if (REPOSITORY / name).is_file() and not name.startswith("benchmarks/")]


def contents(project, names):
    return {name: (project / name).read_bytes() for name in names}


class ToyShop(Shop):
    """A shop that is built by a copy of the project, to which the toy was added."""

    def __init__(self, folder):
        super().__init__(folder)
        self.project = folder / "kindred"
        names = tracked_files()
        for name in names:
            (self.project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, self.project / name)
        (self.project / "src/kindred/generators/toy.py").write_text(TOY, encoding="utf-8")
        with open(self.project / "seeds/config/generator_weights.csv", "a", encoding="utf-8") as seed:
            seed.write(ROW)
        before = contents(self.project, names)
        environment = os.environ | {"PYTHONPATH": str(self.project / "src")}
        subprocess.run([sys.executable, "-m", "kindred.embed"], cwd=self.project, env=environment, check=True)
        self.changed = {name for name, content in contents(self.project, names).items() if content != before[name]}

    def dbt(self, *arguments, **settings):
        settings, target = self.placed(settings)
        return run_dbt(*arguments, project=self.project, target=target, database=self.database, settings=settings)


def events():
    """Views of five items each and, in the last two weeks of May, purchases of the item that the toy proposes."""
    rows = []
    for person in range(N_PEOPLE):
        seen = [(person * 5 + step * 2) % N_ITEMS for step in range(5)]
        acts = [("view", item, f"2026-04-{10 + step:02} 12:00:00") for step, item in enumerate(seen)]
        # One for each fold: the toy's proposal for the newest item, and then for that one.
        acts.append(("purchase", (seen[-1] + 1) % N_ITEMS, "2026-05-10 12:00:00"))
        acts.append(("purchase", (seen[-1] + 2) % N_ITEMS, "2026-05-24 12:00:00"))
        rows += [
            {"event_id": f"{person}-{number}", "user_id": f"u{person:02}", "event_type": kind}
            | {"item_id": f"i{item:02}", "occurred_at": moment}
            for number, (kind, item, moment) in enumerate(acts)
        ]
    return rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = ToyShop(tmp_path_factory.mktemp("toy")).load(events=events())
    models = ["--select", "+recommendations", "+evaluation_metrics"]
    return shop.build(*models, as_of="2026-05-31", tune_minutes=0.02, generators={"als": {"iterations": 1}})


def test_toy__what_is_generated_follows_and_no_other_file_changes(shop):
    generated = ["docs/generators.md", "macros/embedded/default_settings.sql", "macros/embedded/py_script_comment.sql"]
    assert sorted(shop.changed) == generated
    documented = (shop.project / "docs/generators.md").read_text(encoding="utf-8")
    assert "| `toy` | `distance` | 1.0 | items by which a neighbour is further on | 1, 2 |" in documented


def test_toy__is_fitted_and_proposes(shop):
    neighbors = "select item_id, neighbor_id from item_neighbors where fold = 'live' and generator = 'toy'"
    fitted = dict(shop.query(neighbors))
    assert len(fitted) == N_ITEMS
    # The search may have found that two further on is better.
    steps = {(int(after[1:]) - int(before[1:])) % N_ITEMS for before, after in fitted.items()}
    assert len(steps) == 1 and steps <= {1, 2}
    proposed = shop.query("select user_id, item_id from candidates where fold = 'live' and generator = 'toy'")
    assert len({user for user, _ in proposed}) == N_PEOPLE
    had = {}
    for user, item in shop.query("select user_id, item_id from interactions where fold = 'live' and weight > 0"):
        had.setdefault(user, set()).add(fitted[item])
    assert all(item in had[user] for user, item in proposed)


def test_toy__is_evaluated_beside_the_others(shop):
    metric = "select generator, value from evaluation_metrics where fold = 'backtest' and user_group = 'all' and {}"
    recall = dict(shop.query(metric.format("metric = 'recall' and k = 5")))
    assert {"toy", "als", "neighbors", "blend"} <= set(recall)
    assert recall["toy"] > 0.9 and recall["blend"] > 0.5
    assert recall["toy"] > recall["popular"]


def test_toy__leads_the_lists_and_is_explained(shop):
    explained = """
        select generator, reason, count(*), count(because_item_id), bool_and(because_item_id in (
            select item_id from item_neighbors
            where fold = 'live' and generator = 'toy' and neighbor_id = recommendations.item_id
        ))
        from recommendations where generator = 'toy' group by all
    """
    [(generator, reason, n_rows, n_explained, is_by_toy)] = shop.query(explained)
    assert (generator, reason) == ("toy", "next_by_id")
    assert n_rows == n_explained >= N_PEOPLE
    assert is_by_toy
    assert shop.value("select count(*) from explanations where generator = 'toy'") >= n_rows


def test_toy__the_search_tries_its_settings(shop):
    tried = [json.loads(text) for text in shop.column("select settings from tuning_trials where generator = 'toy'")]
    assert {"distance": 1.0, "decay": 0.5, "n_steps": 20} in tried
    assert {settings["distance"] for settings in tried} == {1, 2}


@pytest.mark.slow
def test_toy__a_wrong_setting_is_refused_at_the_start(shop):
    given = {"distanse": 2, "distance": 0, "decay": "much"}
    result = shop.dbt("build", "--select", "folds", generators={"toy": given})
    assert result.returncode != 0
    where = "kindred__generators, toy: "
    assert where + "there is no 'distanse': its settings are distance, decay, n_steps" in result.text
    assert where + "distance is 0: give a number above 0, or auto" in result.text
    assert where + "decay is 'much': give a number of at least 0, or auto" in result.text
    assert "START sql" not in result.output
