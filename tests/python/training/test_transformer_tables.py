"""The transformer's models as dbt calls them: from interactions to candidates, what is kept, and what a replay does."""

import json

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import run_model

from kindred.generators import lists as lists_of_people
from kindred.generators import transformer_network, transformer_tables
from kindred.generators.transformer_tables import read_items
from kindred.nodes import read_staged, write_staged

N_USERS, N_ITEMS = 24, 20
TABLES = {
    "folds": "select unnest(['live', 'backtest']) as fold, timestamp '2026-06-01' as as_of",
    # Everybody walks on by one or two items; u23 likes a single one.
    "interactions": f"""
        select
            'live' as fold, 'u' || u as user_id, 'i' || (u + step * (1 + u % 2)) % {N_ITEMS} as item_id,
            1.0::double as weight, step < 2 as is_excluded, timestamp '2026-05-01' + to_days(step::int) as last_at
        from range({N_USERS}) as users(u), range(8) as steps(step)
        where u < 23 or step = 0
    """,
    "items": f"""
        select
            'i' || range as item_id, 'Title of ' || range as title, null::varchar as description,
            'odd ' || range % 2 as category, null::varchar as brand, null::varchar as attributes,
            case when range < 10 then '[1, ' || range || ']' end as embedding
        from range({N_ITEMS + 1})
    """,
    "item_features": f"select 'live' as fold, 'i' || range item_id, range <> 7 is_recommendable from range({N_ITEMS})",
    "training_policy": "select true as is_due, false as is_warm",
    "history_keys": f"select 'u' || range as user_id, 'key ' || range as history_key from range({N_USERS})",
    "recorded_steps": "select null::varchar as transformer_steps limit 0",
    "tuning_trials": "select null::varchar generator, null::timestamp as_of, 0 trial, '' settings, 0.0 ndcg limit 0",
}
STEPS = {"generators": {"transformer": {"steps": 3}}}
LISTS = {"lists": {"n_candidates": 5}}


@pytest.fixture(autouse=True, scope="module")
def small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transformer_network, "ROWS", 2)
        yield


@pytest.fixture
def empty():
    with duckdb.connect() as connection:
        for name, select in TABLES.items():
            connection.execute(f"create table {name} as {select}")
        yield connection


@pytest.fixture(scope="module")
def built():
    with duckdb.connect() as connection:
        for name, select in TABLES.items():
            connection.execute(f"create table {name} as {select}")
        build(connection)
        yield connection


@pytest.fixture
def connection(built):
    built.execute("begin")
    yield built
    built.execute("rollback")


def build(connection):
    run_model(connection, "transformer_parameters", STEPS)
    run_model(connection, "transformer_user_factors", {})
    run_model(connection, "transformer_candidates", LISTS)


def items_of(connection):
    rows = "select key, factors from transformer_parameters where parameter = 'item' order by key"
    return dict(connection.sql(rows).fetchall())


def test_models__from_interactions_to_candidates(connection):
    counts = "select parameter, count(*) from transformer_parameters where fold = 'live' group by all"
    found = dict(connection.sql(counts).fetchall())
    assert found["item"] == found["session_item"] == N_ITEMS
    # Two categories, and words that two titles or more have: a tenth of all at most, so none.
    assert found["term"] >= 2
    assert connection.sql("select distinct n_steps, is_warm, n_held_out from transformer_parameters").fetchall() == [
        (3, False, 2)
    ]
    assert connection.sql("select count(*), min(len(factors)) from transformer_user_factors").fetchall() == [(24, 128)]
    rows = "select user_id, item_id, rank, score, because_item_id from transformer_candidates order by user_id, rank"
    lists, scores = {}, {}
    for user, item, rank, score, because in connection.sql(rows).fetchall():
        lists.setdefault(user, []).append(item)
        scores[user, item] = score
        assert rank == len(lists[user])
        own = "select count(*) from interactions where user_id = ? and item_id = ?"
        assert because is None or connection.execute(own, [user, because]).fetchall() == [(1,)]
    # The reason is the largest term of the imitation's sum, over the newest items.
    kinds = "select key, factors from transformer_parameters where parameter = 'session_item'"
    sessions, vectors = dict(connection.sql(kinds).fetchall()), items_of(connection)
    [(weights,)] = connection.sql("select factors from transformer_parameters where key = 'session_weights'").fetchall()
    reasons = "select user_id[2:]::int, item_id, because_item_id from transformer_candidates where user_id <> 'u23'"
    for user, item, because in connection.sql(reasons).fetchall():
        newest = [f"i{(user + step * (1 + user % 2)) % N_ITEMS}" for step in range(7, -1, -1)]
        shares = [w * np.dot(sessions[own], vectors[item]) for w, own in zip(weights, newest, strict=False)]
        assert because == (newest[int(np.argmax(shares))] if max(shares) > 0 else None)
    excluded = set(connection.sql("select user_id, item_id from interactions where is_excluded").fetchall())
    assert len(lists) == N_USERS
    people = dict(connection.sql("select user_id, factors from transformer_user_factors").fetchall())
    for user, items in lists.items():
        assert len(set(items)) == 5 and "i7" not in items
        of_all = {item: np.dot(people[user], vector) for item, vector in vectors.items()}
        allowed = [item for item in of_all if item != "i7" and (user, item) not in excluded]
        assert items == sorted(allowed, key=lambda item: -of_all[item])[:5]
        assert scores[user, items[0]] == pytest.approx(of_all[items[0]], rel=1e-4)


def test_lists__in_partitions_of_people_are_those_of_all_people(connection, monkeypatch, tmp_path):
    """As the nodes of Snowflake make them, here in this process: each partition sees its own people alone."""
    # Products of vectors depend on the number of people in their last digits.
    everything = "select * replace (round(score, 4) as score) from transformer_candidates order by all"
    expected, n_people = connection.execute(everything).fetchall(), []

    def spread_here(session, people, compute, shared, schema, *_):
        staged, batches = {}, []
        for fold, value in shared:
            with open(tmp_path / fold, "wb") as file:
                write_staged(value, file)
            staged[fold] = read_staged(str(tmp_path / fold))
        for fold, value in staged.items():
            for bucket in range(5):
                mine = f"fold = '{fold}' and hash(user_id) % 5 = {bucket}"
                tables = {name: rows.filter(mine).to_arrow_table() for name, rows in people.items()}
                n_people.append(len(set(tables["people"]["user_id"].to_pylist())))
                batches += compute(fold, tables, value)
        return connection.from_arrow(pa.Table.from_batches(batches, schema=schema))

    monkeypatch.setattr(transformer_tables, "is_snowflake", lambda session: True)
    monkeypatch.setattr(lists_of_people, "spread", spread_here)
    run_model(connection, "transformer_candidates", LISTS)
    assert connection.execute(everything).fetchall() == expected
    assert sum(n_people) == N_USERS and sum(n > 0 for n in n_people) == 5


def test_read_items__terms_and_embeddings_in_the_order_of_the_ids(empty):
    ids = pa.array(["i12", "gone", "i3"])
    items, terms = read_items(empty.table("items"), ids)
    named = [
        {terms[place]: float(strength) for place, strength in zip(*row, strict=True) if strength}
        for row in zip(items.terms, items.strengths, strict=True)
    ]
    assert named[0]["category odd 0"] == 1 and named[2]["category odd 1"] == 1 and named[1] == {}
    assert items.embeddings.tolist() == pytest.approx(np.array([[0, 0], [0, 0], [10**-0.5, 3 * 10**-0.5]]), rel=1e-4)


def test_training__what_is_not_due_is_kept_and_what_is_due_begins_with_it(connection):
    def train(is_due, is_warm):
        connection.execute(f"update training_policy set is_due = {is_due}, is_warm = {is_warm}")
        run_model(connection, "transformer_parameters", {"generators": {"transformer": {"steps": 1}}})
        return items_of(connection)

    before = items_of(connection)
    assert train(False, False) == before
    connection.execute("""
        insert into interactions
        select 'live', 'u1', 'i20', 1, false, timestamp '2026-05-20' union all
        select 'live', 'u2', 'i20', 1, false, timestamp '2026-05-20'
    """)
    assert train(False, False) == before
    warm = train(True, True)
    moved = [np.abs(np.subtract(warm[item], before[item])).max() for item in before]
    # A first step moves a number by a hundredth of the learning rate, and an item has its terms' besides.
    assert "i20" in warm and 0 < max(moved) < 1e-3
    assert connection.sql("select distinct is_warm from transformer_parameters").fetchall() == [(True,)]
    cold = train(True, False)
    assert min(np.abs(np.subtract(cold[item], before[item])).max() for item in before) > 1e-3


def test_training__a_replay_makes_the_steps_that_builds_recorded(connection):
    given = {"generators": {"transformer": {}}}
    steps = "select distinct n_steps from transformer_parameters"
    connection.execute(f"insert into recorded_steps values ('{json.dumps({'live': 2, 'backtest': 9})}')")
    run_model(connection, "transformer_parameters", given)
    assert connection.sql(steps).fetchall() == [(2,)]
    first = items_of(connection)
    run_model(connection, "transformer_parameters", given)
    assert items_of(connection) == first
    # What is given comes first.
    run_model(connection, "transformer_parameters", STEPS)
    assert connection.sql(steps).fetchall() == [(3,)]


def test_user_factors__what_is_kept_and_what_is_not(connection):
    connection.execute("update training_policy set is_due = false")
    before = dict(connection.sql("select user_id, factors from transformer_user_factors").fetchall())
    connection.execute("update transformer_user_factors set factors = list_reverse(factors)")
    connection.execute("update history_keys set history_key = 'another' where user_id = 'u3'")
    # Of an item that came after the training nothing is known.
    connection.execute("""
        insert into interactions
        select 'live', unnest(['u3', 'new']), 'i20', 1, false, timestamp '2026-05-20' union all
        select 'live', 'u3', 'i1', 1, false, timestamp '2026-05-21'
    """)
    run_model(connection, "transformer_user_factors", {})
    after = dict(connection.sql("select user_id, factors from transformer_user_factors").fetchall())
    assert set(after) == set(before)
    assert {user for user in after if after[user] != before[user][::-1]} == {"u3"}
    assert after["u3"] != before["u3"]
    connection.execute("update transformer_parameters set factors = list_reverse(factors) where key = 'last_norm'")
    run_model(connection, "transformer_user_factors", {})
    after = dict(connection.sql("select user_id, factors from transformer_user_factors").fetchall())
    assert all(after[user] != before[user][::-1] for user in after)


def test_user_factors__another_versions_network_is_refused(connection):
    connection.execute("delete from transformer_parameters where key = 'distances'")
    connection.execute("update training_policy set is_due = true")
    with pytest.raises(ValueError, match="another version's network: build with --full-refresh"):
        run_model(connection, "transformer_user_factors", {})
    # A training doesn't begin with it either.
    connection.execute("update training_policy set is_warm = true")
    run_model(connection, "transformer_parameters", STEPS)
    assert connection.sql("select distinct is_warm from transformer_parameters").fetchall() == [(False,)]


def test_models__nobody_to_learn_from(empty):
    empty.execute("delete from interactions where last_at > timestamp '2026-05-01'")
    build(empty)
    for name in ("transformer_parameters", "transformer_user_factors", "transformer_candidates"):
        assert empty.sql(f"select count(*) from {name}").fetchall() == [(0,)]


def test_model__a_setting_that_does_not_exist_is_named(empty):
    with pytest.raises(ValueError, match="kindred__generators has transformer: layers; its settings are minutes, step"):
        run_model(empty, "transformer_parameters", {"generators": {"transformer": {"layers": 8}}})
