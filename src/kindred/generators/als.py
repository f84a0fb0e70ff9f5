"""Implicit-feedback alternating least squares (ALS): item factors, a person's vector, a person's best items.

Method: Y. Hu, Y. Koren, C. Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, as solved by
implicit's conjugate gradients. The preference is 1 where an interaction's weight is positive, else 0; its confidence is
1 + alpha * |weight|; a pair that never met has preference 0 and confidence 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kindred.generators.base import Generator, Lists, Setting
from kindred.histories import History
from kindred.matrices import (
    Csr,
    encode_ids,
    read_factors,
    read_pairs,
    read_weights,
    run_on_all_cores,
    to_confidences,
    to_pairs,
    unpack_factors,
    vector_column,
)
from kindred.state import fingerprint, keep_rows, keys_of, made_from, read_earlier_model, read_keys, without
from kindred.warehouse import (
    Relation,
    Session,
    frame_to_table,
    is_snowflake,
    project,
    read_folds,
    read_staged_table,
    read_table,
    register_table_function,
    report_progress,
    stage_table,
    write_table,
)

ITEM_SCHEMA = pa.schema(
    [("fold", pa.string()), ("item_id", pa.string()), ("factors", pa.list_(pa.float32()))]
    + [("alpha", pa.float64()), ("regularization", pa.float64())]
)
USER_SCHEMA = pa.schema(
    [("fold", pa.string()), ("user_id", pa.string()), ("factors", pa.list_(pa.float32())), ("made_from", pa.string())]
)
CANDIDATES_SCHEMA = pa.schema(
    [("fold", pa.string()), ("generator", pa.string()), ("user_id", pa.string()), ("item_id", pa.string())]
    + [("rank", pa.int64()), ("score", pa.float64()), ("made_from", pa.string())]
)
SECONDS_BETWEEN_REPORTS = 5
USERS_PER_BLOCK = 50_000
USERS_PER_PARTITION = 2_000


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
    from threadpoolctl import threadpool_limits

    # implicit runs its own threads; a BLAS that does the same fights with them.
    with threadpool_limits(limits=1, user_api="blas"):
        als = implicit.cpu.als.AlternatingLeastSquares(
            factors=factors, iterations=iterations, regularization=regularization, random_state=0
        )
        als.item_factors = start
        als.fit(matrix, show_progress=False, callback=on_iteration)
    return als.item_factors


def whiten(item_factors: np.ndarray, regularization: float) -> tuple[np.ndarray, np.ndarray]:
    """Item factors turned and scaled so that Y'Y + regularization I is the identity; and the matrix that leads back.

    Returns (vectors, 32-bit like item_factors; the matrix M for which vector @ M is a person's vector as the items'
    are). What is solved in these coordinates is well conditioned, so that 32 bits are enough.
    """
    n_items, n_factors = item_factors.shape
    blocks = [slice(start, start + 100_000) for start in range(0, n_items, 100_000)]
    gram = regularization * np.eye(n_factors)
    for block in blocks:
        vectors = item_factors[block].astype(np.float64)
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
    Q_u)^-1 Q_u' C_u p. Whoever met fewer items than there are factors is solved for among the items, by the identity of
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


def strongest_likes(matrix: Csr, wanted: Csr, item_factors: np.ndarray, regularization: float) -> np.ndarray:
    """For wanted pairs of users and items, the liked item that adds most to the pair's score: column or -1.

    matrix: CSR of signed confidences; wanted: CSR of the same shape. Returns an array in the order of wanted's entries.
    The score is a sum over what the person likes: y_i' W_u y_j c_uj, W_u = (Y'Y + reg I + Y_u' (|C_u| - I) Y_u)^-1
    (section 5 of the paper). -1 where nothing else than the item itself adds to it; of equals the first column.
    """
    whitened, _ = whiten(item_factors, regularization)
    n_wanted = np.diff(wanted.indptr)
    asking = np.flatnonzero(n_wanted)
    met = matrix[asking]
    strongest = np.full(wanted.nnz, -1, dtype=np.int32)

    def explain_batch(rows: np.ndarray) -> None:
        items, confidences = take_rows(met, rows)
        users = asking[rows]
        # Filled up to equally many: whoever wants fewer has the last one several times.
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
    from threadpoolctl import threadpool_limits

    n_users, n_items = excluded.shape
    with threadpool_limits(limits=1, user_api="blas"):
        als = implicit.cpu.als.AlternatingLeastSquares(factors=item_factors.shape[1])
        als.user_factors, als.item_factors = user_factors, item_factors
        items, scores = als.recommend(np.arange(n_users), excluded, N=min(n, n_items), filter_already_liked_items=True)
    order = np.lexsort((items, -scores), axis=1)
    items, scores = np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1)
    # Where fewer than n items remain, implicit fills up with excluded ones at the lowest float.
    is_real = scores > np.finfo(np.float32).min
    users, ranks = np.nonzero(is_real)
    return users, items[is_real], ranks + 1, scores[is_real].astype(np.float64)


# The models -----------------------------------------------------------------------------------------------------------


def read_als_settings(item_factors: Relation, fold: str) -> tuple[float, float]:
    """(alpha, regularization) that a fold's item factors were trained with; (1, 1) where there are none."""
    rows = read_table(item_factors, ["alpha", "regularization"], f"fold = '{fold}'").slice(0, 1).to_pylist()
    return (rows[0]["alpha"], rows[0]["regularization"]) if rows else (1.0, 1.0)


def iteration_reporter(
    fold: str, shape: Sequence[int], iterations: int, report: Callable[[str], None]
) -> Callable[[int, float, float | None], None]:
    """A callback for ALS that reports every few seconds, so that a short training is silent."""
    started = reported = time.monotonic()

    def on_iteration(iteration: int, seconds: float, loss: float | None) -> None:
        nonlocal reported
        now = time.monotonic()
        if now - reported >= SECONDS_BETWEEN_REPORTS:
            reported = now
            report(
                f"als_item_factors: {fold}, {shape[0]:,} people x {shape[1]:,} items, "
                f"iteration {iteration + 1} of {iterations} after {now - started:.0f} s"
            )

    return on_iteration


def warm_start(earlier: pa.Table, items: Any, factors: int) -> np.ndarray | None:
    """The vectors of an earlier training for the items of this one, (n_items, factors); None where they don't fit.

    New items get small random numbers, as in a training from nothing.
    """
    known, vectors = unpack_factors(earlier, "item_id")
    if vectors.shape[1] != factors:
        return None
    start = (np.random.default_rng(0).random((len(items), factors)) * 0.01).astype(np.float32)
    places = encode_ids(items, known)[1]
    start[places >= 0] = vectors[places[places >= 0]]
    return start


def item_factors(
    dbt: Any,
    session: Session,
    interactions: Relation,
    training_policy: Relation,
    folds: Relation,
    chosen: Mapping[str, Any],
) -> Any:
    """The rows of `als_item_factors`; chosen: the generator's settings."""
    earlier, is_due = read_earlier_model(dbt, session, training_policy, ITEM_SCHEMA)
    batches: list[pa.RecordBatch] = []
    kept = None
    for fold in read_folds(folds):
        if fold == "live" and not is_due:
            kept = earlier
            continue
        _, items, weights = read_weights(interactions, fold)
        if weights.nnz == 0:
            continue
        settings = fill_als_settings(chosen, weights)
        start = None
        if fold == "live" and earlier is not None:
            start = warm_start(read_table(earlier, ["item_id", "factors"]), items, settings["factors"])
        iterations = settings["iterations"] if start is None else -(-settings["iterations"] // 3)
        on_iteration = iteration_reporter(fold, weights.shape, iterations, report_progress)
        confidences = to_confidences(weights, settings["alpha"])
        vectors = train_item_factors(
            confidences, settings["factors"], iterations, settings["regularization"], on_iteration, start
        )
        constants = [pa.repeat(float(settings[name]), len(items)) for name in ("alpha", "regularization")]
        columns = [pa.repeat(fold, len(items)), items, vector_column(vectors), *constants]
        batches.append(pa.record_batch(columns, schema=ITEM_SCHEMA))
    return write_table(session, ITEM_SCHEMA, batches, kept)


def item_factors_key(als_item_factors: Relation) -> str | None:
    """The fingerprint of the item factors of the fold live."""
    return fingerprint(als_item_factors, ["item_id", "factors", "alpha", "regularization"], "fold = 'live'")


def user_factors(
    dbt: Any,
    session: Session,
    interactions: Relation,
    als_item_factors: Relation,
    history_keys: Relation,
    training_policy: Relation,
    folds: Relation,
) -> Any:
    """The rows of `als_user_factors`: one exact half-step from the item factors, equation 4 of the paper."""
    keys = made_from(history_keys, item_factors_key(als_item_factors))
    kept = keep_rows(dbt, session, training_policy, keys, USER_SCHEMA, "fold = 'live'")
    batches = []
    for fold in read_folds(folds):
        items, vectors = read_factors(als_item_factors, "item_id", fold)
        alpha, regularization = read_als_settings(als_item_factors, fold)
        users, _, weights = read_weights(without(interactions, kept), fold, items)
        # A person who likes nothing (everything returned, for example) has the vector 0, which ranks all items alike.
        likes_something = np.diff((weights > 0).indptr) > 0
        if not likes_something.all():
            users, weights = users.filter(pa.array(likes_something)), weights[likes_something]
        if len(users) == 0:
            continue
        matrix = to_confidences(weights, alpha)
        user_vectors = solve_user_factors(matrix, vectors, regularization)
        columns = [pa.repeat(fold, len(users)), users, vector_column(user_vectors), read_keys(keys, users, fold)]
        batches.append(pa.record_batch(columns, schema=USER_SCHEMA))
    return write_table(session, USER_SCHEMA, batches, kept)


def list_items(
    fold: str,
    users: Any,
    keys: Any,
    items: Any,
    user_vectors: np.ndarray,
    item_vectors: np.ndarray,
    excluded: Csr,
    n: int,
) -> pa.RecordBatch:
    """`best_items` of a block of users, with their made_from (keys), as a pyarrow.RecordBatch of CANDIDATES_SCHEMA."""
    users_at, items_at, ranks, scores = best_items(user_vectors, item_vectors, excluded, n)
    people = pa.array(users_at)
    columns = [users.take(people), items.take(pa.array(items_at)), pa.array(ranks), pa.array(scores), keys.take(people)]
    names = [pa.repeat(pa.scalar(name), len(scores)) for name in (fold, GENERATOR.name)]
    return pa.record_batch([*names, *columns], schema=CANDIDATES_SCHEMA)


def list_items_on_all_nodes(
    session: Session,
    packages: Sequence[str],
    als_user_factors: Relation,
    als_item_factors: Relation,
    interactions: Relation,
    item_features: Relation,
    n: int,
) -> Relation:
    """The lists as a Snowpark data frame: a table function makes them in partitions of whole users.

    Its rows are one per user with a vector and one per excluded pair; the items' vectors travel as a staged file.
    """
    shown = item_features.filter("is_recommendable")
    items = als_item_factors.join(shown, ["fold", "item_id"], "leftsemi")
    path = stage_table(session, read_table(items, ["fold", "item_id", "factors"]), "items.arrow")

    def list_partition(rows: Any) -> Any:
        fold, has_vector = rows["fold"].iloc[0], rows["factors"].notna()
        people = frame_to_table(
            rows[has_vector][["user_id", "factors", "made_from"]],
            {"user_id": pa.string(), "factors": pa.list_(pa.float32()), "made_from": pa.string()},
        )
        users, user_vectors = unpack_factors(people, "user_id")
        items = read_staged_table("items.arrow")
        items, item_vectors = unpack_factors(items.filter(pc.equal(items["fold"], fold)), "item_id")
        if len(users) == 0 or len(items) == 0:
            return CANDIDATES_SCHEMA.empty_table().to_pandas()
        excluded = to_pairs(
            frame_to_table(rows[~has_vector][["user_id", "item_id"]], {"user_id": pa.string(), "item_id": pa.string()}),
            users,
            items,
        )
        keys = keys_of(people, users)
        return list_items(fold, users, keys, items, user_vectors, item_vectors, excluded, n).to_pandas()

    vectors = als_user_factors.select_expr(
        "fold", "user_id", "to_json(factors) as factors", "made_from", "cast(null as varchar) as item_id"
    )
    nothing = "cast(null as varchar)"
    pairs = interactions.filter("is_excluded").select_expr("fold", "user_id", nothing, nothing, "item_id")
    n_buckets = 1 + vectors.count() // USERS_PER_PARTITION
    rows = vectors.union_all(pairs).select_expr("*", f"mod(abs(hash(user_id)), {n_buckets}) as bucket")
    columns = ["fold", "user_id", "factors", "made_from", "item_id"]
    lists = register_table_function(session, list_partition, columns, CANDIDATES_SCHEMA, path, packages)
    return rows.select(lists(*columns).over(partition_by=["fold", "bucket"]))


def candidates(
    dbt: Any,
    session: Session,
    als_user_factors: Relation,
    als_item_factors: Relation,
    interactions: Relation,
    item_features: Relation,
    training_policy: Relation,
    folds: Relation,
    n_candidates: int,
    packages: Sequence[str],
) -> Any:
    """The rows of `als_candidates`: for each person with user factors the n_candidates items of highest score.

    Memory grows with the people in a block and with the excluded pairs, not with people x items. On Snowflake a table
    function spreads the blocks over the warehouse's nodes.
    """
    keys = als_user_factors.filter("fold = 'live'")
    kept = keep_rows(dbt, session, training_policy, keys, CANDIDATES_SCHEMA, "fold = 'live'", item_features)
    als_user_factors, interactions = without(als_user_factors, kept), without(interactions, kept)
    if is_snowflake(session):
        lists = list_items_on_all_nodes(
            session, packages, als_user_factors, als_item_factors, interactions, item_features, n_candidates
        )
        return lists if kept is None else project(lists.union_all(kept), *CANDIDATES_SCHEMA.names)

    def prepare(fold: str) -> tuple[Any, ...]:
        """Everything is read before the first row is written: DuckDB streams the result over the same connection."""
        items, item_vectors = read_factors(als_item_factors, "item_id", fold)
        # Factors of an earlier training may be of items that are in no catalogue any more.
        shown = read_table(item_features, ["item_id"], f"fold = '{fold}' and is_recommendable")["item_id"]
        is_kept = pc.is_in(items, value_set=shown.combine_chunks()).to_numpy(zero_copy_only=False)
        items, item_vectors = items.filter(pa.array(is_kept)), item_vectors[is_kept]
        people = read_table(als_user_factors, ["user_id", "factors", "made_from"], f"fold = '{fold}'")
        users, user_vectors = unpack_factors(people, "user_id")
        keys = keys_of(people, users)
        excluded = read_pairs(interactions, users, items, f"fold = '{fold}' and is_excluded")
        return fold, users, keys, items, user_vectors, item_vectors, excluded

    prepared = [prepare(fold) for fold in read_folds(folds)]

    def batches() -> Iterator[pa.RecordBatch]:
        for fold, users, keys, items, user_vectors, item_vectors, excluded in prepared:
            for start in range(0, len(users) if len(items) else 0, USERS_PER_BLOCK):
                block = slice(start, start + USERS_PER_BLOCK)
                if start > 0:
                    report_progress(f"als_candidates: {fold}, {start:,} of {len(users):,} people have their lists")
                yield list_items(
                    *(fold, users[block], keys[block], items, user_vectors[block], item_vectors, excluded[block]),
                    n_candidates,
                )

    return write_table(session, CANDIDATES_SCHEMA, batches(), kept)
