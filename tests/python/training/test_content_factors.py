"""Item factors from content: a planted world in which vectors are a linear function of content, the regression written
out by an independent implementation, and what must not come: vectors from nothing, from noise, or by chance.
"""

import duckdb
import numpy as np
import pytest
from conftest import run_model
from scipy.sparse import csr_matrix, random, vstack
from sklearn.linear_model import Ridge as Sklearn

from kindred import content_factors
from kindred.content_factors import Ridge, competitive_scale, complete, extend
from kindred.generators.content import content_features

N_KNOWN, N_NEW, N_FACTORS, N_PEOPLE = 120, 30, 6, 60


def cosines(left, right):
    return np.sum(left * right, axis=1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)


@pytest.fixture
def world():
    """Items whose vectors are what their ten features add up to; the first 120 are learned, with a little noise.

    Returns (features, places, learned vectors, true vectors of all, people, met). Each person met four learned items.
    """
    rng = np.random.default_rng(5)
    features = random(N_KNOWN + N_NEW, 10, 0.4, format="csr", random_state=5, dtype=np.float32)
    features = (features + csr_matrix((np.ones(N_KNOWN + N_NEW), (range(150), np.arange(150) % 10)))).tocsr()
    true = features @ rng.normal(size=(10, N_FACTORS))
    learned = (true[:N_KNOWN] + 0.05 * rng.normal(size=(N_KNOWN, N_FACTORS))).astype(np.float32)
    people = rng.normal(size=(N_PEOPLE, N_FACTORS)).astype(np.float32)
    met = csr_matrix((np.ones(4 * N_PEOPLE), (np.repeat(np.arange(N_PEOPLE), 4), rng.permutation(240) % N_KNOWN)))
    return features, np.arange(N_KNOWN), learned, true, people, met


MANY = np.full(N_KNOWN, 1e9)


def test_planted_world__new_items_get_their_vectors(world):
    features, places, learned, true, people, met = world
    found = complete(features, places, learned, MANY, people, met)
    assert list(found.places) == list(range(N_KNOWN, N_KNOWN + N_NEW))
    found_cosines = cosines(found.new_vectors, true[N_KNOWN:])
    assert found_cosines.min() > 0.97 and np.median(found_cosines) > 0.995
    # What is known so well competes as it is.
    lengths = np.linalg.norm(found.new_vectors, axis=1) / np.linalg.norm(true[N_KNOWN:], axis=1)
    assert 0.9 < np.median(lengths) < 1.2
    # Of an item that everybody touched, content says nothing more.
    np.testing.assert_allclose(found.vectors, learned, atol=1e-6)
    assert found.shares.max() < 1e-6


def test_few_people__the_vector_is_a_mixture(world):
    features, places, learned, true, people, met = world
    n_people = np.where(np.arange(N_KNOWN) < 10, 1, 1e9)
    # One person's word keeps a vector short, and this one's is off.
    learned = learned.copy()
    learned[:10] = 0.1 * np.random.default_rng(1).normal(size=(10, N_FACTORS))
    found = complete(features, places, learned, n_people, people, met)
    assert found.shares[:10] == pytest.approx(0.8)
    found_cosines = cosines(found.vectors[:10], true[:10])
    assert found_cosines.min() > 0.8 and np.median(found_cosines) > 0.99
    predicted = (found.vectors[:10] - learned[:10]) / 0.8
    assert np.linalg.norm(predicted, axis=1).mean() == pytest.approx(found.length, rel=0.5)


def test_same_input__same_vectors_on_any_number_of_cores(world, monkeypatch):
    features, places, learned, _, people, met = world
    found = []
    for cores in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        found.append(complete(features, places, learned, np.full(N_KNOWN, 3.0), people, met))
    assert np.array_equal(found[0].new_vectors, found[1].new_vectors)
    assert np.array_equal(found[0].vectors, found[1].vectors)


def test_regression__is_that_of_another_implementation(world):
    """Also for rows that are left out, each with a regression of its own."""
    features, _, learned, _, _, _ = world
    known = features[:N_KNOWN]
    weights = np.random.default_rng(2).uniform(0.2, 2, N_KNOWN)
    # Here the weights of a fit have the mean 1.
    mine = Ridge.fit(known, learned, weights, ridge=2.0)

    def theirs(rows):
        model = Sklearn(alpha=2.0).fit(known.toarray()[rows], learned[rows], weights[rows] / weights.mean())
        return model.predict(features.toarray())

    np.testing.assert_allclose(mine.predict(features), theirs(np.arange(N_KNOWN)), atol=1e-5)
    left_out = mine.predict_without(known, learned, np.array([3, 77]))
    for row, prediction in zip([3, 77], left_out, strict=True):
        np.testing.assert_allclose(prediction, theirs(np.delete(np.arange(N_KNOWN), row))[row], atol=1e-5)


def test_no_content__no_vector(world):
    features, places, learned, _, people, met = world
    features = features.tolil()
    features[N_KNOWN] = 0
    features[4] = 0
    found = complete(features.tocsr(), places, learned, np.ones(N_KNOWN), people, met)
    assert N_KNOWN not in found.places and len(found.places) == N_NEW - 1
    np.testing.assert_array_equal(found.vectors[4], learned[4])
    assert found.shares[4] == 0 and found.shares[5] == pytest.approx(0.8)
    # A word that no learned item has is no content: nobody knows what it is worth.
    strange = vstack([features, csr_matrix((1, 10))]).tolil()
    strange.resize((N_KNOWN + N_NEW + 1, 11))
    strange[N_KNOWN + N_NEW, 10] = 1
    assert N_KNOWN + N_NEW not in complete(strange.tocsr(), places, learned, MANY, people, met).places


def test_nothing_to_learn_from__no_rows(world):
    features, places, learned, _, people, met = world
    empty = csr_matrix(features.shape, dtype=np.float32)
    for said, at in ((empty, places), (features, np.full(N_KNOWN, -1))):
        found = complete(said, at, learned, MANY, people, met)
        assert len(found.places) == 0 and found.length == 0
        np.testing.assert_array_equal(found.vectors, learned)
        assert len(extend(said, at, learned, found.shares, found.length)[0]) == 0


def test_noise__is_not_taken_for_knowledge(world):
    """Content that has nothing to do with the vectors predicts nothing, in nearly all of many worlds."""
    features, places, learned, _, people, met = world
    rng = np.random.default_rng(9)
    n_taken = sum(
        complete(features, places, learned[rng.permutation(N_KNOWN)], MANY, people, met).length > 0 for _ in range(40)
    )
    assert n_taken <= 4


def test_scale__makes_the_ends_of_lists_equal():
    """Twenty learned items in 20: the 4th best (a fifth of the items at most), of those that the person hasn't met."""
    people = np.array([[1.0], [2.0]])
    learned, predicted = np.arange(20.0)[:, None], np.arange(20.0)[:, None] / 10
    is_met = np.zeros((2, 20), dtype=bool)
    assert competitive_scale(people, is_met, learned, predicted, 20) == pytest.approx(10)
    # Without the two best of the learned ones the ends are 14 and, as those two are the last of the predicted, 1.6.
    is_met[:, 18:] = True
    assert competitive_scale(people, is_met, learned, predicted[::-1], 20) == pytest.approx(14 / 1.6)
    # Predictions that nobody likes don't compete.
    assert competitive_scale(people, is_met, learned, -predicted - 1, 20) == 0


def test_extend__gives_what_the_training_would_have_given(world):
    """The same new items, from the kept rows alone: the same directions and lengths, but for the mixture."""
    features, places, learned, _, people, met = world
    n_people = np.where(np.arange(N_KNOWN) % 4 == 0, 2.0, 50.0)
    trained = complete(features, places, learned, n_people, people, met)
    at, vectors = extend(features, places, trained.vectors, trained.shares, trained.length)
    assert np.array_equal(at, trained.places)
    assert cosines(vectors, trained.new_vectors).min() > 0.99
    lengths = np.linalg.norm(vectors, axis=1) / np.linalg.norm(trained.new_vectors, axis=1)
    assert np.median(lengths) == pytest.approx(1, abs=0.05)
    assert np.abs(lengths - 1).max() < 0.2
    # Rows of content alone teach nothing, and aren't new.
    rows = np.concatenate([trained.vectors, 100 * trained.new_vectors[:5]])
    shares = np.concatenate([trained.shares, np.ones(5)])
    again, others = extend(features, np.arange(N_KNOWN + 5), rows, shares, trained.length)
    assert np.array_equal(again, trained.places[5:])
    np.testing.assert_allclose(others, vectors[5:], rtol=1e-5)


def test_many_terms__the_most_frequent_ones_count(world, monkeypatch):
    features, places, learned, _, people, met = world
    monkeypatch.setattr(content_factors, "MAX_TERMS", 4)
    kept = content_factors.useful_features(features, places)
    n_items = np.diff(features[:N_KNOWN].tocsc().indptr)
    assert kept.shape[1] == 4
    most_frequent = np.sort(np.argsort(-n_items, kind="stable")[:4])
    np.testing.assert_array_equal(kept.toarray(), features.toarray()[:, most_frequent])
    assert len(complete(features, places, learned, MANY, people, met).places) > 0


def test_features__text_embeddings_and_prices():
    texts = ["red vase", "red jug", "blue vase", "blue jug", "", ""]
    embeddings = np.array([[3.0, 4.0], [0, 0], [1, 0], [0, 1], [0, 0], [0, 2]], dtype=np.float32)
    found = content_features(texts, embeddings, np.array([1.0, np.nan, np.e**2, 0, 5.0, np.nan])).toarray()
    # Four terms of length 1 together, also such as stand in many texts; two numbers of an embedding; the price.
    assert found.shape == (6, 7)
    np.testing.assert_allclose(np.linalg.norm(found[:4, :4], axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(found[:, 4:6], [[0.6, 0.8], [0, 0], [1, 0], [0, 1], [0, 0], [0, 1]], rtol=1e-6)
    # ln 1 = 0 and ln e^2 = 2: a standard deviation of 1 off their mean, 1. A price alone is no content.
    np.testing.assert_allclose(found[:, 6], [-0.2, 0, 0.2, 0, 0, 0], atol=1e-6)
    assert content_features([""], None, np.array([2.0])).nnz == 0


# The models ---------------------------------------------------------------------------------------------------------

SETTINGS = {
    "generators": {"als": {"factors": 8, "regularization": 1.0, "alpha": 10.0}, "spectral": {"factors": 2}},
    "lists": {"n_candidates": 40},
}
MODELS = {
    "als": ("als_item_factors", "als_user_factors", "als_candidates"),
    "spectral": ("spectral_item_factors", "spectral_candidates"),
}


@pytest.fixture
def connection():
    """People like eight of the twenty old items of their parity, which is a word of each title; i90 and i91 are new."""
    with duckdb.connect() as connection:
        connection.execute("""
            create table interactions as
            select
                'live' as fold, printf('u%02d', person::int) as user_id, printf('i%02d', item::int) as item_id,
                1.0 as weight, timestamp '2026-05-01' + to_days(place::int) as last_at, true as is_excluded
            from (
                -- People of one parity are one connected part: with more parts than factors, chance would choose.
                select person, place, person % 2 + 2 * ((person // 2 + place * place) % 20) as item
                from range(60) as people(person), range(8) as places(place)
            )
            group by all;
            create table items as
            select
                printf('i%02d', number::int) as item_id,
                concat(if(number % 2 = 0, 'even', 'odd'), ' thing ', number % 5) as title,
                null::varchar as description, null::varchar as category, null::varchar as brand,
                null::varchar as attributes, null::varchar as embedding, null::double as price
            from (select unnest(range(40) || [90, 91]) as number);
            create table item_features as select 'live' as fold, item_id, true as is_recommendable from items;
            create table tuning_trials (
                generator varchar, as_of timestamp, trial bigint, settings varchar, ndcg double
            );
            create table folds as select 'live' as fold, timestamp '2026-06-01' as as_of;
            create table training_policy as select true as is_due, false as is_warm;
            create table history_keys as select distinct user_id, 'key of ' || user_id as history_key from interactions
        """)
        yield connection


def build(connection, generator):
    for name in MODELS[generator]:
        run_model(connection, name, SETTINGS)


def rows(connection, table, condition="true"):
    return connection.sql(f"from {table} where {condition} order by all").fetchall()


@pytest.mark.parametrize("generator", MODELS)
def test_models__a_new_item_is_proposed_to_those_it_is_for(connection, generator):
    build(connection, generator)
    table, lists = MODELS[generator][0], MODELS[generator][-1]
    assert connection.sql(f"select item_id from {table} where content_share = 1 order by 1").fetchall() == [
        ("i90",), ("i91",)
    ]  # fmt: skip
    right = connection.sql(f"""
        select
            count(*) filter (item_id = if(right(user_id, 1)::int % 2 = 0, 'i90', 'i91')),
            count(*) filter (item_id = if(right(user_id, 1)::int % 2 = 0, 'i91', 'i90') and rank <= 12)
        from {lists}
    """).fetchall()
    assert right == [(60, 0)]
    if generator == "spectral":
        assert rows(connection, table, "(content_share = 1) <> (weight = 0)") == []


def test_user_factors__rest_on_learned_items_alone(connection):
    """The same vectors without the rows of content alone, also for somebody who has met such an item since."""
    build(connection, "als")
    connection.execute("insert into interactions values ('live', 'u01', 'i90', 5, timestamp '2026-05-31', true)")
    run_model(connection, "als_user_factors", SETTINGS)
    with_them = connection.sql("select user_id, factors from als_user_factors order by 1").fetchall()
    connection.execute("delete from als_item_factors where content_share = 1")
    run_model(connection, "als_user_factors", SETTINGS)
    assert connection.sql("select user_id, factors from als_user_factors order by 1").fetchall() == with_them


@pytest.mark.parametrize("generator", MODELS)
def test_not_due__todays_new_item_gets_its_vector(connection, generator):
    """The kept rows stay, lists are made again with the new item, and people's vectors stay."""
    build(connection, generator)
    table, lists = MODELS[generator][0], MODELS[generator][-1]
    connection.execute("update training_policy set is_due = false")
    before = {name: rows(connection, name) for name in MODELS[generator]}
    build(connection, generator)
    assert {name: rows(connection, name) for name in MODELS[generator]} == before
    connection.execute(
        "insert into items (item_id, title) values ('i92', 'even thing 3'), ('i93', null), ('i94', 'unheard-of word');"
        "insert into item_features values ('live', 'i92', true), ('live', 'i93', true), ('live', 'i94', true)"
    )
    if generator == "als":
        connection.execute("update als_user_factors set factors = list_reverse(factors)")
    marked = rows(connection, "als_user_factors") if generator == "als" else []
    build(connection, generator)
    assert rows(connection, table, "item_id not in ('i92')") == before[table]
    assert connection.sql(f"select content_share from {table} where item_id = 'i92'").fetchall() == [(1.0,)]
    if generator == "als":
        assert rows(connection, "als_user_factors") == marked
    else:
        even = "right(user_id, 1)::int % 2 = 0"
        assert connection.sql(f"select count(*) from {lists} where item_id = 'i92' and {even}").fetchall() == [(30,)]
    assert connection.sql(f"select count(distinct user_id) from {lists} where item_id = 'i92'").fetchall()[0][0] >= 30
    # A person's touch of it waits for the next training, as with every item that came after the last one.
    connection.execute(
        "insert into interactions values ('live', 'u01', 'i92', 5, timestamp '2026-05-31', true);"
        "update history_keys set history_key = 'another' where user_id = 'u01'"
    )
    build(connection, generator)
    assert rows(connection, lists, "user_id = 'u01' and item_id = 'i92'") == []
    assert rows(connection, table, "item_id = 'i92' and content_share < 1") == []
    connection.execute("update training_policy set is_due = true")
    build(connection, generator)
    assert connection.sql(f"select content_share from {table} where item_id = 'i92'").fetchall() == [(0.8,)]
