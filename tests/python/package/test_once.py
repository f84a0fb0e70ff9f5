"""What several models of a run read, read once: from real DuckDB tables, in threads like dbt's."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from kindred.generators import als, item_to_item, sessions
from kindred.generators.sessions import SessionNeighbors
from kindred.generators.spectral import GENERATOR as SPECTRAL
from kindred.histories import read_history
from kindred.matrices import read_weights, to_confidences
from kindred.once import Kept, one_per_process, read_once
from kindred.run import CURRENT
from kindred.warehouse import name_of_table

ROWS = """
    create table interactions as
    select fold, user_id, item_id, weight::double as weight, timestamp '2026-05-01' + interval (n) day as last_at
    from (values
        ('live', 'u1', 'i1', 2.0, 1), ('live', 'u1', 'i2', 1.0, 2), ('live', 'u2', 'i3', -0.5, 1),
        ('live', 'u3', 'i3', 1.0, 1), ('backtest', 'u9', 'i9', 7.0, 1)
    ) as t(fold, user_id, item_id, weight, n)
"""


@pytest.fixture
def interactions(monkeypatch):
    """The relation that dbt.ref() gives, in a run of its own."""
    monkeypatch.setitem(CURRENT, "run_id", "a run")
    monkeypatch.setitem(CURRENT, "database", "shop.duckdb")
    one_per_process("once", Kept).entry("another run", "")
    with duckdb.connect() as connection:
        connection.execute(ROWS)
        yield connection.query('select * from "memory"."main"."interactions"')


class Reader:
    """Counts how often it is called; each answer is an object of its own."""

    def __init__(self, wait=0.0):
        self.n_calls, self.wait = 0, wait

    def __call__(self):
        self.n_calls += 1
        time.sleep(self.wait)
        return [self.n_calls]


def test_one_object_for_all_models_of_a_run(interactions):
    assert read_history(interactions, "live") is read_history(interactions, "live")
    assert read_history(interactions, "live") is not read_history(interactions, "backtest")
    assert read_history(interactions, "live") is not read_history(interactions, "live", 7)
    assert read_weights(interactions, "live")[2] is read_weights(interactions, "live")[2]


def test_another_run_reads_again(interactions, monkeypatch):
    """Its tables have other rows."""
    reader = Reader()
    assert read_once(interactions, "it", reader, len) is read_once(interactions, "it", reader, len)
    monkeypatch.setitem(CURRENT, "run_id", "the next run")
    assert read_once(interactions, "it", reader, len) == [2]
    monkeypatch.delitem(CURRENT, "run_id")
    assert [read_once(interactions, "it", reader, len) for _ in range(2)] == [[3], [4]]


def test_another_database_reads_again(interactions, monkeypatch):
    reader = Reader()
    read_once(interactions, "it", reader, len)
    monkeypatch.setitem(CURRENT, "database", "other.duckdb")
    assert read_once(interactions, "it", reader, len) == [2]


@pytest.mark.parametrize("part", ["user_id <> 'u1'", "fold = 'live'"])
def test_a_part_of_a_table_is_read_each_time(interactions, part):
    reader = Reader()
    assert [read_once(interactions.filter(part), "it", reader, len) for _ in range(2)] == [[1], [2]]
    users, _, _ = read_weights(interactions.filter("user_id <> 'u1'"), "live")
    assert users.to_pylist() == ["u2", "u3"]
    assert read_weights(interactions, "live")[0].to_pylist() == ["u1", "u2", "u3"]


def test_name_of_table(interactions):
    assert name_of_table(interactions) == '"memory"."main"."interactions"'
    assert name_of_table(interactions.select("user_id")) is None
    assert name_of_table(interactions.limit(1)) is None
    assert name_of_table(object()) is None


def test_threads_wait_for_the_first(interactions):
    reader, begin = Reader(wait=0.2), threading.Barrier(4)

    def ask(_):
        begin.wait()
        return read_once(interactions, "it", reader, len)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert reader.n_calls == 1 and all(answer is answers[0] for answer in answers)


def test_what_fails_is_read_again(interactions):
    def fail():
        raise ValueError("no such column")

    for _ in range(2):
        with pytest.raises(ValueError, match="no such column"):
            read_once(interactions, "it", fail, len)
    assert read_once(interactions, "it", Reader(), len) == [1]


def test_the_longest_unused_makes_room(interactions):
    readers = {kind: Reader() for kind in "abc"}

    def ask(kind, max_bytes=2):
        read_once(interactions, kind, readers[kind], len, max_bytes)

    for kind in "ababcab":
        ask(kind)
    # c pushed a out, and a came back for b.
    assert {kind: reader.n_calls for kind, reader in readers.items()} == {"a": 2, "b": 2, "c": 1}
    # What is larger than all the room is handed over and not kept.
    assert [read_once(interactions, "large", Reader(), lambda value: 9, 2) for _ in range(2)] == [[1], [1]]


def test_read_weights__of_given_items_alone(interactions):
    """People without one of these items are left out; items that nobody met are columns all the same."""
    users, items, matrix = read_weights(interactions, "live", pa.array(["i0", "i2", "i3"]))
    assert (users.to_pylist(), items.to_pylist()) == (["u1", "u2", "u3"], ["i0", "i2", "i3"])
    assert matrix.toarray().tolist() == [[0, 1, 0], [0, 0, -0.5], [0, 0, 1]]
    users, _, matrix = read_weights(interactions, "live", pa.array(["i1"]))
    assert (users.to_pylist(), matrix.toarray().tolist()) == (["u1"], [[2]])


def test_generators_leave_what_they_read_as_it_is(interactions):
    """Other models of the run read the same arrays."""
    random = np.random.default_rng(0)
    pairs = {(f"u{user}", f"i{item}") for user, item in random.integers(0, 24, (300, 2))}
    rows = [("live", user, item, float(random.normal(1, 2)), int(random.integers(30))) for user, item in sorted(pairs)]
    with duckdb.connect() as connection:
        connection.execute("create table interactions (fold text, user_id text, item_id text, weight double, day int)")
        connection.executemany("insert into interactions values (?, ?, ?, ?, ?)", rows)
        connection.execute("create or replace table interactions as select *, timestamp '2026-05-01' + interval (day) "
                           "day as last_at from interactions")  # fmt: skip
        table = connection.query('select * from "memory"."main"."interactions"')
        users, items, weights = read_weights(table, "live")
        history = read_history(table, "live")
        arrays = [
            *(weights.data, weights.indices, weights.indptr, history.matrix.data, history.matrix.indices),
            *(history.matrix.indptr, history.steps, history.moments),
        ]
        before = [array.tobytes() for array in arrays]
        excluded, people = weights[np.arange(len(history.users))], np.arange(len(history.users))
        confidences = to_confidences(weights, 2.0)
        als.solve_user_factors(confidences, als.train_item_factors(confidences, 4, 2, 1.0), 1.0)
        for generator in [*item_to_item(), SPECTRAL]:
            settings = generator.resolve(generator.defaults(), history, weights)
            if generator.is_trained:
                fitted = (
                    generator.fit(history, settings, 5)
                    if generator is not SPECTRAL
                    else SPECTRAL.fit(history, settings)
                )
                generator.best(fitted, history.profile(settings["decay"], settings["n_steps"]), excluded, 5)
        SessionNeighbors(history, sessions.GENERATOR.defaults()).best(history.of(people), excluded, 5)
        read_weights(table, "live", items.slice(3))
    assert [array.tobytes() for array in arrays] == before
