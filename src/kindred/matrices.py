"""Ids, vectors, matrices and all cores: what every algorithm starts from."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_matrix, csr_matrix

from kindred.once import one_per_process, read_once
from kindred.warehouse import Relation, as_floats, read_batches, read_table

Csr = Any  # a scipy.sparse.csr_matrix


def encode_ids(column: Any, ids: Any = None) -> tuple[Any, np.ndarray]:
    """Positions of a pyarrow column's values, int32, among `ids`, by default the column's own values in sorted order.

    Returns (ids, positions); a value that isn't among the given ids has position -1.
    """
    encoded = pa.chunked_array(column).dictionary_encode().unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    values = encoded.dictionary
    if ids is None:
        ids = values.take(pc.sort_indices(values))
    positions = pc.index_in(values, value_set=ids).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    if len(positions) == 0:
        return ids, positions
    return ids, positions[encoded.indices.to_numpy(zero_copy_only=False)]


def read_encoded(
    relation: Relation, ids: Sequence[str], values: Mapping[str, Callable[[Any], np.ndarray]], condition: str
) -> tuple[list[tuple[Any, np.ndarray]], list[np.ndarray]]:
    """Columns of ids as positions among their own sorted values, and columns of values as arrays.

    values: {column: what makes an array of a part of it}. Returns ([(ids, positions) of each], [values of each]). The
    ids' texts are never in memory together: of 100 million rows they would be 3 GB.
    """
    encoded: list[list[tuple[Any, np.ndarray]]] = [[] for _ in ids]
    found = [[convert(pa.nulls(0))] for convert in values.values()]
    for batch in read_batches(relation, [*ids, *values], condition):
        for parts, name in zip(encoded, ids, strict=True):
            coded = batch[name].dictionary_encode()
            parts.append((coded.dictionary, coded.indices.to_numpy()))
        for arrays, (name, convert) in zip(found, values.items(), strict=True):
            arrays.append(convert(batch[name]))
    columns = []
    # Parts are let go as soon as they stand in a whole column: both together would be the most memory of a build.
    for parts in encoded:
        own = pc.unique(pa.chunked_array([known for known, _ in parts], pa.string()))
        own = own.take(pc.sort_indices(own))
        positions = np.empty(sum(len(at) for _, at in parts), np.int32)
        end = len(positions)
        while parts:
            known, at = parts.pop()
            positions[end - len(at) : end] = pc.index_in(known, value_set=own).to_numpy()[at]
            end -= len(at)
        columns.append((own, positions))
    values_found = []
    for arrays in found:
        values_found.append(np.concatenate(arrays))
        arrays.clear()
    pa.default_memory_pool().release_unused()
    return columns, values_found


def read_weights(interactions: Relation, fold: str, items: Any = None) -> tuple[Any, Any, Csr]:
    """A fold's interactions as (user ids, item ids, CSR matrix of users x items of 32-bit weights other than 0).

    Ids are sorted: the same rows give the same matrix in whatever order the warehouse hands them over. items: the
    columns; interactions with others are left out. None = the items of the interactions. Read once in a run, so that
    nobody may change the matrix.
    """
    users, own, matrix = read_once(
        interactions,
        ("weights", fold),
        lambda: read_own_weights(interactions, fold),
        lambda made: made[0].nbytes + made[1].nbytes + csr_bytes(made[2]),
    )
    if items is None or items.equals(own):
        return users, own, matrix
    entries = matrix.tocoo()
    columns = encode_ids(own, items)[1][entries.col]
    is_known = columns >= 0
    found = csr_matrix(
        (entries.data[is_known], (entries.row[is_known], columns[is_known])), shape=(len(users), len(items))
    )
    has_some = np.diff(found.indptr) > 0
    return users.filter(pa.array(has_some)), items, found[has_some]


def read_own_weights(interactions: Relation, fold: str) -> tuple[Any, Any, Csr]:
    """`read_weights` with the items of the interactions."""
    ((users, user_positions), (items, item_positions)), [weights] = read_encoded(
        interactions, ["user_id", "item_id"], {"weight": as_floats}, f"fold = '{fold}' and weight <> 0"
    )
    matrix = coo_matrix((weights, (user_positions, item_positions)), shape=(len(users), len(items))).tocsr()
    matrix.sort_indices()
    return users, items, matrix


def csr_bytes(matrix: Csr) -> int:
    """The memory of a CSR matrix in bytes."""
    return int(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)


def blocks_of_rows(lengths: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """(first, behind the last) of neighbours in an array of lengths who have at most so many together, or are one."""
    ends = np.cumsum(lengths)
    first = 0
    while first < len(lengths):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + most, "right")))
        yield first, last
        first = last


def to_confidences(weights: Csr, alpha: float) -> Csr:
    """A CSR matrix of weights as one of signed confidences: 1 + alpha * |weight|, negative where the weight is."""
    confidences = np.copysign(1 + alpha * np.abs(weights.data), weights.data).astype(np.float32)
    # The places are shared: of 100 million weights they are .4 GB.
    return csr_matrix((confidences, weights.indices, weights.indptr), shape=weights.shape)


def read_pairs(relation: Relation, users: Any, items: Any, condition: str) -> Csr:
    """The rows of `relation` that meet the SQL `condition` as a CSR matrix of ones, users x items.

    Pairs of ids that aren't among the given ones are left out.
    """
    return to_pairs(read_table(relation, ["user_id", "item_id"], condition), users, items)


def to_pairs(table: pa.Table, users: Any, items: Any) -> Csr:
    """A table of user_id and item_id as a CSR matrix of ones, users x items; unknown ids are left out."""
    user_positions = encode_ids(table["user_id"], users)[1]
    item_positions = encode_ids(table["item_id"], items)[1]
    is_known = (user_positions >= 0) & (item_positions >= 0)
    ones = np.ones(is_known.sum(), dtype=np.float32)
    return csr_matrix((ones, (user_positions[is_known], item_positions[is_known])), shape=(len(users), len(items)))


def are_in(matrix: Csr, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Whether each pair of a row and a column has an entry in a CSR matrix; array of truth values."""
    n_columns = np.int64(matrix.shape[1])
    stored = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * n_columns + matrix.indices
    return np.isin(rows.astype(np.int64) * n_columns + columns, stored)


def read_factors(relation: Relation, id_column: str, fold: str) -> tuple[Any, np.ndarray]:
    """A fold's vectors, in the order of their ids: (ids, array of n_ids x n_factors of 32-bit floats)."""
    return unpack_factors(read_table(relation, [id_column, "factors"], f"fold = '{fold}'"), id_column)


def unpack_factors(table: pa.Table, id_column: str) -> tuple[Any, np.ndarray]:
    """The vectors of a pyarrow.Table in the order of their ids: (ids, array of n_ids x n_factors of 32-bit floats)."""
    if table.num_rows == 0:
        return pa.array([], pa.string()), np.empty((0, 0), dtype=np.float32)
    table = table.take(pc.sort_indices(table[id_column]))
    # A copy: implicit wants memory that it could write to.
    vectors = pc.list_flatten(table["factors"]).to_numpy().astype(np.float32, copy=True)
    return table[id_column].combine_chunks(), vectors.reshape(table.num_rows, -1)


def align_vectors(known: Any, vectors: np.ndarray, ids: Any) -> np.ndarray:
    """The vectors of known ids in the order of other ids, (n_ids, n_factors) 32-bit; 0 for ids without one."""
    places = encode_ids(known, ids)[1]
    found = np.zeros((len(ids), vectors.shape[1]), dtype=np.float32)
    found[places[places >= 0]] = vectors[places >= 0]
    return found


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """The rows at length 1, 32-bit floats; rows of zeros stay so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: np.ndarray = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit


def vector_column(vectors: np.ndarray) -> pa.ListArray:
    """An array of n x n_factors as a pyarrow list column of n rows."""
    offsets = np.arange(0, vectors.size + 1, vectors.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, np.ascontiguousarray(vectors).ravel())


class BlasLimits:
    """The limits of BLAS's threads that are in force, the oldest first, and how many callers they serve."""

    def __init__(self) -> None:
        self.lock, self.limits, self.n_callers = threading.Lock(), list[Any](), 0


def blas_limits() -> BlasLimits:
    """Those of this process."""
    return one_per_process("blas_limits", BlasLimits)


def let_any_thread_set_limits() -> None:
    """threadpoolctl 3.8 obeys the first thread that set a limit and, while it lives, ignores all others in silence."""
    from threadpoolctl import OpenBLASController

    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS with one thread, for code that runs threads of its own or wants the same last digits in every build.

    The number belongs to the process, whose models a build trains side by side: it is given back when the last of them
    is done. threadpoolctl alone gives back what it found, be it another model's limit, and while that one is at work.
    """
    from threadpoolctl import threadpool_limits

    ours = blas_limits()
    with ours.lock:
        let_any_thread_set_limits()
        # One for each caller, as libraries are loaded while others are inside.
        ours.limits.append(threadpool_limits(limits=1, user_api="blas"))
        ours.n_callers += 1
    try:
        yield
    finally:
        with ours.lock:
            ours.n_callers -= 1
            let_any_thread_set_limits()
            while ours.limits and not ours.n_callers:
                ours.limits.pop().restore_original_limits()


def run_on_all_cores(function: Callable[[Any], Any], batches: Iterable[Any]) -> list[Any]:
    """Call `function` with each of the batches, in threads; what it returns, in the order of the batches."""
    # One thread per batch, so none within the small products.
    with one_blas_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, batches))
