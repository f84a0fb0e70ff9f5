"""Ids, vectors and matrices, from real DuckDB relations."""

import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from kindred.matrices import (
    align_vectors,
    encode_ids,
    one_blas_thread,
    read_factors,
    read_weights,
    to_confidences,
    vector_column,
)
from kindred.warehouse import read_table

INTERACTIONS = """
    select fold, user_id, item_id, weight::double as weight from (values
        ('live', 'u2', 'i1', 2.0), ('live', 'u1', 'i3', 1.0), ('live', 'u1', 'i1', -0.5), ('live', 'u3', 'i2', 0.0),
        ('backtest', 'u9', 'i9', 7.0)
    ) as interactions(fold, user_id, item_id, weight)
"""


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


# encode_ids ---------------------------------------------------------------------------------------------------------


def test_encode_ids__own_values_in_sorted_order():
    ids, positions = encode_ids(pa.array(["b", "a", "c", "a"]))
    assert ids.to_pylist() == ["a", "b", "c"]
    assert positions.tolist() == [1, 0, 2, 0]
    assert positions.dtype == np.int32


def test_encode_ids__among_given_ids_in_their_order():
    ids, positions = encode_ids(pa.array(["a", "z", "c", "a"]), pa.array(["c", "b", "a"]))
    assert ids.to_pylist() == ["c", "b", "a"]
    assert positions.tolist() == [2, -1, 0, 2]


@pytest.mark.parametrize("ids", [None, pa.array(["a"]), pa.array([], pa.string())])
def test_encode_ids__of_nothing(ids):
    found, positions = encode_ids(pa.array([], pa.string()), ids)
    assert found.to_pylist() == ([] if ids is None else ids.to_pylist())
    assert positions.tolist() == []
    assert encode_ids(pa.chunked_array([], pa.string()), ids)[1].tolist() == []


def test_encode_ids__among_no_ids():
    assert encode_ids(pa.array(["a", "b"]), pa.array([], pa.string()))[1].tolist() == [-1, -1]


def test_encode_ids__any_text_is_an_id():
    texts = ["é", "e", "Z", "z", "日本", "🛒", "it's", '"quoted"', "a\\b", " ", "1", "10", "9", "x" * 10_000, "{{ x }}"]
    ids, positions = encode_ids(pa.array(texts))
    # Code points, as Python sorts them; never a locale's order, which differs from machine to machine.
    assert ids.to_pylist() == sorted(texts, key=lambda text: text.encode())
    assert [ids[int(position)].as_py() for position in positions] == texts


def test_encode_ids__chunks_share_their_ids():
    chunked = pa.chunked_array([["b", "a"], [], ["c", "b"], ["a"]], pa.string())
    ids, positions = encode_ids(chunked)
    assert ids.to_pylist() == ["a", "b", "c"]
    assert positions.tolist() == [1, 0, 2, 1, 0]
    assert encode_ids(chunked, pa.array(["c", "a"]))[1].tolist() == [-1, 1, 0, -1, 1]


def test_encode_ids__many_chunks_of_a_relation(connection):
    relation = connection.sql("select 'u' || (range * 7919 % 300000) as user_id from range(300000)")
    column = read_table(relation, ["user_id"])["user_id"]
    assert column.num_chunks > 1
    ids, positions = encode_ids(column)
    assert ids.take(pa.array(positions)).equals(column.combine_chunks())
    assert ids.to_pylist() == sorted(set(column.to_pylist()))


# read_weights, to_confidences ----------------------------------------------------------------------------------------


def test_read_weights__signed_and_of_one_fold(connection):
    users, items, matrix = read_weights(connection.sql(INTERACTIONS), "live")
    # u3's only weight is 0: no sign of taste, so neither u3 nor i2 is in the matrix.
    assert users.to_pylist() == ["u1", "u2"]
    assert items.to_pylist() == ["i1", "i3"]
    assert matrix.dtype == np.float32
    assert matrix.toarray().tolist() == [[-0.5, 1], [2, 0]]


@pytest.mark.parametrize(("alpha", "expected"), [(10, [[-6, 11], [21, 0]]), (0, [[-1, 1], [1, 0]])])
def test_to_confidences__signed(connection, alpha, expected):
    weights = read_weights(connection.sql(INTERACTIONS), "live")[2]
    before = weights.toarray()
    confidences = to_confidences(weights, alpha)
    assert confidences.dtype == np.float32
    assert confidences.toarray().tolist() == expected
    assert np.array_equal(weights.toarray(), before)


def test_read_weights__of_an_empty_fold(connection):
    users, items, matrix = read_weights(connection.sql(INTERACTIONS), "tuning")
    assert (len(users), len(items), matrix.shape, matrix.nnz) == (0, 0, (0, 0), 0)


def test_read_weights__row_order_does_not_matter(connection):
    connection.execute("""
        create table interactions as
        select 'live' as fold, 'u' || (range % 971) as user_id, 'i' || (range * 31 % 113) as item_id,
            (range % 23 - 5.5)::double as weight
        from range(20000)
        qualify row_number() over (partition by user_id, item_id order by range) = 1
    """)
    answers = [
        read_weights(connection.sql(f"select * from interactions order by {order}"), "live")
        for order in ("user_id, item_id", "hash(user_id || item_id)", "item_id desc, weight")
    ]
    for users, items, matrix in answers[1:]:
        assert users.equals(answers[0][0])
        assert items.equals(answers[0][1])
        # The stored form, not only the values: training walks along it.
        for part in ("indptr", "indices", "data"):
            assert np.array_equal(getattr(matrix, part), getattr(answers[0][2], part))
    assert answers[0][2].nnz == connection.sql("select count(*) from interactions").fetchall()[0][0]


# read_factors, vector_column ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["item_id", "item_id desc", "hash(item_id)"])
def test_read_factors__in_the_order_of_the_ids(connection, order):
    connection.execute("""
        create table factors as
        select 'live' as fold, 'i' || range as item_id, [range::float, -range::float, 0.5::float] as factors
        from range(5000)
        union all
        select 'backtest', 'i1', [9::float, 9::float, 9::float]
    """)
    relation = connection.sql(f"select * from factors order by {order}")
    ids, vectors = read_factors(relation, "item_id", "live")
    assert ids.to_pylist() == sorted(f"i{number}" for number in range(5000))
    assert (vectors.dtype, vectors.shape, vectors.flags.writeable) == (np.float32, (5000, 3), True)
    numbers = np.array([int(text[1:]) for text in ids.to_pylist()])
    assert np.array_equal(vectors, np.column_stack([numbers, -numbers, np.full(5000, 0.5)]).astype(np.float32))


def test_read_factors__of_an_empty_fold(connection):
    relation = connection.sql("select 'live' as fold, 'i1' as item_id, [1::float] as factors")
    ids, vectors = read_factors(relation, "item_id", "backtest")
    assert (ids.to_pylist(), vectors.shape) == ([], (0, 0))
    # als_user_factors compares these ids with those of the matrix, so an empty fold must give equal ones.
    empty = connection.sql(f"{INTERACTIONS} limit 0")
    assert ids.equals(read_weights(empty, "backtest")[1])


def test_vector_column__one_list_per_row():
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert vector_column(vectors).to_pylist() == vectors.tolist()
    # Memory that isn't laid out row by row, as a transposed or a sliced array's.
    assert vector_column(vectors.T).to_pylist() == vectors.T.tolist()
    assert vector_column(vectors[1:3]).to_pylist() == vectors[1:3].tolist()
    assert vector_column(vectors[:, 1:]).to_pylist() == vectors[:, 1:].tolist()


def test_vector_column__of_no_rows():
    assert vector_column(np.empty((0, 3), dtype=np.float32)).to_pylist() == []


def numbers():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_one_blas_thread__in_each_thread_of_a_pool():
    """dbt's threads live on after a model: threadpoolctl obeys the first of them alone."""

    def numbers_within(barrier):
        with one_blas_thread():
            barrier.wait()
            within = numbers()
            barrier.wait()
        return within

    with threadpool_limits(limits=2, user_api="blas"), ThreadPoolExecutor(2) as pool:
        for n_at_once in (1, 2, 1, 2):
            barrier = threading.Barrier(n_at_once)
            assert list(pool.map(numbers_within, [barrier] * n_at_once)) == [{1}] * n_at_once
            assert numbers() == {2}


def test_one_blas_thread__until_the_last_model_is_done():
    """Two models at once: neither gives back what the other needs, in whatever order they end."""
    with threadpool_limits(limits=2, user_api="blas"):
        assert numbers() == {2}
        for is_first_first in (True, False):
            first, second = one_blas_thread(), one_blas_thread()
            first.__enter__()
            second.__enter__()
            for one in (first, second) if is_first_first else (second, first):
                assert numbers() == {1}
                one.__exit__(None, None, None)
            assert numbers() == {2}


def test_one_blas_thread__is_one_for_copies_of_the_module():
    """Snowflake's table functions are pickled with the modules that they use: nothing in these may be a lock."""
    spec = importlib.util.find_spec("kindred.matrices")
    copied = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copied)
    assert copied.one_blas_thread is not one_blas_thread
    with one_blas_thread():
        assert copied.blas_limits().n_callers == 1
    kept = {name: value for name, value in vars(copied).items() if isinstance(value, copied.BlasLimits)}
    assert kept == {}


def test_align_vectors__in_the_order_of_other_ids():
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    found = align_vectors(pa.array(["a", "b", "gone"]), vectors, pa.array(["new", "b", "a"]))
    assert found.tolist() == [[0, 0], [2, 3], [0, 1]] and found.dtype == np.float32
