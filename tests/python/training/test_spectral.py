"""Spectral factors: numpy's own SVD, the formula of the scores written out densely, and the checkerboard, whose right
answer is known by construction: people like the items of their own parity.
"""

import duckdb
import numpy as np
import pytest
from conftest import run_model
from scipy.sparse import csr_matrix, random

from kindred.generators import spectral
from kindred.generators.spectral import GENERATOR, normalise, scale, singular_vectors
from kindred.histories import History

SETTINGS = {"user_exponent": 0.5, "item_exponent": 0.5, "target_exponent": 0.5, "filter": 0.0}
N_USERS = 40


def some_matrix(n_users=120, n_items=60, density=0.15, seed=3):
    drawn = random(n_users, n_items, density, format="csr", dtype=np.float32, random_state=seed)
    drawn.data += 0.5
    # Everybody likes something, and everything is liked, so that no degree is 0.
    return (drawn + csr_matrix((np.ones(n_users, np.float32), (range(n_users), np.arange(n_users) % n_items)))).tocsr()


def history_of(matrix):
    steps = np.concatenate([np.arange(n) for n in np.diff(matrix.indptr)]).astype(np.int32)
    return History("live", None, np.arange(matrix.shape[1]), matrix, steps, np.zeros(matrix.shape[0]))


def test_singular_vectors__are_those_of_a_dense_decomposition():
    """Four passes find a space in which nearly all of what the best one of the size explains is explained."""
    matrix = some_matrix()
    vectors, values = singular_vectors(matrix, 12)
    _, exact, rows = np.linalg.svd(matrix.toarray().astype(np.float64))
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(12), atol=1e-4)
    np.testing.assert_allclose(values, exact[:12], rtol=2e-2)
    np.testing.assert_allclose(values[:3], exact[:3], rtol=1e-4)
    # The first directions are the exact ones, up to their signs.
    np.testing.assert_allclose(np.abs(np.sum(vectors[:, :2] * rows[:2].T, axis=0)), 1, atol=1e-3)


def test_singular_vectors__owe_nothing_to_the_number_of_cores(monkeypatch):
    matrix = some_matrix()
    found = []
    for cores in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        found.append(singular_vectors(matrix, 40))
    assert np.array_equal(found[0][0], found[1][0]) and np.array_equal(found[0][1], found[1][1])


def test_singular_vectors__no_more_than_the_matrix_has():
    """Two groups of alike items: two directions, whatever is asked for."""
    board = np.zeros((6, 4), dtype=np.float32)
    board[:3, :2] = board[3:, 2:] = 1
    vectors, values = singular_vectors(csr_matrix(board), 32)
    assert vectors.shape == (4, 2)
    np.testing.assert_allclose(values, np.sqrt(6), rtol=1e-5)


def test_scores__are_the_formula():
    matrix = some_matrix()
    given = {"user_exponent": 0.3, "item_exponent": 0.6, "target_exponent": 0.4, "filter": 0.5, "factors": 8}
    factors = GENERATOR.fit(history_of(matrix), given | {"decay": 1, "n_steps": 100})
    dense = matrix.toarray().astype(np.float64)
    by_user, by_item = dense.sum(axis=1), dense.sum(axis=0)
    vectors, values = singular_vectors(normalise(matrix, 0.3, 0.6), 8)
    np.testing.assert_allclose(
        normalise(matrix, 0.3, 0.6).toarray(), dense * by_user[:, None] ** -0.3 * by_item**-0.6, rtol=1e-5
    )
    middle = vectors @ np.diag(values) @ vectors.T
    expected = (dense * by_item**-0.6) @ middle * by_item**0.4
    np.testing.assert_allclose(factors.people(matrix) @ factors.vectors.T, expected, rtol=1e-3, atol=1e-4)


def test_best__only_what_may_be_proposed_by_falling_score():
    matrix = some_matrix()
    factors = scale(singular_vectors(normalise(matrix, 0.5, 0.5), 8), spectral.degrees(matrix, 0), SETTINGS)
    factors.shown = np.arange(0, 60, 2)
    people, items, ranks, scores = GENERATOR.best(factors, matrix, (matrix > 0).astype(np.float32), 5)
    every = factors.people(matrix) @ factors.vectors.T
    every[:, 1::2] = -np.inf
    every[matrix.nonzero()] = -np.inf
    for person in range(0, 120, 7):
        expected = [item for item in np.argsort(-every[person]) if every[person, item] > 0][:5]
        assert items[people == person].tolist() == expected
        assert ranks[people == person].tolist() == list(range(1, len(expected) + 1))
        np.testing.assert_allclose(scores[people == person], every[person, expected], rtol=1e-4)


def test_strongest__the_largest_term_but_the_item_itself():
    matrix = some_matrix()
    factors = scale(singular_vectors(normalise(matrix, 0.5, 0.5), 8), spectral.degrees(matrix, 0), SETTINGS)
    users, items = np.array([5, 5, 90, 3, 90]), np.array([7, 30, 12, 12, matrix[90].indices[0]])
    found = GENERATOR.strongest(factors, matrix, users, items)
    dense = matrix.toarray()
    for user, item, source in zip(users, items, found, strict=True):
        terms = dense[user] * factors.weights * (factors.vectors @ factors.vectors[item])
        terms[item] = 0
        assert source == (terms.argmax() if terms.max() > 0 else -1)
    assert (found >= 0).any()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2_000, 3), 1), ((2_000, 100), 16), ((5_000, 3_000), 512), ((10**5, 10**5), 64), ((10**7, 10**6), 32)],
)
def test_factors__fit_the_size_of_the_shop(shape, expected):
    matrix = csr_matrix(shape, dtype=np.float32)
    found = spectral.fill_settings({"factors": "auto"}, matrix)["factors"]
    assert found == expected
    assert spectral.fill_settings({"factors": 77}, matrix)["factors"] == 77


# The models ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkerboard():
    """Each likes seven of the ten items of their parity, and nobody is new; i16 and i17 can't be recommended."""
    connection = duckdb.connect()
    connection.execute("""
        create table interactions as
        select
            fold, printf('u%02d', person::int) as user_id, printf('i%02d', item::int) as item_id, 1.0 as weight,
            timestamp '2026-05-01' + to_days(place::int) as last_at, true as is_excluded
        from (
            select 'live' as fold, person, place, person % 2 + 2 * (((place - person) % 10 + 10) % 10) as item
            from range(40) as people(person), range(3, 10) as places(place)
        );
        create table tuning_trials (generator varchar, as_of timestamp, trial bigint, settings varchar, ndcg double);
        create table folds as select unnest(['live', 'backtest']) as fold, timestamp '2026-06-01' as as_of;
        create table training_policy as select true as is_due, false as is_warm;
        create table history_keys as select distinct user_id, 'key of ' || user_id as history_key from interactions;
        create table item_features as
        select 'live' as fold, printf('i%02d', range::int) as item_id, range not in (16, 17) as is_recommendable
        from range(22);
        create table items as
        select
            item_id, null::varchar as title, null::varchar as description, null::varchar as category,
            null::varchar as brand, null::varchar as attributes, null::varchar as embedding, null::double as price
        from item_features
    """)
    return connection


def build(connection, **generators):
    for name in ("spectral_item_factors", "spectral_candidates"):
        run_model(connection, name, {"lists": {"n_candidates": 10}, "generators": generators})


def test_checkerboard__what_was_held_out_is_proposed(checkerboard):
    """Two directions, one for each parity; those that come next are alike for both, so that any of them could come."""
    build(checkerboard, spectral={"factors": 2})
    found = checkerboard.sql("select user_id, list(item_id) from spectral_candidates group by user_id").fetchall()
    assert len(found) == N_USERS
    for user_id, items in found:
        user = int(user_id[1:])
        held_out = {f"i{user % 2 + 2 * ((place - user) % 10):02d}" for place in range(3)}
        assert set(items) == held_out - {"i16", "i17"} and len(items) == len(set(items))


def test_models__a_setting_changes_what_is_trained(checkerboard):
    build(checkerboard, spectral={"factors": 1})
    assert checkerboard.sql("select distinct len(factors) from spectral_item_factors").fetchall() == [(1,)]
    with pytest.raises(ValueError, match="kindred__generators has spectral: factor; its settings are factors, item_ex"):
        build(checkerboard, spectral={"factor": 1})


def test_models__of_nothing_are_empty_tables(checkerboard):
    checkerboard.execute("delete from interactions")
    build(checkerboard)
    for name in ("spectral_item_factors", "spectral_candidates"):
        assert checkerboard.sql(f"select count(*) from {name}").fetchall() == [(0,)]
