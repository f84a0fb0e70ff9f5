"""Neighbours by sessions: worlds whose right answer is known, and the method written out on dense arrays."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import run_model
from scipy.sparse import csr_matrix, vstack

from kindred.generators import sessions


@pytest.fixture
def shop():
    """Empty tables of one fold, to be filled by `fill`."""
    with duckdb.connect() as connection:
        connection.execute("""
            create table folds as select 'live' as fold, timestamp '2026-06-01' as as_of;
            create table tuning_trials (
                generator varchar, as_of timestamp, trial bigint, settings varchar, ndcg double);
            create table training_policy as select true as is_due, false as is_warm;
            create table history_keys (user_id varchar, history_key varchar);
            create table item_features (fold varchar, item_id varchar, is_recommendable boolean);
            create table interactions (
                fold varchar, user_id varchar, item_id varchar, weight double, is_excluded boolean, last_at timestamp);
        """)
        yield connection


def fill(shop, likes, excluded=(), barred=(), fold="live"):
    """likes: {user: [item, ...]}, oldest first, a day apart; nobody's days are anybody else's."""
    items = sorted({item for liked in likes.values() for item in liked})
    for item in items:
        shop.execute("insert into item_features values (?, ?, ?)", [fold, item, item not in barred])
    for number, (user, liked) in enumerate(likes.items()):
        for day, item in enumerate(liked):
            moment = f"2026-01-01 00:00:00.{number:06}"
            shop.execute(
                "insert into interactions values (?, ?, ?, 1, ?, cast(? as timestamp) + to_days(?))",
                [fold, user, item, (user, item) in excluded, moment, day],
            )


def lists(shop, fold="live", n_candidates=5, **settings):
    """{user: [item by rank]}; settings: those of the generator."""
    run_model(
        shop, "session_candidates", {"lists": {"n_candidates": n_candidates}, "generators": {"sessions": settings}}
    )
    rows = shop.execute("select user_id, item_id from session_candidates where fold = ? order by user_id, rank", [fold])
    found = {}
    for user, item in rows.fetchall():
        found.setdefault(user, []).append(item)
    return found


def checkerboard():
    """40 people and 20 items; a person likes 6 items of their own parity."""
    random = np.random.default_rng(3)
    return {f"u{u:02}": [f"i{2 * n + u % 2:02}" for n in random.permutation(10)[:6]] for u in range(40)}


def test_checkerboard__everybody_gets_their_parity(shop):
    likes = checkerboard()
    excluded = {(user, item) for user, liked in likes.items() for item in liked}
    fill(shop, likes, excluded)
    found = lists(shop)
    assert set(found) == set(likes)
    for user, items in found.items():
        assert len(items) == 4
        assert {int(item[1:]) % 2 for item in items} == {int(user[1:]) % 2}
        assert not set(items) & set(likes[user])


def test_same_rows_in_any_order_and_any_blocks__same_lists(shop, monkeypatch):
    likes = checkerboard()
    fill(shop, likes, {(user, liked[0]) for user, liked in likes.items()})
    everything = "select * from session_candidates order by all"
    with monkeypatch.context() as patch:
        patch.setattr(sessions, "USERS_PER_BLOCK", 7)
        lists(shop)
    first = shop.execute(everything).fetchall()
    shop.execute("create or replace table interactions as select * from interactions order by hash(user_id || item_id)")
    lists(shop)
    assert shop.execute(everything).fetchall() == first


def test_who_shares_little_or_nothing(shop):
    """one has one event and gets what its people had; alone shares its item with nobody; cold isn't known here."""
    fill(shop, {"one": ["a"], "x": ["a", "b"], "alone": ["z"]}, barred={"c"})
    shop.execute("insert into interactions values ('live', 'cold', 'a', -5, true, '2026-01-01')")
    found = lists(shop)
    # Its own item is there because somebody else has it too, and nothing excludes it.
    assert found == {"one": ["b", "a"], "x": ["a"]}


def test_what_is_left_out(shop):
    """Excluded items and items that can't be recommended; another fold knows nothing of this one."""
    fill(shop, {"u": ["a", "b"], "v": ["a", "b", "c", "d"]}, excluded={("u", "a")}, barred={"c"})
    fill(shop, {"u": ["a"], "v": ["a", "c"]}, fold="backtest")
    shop.execute("insert into folds values ('backtest', timestamp '2026-06-01')")
    assert sorted(lists(shop)["u"]) == ["b", "d"]
    assert sorted(lists(shop, "backtest")["u"]) == ["a", "c"]


def test_the_newest_speak_loudest(shop):
    fill(shop, {"u": ["old", "new"], "v": ["old", "of_old"], "w": ["new", "of_new"]})
    found = lists(shop)["u"]
    assert found.index("of_new") < found.index("of_old")
    assert lists(shop, n_steps=1)["u"] == ["of_new", "new"]


def test_bounds__newest_sessions_of_an_item_and_nearest_of_a_person(shop):
    likes = {f"v{n}": ["a", f"b{n}"] for n in range(5)}
    fill(shop, {"u": ["a"]} | likes)
    assert set(lists(shop, per_item=2)["u"]) == {"a", "b3", "b4"}
    # long shares as much as short does, but has more that isn't shared.
    shop.execute("delete from interactions; delete from item_features")
    fill(shop, {"u": ["a"], "short": ["a", "s"], "long": ["a", "l1", "l2", "l3"]})
    assert set(lists(shop, n_sessions=1)["u"]) == {"a", "s"}


def test_scores__as_written_out(shop):
    """On dense arrays, person by person, in 64 bits."""
    likes = checkerboard()
    fill(shop, likes)
    settings = {"decay": 0.5, "n_steps": 3, "n_sessions": 4, "source_exponent": 0.4, "target_exponent": 0.2}
    settings |= {"memory_decay": 0.9}
    lists(shop, n_candidates=20, **settings)
    users, items = sorted(likes), sorted({item for liked in likes.values() for item in liked})
    ages = np.full((40, 20), np.inf)
    for u, user in enumerate(users):
        for age, item in enumerate(reversed(likes[user])):
            ages[u, items.index(item)] = age
    memory = 0.9**ages
    degrees = memory.sum(axis=0)
    lengths = (memory**2).sum(axis=1)
    for u, user in enumerate(users):
        profile = np.where(ages[u] < 3, 0.5 ** ages[u], 0)
        near = (memory * profile * degrees**-0.4).sum(axis=1) / lengths**sessions.LENGTH_EXPONENT
        near[u] = 0
        chosen = np.argsort(-near, kind="stable")[:4]
        expected = near[chosen] @ memory[chosen] * degrees**-0.2
        rows = shop.execute(
            "select item_id, score from session_candidates where user_id = ? order by rank", [user]
        ).fetchall()
        assert [score for _, score in rows] == sorted((score for _, score in rows), reverse=True)
        assert {item for item, _ in rows} == {items[i] for i in np.flatnonzero(expected > 0)}
        for item, score in rows:
            assert score == pytest.approx(expected[items.index(item)], rel=1e-5)


def test_unknown_settings_are_refused(shop):
    with pytest.raises(ValueError, match="kindred__generators has sessions: decai; its settings are n_items, decay"):
        lists(shop, decai=1)


def test_sample__sessions_find_peoples_tastes(sample_shop):
    [(own, n)] = sample_shop.query("""
        select avg(case when items.value = people.value then 1 else 0 end), count(*)
        from session_candidates
        inner join sample_truths as people on user_id = people.entity_id and people.kind = 'user_taste'
        inner join sample_truths as items on item_id = items.entity_id and items.kind = 'item_taste'
        where fold = 'live' and rank <= 5
    """)
    assert n > 1000
    assert own > 0.5


def test_sample__who_told_us_is_heard_before_the_first_event(sample_shop):
    """Of the first five of cold people most are of the categories they named; a sixth of what is popular is."""
    [(named, n_people)] = sample_shop.query("""
        select avg(case when users.preferences like '%"' || items.category || '"%' then 1 else 0 end),
            count(distinct user_id)
        from ranked_lists
        inner join user_features using (fold, user_id)
        inner join users using (user_id)
        inner join items using (item_id)
        where fold = 'live' and activity = 'cold' and users.preferences is not null and rank <= 5
    """)
    assert n_people > 20
    assert named > 0.5


def test_sessions__are_as_long_as_memory_allows():
    few, many = (csr_matrix(np.ones((n, 150), dtype=np.float32)) for n in (10, 60_000))
    assert sessions.fill_session_settings({"n_items": "auto"}, few) == {"n_items": 200}
    assert sessions.fill_session_settings({"n_items": "auto"}, many) == {"n_items": 100}
    assert sessions.fill_session_settings({"n_items": 7}, many) == {"n_items": 7}
    assert sessions.fill_session_settings({"n_items": "auto"}, vstack([many, many])) == {"n_items": 50}


@pytest.mark.parametrize("some", [["c", "d", "x"], ["a"], ["z"], ["0"], ["zz"], [], list("abcdexyz")])
def test_places_among__sorted_ids(some):
    ids = pa.array(["a", "b", "c", "x", "y", "z"])
    expected = [ids.to_pylist().index(value) if value in ids.to_pylist() else -1 for value in some]
    assert sessions.places_among(ids, pa.array(some, pa.string())).tolist() == expected
