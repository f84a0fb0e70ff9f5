"""Implicit-feedback alternating least squares (ALS): item factors, a person's vector, a person's best items.

Method: Y. Hu, Y. Koren, C. Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, as solved by
implicit's conjugate gradients. The preference is 1 where an interaction's weight is positive, else 0; its confidence is
1 + alpha * |weight|; a pair that never met has preference 0 and confidence 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kindred.generators.base import Generator, Lists, Setting
from kindred.histories import History
from kindred.matrices import Csr, one_blas_thread, run_on_all_cores, to_confidences


class Als(Generator):
    name = "als"
    method = "implicit-feedback matrix factorisation"
    # A trial of ALS costs more than one of the others.
    search_share = 0.4
    settings = {
        # More factors are most of what there is to gain, where training ends before ALS overfits.
        "factors": Setting(
            "auto",
            "length of a vector; auto: 16 to 256, by the size of the data",
            (256, 512, 1024, 128, 64, 32),
            above_zero=True,
        ),
        "alpha": Setting(
            "auto",
            "confidence is 1 + alpha * weight; auto: .06 * people * items / sum of weights",
            (0.1, 0.3, 1.0, 3.0),
        ),
        "iterations": Setting(
            15, "iterations of training; a third where it starts from earlier factors", (15, 8, 5, 3), above_zero=True
        ),
        # With 0 the equations of a person have no single solution.
        "regularization": Setting(
            "auto", "ridge of the factors; auto: 30", (3.0, 10.0, 30.0, 100.0, 200.0), above_zero=True
        ),
    }

    def resolve(self, settings: Mapping[str, Any], history: History, weights: Csr) -> dict[str, Any]:
        return fill_als_settings(settings, weights)

    def grid(self, settings: Mapping[str, Any], n_items: int) -> dict[str, list[float]]:
        """alpha is searched in multiples of what fits the density."""
        grid = super().grid(settings, n_items)
        grid["alpha"] = [settings["alpha"] * factor for factor in grid["alpha"]]
        grid["factors"] = [factors for factors in grid["factors"] if 4 * factors <= n_items]
        return grid

    def trial(self, fold: Any, settings: Mapping[str, Any]) -> Lists:
        matrix = to_confidences(fold.weights, settings["alpha"])
        vectors = train_item_factors(matrix, settings["factors"], settings["iterations"], settings["regularization"])
        rows = pc.index_in(fold.history.users.take(pa.array(fold.people)), value_set=fold.met_users).to_numpy()
        user_vectors = solve_user_factors(matrix[rows], vectors, settings["regularization"])
        # The matrix knows items that nobody likes too; lists are compared among those that somebody does.
        liked = pc.index_in(fold.history.items, value_set=fold.met_items).to_numpy()
        return best_items(user_vectors, np.ascontiguousarray(vectors[liked]), fold.excluded, fold.length)


GENERATOR = Als()


def fill_als_settings(settings: Mapping[str, Any], weights: Csr) -> dict[str, Any]:
    """ALS's settings with what is `auto` taken from the size and the density of a CSR matrix of weights.

    alpha: so that all confidence in what was seen stands in a fixed proportion to the number of all pairs: what is best
    on dense and on sparse shops moves with their density. factors: the largest power of two that leaves four items for
    each factor and costs at most 3e10 operations per iteration, a few seconds on two cores.
    """
    n_users, n_items = weights.shape
    settings = dict(settings)
    if settings["alpha"] == "auto":
        settings["alpha"] = 0.06 * n_users * n_items / max(float(np.abs(weights.data, dtype=np.float64).sum()), 1e-9)
    if settings["regularization"] == "auto":
        settings["regularization"] = 30.0
    if settings["factors"] == "auto":
        costs = {f: 8 * weights.nnz * f + 6 * (n_users + n_items) * f**2 for f in (16, 32, 64, 128, 256)}
        settings["factors"] = max((f for f, cost in costs.items() if cost <= 3e10 and 4 * f <= n_items), default=16)
    return settings


def train_item_factors(
    matrix: Csr,
    factors: int,
    iterations: int,
    regularization: float,
    on_iteration: Callable[..., None] | None = None,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Item factors, (n_items, factors) of float32, of a CSR matrix of signed confidences (users x items).

    start: item factors to begin with instead of small random numbers, of the same shape.
    """
    # `import implicit`, never a part of it: its parts import one another in a circle, and dbt's threads that begin with
    # different ones deadlock.
    import implicit

    # implicit runs its own threads; a BLAS that does the same fights with them.
    with one_blas_thread():
        als = implicit.cpu.als.AlternatingLeastSquares(
            factors=factors, iterations=iterations, regularization=regularization, random_state=0
        )
        als.item_factors = start
        als.fit(matrix, show_progress=False, callback=on_iteration)
    return als.item_factors


def whiten(
    item_factors: np.ndarray, regularization: float, is_learned: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Item factors turned and scaled so that Y'Y + regularization I is the identity; and the matrix that leads back.

    is_learned: (n_items,) whether an item is one of Y's; None = all are. Returns (vectors, 32-bit like item_factors;
    the matrix M for which vector @ M is a person's vector as the items' are). What is solved in these coordinates is
    well conditioned, so that 32 bits are enough.
    """
    n_items, n_factors = item_factors.shape
    blocks = [slice(start, start + 100_000) for start in range(0, n_items, 100_000)]
    gram = regularization * np.eye(n_factors)
    for block in blocks:
        vectors = item_factors[block].astype(np.float64)
        if is_learned is not None:
            vectors = vectors[is_learned[block]]
        gram += vectors.T @ vectors
    back = np.linalg.inv(np.linalg.cholesky(gram))
    vectors = np.empty_like(item_factors)
    for block in blocks:
        vectors[block] = item_factors[block] @ back.T
    return vectors, back.astype(np.float32)


def alike_rows(matrix: Csr, values_per_entry: int, n_more: int = 0) -> Iterator[np.ndarray]:
    """The rows of a CSR matrix that have entries, in batches of equally many: arrays of row numbers.

    A batch has room for 4 million values, values_per_entry for each entry of its rows and for n_more besides.
    """
    lengths = np.diff(matrix.indptr)
    order = np.argsort(lengths, kind="stable")
    for n, start, count in zip(*np.unique(lengths[order], return_index=True, return_counts=True), strict=True):
        n_rows = max(1, 4_000_000 // (int(n + n_more) * values_per_entry)) if n else count
        for first in range(start, start + count, n_rows):
            if n:
                yield order[first : min(first + n_rows, start + count)]


def take_rows(matrix: Csr, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns and the data of rows of equally many entries, two arrays of rows x entries."""
    entries = matrix.indptr[rows][:, None] + np.arange(matrix.indptr[rows[0] + 1] - matrix.indptr[rows[0]])
    return matrix.indices[entries], matrix.data[entries]


def person_equations(vectors: np.ndarray, confidences: np.ndarray) -> np.ndarray:
    """What is to be solved for a batch of people: (n, items, factors) whitened vectors, (n, items) signed confidences.

    With Q_u the vectors of the items that u met and C_u their confidences, a person's vector is (I + Q_u' (C_u - I)
    Q_u)^-1 Q_u' C_u p. A person with fewer items than factors is solved for among the items, by the identity of
    Woodbury: Q_u' (C_u^-1 + (I - C_u^-1) Q_u Q_u')^-1 p, as exact and cheaper. Returns the matrices to be inverted, one
    per person: of items x items there, else of factors x factors.
    """
    sure = 1 / np.abs(confidences)
    if vectors.shape[1] < vectors.shape[2]:
        left = (1 - sure)[:, :, None] * (vectors @ vectors.transpose(0, 2, 1))
        left[:, range(left.shape[1]), range(left.shape[1])] += sure
    else:
        scaled = vectors * np.sqrt(np.abs(confidences) - 1)[:, :, None]
        left = scaled.transpose(0, 2, 1) @ scaled
        left[:, range(left.shape[1]), range(left.shape[1])] += 1
    return left


def solve_user_factors(matrix: Csr, item_factors: np.ndarray, regularization: float) -> np.ndarray:
    """User factors, (n_users, factors) of float32, for a CSR matrix of signed confidences (users x items).

    Solves (Y'Y + regularization I + Y_u' (|C_u| - I) Y_u) x = Y_u' C_u p for each user u, where Y_u has the vectors of
    the items that u met and p is 1 where the confidence is positive, else 0.
    """
    whitened, back = whiten(item_factors, regularization)
    solution = np.zeros((matrix.shape[0], item_factors.shape[1]), dtype=np.float32)

    def solve_batch(users: np.ndarray) -> None:
        items, confidences = take_rows(matrix, users)
        vectors = whitened[items]
        left = person_equations(vectors, confidences)
        if items.shape[1] < vectors.shape[2]:
            shares = np.linalg.solve(left, (confidences > 0).astype(np.float32)[:, :, None])
            found = (shares.transpose(0, 2, 1) @ vectors)[:, 0]
        else:
            right = np.maximum(confidences, 0)[:, None] @ vectors
            found = np.linalg.solve(left, right.transpose(0, 2, 1))[:, :, 0]
        solution[users] = found @ back

    run_on_all_cores(solve_batch, alike_rows(matrix, item_factors.shape[1]))
    return solution


def strongest_likes(
    matrix: Csr, wanted: Csr, item_factors: np.ndarray, regularization: float, is_learned: np.ndarray | None = None
) -> np.ndarray:
    """For wanted pairs of users and items, the liked item that adds most to the pair's score: column or -1.

    matrix: CSR of signed confidences; wanted: CSR of the same shape. is_learned: (n_items,) whether people's vectors
    are made of an item's (then the matrix has no entry for the others); None = of all. Returns an array in the order of
    wanted's entries. The score is a sum over what the person likes: y_i' W_u y_j c_uj, W_u = (Y'Y + reg I + Y_u' (|C_u|
    - I) Y_u)^-1 (section 5 of the paper). -1 where nothing else than the item itself adds to it; of equals the first
    column.
    """
    whitened, _ = whiten(item_factors, regularization, is_learned)
    n_wanted = np.diff(wanted.indptr)
    asking = np.flatnonzero(n_wanted)
    met = matrix[asking]
    strongest = np.full(wanted.nnz, -1, dtype=np.int32)

    def explain_batch(rows: np.ndarray) -> None:
        items, confidences = take_rows(met, rows)
        users = asking[rows]
        # Filled up to equally many: a person with fewer has the last one several times.
        places = np.minimum(np.arange(n_wanted[users].max()), n_wanted[users][:, None] - 1)
        entries = wanted.indptr[users][:, None] + places
        columns = wanted.indices[entries]
        shares = like_shares(whitened[items], confidences, whitened[columns])
        shares[items[:, :, None] == columns[:, None]] = 0
        first = shares.argmax(axis=1)
        strongest[entries] = np.where(shares.max(axis=1) > 0, np.take_along_axis(items, first, axis=1), -1)

    run_on_all_cores(explain_batch, alike_rows(met, item_factors.shape[1], n_wanted.max(initial=0)))
    return strongest


def like_shares(vectors: np.ndarray, confidences: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What each item that a person met adds to the scores of wanted ones, for a batch: (n, items met, items wanted).

    vectors, wanted: whitened, (n, items, factors). What the person doesn't like adds nothing.
    """
    left = person_equations(vectors, confidences)
    if vectors.shape[1] < vectors.shape[2]:
        shares = np.linalg.solve(left.transpose(0, 2, 1), vectors @ wanted.transpose(0, 2, 1))
        return shares * (confidences > 0)[:, :, None]
    shares = vectors @ np.linalg.solve(left, wanted.transpose(0, 2, 1))
    return shares * np.maximum(confidences, 0)[:, :, None]


def best_items(user_factors: np.ndarray, item_factors: np.ndarray, excluded: Csr, n: int) -> Lists:
    """The n best items of each user, as columns: user position, item position, rank (from 1), score.

    user_factors: (n_users, f); item_factors: (n_items, f); excluded: CSR, users x items, nonzero = not to be proposed.
    """
    import implicit

    n_users, n_items = excluded.shape
    # implicit wants memory that it could write to; what a node of Snowflake maps from a file isn't.
    item_factors = np.require(item_factors, requirements="W")
    with one_blas_thread():
        als = implicit.cpu.als.AlternatingLeastSquares(factors=item_factors.shape[1])
        als.user_factors, als.item_factors = user_factors, item_factors
        items, scores = als.recommend(np.arange(n_users), excluded, N=min(n, n_items), filter_already_liked_items=True)
    order = np.lexsort((items, -scores), axis=1)
    items, scores = np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1)
    # Where fewer than n items remain, implicit fills up with excluded ones at the lowest float.
    is_real = scores > np.finfo(np.float32).min
    users, ranks = np.nonzero(is_real)
    return users, items[is_real], ranks + 1, scores[is_real].astype(np.float64)
