"""The evaluation's SQL against independent implementations, on random lists, to 1e-9.

dbt builds the evaluation models alone, on tables of random lists and targets in the place of what they read.
Precision, recall, hit rate, ndcg, mrr: trec_eval (pytrec_eval-terrier). Map: trec_eval, which divides by all targets
where kindred divides by at most k, and implicit, which divides as kindred does. No library at hand has the rest as
kindred defines it, so it is checked against numpy written from the definitions: novelty from the raw pairs of person
and item, diversity by all pairs of a list, coverage by sets, Gini by all pairs of items, standard errors by the
deviations from the mean. What depends on targets is checked with all targets, with new items alone and with
discoveries alone.
"""

from itertools import combinations

import duckdb
import numpy as np
import pandas as pd
import pytest
import pytrec_eval
from conftest import run_dbt
from implicit.evaluation import ranking_metrics_at_k
from scipy.sparse import csr_matrix

CUTS = [5, 10, 20]
FOLDS = ["tuning", "backtest"]
TARGET_GROUPS = ["all", "new_items", "discoveries"]
OF_PEOPLE = ["all", "cold", "warm", "hot"]
N_USERS, N_ITEMS = 120, 60
TOLERANCE = 1e-9
OF_LISTS = ["novelty", "diversity"]
TREC_EVAL_NAMES = {"precision": "P", "recall": "recall", "hit_rate": "success", "ndcg": "ndcg_cut"}


def random_world(seed=7):
    """Tables that the evaluation reads, as data frames.

    Lists of every length from none to beyond 20, generators that know only some people, people with up to 30 targets,
    targets that no catalogue has, items without a category, items that nobody met, people without history, hits at
    random ranks and some lists without a fault.
    """
    random = np.random.default_rng(seed)
    items = [f"i{number:02d}" for number in range(N_ITEMS)]
    users = [f"u{number:03d}" for number in range(N_USERS)]
    tables = {
        name: [] for name in ["eligible_candidates", "ranked_lists", "targets", "user_features", "item_features", "met"]
    }
    for fold in [*FOLDS, "live"]:
        met = {user: random.choice(items[5:], random.integers(0, 15), replace=False) for user in users[:100]}
        tables["met"] += [(fold, user, item) for user, of_user in met.items() for item in of_user]
        for user in users:
            activity = str(random.choice(["cold", "warm", "hot"]))
            tables["user_features"].append((fold, user, activity, len(met.get(user, []))))
        for item in items:
            category = random.choice(["a", "b", "c", None])
            n_users = sum(item in of_user for of_user in met.values())
            tables["item_features"].append((fold, item, category, n_users, item not in items[-4:]))
        if fold != "live":
            for user in users[: N_USERS - 10]:
                n_targets = int(random.choice([1, 2, 3, 8, 30]))
                chosen = random.choice([*items, "not in the catalogue"], n_targets, replace=False)
                for item in chosen:
                    is_new_item, is_discovery = random.random() < 0.2, random.random() < 0.6
                    tables["targets"].append((fold, user, str(item), is_new_item, is_discovery))
        wanted = {user: [row[2] for row in tables["targets"] if row[:2] == (fold, user)] for user in users}
        for generator, share_with_list in {"als": 0.7, "popular": 1, "trending": 0.3, "blend": 0.95}.items():
            for user in users:
                if random.random() > share_with_list:
                    continue
                shown = list(random.permutation(items[:-4])[: random.integers(1, 26)])
                if random.random() < 0.2:
                    best = [item for item in wanted[user] if item in items[:-4]]
                    shown = [*best, *(item for item in shown if item not in best)][:25]
                for rank, item in enumerate(shown, start=1):
                    row = (fold, user, str(item), rank)
                    if generator == "blend":
                        tables["ranked_lists"].append((*row, "main"))
                    else:
                        tables["eligible_candidates"].append((*row, generator))
    columns = {
        "eligible_candidates": ["fold", "user_id", "item_id", "rank", "generator"],
        "ranked_lists": ["fold", "user_id", "item_id", "rank", "policy"],
        "targets": ["fold", "user_id", "item_id", "is_new_item", "is_discovery"],
        "user_features": ["fold", "user_id", "activity", "n_items"],
        "item_features": ["fold", "item_id", "category", "n_users", "is_recommendable"],
        "met": ["fold", "user_id", "item_id"],
    }
    return {name: pd.DataFrame(rows, columns=columns[name]) for name, rows in tables.items()}


class World:
    """The random tables, the lists by (fold, generator) as {person: items}, and what dbt made of them."""

    def __init__(self, folder):
        self.tables = random_world()
        database = folder / "world.duckdb"
        with duckdb.connect(database) as connection:
            for name, frame in self.tables.items():
                connection.register("frame", frame)
                connection.execute(f"create table {name} as select * from frame order by random()")
        result = run_dbt("run", "--select", "evaluation", target=folder / "target", database=database)
        assert result.returncode == 0, result.output
        with duckdb.connect(database, read_only=True) as connection:
            self.user_metrics = connection.execute("from user_metrics").df()
            self.list_metrics = connection.execute("from list_metrics").df()
            self.evaluation_metrics = connection.execute("from evaluation_metrics").df()
        blend = self.tables["ranked_lists"].assign(generator="blend")
        lists = pd.concat([self.tables["eligible_candidates"], blend]).sort_values("rank")
        self.lists = {
            key: {user: list(of_user["item_id"]) for user, of_user in of_generator.groupby("user_id")}
            for key, of_generator in lists[lists["fold"] != "live"].groupby(["fold", "generator"])
        }
        targets = self.tables["targets"]
        chosen = {"all": targets, "new_items": targets[targets["is_new_item"]]}
        chosen["discoveries"] = targets[targets["is_discovery"]]
        self.targets = {
            (fold, group): {user: set(of_user["item_id"]) for user, of_user in of_fold.groupby("user_id")}
            for group, of_group in chosen.items()
            for fold, of_fold in of_group.groupby("fold")
        }
        items = self.tables["item_features"]
        self.categories = {fold: of.set_index("item_id")["category"].to_dict() for fold, of in items.groupby("fold")}
        self.catalogues = {fold: set(of["item_id"]) for fold, of in items[items["is_recommendable"]].groupby("fold")}

    def people(self, fold, user_group):
        """The evaluated people of a group."""
        users = self.tables["user_features"]
        users = users[users["fold"] == fold]
        if user_group in TARGET_GROUPS:
            return sorted(set(users["user_id"]) & set(self.targets[fold, user_group]))
        return sorted(set(users[users["activity"] == user_group]["user_id"]) & set(self.targets[fold, "all"]))

    def of_people(self, metric):
        """One of kindred's metrics, {(fold, generator, target group, k, person): value}; who has none is left out."""
        column = {"map": "average_precision"}.get(metric, metric)
        table = self.list_metrics.assign(target_group="all") if metric in OF_LISTS else self.user_metrics
        frame = table[["fold", "generator", "target_group", "k", "user_id", column]].dropna()
        return {tuple(row[:5]): row[5] for row in frame.itertuples(index=False)}

    def of_groups(self, metric, column="value"):
        """One of kindred's metrics, {(fold, generator, user_group, k): value}."""
        frame = self.evaluation_metrics[self.evaluation_metrics["metric"] == metric]
        frame = frame[["fold", "generator", "user_group", "k", column]]
        return {tuple(row[:4]): row[4] for row in frame.itertuples(index=False)}

    def cut_lists(self, target_groups=TARGET_GROUPS):
        """(fold, generator, group, k), the lists of the people who have one, the targets of all evaluated people."""
        for (fold, generator), lists in self.lists.items():
            for group in target_groups:
                for k in CUTS:
                    yield (fold, generator, group, k), lists, self.targets[fold, group]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    assert len(found) > 0
    assert list(found.values()) == pytest.approx([expected[key] for key in found], abs=TOLERANCE, rel=0)


def trec_eval(lists, targets, measure):
    """trec_eval's measure of each person; 0 for a person without a list, whom trec_eval passes over."""
    runs = {user: {item: float(-rank) for rank, item in enumerate(items)} for user, items in lists.items()}
    wanted = {user: dict.fromkeys(items, 1) for user, items in targets.items()}
    values = pytrec_eval.RelevanceEvaluator(wanted, {measure}).evaluate(runs)
    name = measure.replace(".", "_")
    return {user: values[user][name] if user in values else 0.0 for user in targets}


@pytest.mark.parametrize("metric", TREC_EVAL_NAMES)
def test_as_trec_eval(world, metric):
    expected = {
        (*key, user): value
        for key, lists, targets in world.cut_lists()
        for user, value in trec_eval(lists, targets, f"{TREC_EVAL_NAMES[metric]}.{key[3]}").items()
    }
    assert_equal(world.of_people(metric), expected)


def test_mrr_as_trec_eval_of_the_first_k(world):
    expected = {}
    for key, lists, targets in world.cut_lists():
        heads = {user: items[: key[3]] for user, items in lists.items()}
        expected |= {(*key, user): value for user, value in trec_eval(heads, targets, "recip_rank").items()}
    assert_equal(world.of_people("mrr"), expected)


def test_map_as_trec_eval_with_its_own_divisor(world):
    expected = {
        (*key, user): value * len(targets[user]) / min(len(targets[user]), key[3])
        for key, lists, targets in world.cut_lists()
        for user, value in trec_eval(lists, targets, f"map_cut.{key[3]}").items()
    }
    assert_equal(world.of_people("map"), expected)


@pytest.mark.parametrize("metric", ["map", "ndcg"])
def test_means_as_implicit(world, metric):
    class Replay:
        """A recommender, as implicit asks one, that repeats the given lists; -1 is no item."""

        def __init__(self, rows):
            self.rows = rows

        def recommend(self, users, _, N, **unused):
            return np.array([(self.rows[user] + [-1] * N)[:N] for user in users], dtype=np.int32), None

    numbers = {item: number for number, item in enumerate(sorted(set(world.tables["targets"]["item_id"])))}
    expected = {}
    for (fold, generator, group, k), lists, targets in world.cut_lists():
        users = world.people(fold, group)
        rows = [[numbers.get(item, -1) for item in lists.get(user, [])] for user in users]
        pairs = [(row, numbers[item]) for row, user in enumerate(users) for item in targets[user]]
        wanted = csr_matrix((np.ones(len(pairs)), np.array(pairs).T), shape=(len(users), len(numbers)))
        values = ranking_metrics_at_k(Replay(rows), csr_matrix(wanted.shape), wanted, K=k, show_progress=False)
        expected[fold, generator, group, k] = values[metric]
    found = {key: value for key, value in world.of_groups(metric).items() if key[2] in TARGET_GROUPS}
    assert_equal(found, expected)


def test_novelty_from_who_met_what(world):
    met = world.tables["met"]
    expected = {}
    for (fold, generator, group, k), lists, targets in world.cut_lists(["all"]):
        of_fold = met[met["fold"] == fold]
        people = of_fold["user_id"].nunique()
        meetings = of_fold.groupby("item_id")["user_id"].nunique().to_dict()
        for user in lists.keys() & targets.keys():
            bits = [-np.log2(meetings.get(item, 1) / people) for item in lists[user][:k]]
            expected[fold, generator, group, k, user] = np.mean(bits)
    assert_equal(world.of_people("novelty"), expected)


def test_diversity_by_all_pairs(world):
    expected = {}
    for (fold, generator, group, k), lists, targets in world.cut_lists(["all"]):
        for user in lists.keys() & targets.keys():
            kinds = [world.categories[fold][item] for item in lists[user][:k]]
            differ = [first is None or first != second for first, second in combinations(kinds, 2)]
            if differ and any(kinds):
                expected[fold, generator, group, k, user] = np.mean(differ)
    assert_equal(world.of_people("diversity"), expected)


def exposures(world):
    """How often each item that could be recommended is shown to a group: {(fold, generator, user_group, k): counts}."""
    found = {}
    for (fold, generator, _, k), lists, _ in world.cut_lists(["all"]):
        for user_group in OF_PEOPLE:
            shown = [item for user in world.people(fold, user_group) for item in lists.get(user, [])[:k]]
            found[fold, generator, user_group, k] = np.array([shown.count(item) for item in world.catalogues[fold]])
    return found


def test_coverage_by_sets(world):
    expected = {key: np.count_nonzero(counts) / len(counts) for key, counts in exposures(world).items()}
    assert_equal(world.of_groups("coverage"), expected)


def test_gini_by_mean_absolute_difference(world):
    expected = {
        key: np.abs(counts[:, None] - counts[None, :]).mean() / (2 * counts.mean())
        for key, counts in exposures(world).items()
    }
    assert_equal(world.of_groups("gini"), expected)


@pytest.mark.parametrize("metric", [*TREC_EVAL_NAMES, "map", "mrr", *OF_LISTS])
def test_means_and_standard_errors(world, metric):
    """Given that each person's value is right: the mean over a group's people, its error, and how many they are."""
    values = world.of_people(metric)
    means, errors, sizes = {}, {}, {}
    user_groups = OF_PEOPLE if metric in OF_LISTS else [*OF_PEOPLE, *TARGET_GROUPS[1:]]
    for (fold, generator, _, k), _, _ in world.cut_lists(["all"]):
        for user_group in user_groups:
            target_group = user_group if user_group in TARGET_GROUPS else "all"
            keys = [(fold, generator, target_group, k, user) for user in world.people(fold, user_group)]
            group = np.array([values[key] for key in keys if key in values])
            means[fold, generator, user_group, k] = group.mean()
            errors[fold, generator, user_group, k] = group.std(ddof=1) / np.sqrt(len(group))
            sizes[fold, generator, user_group, k] = len(group)
    assert_equal(world.of_groups(metric), means)
    assert_equal(world.of_groups(metric, "standard_error"), errors)
    assert_equal(world.of_groups(metric, "n_users"), sizes)


@pytest.mark.parametrize("metric", ["recall", "ndcg", "novelty"])
def test_leads__of_the_blend_person_by_person(world, metric):
    values = world.of_people(metric)
    leads, errors = {}, {}
    user_groups = OF_PEOPLE if metric in OF_LISTS else [*OF_PEOPLE, *TARGET_GROUPS[1:]]
    for (fold, generator, _, k), _, _ in world.cut_lists(["all"]):
        for user_group in user_groups:
            target_group = user_group if user_group in TARGET_GROUPS else "all"
            own, blend = (
                [values.get((fold, name, target_group, k, user)) for user in world.people(fold, user_group)]
                for name in (generator, "blend")
            )
            pairs = zip(own, blend, strict=True)
            ahead = np.array([blend - own for own, blend in pairs if own is not None and blend is not None])
            if len(ahead) > 1:
                leads[fold, generator, user_group, k] = ahead.mean()
                errors[fold, generator, user_group, k] = ahead.std(ddof=1) / np.sqrt(len(ahead))
    assert any(error > 0 for error in errors.values())
    assert_equal(world.of_groups(metric, "lead_of_recommendations"), leads)
    assert_equal(world.of_groups(metric, "lead_standard_error"), errors)
