"""Neighbours, transitions and content: dense formulas that say the same, and the checkerboard.

On the checkerboard people like the items of their own parity: even people even items, odd people odd ones.
"""

import datetime
import json

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import run_model
from scipy.sparse import csr_matrix

from kindred import histories, warehouse
from kindred.generators import base, neighbors, profile_tables, sequence, slim
from kindred.generators.base import best_neighbors, best_of_dense, best_of_many, best_per_row
from kindred.generators.content import content_neighbors, to_embeddings
from kindred.generators.neighbors import collaborative_neighbors
from kindred.generators.sequence import transitions
from kindred.generators.slim import item_regressions, scale_regressions
from kindred.histories import make_history, newest_first, profiles, read_history, sample_people
from kindred.matrices import blocks_of_rows
from kindred.warehouse import read_table

N_USERS, N_ITEMS = 40, 20


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


def relation(connection, rows, fold="live"):
    """interactions of (user_id, item_id, day of May, weight)."""
    given = pa.Table.from_pylist(  # noqa: F841, DuckDB finds it by its name
        [
            {
                "fold": fold,
                "user_id": user,
                "item_id": item,
                "weight": float(w),
                "last_at": datetime.datetime(2026, 5, day),
            }
            for user, item, day, w in rows
        ]
    )
    connection.execute("create or replace table interactions as select * from given")
    return connection.table("interactions")


def random_rows(n_users=30, n_items=14, n_days=9, seed=0):
    random = np.random.default_rng(seed)
    pairs = [(u, i) for u in range(n_users) for i in range(n_items) if random.random() < 0.4]
    return [(f"u{u:02d}", f"i{i:02d}", int(random.integers(1, n_days + 1)), random.uniform(0.3, 9)) for u, i in pairs]


def history_of(relation, fold, **options):
    """(users, items, matrix, steps) of `read_history`."""
    history = read_history(relation, fold, **options)
    return history.users, history.items, history.matrix, history.steps


# read_history -------------------------------------------------------------------------------------------------------


def rows_of(history, steps):
    """{user place: [(item place, strength, step), ...] in the order in which they stand}"""
    entries = list(zip(history.indices.tolist(), history.data.tolist(), steps.tolist(), strict=True))
    return [entries[history.indptr[row] : history.indptr[row + 1]] for row in range(history.shape[0])]


def test_history__newest_first_in_steps(connection):
    rows = [("u2", "a", 3, 4), ("u1", "c", 2, 9), ("u1", "a", 7, 1), ("u1", "b", 7, 16), ("u1", "z", 9, -1)]
    other = [("u1", "d", 1, 0.25), ("u3", "a", 5, 0)]
    users, items, history, steps = history_of(relation(connection, rows + other), "live")
    # What has no positive weight is no history: neither u3 nor z is there.
    assert (users.to_pylist(), items.to_pylist()) == (["u1", "u2"], ["a", "b", "c", "d"])
    first, second = rows_of(history, steps)
    assert sorted(first[:2]) == [(0, 1.0, 0), (1, 4.0, 0)]
    assert first[2:] == [(2, 3.0, 1), (3, 0.5, 2)]
    # Steps are counted from one for each person, also where two people's moments are the same.
    assert second == [(0, 2.0, 0)]


def test_history__neighbouring_people_with_one_moment_start_at_step_0(connection):
    history, steps = history_of(relation(connection, [("u1", "a", 1, 1), ("u2", "a", 1, 1)]), "live")[2:]
    assert rows_of(history, steps) == [[(0, 1.0, 0)], [(0, 1.0, 0)]]


def test_history__the_newest_are_kept(connection):
    rows = [("u1", f"i{day:02d}", day, 1) for day in range(1, 11)] + [("u2", "i01", 1, 1)]
    users, items, history, steps = history_of(relation(connection, rows), "live", max_items=3)
    assert rows_of(history, steps) == [[(9, 1.0, 0), (8, 1.0, 1), (7, 1.0, 2)], [(0, 1.0, 0)]]
    assert history.shape == (2, 10)


def test_history__row_order_does_not_matter(connection):
    relation(connection, random_rows(n_days=2))
    orders = ("user_id, item_id", "hash(user_id || item_id)", "item_id desc, weight")
    answers = [
        history_of(connection.sql(f"select * from interactions order by {order}"), "live", max_items=4)
        for order in orders
    ]
    for _, _, history, steps in answers[1:]:
        for part in ("indptr", "indices", "data"):
            assert np.array_equal(getattr(history, part), getattr(answers[0][2], part))
        assert np.array_equal(steps, answers[0][3])
    # Items of one moment don't stand in the order of their names.
    assert not all(np.all(np.diff(row) > 0) for row in np.split(answers[0][2].indices, answers[0][2].indptr[1:-1]))


def test_history__read_in_parts_is_the_same(connection, monkeypatch):
    table = relation(connection, random_rows(n_days=2))
    users, items, matrix, steps = history_of(table, "live")
    monkeypatch.setattr(warehouse, "ROWS_PER_BATCH", 7)
    parts = history_of(connection.sql("select * from interactions order by hash(item_id || user_id)"), "live")
    assert (parts[0], parts[1]) == (users, items)
    assert np.array_equal(parts[2].toarray(), matrix.toarray()) and np.array_equal(parts[2].indices, matrix.indices)
    assert np.array_equal(parts[3], steps)


@pytest.mark.parametrize("n_rows", [1, 40])
def test_history__sorted_in_parts_is_the_same(connection, monkeypatch, n_rows):
    table = relation(connection, random_rows(n_days=2))
    whole = read_history(table, "live", max_items=4)
    monkeypatch.setattr(histories, "ROWS_PER_SORT", n_rows)
    in_parts = read_history(table, "live", max_items=4)
    for part in ("indptr", "indices", "data"):
        assert np.array_equal(getattr(in_parts.matrix, part), getattr(whole.matrix, part))
    assert np.array_equal(in_parts.steps, whole.steps) and np.array_equal(in_parts.moments, whole.moments)


def test_blocks_of_rows__hold_no_more_than_asked_or_one_row():
    assert list(blocks_of_rows(np.array([3, 0, 2, 9, 1, 1]), 5)) == [(0, 3), (3, 4), (4, 6)]
    assert list(blocks_of_rows(np.array([3, 4]), 7)) == [(0, 2)]
    assert list(blocks_of_rows(np.array([], dtype=int), 7)) == []


def test_history__of_some_people_is_what_it_is_among_all(connection):
    """Made of their rows alone, as on a node of Snowflake, or taken from everybody's."""
    table = relation(connection, random_rows(n_days=2))
    everybody = read_history(table, "live", max_items=4)
    some = np.array([3, 4, 17])
    names = everybody.users.take(pa.array(some)).to_pylist()
    rows = read_table(table, ["user_id", "item_id", "weight", "last_at"], f"user_id in {tuple(names)} and weight > 0")
    made, taken = make_history("live", rows, 4, everybody.items), everybody.of(some)
    # Where the items are those of some people, other items of a moment come first.
    assert not np.array_equal(make_history("live", rows, 4).matrix.indices, made.matrix.indices)
    for found in (made, taken):
        assert found.users.to_pylist() == names
        for part in ("indptr", "indices", "data"):
            assert np.array_equal(getattr(found.matrix, part), getattr(everybody.matrix[some], part))
        assert found.steps.tolist() == taken.steps.tolist() and found.moments.tolist() == taken.moments.tolist()
    assert rows_of(taken.matrix, taken.steps) == [rows_of(everybody.matrix, everybody.steps)[place] for place in some]
    nobody = everybody.of(np.array([-1, 3]))
    assert np.diff(nobody.matrix.indptr).tolist() == [0, np.diff(made.matrix.indptr)[0]]


@pytest.mark.parametrize("span", [1, 3, 10**6, 2**61])  # at the last, user and moment don't fit one number
def test_newest_first__is_lexsort(span):
    draw = np.random.default_rng(span)
    users, moments = draw.integers(0, 90, 1000).astype(np.int32), draw.integers(-span, span, 1000)
    chances = draw.permutation(1000)
    expected = np.lexsort((chances, -moments, users))
    assert newest_first(users, moments, chances).tolist() == expected.tolist()


def test_history__of_an_empty_fold(connection):
    users, items, history, steps = history_of(relation(connection, random_rows()), "tuning")
    assert (len(users), len(items), history.shape, len(steps)) == (0, 0, (0, 0), 0)
    assert collaborative_neighbors(history, 0.5, 0.5, 0.5, 5).shape == (0, 0)
    assert item_regressions(history, 0.5, 1, 5).shape == (0, 0)
    assert transitions(history, steps, 0.5, 5).shape == (0, 0)


def test_profiles__decay_by_steps_and_end(connection):
    rows = [("u1", "a", 9, 4), ("u1", "b", 9, 1), ("u1", "c", 8, 1), ("u1", "d", 7, 16), ("u1", "e", 6, 1)]
    history, steps = history_of(relation(connection, rows), "live")[2:]
    assert profiles(history, steps, 0.5, 3).toarray().tolist() == [[2, 1, 0.5, 1, 0]]
    assert profiles(history, steps, 1, 99).toarray().tolist() == [[2, 1, 1, 4, 1]]
    assert profiles(history, steps, 0, 99).toarray().tolist() == [[2, 1, 0, 0, 0]]


# Collaborative neighbours -------------------------------------------------------------------------------------------


def test_profiles__steps_that_count_next_to_nothing_are_left_out():
    # .5 ** 7 is .0078, .5 ** 8 is .0039.
    history, steps = csr_matrix(np.ones((1, 12), dtype=np.float32)), np.arange(12)
    assert profiles(history, steps, 0.5, 99).indices.tolist() == list(range(8))
    assert profiles(history, steps, 0.5, 3).indices.tolist() == [0, 1, 2]
    assert profiles(history, steps, 1.0, 99).nnz == 12


def neighbors_densely(history, user_exponent, source_exponent, target_exponent):
    x = history.toarray().astype(np.float64)
    of_users, of_items = x.sum(axis=1), x.sum(axis=0)
    scores = (x * of_users[:, None] ** -user_exponent).T @ x
    scores *= of_items[:, None] ** -source_exponent * of_items[None, :] ** -target_exponent
    np.fill_diagonal(scores, 0)
    return scores


@pytest.mark.parametrize("exponents", [(0, 0.5, 0.5), (0.75, 0.6, 0.3), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_collaborative__is_the_formula(connection, exponents):
    history = history_of(relation(connection, random_rows()), "live")[2]
    exact = neighbors_densely(history, *exponents)
    found = collaborative_neighbors(history, *exponents, 99)
    np.testing.assert_allclose(found.toarray(), exact, rtol=1e-5)
    # Cut: the n best of each row, of the same scores.
    rows, columns, ranks, scores = best_per_row(collaborative_neighbors(history, *exponents, 3), 3)
    assert ranks.tolist() == [1, 2, 3] * history.shape[1]
    assert columns.reshape(-1, 3).tolist() == np.argsort(-exact, axis=1)[:, :3].tolist()
    np.testing.assert_allclose(scores, exact[rows, columns], rtol=1e-5)


def test_collaborative__items_that_tie_at_the_cut():
    # Everybody likes everything: all neighbours are as near.
    history = csr_matrix(np.ones((5, 8), dtype=np.float32))
    neighbors = collaborative_neighbors(history, 0, 0.5, 0.5, 3)
    rows, columns, ranks, scores = best_per_row(neighbors, 3)
    assert ranks.tolist() == [1, 2, 3] * 8
    assert not np.any(rows == columns)
    assert np.allclose(scores, 1)
    assert np.all(np.diff(columns.reshape(8, 3), axis=1) > 0)


def test_collaborative__who_likes_one_thing_alone_has_no_say():
    history = csr_matrix(np.array([[1, 0, 0], [0, 1, 1]], dtype=np.float32))
    neighbors = collaborative_neighbors(history, 0.5, 0.5, 0.5, 5)
    assert (neighbors.toarray() > 0).tolist() == [[False] * 3, [False, False, True], [False, True, False]]


# Sparse linear weights ----------------------------------------------------------------------------------------------


def normalised(history, user_exponent):
    x = history.toarray().astype(np.float64)
    return x * x.sum(axis=1)[:, None] ** (-user_exponent / 2) * x.sum(axis=0)[None, :] ** -0.5


def test_neighbors__of_a_long_history_a_sample_of_people(connection, monkeypatch):
    history = read_history(relation(connection, random_rows(n_users=60)), "live")
    whole = neighbors.GENERATOR.fit(history, neighbors.GENERATOR.defaults(), 5)
    monkeypatch.setattr(neighbors, "MAX_COMPARED_ENTRIES", 60)
    sample = sample_people(history.matrix, 60)
    assert 0 < sample.nnz <= 60 < history.matrix.nnz
    found = neighbors.GENERATOR.fit(history, neighbors.GENERATOR.defaults(), 5)
    assert np.array_equal(found.toarray(), collaborative_neighbors(sample, 0.75, 0.6, 0.3, 5).toarray())
    assert not np.array_equal(found.toarray(), whole.toarray())


@pytest.mark.parametrize(("user_exponent", "ridge"), [(0, 0.1), (0.5, 10), (1, 0.02)])
def test_slim__is_ridge_regression(connection, user_exponent, ridge):
    history = history_of(relation(connection, random_rows()), "live")[2]
    x = normalised(history, user_exponent)
    exact = np.zeros((x.shape[1], x.shape[1]))
    for item in range(x.shape[1]):
        # All that somebody has beside it, by least squares whose last rows are the penalty.
        others = [i for i in range(x.shape[1]) if i != item and x[:, i] @ x[:, item] > 0]
        penalty = ridge * (x[:, others] ** 2).sum(axis=0).mean()
        rows = np.vstack([x[:, others], np.sqrt(penalty) * np.eye(len(others))])
        wanted = np.concatenate([x[:, item], np.zeros(len(others))])
        exact[others, item] = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    assert (exact > 0).sum() > 50 and ((exact < 0).sum() > 10 or ridge == 10)
    found = item_regressions(history, user_exponent, ridge, 99)
    np.testing.assert_allclose(found.toarray(), np.maximum(exact, 0), rtol=1e-4, atol=1e-7)


def test_slim__on_the_nearest_alone_and_what_is_near_to_them(connection):
    """With 2 of 24 items, the products of the two count where one is among the 4 nearest of the other."""
    history = history_of(relation(connection, random_rows(n_users=60, n_items=24)), "live")[2]
    x = normalised(history, 0.5)
    products = x.T @ x
    places = np.argsort(np.argsort(-(products - np.diag(np.full(24, 1e9))), axis=1), axis=1)
    exact, n_apart = np.zeros((24, 24)), 0
    for item in range(24):
        one, other = np.flatnonzero(places[item] < 2)
        is_near = min(places[one, other], places[other, one]) < 4
        n_apart += not is_near
        squares = products[[one, other], [one, other]]
        system = np.diag(squares + 3 * squares.mean()) + products[one, other] * is_near * np.array([[0, 1], [1, 0]])
        exact[[one, other], item] = np.linalg.solve(system, products[[one, other], item])
    assert 0 < n_apart < 24
    found = item_regressions(history, 0.5, 3, 2)
    np.testing.assert_allclose(found.toarray(), exact, rtol=1e-4, atol=1e-7)


def test_slim__twins_share_what_they_say():
    """Items 0 and 1 are always met together: to a neighbour they say together hardly more than one would alone."""
    random = np.random.default_rng(0)
    seen, other = random.random(400) < 0.5, random.random(400) < 0.5
    target = np.where(random.random(400) < 0.8, seen, random.random(400) < 0.5)
    alone = csr_matrix(np.column_stack([seen, other, target]).astype(np.float32))
    twins = csr_matrix(np.column_stack([seen, seen, other, target]).astype(np.float32))
    of_one = item_regressions(alone, 0, 0.1, 9).toarray()[0, 2]
    of_two = item_regressions(twins, 0, 0.1, 9).toarray()[:2, 3]
    assert of_two[0] == pytest.approx(of_two[1])
    assert of_one < of_two.sum() < 1.1 * of_one
    summed = collaborative_neighbors(twins, 0, 0.5, 0.5, 9).toarray()[:2, 3].sum()
    assert summed == pytest.approx(2 * collaborative_neighbors(alone, 0, 0.5, 0.5, 9).toarray()[0, 2], rel=1e-5)


def test_slim__scaled_by_degrees(connection):
    history = history_of(relation(connection, random_rows()), "live")[2]
    degrees = np.maximum(history.toarray().sum(axis=0), 1)
    regressions = item_regressions(history, 0.5, 1, 99)
    expected = degrees[:, None] ** -0.3 * regressions.toarray() * degrees[None, :] ** 0.6
    found = scale_regressions(regressions, history, 0.3, 0.6, 99)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-5)
    cut = scale_regressions(regressions, history, 0.3, 0.6, 3).toarray()
    np.testing.assert_allclose(cut, np.where(expected >= -np.sort(-expected, axis=1)[:, 2:3], expected, 0), rtol=1e-5)


def test_slim__of_a_long_history_a_sample_of_people(monkeypatch):
    """Each of a hundred people likes two items of their own, so the pairs that have weights say who was drawn."""
    history = csr_matrix(np.kron(np.eye(100), [1, 1]).astype(np.float32))
    assert item_regressions(history, 0.5, 1, 9).nnz == 200
    monkeypatch.setattr(slim, "MAX_REGRESSION_ENTRIES", 60)
    drawn = item_regressions(history, 0.5, 1, 9)
    assert drawn.nnz == 60
    assert drawn.tocoo().row.max() >= 60  # not merely the first thirty
    assert (item_regressions(history, 0.5, 1, 9) != drawn).nnz == 0


def test_slim__who_likes_one_thing_alone_has_no_say():
    history = csr_matrix(np.array([[1, 0, 0], [0, 1, 1]], dtype=np.float32))
    weights = item_regressions(history, 0.5, 1, 5).toarray()
    assert (weights > 0).tolist() == [[False] * 3, [False, False, True], [False, True, False]]


# Transitions --------------------------------------------------------------------------------------------------------


def transition_scores(connection, rows, exponent=0.0, n=99):
    users, items, history, steps = history_of(relation(connection, rows), "live")
    found = transitions(history, steps, exponent, n).tocoo()
    names = items.to_pylist()
    return {names[i] + names[j]: pytest.approx(s) for i, j, s in zip(found.row, found.col, found.data, strict=True)}


def test_transitions__by_hand(connection):
    # ab 1, bc 1 and, over a gap of two, ac 1/2; so a is left 1.5 times and c reached 1.5 times.
    rows = [("u1", "a", 1, 9), ("u1", "b", 5, 1), ("u1", "c", 6, 1)]
    assert transition_scores(connection, rows) == {"ab": 2 / 3, "ac": 1 / 3, "bc": 1}
    assert transition_scores(connection, rows, 1) == {"ab": 2 / 3, "ac": 2 / 9, "bc": 2 / 3}
    assert transition_scores(connection, rows, n=1) == {"ab": 2 / 3, "bc": 1}
    # Another person's history isn't a continuation of this one.
    assert transition_scores(connection, [*rows, ("u2", "d", 9, 1)]) == {"ab": 2 / 3, "ac": 1 / 3, "bc": 1}


def test_transitions__of_one_moment_count_half_both_ways(connection):
    # b and c are one step after a, and one before d.
    rows = [("u1", "a", 1, 1), ("u1", "b", 2, 1), ("u1", "c", 2, 1), ("u1", "d", 3, 1)]
    assert transition_scores(connection, rows) == {
        "ab": 1 / 2.5, "ac": 1 / 2.5, "ad": 0.5 / 2.5, "bc": 0.5 / 1.5, "bd": 1 / 1.5, "cb": 0.5 / 1.5, "cd": 1 / 1.5,
    }  # fmt: skip


def transitions_densely(history, steps, exponent, reach=5):
    n = history.shape[1]
    counts = np.zeros((n, n))
    for start, end in zip(history.indptr[:-1], history.indptr[1:], strict=True):
        for newer in range(start, end):
            for older in range(newer + 1, min(newer + reach + 1, end)):
                gap = steps[older] - steps[newer]
                after, before = history.indices[newer], history.indices[older]
                if gap == 0:
                    counts[before, after] += 0.5
                    counts[after, before] += 0.5
                else:
                    counts[before, after] += 1 / gap
    leaving, arriving = np.maximum(counts.sum(axis=1), 1), np.maximum(counts.sum(axis=0), 1)
    return counts, counts / leaving[:, None] / arriving[None, :] ** exponent


@pytest.mark.parametrize("n_days", [1, 3, 28])
@pytest.mark.parametrize("n_entries", [5, sequence.ENTRIES_PER_BLOCK])
def test_transitions__are_the_formula(connection, monkeypatch, n_days, n_entries):
    monkeypatch.setattr(sequence, "ENTRIES_PER_BLOCK", n_entries)
    history, steps = history_of(relation(connection, random_rows(n_days=n_days)), "live")[2:]
    counts, exact = transitions_densely(history, steps, 0.3)
    np.testing.assert_allclose(transitions(history, steps, 0.3, 99).toarray(), exact, rtol=1e-4)
    # Where all is of one moment, no direction is preferred, whatever order was drawn.
    assert np.allclose(counts, counts.T) == (n_days == 1)


# The best of each row -----------------------------------------------------------------------------------------------


def test_best_per_row__ties_in_the_order_of_the_columns():
    matrix = csr_matrix(np.array([[1, 3, 3, 3, 2], [0, 0, 0, 0, 0], [-1, -2, 0, 0, 0], [5, 5, 5, 5, 5.0]]))
    rows, columns, ranks, scores = best_per_row(matrix, 2)
    assert rows.tolist() == [0, 0, 3, 3]
    assert columns.tolist() == [1, 2, 0, 1]
    assert ranks.tolist() == [1, 2, 1, 2]
    assert scores.tolist() == [3, 3, 5, 5]
    # Also where the columns don't stand in their order, as products of sparse matrices leave them.
    turned = csr_matrix((np.array([3.0, 2, 3, 3, 1]), np.array([3, 4, 2, 1, 0]), np.array([0, 5])), shape=(1, 5))
    assert best_per_row(turned, 2)[1].tolist() == [1, 2]
    assert best_per_row(turned, 9)[1].tolist() == [1, 2, 3, 4, 0]


def test_best_per_row__agrees_with_a_sort():
    dense = np.random.default_rng(4).integers(-2, 6, size=(60, 40)).astype(np.float64)
    rows, columns, ranks, scores = best_per_row(csr_matrix(dense), 7)
    order = np.argsort(-dense, axis=1, kind="stable")[:, :7]
    assert columns.reshape(60, 7).tolist() == order.tolist()
    assert np.array_equal(scores, dense[rows, columns])
    assert ranks.tolist() == list(range(1, 8)) * 60


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 3)])
def test_best_per_row__of_nothing(shape):
    assert [len(column) for column in best_per_row(csr_matrix(shape), 5)] == [0, 0, 0, 0]


def test_best_neighbors__agree_with_a_dense_product():
    random = np.random.default_rng(5)
    profile, neighbors = (random.random(shape) * (random.random(shape) < 0.3) for shape in ((20, 15), (15, 15)))
    excluded = (random.random((20, 15)) < 0.4).astype(np.float32)
    scores = np.where(excluded > 0, 0, profile @ neighbors)
    rows, columns, ranks, found = best_neighbors(*map(csr_matrix, (profile, neighbors, excluded)), 4)
    expected = [(u, i) for u in range(20) for i in np.argsort(-scores[u])[:4] if scores[u, i] > 0]
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == expected
    np.testing.assert_allclose(found, scores[rows, columns], rtol=1e-5)


@pytest.mark.parametrize("n", [1, 4, 200])
@pytest.mark.parametrize("values_per_cache", [1, 1_000, 10_000_000])
def test_best_of_many__are_the_best_neighbors_to_the_bit(n, values_per_cache, monkeypatch):
    monkeypatch.setattr(base, "VALUES_PER_CACHE", values_per_cache)
    random = np.random.default_rng(7)
    # Small whole numbers tie often; a person has no profile, another is shown nothing.
    profile, neighbors = (
        random.integers(1, 4, shape) * (random.random(shape) < 0.2) for shape in ((30, 50), (50, 300))
    )
    excluded = random.random((30, 300)) < 0.3
    profile[3], excluded[4] = 0, True
    given = [csr_matrix(matrix.astype(np.float32)) for matrix in (profile, neighbors, excluded)]
    for found, expected in zip(best_of_many(*given, n), best_neighbors(*given, n), strict=True):
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (3, 3)])
def test_best_of_many__of_nothing(shape):
    nothing = csr_matrix(shape)
    assert [len(column) for column in best_of_many(nothing, csr_matrix((shape[1],) * 2), nothing, 5)] == [0, 0, 0, 0]


def test_best_of_dense__agrees_with_the_sparse_rows():
    # Columns that no group has, values below 0, and rows whose best are all in one group.
    dense = np.random.default_rng(8).integers(-3, 9, size=(50, 517)).astype(np.float32)
    dense[:10, 20:40] += 100
    for found, expected in zip(best_of_dense(dense, 12), best_per_row(csr_matrix(dense), 12), strict=True):
        assert found.tolist() == expected.tolist()


# Content ------------------------------------------------------------------------------------------------------------

TEXTS = ["red chair wood", "red chair steel", "blue lamp", "", "Lamp, blue: glass", "unheard", "red wood"]


def test_content__is_the_cosine_of_the_texts():
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(TEXTS).toarray()
    exact = vectors @ vectors.T
    np.fill_diagonal(exact, 0)
    found = content_neighbors(TEXTS, None, 9).toarray()
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-7)
    assert found[2, 4] == pytest.approx(1)
    # Nothing is said, or nothing that is said of another item: no neighbours.
    assert not found[[3, 5]].any() and not found[:, [3, 5]].any()


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["a", "b"], ["the thing", "that other"]])
def test_content__of_texts_without_a_common_term(texts):
    assert content_neighbors(texts, None, 5).nnz == 0


EMBEDDINGS = np.array([[2, 0], [0, 3], [1, 1], [4, 0], [0, 0], [-1, 0], [0, 0]], dtype=np.float32)


def test_content__embeddings_alone():
    found = content_neighbors([""] * 7, EMBEDDINGS, 9).toarray()
    half = np.sqrt(0.5)
    # Half a cosine, as the texts say nothing; what points the other way is no neighbour, nor what has no embedding.
    cosines = {(0, 2): half, (0, 3): 1, (1, 2): half, (2, 3): half}
    exact = np.zeros((7, 7))
    for (i, j), cosine in cosines.items():
        exact[i, j] = exact[j, i] = cosine / 2
    np.testing.assert_allclose(found, exact, atol=1e-6)


def test_content__both_count_half():
    by_text = content_neighbors(TEXTS, None, 9).toarray()
    by_embedding = content_neighbors([""] * 7, EMBEDDINGS, 9).toarray()
    both = content_neighbors(TEXTS, EMBEDDINGS, 9)
    np.testing.assert_allclose(both.toarray(), by_text / 2 + by_embedding, atol=1e-6)
    cut = content_neighbors(TEXTS, EMBEDDINGS, 2)
    assert np.diff(cut.indptr).max() == 2
    assert not cut.diagonal().any()


IDS = pa.array(["a", "b", "c", "d"])


def test_to_embeddings__names_count_alike_whatever_their_length_and_size():
    """text: a = b, a at 60 degrees to c; image: a at right angles to b. d has none, c no image."""
    text = {"a": [10, 0, 0], "b": [3, 0, 0], "c": [1, np.sqrt(3), 0]}
    image = {"a": [0.1, 0], "b": [0, 500]}
    texts = [{"text": text["a"], "image": image["a"]}, {"image": image["b"], "text": text["b"]}, {"text": text["c"]}]
    vectors = to_embeddings(pa.array([*map(json.dumps, texts), None]), IDS)
    assert vectors.shape == (4, 5) and vectors.dtype == np.float32
    cosines = content_neighbors([""] * 4, vectors, 9).toarray() * 2
    np.testing.assert_allclose(cosines[0], [0, (1 + 0) / 2, 0.5 / np.sqrt(2), 0], atol=1e-6)


def test_to_embeddings__arrays_are_vectors_without_a_name():
    plain = to_embeddings(pa.array(["[2, 0]", None, "[]", "[1, 1]"]), IDS)
    assert plain.tolist() == [[2, 0], [0, 0], [0, 0], [1, 1]]
    mixed = to_embeddings(pa.array(["[2, 0]", '{"image": [5]}', "{}", None]), IDS)
    assert mixed.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert to_embeddings(pa.array([None, "[]", "{}", '{"text": []}']), IDS) is None


def test_to_embeddings__two_lengths_of_one_name():
    column = pa.array(['{"text": [1, 2]}', '{"text": [1, 2, 3], "image": [1]}', None, None])
    with pytest.raises(ValueError, match=r"'text' in items.embedding of 'a' has 2 numbers, that of 'b' 3: give all"):
        to_embeddings(column, IDS)


def test_content__embeddings_in_blocks():
    vectors = np.random.default_rng(6).normal(size=(1_203, 4)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)
    rows, columns, _, _ = best_per_row(content_neighbors([""] * 1_203, vectors, 1), 1)
    assert columns.tolist() == cosines.argmax(axis=1).tolist()


# The models ---------------------------------------------------------------------------------------------------------

SETTINGS = {
    "item_neighbors": {"generators": {"n_neighbors": 50}, "privacy": {}},
    "item_content_neighbors": {"generators": {"n_neighbors": 50}},
    "neighbor_candidates": {"lists": {"n_candidates": 10}, "generators": {}},
}
GENERATORS = ["neighbors", "slim", "sequence", "content"]


def board():
    """(interactions, {user_id: what can be proposed of those of their parity that they didn't meet}).

    Each likes seven of the ten items of their parity; u98 met but one item; i16 and i17 can't be recommended.
    """
    rows, held_out = [], {}
    for user in range(N_USERS):
        own = np.roll(np.arange(user % 2, N_ITEMS, 2), user)
        held_out[f"u{user:02d}"] = {f"i{item:02d}" for item in own[:3]} - {"i16", "i17"}
        rows += [(f"u{user:02d}", f"i{item:02d}", 1 + day, 1) for day, item in enumerate(own[3:])]
    rows.append(("u98", "i03", 5, 1))
    held_out["u98"] = {f"i{item:02d}" for item in range(1, N_ITEMS, 2)} - {"i03", "i17"}
    return rows, held_out


@pytest.fixture
def checkerboard(connection):
    """The board, where what was met is excluded; i20 and i21 are new: nobody touched them."""
    relation(connection, board()[0])
    connection.execute("""
        alter table interactions add column is_excluded boolean default true;
        create table tuning_trials (generator varchar, as_of timestamp, trial bigint, settings varchar, ndcg double);
        create table folds as select unnest(['live', 'backtest']) as fold, timestamp '2026-06-01' as as_of;
        create table training_policy as select true as is_due, false as is_warm;
        create table history_keys as select distinct user_id, 'key of ' || user_id as history_key from interactions;
        create table items as
        select
            printf('i%02d', range::int) as item_id, 'thing ' || range as title, null::varchar as description,
            if(range % 2 = 0, 'even', 'odd') as category, null::varchar as brand, null::varchar as attributes,
            null::varchar as embedding, null::double as price
        from range(22);
        create table item_features as
        select 'live' as fold, item_id, item_id not in ('i16', 'i17') as is_recommendable from items
        union all
        select 'backtest', item_id, true from items where item_id < 'i05'
    """)
    return connection


def build(connection):
    for name, settings in SETTINGS.items():
        run_model(connection, name, settings)


def lists(connection, generator):
    """{user_id: [item_id by rank]} of the live fold"""
    found = {}
    select = f"from neighbor_candidates where fold = 'live' and generator = '{generator}' order by user_id, rank"
    for user_id, item_id, rank in connection.sql(f"select user_id, item_id, rank {select}").fetchall():
        found.setdefault(user_id, []).append(item_id)
        assert rank == len(found[user_id])
    return found


@pytest.mark.parametrize("generator", GENERATORS)
def test_checkerboard__what_was_held_out_is_proposed(checkerboard, generator):
    held_out = board()[1]
    build(checkerboard)
    found = lists(checkerboard, generator)
    # Nobody who is cold; all who met something, be it one item, and nothing that is excluded or barred.
    assert set(found) == set(held_out)
    for user_id, items in found.items():
        is_odd = "u98" == user_id or int(user_id[1:]) % 2 == 1
        new = {"i21" if is_odd else "i20"} if generator == "content" else set()
        expected = held_out[user_id] | new
        assert len(items) == len(set(items))
        if user_id == "u98" and generator == "sequence":
            # What came within five places after i03 in somebody's history: no more, but nothing else either.
            assert items and set(items) <= expected
        else:
            assert set(items) == expected


@pytest.mark.parametrize(("generator", "n_items"), [("neighbors", 20), ("slim", 20), ("sequence", 20), ("content", 22)])
def test_checkerboard__neighbours_are_of_one_parity(checkerboard, generator, n_items):
    build(checkerboard)
    table = "item_content_neighbors" if generator == "content" else "item_neighbors"
    of_live = f"from {table} where fold = 'live' and generator = '{generator}'"
    rows = checkerboard.sql(f"select item_id, neighbor_id, rank, score {of_live}").fetchall()
    assert len({item_id for item_id, *_ in rows}) == n_items
    for item_id, neighbor_id, _, score in rows:
        assert item_id != neighbor_id
        assert int(item_id[1:]) % 2 == int(neighbor_id[1:]) % 2
        assert score > 0
    ordered = f"select rank, row_number() over (partition by item_id order by score desc, neighbor_id) {of_live}"
    assert all(rank == place for rank, place in checkerboard.sql(ordered).fetchall())
    names = {name for (name,) in checkerboard.sql(f"select distinct generator from {table}").fetchall()}
    assert names == ({"content"} if generator == "content" else {"neighbors", "sequence", "slim"})


def test_content__a_fold_has_the_items_that_existed(checkerboard):
    build(checkerboard)
    select = "select distinct item_id from item_content_neighbors where fold = 'backtest' order by all"
    assert checkerboard.sql(select).fetchall() == [(f"i0{number}",) for number in range(5)]


def test_content__embeddings_are_read_and_checked(checkerboard):
    checkerboard.execute("update items set category = '', embedding = '[1, 0]' where item_id in ('i00', 'i01')")
    build(checkerboard)
    pairs = "select item_id, neighbor_id, score from item_content_neighbors where fold = 'live' and rank = 1"
    assert ("i00", "i01") in {(item, neighbor) for item, neighbor, _ in checkerboard.sql(pairs).fetchall()}
    checkerboard.execute("update items set embedding = '[1, 0, 0]' where item_id = 'i05'")
    message = "items.embedding of 'i01' has 2 numbers, that of 'i05' 3: give all items vectors of one model and length"
    with pytest.raises(ValueError, match=message):
        build(checkerboard)


def test_candidates__blocks_join_without_a_seam_in_any_order_of_rows(checkerboard, monkeypatch):
    build(checkerboard)
    whole = checkerboard.sql("from neighbor_candidates order by all").fetchall()
    assert len(whole) > 300
    for table in ("interactions", "items", "item_features", "folds"):
        checkerboard.execute(f"create or replace table {table} as select * from {table} t order by md5(t::varchar)")
    monkeypatch.setattr(profile_tables, "USERS_PER_BLOCK", 7)
    build(checkerboard)
    assert checkerboard.sql("from neighbor_candidates order by all").fetchall() == whole


def test_candidates__no_more_than_wanted(checkerboard):
    build(checkerboard)
    run_model(checkerboard, "neighbor_candidates", {"lists": {"n_candidates": 2}, "generators": {}})
    assert checkerboard.sql("select max(rank), count(*) from neighbor_candidates").fetchall()[0][0] == 2


def test_candidates__refuse_items_that_the_fold_does_not_know(checkerboard):
    checkerboard.execute("delete from item_features where item_id = 'i07'")
    with pytest.raises(ValueError, match="item_features lacks items of interactions in fold live: rebuild it"):
        build(checkerboard)


@pytest.mark.parametrize("emptied", ["interactions", "folds", "items"])
def test_models__of_nothing_are_empty_tables(checkerboard, emptied):
    checkerboard.execute(f"delete from {emptied}")
    if emptied == "items":
        checkerboard.execute("delete from item_features")
        checkerboard.execute("delete from interactions")
    build(checkerboard)
    assert checkerboard.sql("select count(*) from neighbor_candidates").fetchall() == [(0,)]
