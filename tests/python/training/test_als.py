"""ALS: the checkerboard, whose right answer is known by construction, and plain numpy that solves the same equations.

On the checkerboard people like the items of their own parity: even people even items, odd people odd ones.
"""

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import FakeDbt, run_model
from scipy.sparse import csr_matrix

from kindred.generators import als, factor_tables
from kindred.generators.als import best_items, fill_als_settings, solve_user_factors, train_item_factors

N_USERS, N_ITEMS = 40, 20


@pytest.fixture
def checkerboard():
    """Confidences of 11 where the parities agree, but for three held-out items of each user."""
    confidences, held_out = np.zeros((N_USERS, N_ITEMS), dtype=np.float32), np.zeros((N_USERS, N_ITEMS), dtype=bool)
    for user in range(N_USERS):
        own = np.arange(user % 2, N_ITEMS, 2)
        held_out[user, np.roll(own, user)[:3]] = True
        confidences[user, own] = 11
    confidences[held_out] = 0
    return csr_matrix(confidences), held_out


def random_confidences(n_users=30, n_items=12, share=0.4, seed=0):
    """Signed confidences of which a quarter speak against the item."""
    random = np.random.default_rng(seed)
    weights = random.uniform(0.2, 6, size=(n_users, n_items)) * (random.random((n_users, n_items)) < share)
    signs = np.where(random.random((n_users, n_items)) < 0.25, -1, 1)
    return csr_matrix((np.where(weights > 0, 1 + 10 * weights, 0) * signs).astype(np.float32))


def solve_exactly(confidences, item_factors, regularization):
    """(YtY + reg I + Yt (C - I) Y)^-1 Yt C p of every user, dense, in 64 bits: equation 4 of the paper as it stands."""
    y = item_factors.astype(np.float64)
    rows = []
    for signed in confidences.toarray().astype(np.float64):
        confidence = np.where(signed == 0, 1, np.abs(signed))
        preference = (signed > 0).astype(np.float64)
        left = y.T @ y + regularization * np.eye(y.shape[1]) + y.T @ np.diag(confidence - 1) @ y
        rows.append(np.linalg.solve(left, y.T @ (confidence * preference)))
    return np.array(rows)


def train_exactly(confidences, factors, iterations, regularization, seed):
    items = np.random.default_rng(seed).normal(0, 0.1, size=(confidences.shape[1], factors))
    for _ in range(iterations):
        users = solve_exactly(confidences, items, regularization)
        items = solve_exactly(confidences.T.tocsr(), users, regularization)
    return solve_exactly(confidences, items, regularization), items


def loss(confidences, users, items, regularization):
    signed = confidences.toarray().astype(np.float64)
    confidence, preference = np.where(signed == 0, 1, np.abs(signed)), signed > 0
    errors = confidence * (preference - users @ items.T) ** 2
    return errors.sum() + regularization * ((users**2).sum() + (items**2).sum())


# The checkerboard ---------------------------------------------------------------------------------------------------


# As many vectors as there are tastes, or more that are pulled in: what nobody pulls in learns the held-out gaps too.
@pytest.mark.parametrize(("factors", "regularization"), [(2, 0.1), (4, 5.0), (8, 5.0)])
def test_checkerboard__held_out_items_come_first(checkerboard, factors, regularization):
    confidences, held_out = checkerboard
    items = train_item_factors(confidences, factors, 15, regularization)
    users = solve_user_factors(confidences, items, regularization)
    assert (items.shape, items.dtype) == ((N_ITEMS, factors), np.float32)
    assert (users.shape, users.dtype) == ((N_USERS, factors), np.float32)

    at_user, at_item, rank, score = best_items(users, items, confidences, 3)
    assert len(at_user) == 3 * N_USERS
    assert rank.tolist() == [1, 2, 3] * N_USERS
    found = np.zeros_like(held_out)
    found[at_user, at_item] = True
    assert np.array_equal(found, held_out)
    assert score.min() > 0.5


def test_checkerboard__somebody_new_is_understood_from_one_item(checkerboard):
    items = train_item_factors(checkerboard[0], 2, 15, 0.1)
    newcomer = csr_matrix(([11.0], ([0], [7])), shape=(1, N_ITEMS), dtype=np.float32)
    at_item = best_items(solve_user_factors(newcomer, items, 0.1), items, newcomer, 9)[1]
    assert sorted(at_item.tolist()) == [1, 3, 5, 9, 11, 13, 15, 17, 19]


def test_checkerboard__dislikes_turn_the_list_around(checkerboard):
    items = train_item_factors(checkerboard[0], 2, 15, 0.1)
    likes = csr_matrix(([11.0, 11.0], ([0, 0], [0, 1])), shape=(1, N_ITEMS), dtype=np.float32)
    assert (solve_user_factors(likes, items, 0.1) @ items.T).min() > 0.5
    turned = csr_matrix(([11.0, 11.0] + [-60.0] * 4, ([0] * 6, [0, 1, 3, 5, 7, 9])), (1, N_ITEMS), dtype=np.float32)
    scores = solve_user_factors(turned, items, 0.1) @ items.T
    assert scores[0, 1::2].max() < 0.1
    at_item = best_items(solve_user_factors(turned, items, 0.1), items, turned, 9)[1]
    assert sorted(at_item.tolist()) == [2, 4, 6, 8, 10, 12, 14, 16, 18]


# Against plain numpy ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("regularization", [0.01, 1.0, 10.0])
@pytest.mark.parametrize("factors", [1, 5, 64])
def test_user_factors__solve_the_equation_of_the_paper(regularization, factors):
    confidences = random_confidences()
    assert (confidences.data < 0).any()
    items = np.random.default_rng(1).normal(0, 0.4, size=(12, factors)).astype(np.float32)
    mine = solve_user_factors(confidences, items, regularization)
    exact = solve_exactly(confidences, items, regularization)
    assert np.abs(mine @ items.T - exact @ items.T).max() < 1e-4
    if factors < 12:  # with more factors than items the vectors themselves are less well determined than the scores
        assert np.abs(mine - exact).max() < 1e-4


def test_user_factors__of_many_people():
    confidences = random_confidences(n_users=2_345, share=0.2, seed=8)
    items = np.random.default_rng(1).normal(0, 0.4, size=(12, 3)).astype(np.float32)
    assert np.abs(solve_user_factors(confidences, items, 1.0) - solve_exactly(confidences, items, 1.0)).max() < 1e-4
    assert solve_user_factors(confidences[:0], items, 1.0).shape == (0, 3)


def test_user_factors__of_somebody_without_likes_are_zero():
    items = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    confidences = csr_matrix(np.array([[-5, 0, -1, 0, 0, 0], [0, 0, 0, 0, 0, 0]], dtype=np.float32))
    assert np.abs(solve_user_factors(confidences, items, 1.0)).max() < 1e-6


@pytest.fixture
def three_tastes():
    """Three groups of people and items with some noise; pulled in as much as by default, it has one best solution."""
    random = np.random.default_rng(3)
    is_own = np.repeat(np.arange(3), [30, 20, 10])[:, None] == np.repeat(np.arange(3), [5, 6, 7])
    weights = random.uniform(0.2, 2, size=is_own.shape) * (random.random(is_own.shape) < np.where(is_own, 0.8, 0.05))
    signs = np.where(random.random(is_own.shape) < np.where(is_own, 0.05, 0.6), -1, 1)
    return csr_matrix((np.where(weights > 0, 1 + 10 * weights, 0) * signs).astype(np.float32))


def test_item_factors__the_training_reaches_what_exact_steps_reach(three_tastes):
    """Vectors may be turned in space, so the scores and the loss are compared."""
    exact_users, exact_items = train_exactly(three_tastes, 3, 200, 10.0, seed=0)
    least = loss(three_tastes, exact_users, exact_items, 10.0)
    for iterations, of_loss, of_scores in ((15, 1e-4, 0.02), (150, 1e-6, 1e-4)):
        items = train_item_factors(three_tastes, 3, iterations, 10.0)
        users = solve_user_factors(three_tastes, items, 10.0)
        assert loss(three_tastes, users, items, 10.0) <= least * (1 + of_loss)
        assert np.abs(users @ items.T - exact_users @ exact_items.T).max() < of_scores


def test_item_factors__are_a_fixed_point_of_the_equations(three_tastes):
    items = train_item_factors(three_tastes, 3, 150, 10.0)
    users = solve_user_factors(three_tastes, items, 10.0)
    assert np.abs(solve_exactly(three_tastes.T.tocsr(), users, 10.0) - items).max() < 1e-4


def test_item_factors__same_matrix_same_factors():
    confidences = random_confidences(n_users=300, n_items=80, seed=5)
    first = train_item_factors(confidences, 16, 10, 1.0)
    assert np.array_equal(first, train_item_factors(confidences.copy(), 16, 10, 1.0))


def test_item_factors__each_setting_is_used():
    confidences = random_confidences(seed=6)
    base = train_item_factors(confidences, factors=4, iterations=3, regularization=1.0)
    assert train_item_factors(confidences, factors=6, iterations=3, regularization=1.0).shape == (12, 6)
    assert not np.allclose(base, train_item_factors(confidences, factors=4, iterations=4, regularization=1.0))
    stiff = train_item_factors(confidences, factors=4, iterations=3, regularization=100.0)
    assert np.linalg.norm(stiff) < np.linalg.norm(base)


# The best items -----------------------------------------------------------------------------------------------------


def exclude(n_users, n_items, *pairs):
    users, items = zip(*pairs, strict=True) if pairs else ((), ())
    return csr_matrix((np.ones(len(pairs), dtype=np.float32), (users, items)), shape=(n_users, n_items))


def as_rows(best):
    return list(zip(*(column.tolist() for column in best), strict=True))


def test_best_items__agree_with_a_sort():
    random = np.random.default_rng(7)
    users, items = (random.normal(size=(n, 5)).astype(np.float32) for n in (50, 30))
    excluded = csr_matrix((random.random((50, 30)) < 0.3).astype(np.float32))
    scores = np.where(excluded.toarray() > 0, -np.inf, users @ items.T)
    at_user, at_item, rank, score = best_items(users, items, excluded, 8)
    assert at_user.tolist() == np.repeat(np.arange(50), 8).tolist()
    assert at_item.tolist() == np.argsort(-scores, axis=1, kind="stable")[:, :8].ravel().tolist()
    assert rank.tolist() == list(range(1, 9)) * 50
    assert np.allclose(score, scores[at_user, at_item], atol=1e-5)
    assert score.dtype == np.float64


def test_best_items__excluded_ones_never_come():
    users, items = np.ones((2, 1), dtype=np.float32), np.array([[3], [2], [1]], dtype=np.float32)
    rows = as_rows(best_items(users, items, exclude(2, 3, (0, 0)), 2))
    assert rows == [(0, 1, 1, 2.0), (0, 2, 2, 1.0), (1, 0, 1, 3.0), (1, 1, 2, 2.0)]


def test_best_items__fewer_than_n_remain():
    users, items = np.ones((2, 1), dtype=np.float32), np.array([[3], [2], [1]], dtype=np.float32)
    rows = as_rows(best_items(users, items, exclude(2, 3, (0, 0), (0, 2)), 50))
    assert rows == [(0, 1, 1, 2.0), (1, 0, 1, 3.0), (1, 1, 2, 2.0), (1, 2, 3, 1.0)]


def test_best_items__all_excluded():
    users, items = np.ones((2, 1), dtype=np.float32), np.array([[3], [2]], dtype=np.float32)
    everything = exclude(2, 2, (0, 0), (0, 1), (1, 0), (1, 1))
    assert as_rows(best_items(users, items, everything, 2)) == []


def test_best_items__negative_scores_are_scores():
    users, items = np.full((1, 1), -1, dtype=np.float32), np.array([[3], [2]], dtype=np.float32)
    assert as_rows(best_items(users, items, exclude(1, 2), 2)) == [(0, 1, 1, -2.0), (0, 0, 2, -3.0)]


@pytest.mark.parametrize("n_items", [4, 40, 400])
def test_best_items__ties_in_the_order_of_the_items(n_items):
    users, items = np.ones((3, 2), dtype=np.float32), np.ones((n_items, 2), dtype=np.float32)
    at_user, at_item, rank, _ = best_items(users, items, exclude(3, n_items, (1, 0)), n_items)
    assert at_item[at_user == 0].tolist() == list(range(n_items))
    assert at_item[at_user == 1].tolist() == list(range(1, n_items))
    assert rank[at_user == 1].tolist() == list(range(1, n_items))
    # Which of the items alike make the cut is decided in the same way.
    at_user, at_item, _, _ = best_items(users, items, exclude(3, n_items, (1, 0)), 3)
    assert at_item[at_user == 0].tolist() == [0, 1, 2]
    assert at_item[at_user == 1].tolist() == [1, 2, 3]


def test_best_items__in_blocks_to_the_bit(monkeypatch):
    random = np.random.default_rng(7)
    users, items = (random.normal(size=(n, 5)).astype(np.float32) for n in (50, 30))
    excluded = csr_matrix((random.random((50, 30)) < 0.3).astype(np.float32))
    whole = as_rows(best_items(users, items, excluded, 8))
    # At least 16 people stay together.
    monkeypatch.setattr(als, "VALUES_PER_BLOCK", 1)
    assert as_rows(best_items(users, items, excluded, 8)) == whole


def test_best_items__one_user_one_item():
    one = np.ones((1, 1), dtype=np.float32)
    assert as_rows(best_items(one, one, exclude(1, 1), 5)) == [(0, 0, 1, 1.0)]
    assert as_rows(best_items(one, one, exclude(1, 1, (0, 0)), 5)) == []


# Settings -----------------------------------------------------------------------------------------------------------

AUTO = {"factors": "auto", "iterations": 10, "regularization": "auto", "alpha": "auto"}


def random_weights(n_users, n_items, n_per_user, weight):
    items = np.concatenate([(np.arange(n_per_user) + user * 7) % n_items for user in range(n_users)])
    indptr = np.arange(0, n_users * n_per_user + 1, n_per_user)
    weights = np.full(len(items), weight, dtype=np.float32)
    return csr_matrix((weights, items, indptr), shape=(n_users, n_items))


def test_settings__alpha_by_hand():
    # 100 people x 50 items, 500 pairs that weigh 2 or -2, as much as a like: .06 * 5,000 / 1,000.
    weights = random_weights(100, 50, 5, 2)
    weights.data[::2] *= -1
    filled = fill_als_settings(AUTO, weights)
    assert filled["alpha"] == pytest.approx(0.3)
    assert filled["regularization"] == 30
    assert filled["iterations"] == 10
    assert AUTO["alpha"] == "auto"  # a copy: the next fold is filled again


@pytest.mark.parametrize(("n_items", "factors"), [(10, 16), (64, 16), (255, 32), (256, 64), (1023, 128), (5000, 256)])
def test_settings__factors_grow_with_the_items(n_items, factors):
    assert fill_als_settings(AUTO, random_weights(20, n_items, 3, 1))["factors"] == factors


def test_settings__factors_are_bounded_by_what_an_iteration_costs():
    # 8 nnz f + 6 (users + items) f^2: 3.6e10 with 256 factors, 9e9 with 128.
    weights = csr_matrix((90_000, 2_000), dtype=np.float32)
    assert fill_als_settings(AUTO, weights)["factors"] == 128


def test_settings__what_is_given_stays():
    given = {"factors": 7, "iterations": 2, "regularization": 0.5, "alpha": 0}
    assert fill_als_settings(given, random_weights(20, 30, 3, 1)) == given


# The models as dbt calls them ---------------------------------------------------------------------------------------

NO_TRIALS = """
    create table tuning_trials (generator varchar, as_of timestamp, trial bigint, settings varchar, ndcg double)
"""
TABLES = {
    "folds": "select unnest(['live', 'backtest']) as fold, timestamp '2026-06-01' as as_of",
    "interactions": """
        select 'live' as fold, 'u' || u as user_id, 'i' || i as item_id, 1.0::double as weight, i < 2 as is_excluded
        from range(6) as users(u), range(8) as items(i)
        where u % 2 = i % 2
    """,
    "training_policy": "select true as is_due, false as is_warm",
    "history_keys": "select 'u' || range as user_id, 'key ' || range as history_key from range(10)",
    "item_features": "select 'live' as fold, 'i' || range as item_id, range <> 7 as is_recommendable from range(9)",
    # Nothing is said of the items, so that what nobody touched has no vector.
    "items": """
        select
            'i' || range as item_id, null::varchar as title, null::varchar as description, null::varchar as category,
            null::varchar as brand, null::varchar as attributes, null::varchar as embedding, null::double as price
        from range(9)
    """,
}
ALS = {"factors": 4, "iterations": 5, "regularization": 0.1, "alpha": 10.0}
GENERATORS = {"generators": {"als": ALS}}
SETTINGS = {"als_item_factors": GENERATORS, "als_user_factors": {}, "als_candidates": {"lists": {"n_candidates": 5}}}


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute(NO_TRIALS)
        for name, select in TABLES.items():
            connection.execute(f"create table {name} as {select}")
        yield connection


def build(connection):
    for name, settings in SETTINGS.items():
        run_model(connection, name, settings)


def test_candidates__a_setting_that_lists_do_not_have_is_named(connection):
    build(connection)
    with pytest.raises(ValueError, match="kindred__lists has 'n_candidate': its keys are segment_by, .*n_candidates"):
        run_model(connection, "als_candidates", {"lists": {"n_candidate": 5}})


def test_model__a_setting_that_does_not_exist_is_named(connection):
    with pytest.raises(ValueError, match="kindred__generators has als: factor; its settings are factors, alpha"):
        run_model(connection, "als_item_factors", {"generators": {"als": {"factor": 8}}})


def test_models__both_halves_use_the_settings_of_the_best_trial(connection):
    connection.execute("""
        insert into tuning_trials values ('als', '2026-01-01', 1, '{"factors": 3, "alpha": 5.0}', 0.1)
    """)
    given = {"iterations": 5, "regularization": 0.1, "alpha": "auto"}
    for name in ("als_item_factors", "als_user_factors"):
        run_model(connection, name, {"generators": {"als": given}})
    tried = connection.sql("from als_user_factors order by all").fetchall()
    assert {len(factors) for _, _, factors, _ in tried} == {3}
    connection.execute("delete from tuning_trials")
    for name in ("als_item_factors", "als_user_factors"):
        run_model(connection, name, {"generators": {"als": given | {"factors": 3, "alpha": 5.0}}})
    assert connection.sql("from als_user_factors order by all").fetchall() == tried


def test_models__from_interactions_to_candidates(connection):
    build(connection)
    rows = connection.sql("select user_id, item_id from als_candidates where fold = 'live' order by user_id, rank")
    found = {}
    for user_id, item_id in rows.fetchall():
        found.setdefault(user_id, []).append(item_id)
    assert sorted(found) == [f"u{number}" for number in range(6)]
    for user_id, items in found.items():
        # i0 and i1 are excluded by history, i7 can't be recommended, i8 has no vector: nobody ever touched it.
        own = ["i2", "i4", "i6"] if int(user_id[1:]) % 2 == 0 else ["i3", "i5"]
        assert sorted(items[: len(own)]) == own
        assert len(items) == len(set(items)) == 5
        assert not {"i7", "i8", "i0" if "i2" in own else "i1"} & set(items)


def test_user_factors__items_that_came_after_the_training_are_left_out(connection):
    run_model(connection, "als_item_factors", SETTINGS["als_item_factors"])
    run_model(connection, "als_user_factors", SETTINGS["als_user_factors"])
    trained = connection.sql("from als_user_factors order by all").fetchall()
    connection.execute(
        "insert into interactions values ('live', 'u0', 'new', 1, false), ('live', 'u9', 'new', 1, false)"
    )
    run_model(connection, "als_user_factors", SETTINGS["als_user_factors"])
    assert connection.sql("from als_user_factors order by all").fetchall() == trained


def test_training__what_is_not_due_is_kept_and_what_is_due_begins_with_it(connection):
    """Kept factors are those of before whatever came; a warm start ends in another place than a cold one of as many
    iterations, and a cold training owes nothing to what was there."""
    once = {"generators": {"als": ALS | {"iterations": 1}}}

    def train(is_due, is_warm):
        connection.execute(
            f"create or replace table training_policy as select {is_due} as is_due, {is_warm} as is_warm"
        )
        run_model(connection, "als_item_factors", once)
        return connection.sql("select item_id, factors from als_item_factors order by 1").fetchall()

    assert train(False, False), "without an earlier build there is nothing to keep"
    cold = train(True, False)
    warm = train(True, True)
    assert warm != cold and train(False, False) == warm
    connection.execute("update interactions set user_id = 'u1' where user_id = 'u0'")
    connection.execute("insert into interactions values ('live', 'u1', 'new', 1, false)")
    assert train(False, False) == warm
    assert "new" in dict(train(True, True))
    again = train(True, False)
    connection.execute("drop table als_item_factors")
    assert train(True, False) == again


def test_user_factors__what_is_kept_and_what_is_not(connection):
    """Where no training is due, rows made from the same are kept, marked as they are; the others are made again."""
    connection.execute("update training_policy set is_due = false")
    build(connection)
    trained = dict(connection.sql("select user_id, factors from als_user_factors where fold = 'live'").fetchall())
    marked = [9.0, 9.0, 9.0, 9.0]

    def marked_people():
        run_model(connection, "als_user_factors", {})
        rows = connection.sql("select user_id, factors from als_user_factors where fold = 'live'").fetchall()
        assert sorted(user for user, _ in rows) == sorted(trained), "everybody has one row"
        assert all(factors in (marked, trained[user]) for user, factors in rows)
        return {user for user, factors in rows if factors == marked}

    def mark():
        connection.execute(f"update als_user_factors set factors = {marked}")

    mark()
    connection.execute("update history_keys set history_key = 'another' where user_id = 'u3'")
    assert marked_people() == set(trained) - {"u3"}
    # An earlier kindred wrote no such column.
    connection.execute("alter table als_user_factors drop column made_from")
    assert marked_people() == set()
    mark()
    connection.execute("update als_item_factors set alpha = alpha + 1e-9 where item_id = 'i1'")
    assert marked_people() == set()
    mark()
    connection.execute("update training_policy set is_due = true")
    assert marked_people() == set()
    del trained["u5"]
    connection.execute("delete from history_keys where user_id = 'u5'; delete from interactions where user_id = 'u5'")
    connection.execute("update training_policy set is_due = false")
    mark()
    assert marked_people() == set(trained)


def test_candidates__a_list_with_an_item_that_is_gone_is_made_again(connection):
    connection.execute("update training_policy set is_due = false")
    build(connection)
    run_model(connection, "als_candidates", {"lists": {"n_candidates": 2}})
    connection.execute("update als_candidates set item_id = 'i5' where user_id in ('u1', 'u3') and rank = 1")
    people = {user for (user,) in connection.sql("select distinct user_id from als_candidates").fetchall()}
    connection.execute("delete from als_candidates where item_id = 'i5' and user_id not in ('u1', 'u3')")
    connection.execute("update als_candidates set score = score + 1000")
    connection.execute("update item_features set is_recommendable = false where item_id = 'i5'")
    run_model(connection, "als_candidates", {"lists": {"n_candidates": 2}})
    rows = connection.sql(
        "select user_id, bool_and(score > 500), bool_or(score > 500) from als_candidates group by all"
    )
    assert {(user, *[user not in ("u1", "u3")] * 2) for user in people} == set(rows.fetchall())
    assert connection.sql("select count(*) from als_candidates where item_id = 'i5'").fetchall() == [(0,)]


def test_candidates__never_what_has_left_the_catalogue(connection):
    build(connection)
    [(n_before,)] = connection.sql("select count(*) from als_candidates where item_id = 'i4'").fetchall()
    connection.execute("delete from item_features where item_id = 'i4'")
    run_model(connection, "als_candidates", SETTINGS["als_candidates"])
    [(n_after,)] = connection.sql("select count(*) from als_candidates where item_id = 'i4'").fetchall()
    assert n_before > n_after == 0


def test_user_factors__nobody_who_likes_nothing_has_a_vector(connection):
    # A vector of zeros would score all items alike, and the list would be alphabetical.
    connection.execute("update interactions set weight = -abs(weight) where user_id = 'u3'")
    build(connection)
    for table in ("als_user_factors", "als_candidates"):
        found = {user_id for (user_id,) in connection.sql(f"select distinct user_id from {table}").fetchall()}
        assert found == {"u0", "u1", "u2", "u4", "u5"}


@pytest.mark.parametrize("emptied", ["interactions", "folds", "item_features where is_recommendable"])
def test_models__of_nothing_are_empty_tables(connection, emptied):
    connection.execute(f"delete from {emptied}")
    if emptied.startswith("item_features"):
        connection.execute("insert into item_features select 'live', 'i' || range, false from range(9)")
    build(connection)
    assert connection.sql("select count(*) from als_candidates").fetchall() == [(0,)]


def test_candidates__blocks_of_users_join_without_a_seam(python_model, connection, monkeypatch):
    build(connection)
    whole = connection.sql("select * from als_candidates order by all").fetchall()
    monkeypatch.setattr(factor_tables, "USERS_PER_BLOCK", 4)
    reader = python_model("als_candidates").model(FakeDbt(connection, SETTINGS["als_candidates"]), connection)
    batches = list(reader)
    assert [batch.num_rows > 0 for batch in batches] == [True, True]
    split = pa.Table.from_batches(batches)  # noqa: F841
    assert connection.sql("select * from split order by all").fetchall() == whole
