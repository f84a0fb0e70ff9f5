"""The ranker: features and measures by hand, planted rules that it must find, shuffled labels that it must not."""

import datetime
import types

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import run_model

from kindred.ranking import lambdamart, scoring
from kindred.ranking import tables as ranker_tables
from kindred.ranking.boosters import Boosters
from kindred.ranking.features import pair_up, ranker_feature_names, ranker_features
from kindred.ranking.lambdamart import Ranker, learn, ndcgs
from kindred.ranking.linear import RIDGE, learn_weights
from kindred.ranking.tables import read_candidates, read_ranker_tables

NAN = float("nan")
AS_OF = datetime.datetime(2026, 5, 29)
ITEM_NUMBERS = ["n_users", "popularity", "trend", "age_days", "recency_days", "price_percentile"]
USER_NUMBERS = ["n_liked_items", "n_sessions", "recency_days", "tenure_days", "top_category_share", "price_affinity"]


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


def create(connection, **tables):
    for name, rows in tables.items():
        given = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)  # noqa: F841, DuckDB finds it
        connection.execute(f"create or replace table {name} as select * from given")


def world(connection, candidates, weights, barred=()):
    """Tables for (fold, generator, user_id, item_id, score, rank) and {generator: weight}."""
    items = sorted({(row[0], row[3]) for row in candidates})
    users = sorted({(row[0], row[2]) for row in candidates})
    folds = sorted({row[0] for row in candidates})
    create(
        connection,
        folds=[{"fold": fold, "as_of": AS_OF} for fold in folds],
        generators=[{"generator": name, "weight": float(weight)} for name, weight in weights.items()],
        eligible_candidates=pa.table(
            list(map(list, zip(*candidates, strict=True))),
            names=["fold", "generator", "user_id", "item_id", "score", "rank"],
        ),
        # The numbers of an item or a person are its place, so that a row joined to another's would show.
        item_features=[
            {"fold": fold, "item_id": item, "category": item, "is_recommendable": item not in barred}
            | {"brand": None if item == "b" else "same"}
            | {name: 10.0 * place + n for n, name in enumerate(ITEM_NUMBERS)}
            for place, (fold, item) in enumerate(items)
        ],
        user_features=[
            {"fold": fold, "user_id": user, "top_category": "b", "top_brand": None}
            | {name: 1000.0 * place + n for n, name in enumerate(USER_NUMBERS)}
            for place, (fold, user) in enumerate(users)
        ],
    )
    connection.execute("alter table user_features alter top_brand type varchar")
    connection.execute(
        "create table checked_policies as select 'main' as policy, cast(null as varchar) as generators, "
        "cast(null as varchar) as weights, 'learned' as ranker, "
        "cast(0 as double) as discovery_share, cast(null as varchar) as problem"
    )
    connection.execute("create table person_policies as select fold, 'main' as policy, user_id from user_features")
    # Nothing that a generator could score another one's candidates by.
    connection.execute("""
        create table interactions (
            fold varchar, user_id varchar, item_id varchar, weight double, last_at timestamp, is_excluded boolean
        );
        create table item_neighbors (
            fold varchar, generator varchar, item_id varchar, neighbor_id varchar, score double
        );
        create table item_content_neighbors as from item_neighbors;
        create table spectral_item_factors (fold varchar, item_id varchar, factors float[], weight double);
        create table als_item_factors (fold varchar, item_id varchar, factors float[], alpha double);
        create table als_user_factors (fold varchar, user_id varchar, factors float[]);
        create table tuning_trials (generator varchar, as_of timestamp, trial bigint, settings varchar, ndcg double)
    """)


def tables_of(connection, fold="live"):
    names = ("generators", "item_features", "user_features")
    return read_ranker_tables(*(connection.table(name) for name in names), fold)


# Features and measures ----------------------------------------------------------------------------------------------


def test_features__by_hand(connection):
    candidates = [
        ("live", "als", "u1", "a", 4.0, 1),
        ("live", "als", "u1", "b", 2.0, 2),
        ("live", "popular", "u1", "b", 7.0, 1),
        ("live", "popular", "u2", "a", -3.0, 3),
        ("live", "als", "u1", "x", 9.0, 3),
        ("live", "nobody", "u1", "a", 9.0, 1),
        ("backtest", "als", "u1", "b", 99.0, 1),
    ]
    world(connection, candidates, {"popular": 0.5, "als": 1}, barred=["x"])
    tables = tables_of(connection)
    [block] = tables.blocks()
    rows = read_candidates(connection.table("eligible_candidates"), tables, "live", block)
    pairs = pair_up(tables, *rows)
    users, items, votes, features = pairs.users, pairs.items, pairs.votes, ranker_features(tables, pairs)
    named = dict(zip(ranker_feature_names(tables.generators), features.T.tolist(), strict=True))
    assert (tables.users.to_pylist(), tables.items.to_pylist()) == (["u1", "u2"], ["a", "b", "x"])
    # u1 and a, u1 and b, u2 and a; x can't be recommended, and nobody is no generator.
    assert (users.tolist(), items.tolist()) == ([0, 0, 1], [0, 1, 0])
    expected = {
        "als_score": [4, 2, NAN],
        "popular_score": [NAN, 7, -3],
        "als_share": [1, 0.5, NAN],
        "popular_share": [NAN, 1, -3],
        "als_z": [1, -1, NAN],
        "popular_z": [NAN, 0, 0],
        "als_rank": [1, 2, NAN],
        "popular_rank": [NAN, 1, 3],
        "n_generators": [1, 2, 1],
        "fixed_blend": [1 / 61, 1 / 62 + 0.5 / 61, 0.5 / 63],
        "is_top_category": [0, 1, 0],
        # Nobody's brand is no item's lack of one.
        "is_top_brand": [0, 0, 0],
    }
    # In the order of fold and id: backtest's b is 0, live's a is 1; backtest's u1 is 0, live's u1 is 1.
    expected |= {f"item_{name}": [10 + n, 20 + n, 10 + n] for n, name in enumerate(ITEM_NUMBERS)}
    expected |= {f"user_{name}": [1000 + n, 1000 + n, 2000 + n] for n, name in enumerate(USER_NUMBERS[:-1])}
    expected["price_distance"] = [15 - 1005, 25 - 1005, 15 - 2005]
    assert list(named) == list(ranker_feature_names(tables.generators))
    assert set(named) == set(expected)
    for name, values in expected.items():
        assert named[name] == pytest.approx(values, nan_ok=True, rel=1e-5), name
    np.testing.assert_allclose(votes, [[1 / 61, 0], [1 / 62, 0.5 / 61], [0, 0.5 / 63]], rtol=1e-6)


def test_blocks__of_many_people_are_larger_and_cover_all():
    for n_people, n_in_block in ((12_000, 5_000), (200_000, 10_000), (690_000, 25_000)):
        blocks = ranker_tables.RankerTables.blocks(types.SimpleNamespace(users=range(n_people)))
        assert blocks[0] == slice(0, n_in_block)
        assert np.concatenate([range(n_people)[block] for block in blocks]).tolist() == list(range(n_people))


def test_candidates__of_a_block_and_of_those_wanted(connection):
    candidates = [("live", "als", user, "a", 1.0, 1) for user in ("u1", "u2", "u3", "it's")]
    world(connection, candidates, {"als": 1})
    tables = tables_of(connection)
    assert tables.users.to_pylist() == ["it's", "u1", "u2", "u3"]

    def read(block, only=None):
        return read_candidates(connection.table("eligible_candidates"), tables, "live", block, only)[0].tolist()

    assert read(slice(0, 2)) == [0, 1]
    assert read(slice(2, 7)) == [2, 3]
    assert read(slice(0, 4), np.array([1, 3])) == [1, 3]


def test_ndcg__by_hand():
    people = np.array([3, 3, 3, 7, 7])
    scores = np.array([0.1, 0.9, 0.5, 1, 2])
    labels = np.array([True, False, True, True, False])
    second, third = 1 / np.log2(3), 1 / np.log2(4)
    # Person 3 has three targets, two of them found at ranks 3 and 2; 7 one, at rank 2; 9 one that nothing found.
    ideal = 1 + second + third
    found = ndcgs(people, scores, labels, {3: 3, 7: 1, 9: 1})
    assert found.tolist() == pytest.approx([(second + third) / ideal, second, 0])
    found = ndcgs(people, scores, labels, {3: 3, 7: 1, 9: 1}, k=2)
    assert found.tolist() == pytest.approx([second / (1 + second), second, 0])
    assert ndcgs(people, -scores, labels, {7: 1}).tolist() == [1]


# Learning -----------------------------------------------------------------------------------------------------------

NAMES = ["right_score", "wrong_score", "noise"]


def planted(n_people, n_items=30, seed=0):
    """(features, labels, people, votes, n_targets): the first feature tells what is chosen, the votes know nothing."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(n_people * n_items, 3)).astype(np.float32)
    people = np.repeat(np.arange(n_people), n_items)
    labels = features[:, 0] + random.normal(0, 0.3, len(people)) > 1.7
    n_targets = {person: int(n) + 1 for person, n in enumerate(np.bincount(people, labels))}
    return features, labels, people, features[:, 1], n_targets


def shuffled_within(labels, people, seed=1):
    """The same number of labels for each person, on rows drawn by chance."""
    order = np.lexsort((np.random.default_rng(seed).random(len(people)), people))
    return labels[order]


def learn_planted(features, labels, people, votes, n_targets):
    """The scores of the one generator that the linear blend knows say nothing."""
    return learn(features, NAMES, labels, people, votes, features[:, 1:2], ["wrong"], n_targets)


def test_learn__finds_a_planted_rule():
    features, labels, people, votes, n_targets = planted(300)
    ranker = learn_planted(features, labels, people, votes, n_targets)
    assert (ranker.kind, ranker.weights) == ("learned", {})
    learned, linear, fixed = (ranker.ndcgs[kind] for kind in ("learned", "linear", "fixed"))
    assert f"learned {learned:.4f}, linear {linear:.4f}, fixed {fixed:.4f}, gain of learned" in ranker.note
    assert learned > 1.3 * max(linear, fixed)
    # Of other people too, by the text alone, and not worse than it said of itself.
    features, labels, people, votes, n_targets = planted(200, seed=9)
    boosters = Boosters.from_text(ranker.model)
    assert boosters.feature_names == NAMES
    of_others = ndcgs(people, boosters.margins(features), labels, n_targets).mean()
    assert of_others > 1.3 * ndcgs(people, votes, labels, n_targets).mean()
    assert of_others == pytest.approx(learned, abs=0.1)


def test_learn__of_few_people_the_mean_of_five_serves():
    """One that misses what the others see is outvoted; the same rows give the same bytes."""
    rows = planted(300)
    ranker = learn_planted(*rows)
    features, labels, people, _, n_targets = planted(300, seed=9)
    boosters = Boosters.from_text(ranker.model)
    of_each = [ndcgs(people, booster.predict(features), labels, n_targets).mean() for booster in boosters.boosters]
    assert len(of_each) == len(set(of_each)) == 5
    assert ndcgs(people, boosters.margins(features), labels, n_targets).mean() > np.mean(of_each)
    assert "ndcg@20 on 300 people of fold tuning it did not learn from" in ranker.note
    assert learn_planted(*rows) == ranker


def test_learn__of_many_people_one_booster_serves_and_a_fifth_evaluates(monkeypatch):
    monkeypatch.setattr(lambdamart, "FEW_PEOPLE", 200)
    ranker = learn_planted(*planted(300))
    assert ranker.kind == "learned"
    assert len(Boosters.from_text(ranker.model).boosters) == 1
    assert "ndcg@20 on 60 people of fold tuning it did not learn from" in ranker.note


def test_learn__nobody_evaluates_what_learned_from_them_or_took_their_number_of_trees(monkeypatch):
    """Five boosters that would choose 10 to 50 trees: each part is scored with the mean of the other four's numbers."""
    features, labels, people, votes, n_targets = planted(100)
    taught = set(people[labels].tolist())
    parts, n_trees = {}, []

    class Fake:
        def __init__(self, number):
            self.part = parts[number]
            self.best_iteration = 10 * (number + 1)

        def predict(self, rows, num_iteration):
            of = set(people[np.isin(features, rows).all(axis=1)].tolist())
            assert of == self.part
            n_trees.append(num_iteration)
            return np.zeros(len(rows))

    def train(_features, _labels, of, _names, _n_trees, validation, seed, num_threads):
        learned_from, part = set(of.tolist()), set(validation[2].tolist())
        assert not learned_from & part
        assert learned_from | part == taught
        assert num_threads == 1
        parts[seed] = part
        return Fake(seed)

    monkeypatch.setattr(lambdamart, "train", train)
    learn_planted(features, labels, people, 1.0 * labels, n_targets)
    assert sum(map(len, parts.values())) == len(taught) == len(set.union(*parts.values()))
    assert n_trees == [35, 32, 30, 28, 25]


def test_learn__few_weights_find_a_sum_that_trees_do_not():
    """Labels are by a sum of two scores, so that two weights say it all; the trees see noise alone."""
    features, _, people, votes, n_targets = planted(300)
    random = np.random.default_rng(4)
    z = random.normal(size=(len(people), 3))
    labels = 1.0 * z[:, 0] + 0.5 * z[:, 1] + random.normal(0, 0.2, len(people)) > 2
    n_targets = {person: int(n) + 1 for person, n in enumerate(np.bincount(people, labels))}
    ranker = learn(features, NAMES, labels, people, votes, z, ["one", "half", "nothing"], n_targets)
    assert (ranker.kind, ranker.model) == ("linear", "")
    assert "gain of linear" in ranker.note
    assert ranker.ndcgs["linear"] > 1.3 * max(ranker.ndcgs["learned"], ranker.ndcgs["fixed"])
    assert ranker.weights["half"] / ranker.weights["one"] == pytest.approx(0.5, abs=0.1)
    assert ranker.weights["nothing"] < 0.1 * ranker.weights["one"]


def test_linear_weights__maximise_the_likelihood_and_are_never_negative():
    from scipy.optimize import minimize

    random = np.random.default_rng(2)
    z, people = random.normal(size=(600, 3)), np.repeat(np.arange(30), 20)
    labels = z @ [1.0, 0.4, -0.8] + random.gumbel(size=600) > 1.5
    labels[::20] = True
    weights = learn_weights(z, labels, people)
    assert weights[2] == 0

    def loss(free):
        total = 0
        for person in range(30):
            of = people == person
            scores = z[of][:, :2] @ free
            total -= (scores[labels[of]] - np.log(np.exp(scores).sum())).mean()
        return total / 30 + RIDGE * free @ free

    np.testing.assert_allclose(weights[:2], minimize(loss, [0.5, 0.5], method="Nelder-Mead").x, atol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_learn__finds_nothing_in_shuffled_labels(seed):
    """People who validate aren't those it learned from: what is overfitted is worth nothing, and isn't believed."""
    features, labels, people, votes, n_targets = planted(300, seed=seed)
    truth = learn_planted(features, labels, people, votes, n_targets).ndcgs["learned"]
    labels = shuffled_within(labels, people)
    found = learn_planted(features, labels, people, votes, n_targets).ndcgs
    random = np.random.default_rng(seed)
    by_chance = [ndcgs(people, random.random(len(people)), labels, n_targets).mean() for _ in range(20)]
    # 60 people validate: a standard error of about .03.
    for kind in ("learned", "linear", "fixed"):
        assert found[kind] == pytest.approx(np.mean(by_chance), abs=0.1)
    assert truth > np.mean(by_chance) + 0.2


def test_learn__what_is_not_better_does_not_serve():
    """Where the votes are what is right, nothing can be better."""
    features, labels, people, _, n_targets = planted(300)
    ranker = learn_planted(features, labels, people, 1.0 * labels, n_targets)
    assert (ranker.kind, ranker.model, ranker.weights) == ("fixed", "", {})
    assert ranker.ndcgs["learned"] < ranker.ndcgs["fixed"]
    assert "gain of learned -" in ranker.note


def test_learn__from_too_few_is_refused_with_the_reason():
    features, labels, people, votes, n_targets = planted(49)
    assert len(np.unique(people[labels])) == 49 - sum(n == 1 for n in n_targets.values())
    ranker = learn_planted(features, labels, people, votes, n_targets)
    n_hits = len(np.unique(people[labels]))
    assert ranker == Ranker("fixed", f"{n_hits} people chose a candidate in fold tuning, 50 are needed")


# The models ---------------------------------------------------------------------------------------------------------


def two_generators(connection, n_people=400, n_items=40, seed=0, folds=("tuning", "live")):
    """Of two generators each proposes twenty of forty items; what people choose is what `quiet` has on top.

    `loud` has all the say in the fixed blend and knows nothing. Targets are each person's two best of `quiet`.
    """
    random = np.random.default_rng(seed)
    candidates, targets = [], []
    for fold in folds:
        for user in range(n_people):
            for generator in ("loud", "quiet"):
                items = random.permutation(n_items)[:20]
                scores = np.sort(random.random(20))[::-1]
                for rank, (item, score) in enumerate(zip(items, scores, strict=True), 1):
                    candidates.append((fold, generator, f"u{user:03d}", f"i{item:02d}", float(score), rank))
                if generator == "quiet":
                    targets += [
                        {"fold": fold, "user_id": f"u{user:03d}", "item_id": f"i{item:02d}"} for item in items[:2]
                    ]
    world(connection, candidates, {"loud": 1, "quiet": 0.01})
    create(connection, targets=targets)
    return candidates


def train(connection):
    run_model(connection, "rankers", {"generators": {}}, run_id="r1")
    return connection.sql("select * exclude (ndcg_linear, weights) from rankers").fetchall()


def test_rankers__learn_which_generator_is_right(connection):
    two_generators(connection)
    [(as_of, run_id, kind, note, n_people, n_rows, learned, fixed, text)] = train(connection)
    assert (as_of, run_id, kind, n_people) == (AS_OF, "r1", "learned", 400)
    assert learned > 0.9
    assert fixed < 0.5
    assert (
        n_rows
        == connection.sql(
            "select count(distinct (user_id, item_id)) from eligible_candidates where fold = 'tuning'"
        ).fetchall()[0][0]
    )
    # The lists follow it: what quiet has on top comes first, for people and in a fold that it didn't learn from.
    run_model(connection, "scored_candidates", {"pool_size": 2, "generators": {}})
    hits = "select count(*) from scored_candidates join targets using (fold, user_id, item_id) where fold = 'live'"
    assert connection.sql(hits).fetchall()[0][0] > 0.9 * 800
    assert connection.sql("select min(score) > 0 and max(score) < 1 from scored_candidates").fetchall() == [(True,)]


def test_rankers__shuffled_targets_teach_nothing(connection):
    two_generators(connection)
    connection.execute("""
        create or replace table targets as
        select fold, user_id, item_id
        from (select distinct fold, user_id, item_id from eligible_candidates) as pairs
        qualify row_number() over (partition by fold, user_id order by md5(user_id || item_id)) <= 2
    """)
    [(*_, learned, fixed, _)] = train(connection)
    # Two of some thirty, drawn by chance, 80 people validate: both are chance's.
    assert abs(learned - fixed) < 0.08
    assert learned < 0.4


def test_rankers__order_of_rows_does_not_matter(connection):
    two_generators(connection, n_people=120)
    first = train(connection)
    assert first[0][2] == "learned"
    for table in ("eligible_candidates", "item_features", "user_features", "targets", "generators"):
        connection.execute(f"create or replace table {table} as select * from {table} t order by md5(t::varchar)")
    assert train(connection) == first


def test_rankers__without_what_they_learn_from(connection):
    two_generators(connection, n_people=60)
    connection.execute("delete from targets where fold = 'tuning'")
    [(as_of, _, kind, _, n_people, n_rows, learned, fixed, text)] = train(connection)
    assert (as_of, kind, n_people, n_rows, learned, fixed, text) == (AS_OF, "fixed", 0, 0, None, None, "")
    connection.execute("delete from folds where fold = 'tuning'")
    assert train(connection) == []


BY_HAND = [
    ("live", "als", "u1", "a", 9.0, 1),
    ("live", "als", "u1", "x", 8.0, 2),
    ("live", "als", "u1", "b", 7.0, 3),
    ("live", "popular", "u1", "b", 9.0, 1),
    ("live", "popular", "u1", "c", 8.0, 2),
    ("live", "trending", "u1", "x", 9.0, 1),
    ("live", "trending", "u1", "e", 8.0, 2),
    ("live", "nobody", "u1", "a", 9.0, 1),
    ("live", "popular", "u2", "c", 8.0, 2),
    ("tuning", "als", "u1", "a", 1.0, 140),
    ("tuning", "popular", "u1", "a", 9.0, 1),
    ("tuning", "popular", "u1", "y", 8.0, 2),
    ("tuning", "trending", "u1", "y", 8.0, 2),
]


@pytest.mark.parametrize("n_per_block", [1, 5_000])
def test_scored_candidates__fixed_votes_by_hand(connection, n_per_block, monkeypatch):
    """als gives 37.82 / (60 + rank): .62 for rank 1, .60032 for 3, .1891 for 140; the other two half of that.

    live: b has two votes, and popular, which has it on top, is its source by weight / rank; c and e tie, and one of
    them fits in a pool of three; x would be first, but can't be recommended. tuning: of equals the first name is the
    source.
    """
    world(connection, BY_HAND, {"als": 37.82, "popular": 18.91, "trending": 18.91}, barred=["x"])
    connection.execute("create table rankers (as_of timestamp, kind varchar, weights varchar, model varchar)")
    monkeypatch.setattr(ranker_tables, "PEOPLE_PER_BLOCK", n_per_block)
    run_model(connection, "scored_candidates", {"pool_size": 3, "generators": {}})
    assert connection.sql("select * from scored_candidates order by fold, user_id, rank").fetchall() == [
        ("live", "main", "u1", "b", 1, pytest.approx(0.91032, abs=1e-5), "popular"),
        ("live", "main", "u1", "a", 2, pytest.approx(0.62), "als"),
        ("live", "main", "u1", "c", 3, pytest.approx(0.305), "popular"),
        ("live", "main", "u2", "c", 1, pytest.approx(0.305), "popular"),
        ("tuning", "main", "u1", "y", 1, pytest.approx(0.61), "popular"),
        ("tuning", "main", "u1", "a", 2, pytest.approx(0.4991), "popular"),
    ]


def test_scored_candidates__policies(connection):
    """als alone, for u1 in the fold live: c of popular is none of its candidates, b is of als. idle has no list."""
    world(connection, BY_HAND, {"als": 37.82, "popular": 18.91, "trending": 18.91}, barred=["x"])
    connection.execute("create table rankers (as_of timestamp, kind varchar, weights varchar, model varchar)")
    run_model(connection, "scored_candidates", {"pool_size": 3, "generators": {}})
    main = connection.sql("from scored_candidates order by all").fetchall()
    connection.execute(
        "insert into checked_policies values ('near', 'als', null, 'fixed', 0, null),"
        " ('idle', null, null, 'fixed', 0, null)"
    )
    connection.execute("insert into checked_policies values ('slip', 'als', null, 'fixed', 0, 'it has one')")
    connection.execute("insert into person_policies values ('live', 'near', 'u1'), ('live', 'slip', 'u1')")
    run_model(connection, "scored_candidates", {"pool_size": 3, "generators": {}})
    assert connection.sql("from scored_candidates where policy = 'main' order by all").fetchall() == main
    assert connection.sql("from scored_candidates where policy <> 'main' order by rank").fetchall() == [
        ("live", "near", "u1", "a", 1, pytest.approx(0.62), "als"),
        ("live", "near", "u1", "b", 2, pytest.approx(0.60032, abs=1e-5), "als"),
    ]


@pytest.mark.parametrize("n_per_part", [1, 500])
def test_scored_candidates__the_pool_keeps_its_share_of_discoveries(connection, n_per_part, monkeypatch):
    """Of ten candidates a to j the pool takes six. u2 bought the best seven, a to g, u1 as much in another fold.

    The three best discoveries of u2 take the places of d, e and f; a policy without a share keeps the best six. All
    that u1 may be shown is new to them, and the best six stay.
    """
    candidates = [
        ("live", "als", user, item, 10.0 - rank, rank) for user in ("u1", "u2")
        for rank, item in enumerate("abcdefghij", 1)
    ]  # fmt: skip
    world(connection, [*candidates, ("tuning", "als", "u1", "a", 1.0, 1)], {"als": 1})
    connection.execute("create table rankers (as_of timestamp, kind varchar, weights varchar, model varchar)")
    connection.execute("alter table interactions add column n_purchases bigint")
    bought = [(fold, user, item, 1) for fold, user in (("live", "u2"), ("tuning", "u1")) for item in "abcdefg"]
    connection.executemany(
        "insert into interactions (fold, user_id, item_id, n_purchases) values (?, ?, ?, ?)",
        [*bought, ("live", "u2", "h", 0)],
    )
    connection.execute("insert into checked_policies values ('half', null, null, 'learned', 0.5, null)")
    connection.execute("insert into person_policies select fold, 'half', user_id from user_features")
    monkeypatch.setattr(scoring, "PEOPLE_PER_PART", n_per_part)
    run_model(connection, "scored_candidates", {"pool_size": 6, "generators": {}})
    pools = connection.sql("""
        select policy, user_id, string_agg(item_id || rank, ' ' order by rank)
        from scored_candidates
        where fold = 'live'
        group by all
        order by all
    """).fetchall()
    best = "a1 b2 c3 d4 e5 f6"
    assert pools == [
        ("half", "u1", best),
        ("half", "u2", "a1 b2 c3 h4 i5 j6"),
        ("main", "u1", best),
        ("main", "u2", best),
    ]


def test_scored_candidates__weights_of_a_policy(connection):
    """The same as the blend of a shop whose generators have these weights; without one they keep their own."""
    weights = {"als": 37.82, "popular": 18.91, "trending": 18.91}
    world(connection, BY_HAND, weights, barred=["x"])
    connection.execute("create table rankers (as_of timestamp, kind varchar, weights varchar, model varchar)")
    connection.execute("insert into checked_policies values ('heavy', null, 'popular:75+als:1', 'fixed', 0, null)")
    connection.execute("insert into checked_policies values ('two', 'als+popular', 'popular:75', 'fixed', 0, null)")
    connection.execute("insert into person_policies select fold, unnest(['heavy', 'two']), user_id from user_features")

    def scored(policy):
        run_model(connection, "scored_candidates", {"pool_size": 3})
        columns = "fold, user_id, item_id, rank, round(score, 12), generator"
        rows = connection.execute(
            f"select {columns} from scored_candidates where policy = ? order by all", [policy]
        ).fetchall()
        assert rows
        return rows

    main, heavy, two = scored("main"), scored("heavy"), scored("two")
    connection.execute(
        "update generators set weight = case generator when 'popular' then 75 when 'als' then 1 else weight end"
    )
    assert scored("main") == heavy != main
    connection.execute("update generators set weight = case generator when 'als' then 37.82 else weight end")
    connection.execute("delete from generators where generator = 'trending'")
    assert scored("main") == two != heavy


def test_scored_candidates__a_policy_of_the_fixed_blend_beside_a_learned_one(connection):
    two_generators(connection, n_people=120)
    train(connection)
    connection.execute("insert into checked_policies values ('plain', null, null, 'fixed', 0, null)")
    connection.execute("insert into person_policies select fold, 'plain', user_id from user_features")
    run_model(connection, "scored_candidates", {"pool_size": 5, "generators": {}})
    scores = dict(connection.sql("select policy, max(score) from scored_candidates group by policy").fetchall())
    assert scores["plain"] < 1 / 60 < 0.5 < scores["main"]


def test_scored_candidates__only_a_ranker_that_could_be_known_and_fits(connection):
    two_generators(connection, n_people=120)
    train(connection)

    def scores(change):
        connection.execute(f"begin; {change}")
        run_model(connection, "scored_candidates", {"pool_size": 5, "generators": {}})
        rows = connection.sql("from scored_candidates order by all").fetchall()
        connection.execute("rollback")
        return rows

    fixed = scores("delete from rankers")
    learned = scores("update rankers set note = note")
    assert fixed != learned
    assert max(score for *_, score, _ in fixed) < 1 / 60  # votes
    # One of a later moment, as in a replay; a newer one that says fixed; one that learned of another generator.
    assert scores("update rankers set as_of = as_of + interval 1 second") == fixed
    newer = "by name select * replace (as_of + interval {} day as as_of, 'fixed' as kind, '' as model) from rankers"
    assert scores(f"update rankers set as_of = as_of - interval 1 day; insert into rankers {newer.format(1)}") == fixed
    assert scores(f"insert into rankers {newer.format(1)}") == learned
    assert scores("update rankers set model = replace(model, 'quiet', 'still')") == fixed


def test_scored_candidates__of_nobody(connection):
    two_generators(connection, n_people=60)
    train(connection)
    for table in ("eligible_candidates", "user_features"):
        connection.execute(f"delete from {table} where fold = 'live'")
    run_model(connection, "scored_candidates", {"pool_size": 5, "generators": {}})
    assert connection.sql("select distinct fold from scored_candidates").fetchall() == [("tuning",)]


# The sample shop ----------------------------------------------------------------------------------------------------


def test_sample__shuffled_targets_fall_to_chance(sample_shop):
    """As many targets per person as there were, drawn by chance from what is proposed to them, in the real fold."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{sample_shop.database}' as sample (read_only)")
        tables = ("eligible_candidates", "item_features", "user_features", "generators", "folds", "targets")
        tables += ("interactions", "item_neighbors", "item_content_neighbors", "spectral_item_factors")
        tables += ("als_item_factors", "als_user_factors", "tuning_trials")
        for table in tables:
            connection.execute(f"create table {table} as from sample.{table}")
        [(*_, real_learned, real_fixed, _)] = train(connection)
        connection.execute("""
            create or replace table targets as
            with counts as (select user_id, count(*) as n from targets where fold = 'tuning' group by all),
            pairs as (select distinct fold, user_id, item_id from eligible_candidates where fold = 'tuning')
            select fold, user_id, item_id
            from pairs join counts using (user_id)
            qualify row_number() over (partition by user_id order by md5(user_id || item_id)) <= n
        """)
        [(*_, learned, fixed, _)] = train(connection)
    # Some 40 people validate: standard errors of about .03.
    assert abs(learned - fixed) < 0.08
    assert max(learned, fixed) < 0.7 * min(real_learned, real_fixed)


def test_sample__the_diary_says_which_ranker_served(sample_shop):
    [(kind, note, n_people)] = sample_shop.query("select kind, note, n_people from rankers")
    assert n_people > 100
    assert sample_shop.query("select ranker, ranker_note from builds") == [(kind, note)]
    # The scores of a fixed blend are sums of votes of at most 1 / 61 each.
    is_fixed = sample_shop.value("select max(score) < (select sum(weight) from generators) / 61 from scored_candidates")
    assert is_fixed == (kind == "fixed")
