"""The tables of ALS: item factors, user factors and candidates, as the dbt models of these names return them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kindred.content_factors import (
    FROM_CONTENT,
    LEARNED,
    compared_people,
    complete,
    completed_rows,
    new_item_rows,
)
from kindred.generators.als import (
    GENERATOR,
    best_items,
    fill_als_settings,
    solve_user_factors,
    train_item_factors,
)
from kindred.generators.base import CANDIDATES_SCHEMA, Lists
from kindred.generators.content import Catalogue
from kindred.generators.lists import Lister, People, rows_in_blocks, rows_on_nodes
from kindred.matrices import (
    encode_ids,
    read_factors,
    read_pairs,
    read_weights,
    to_confidences,
    unpack_factors,
    vector_column,
)
from kindred.state import fingerprint, keep_rows, keys_of, made_from, read_earlier_model, read_keys, without
from kindred.warehouse import (
    Relation,
    Session,
    is_snowflake,
    project,
    read_folds,
    read_table,
    report_progress,
    write_table,
)

ITEM_SCHEMA = pa.schema(
    [("fold", pa.string()), ("item_id", pa.string()), ("factors", pa.list_(pa.float32()))]
    + [("alpha", pa.float64()), ("regularization", pa.float64())]
    + [("content_share", pa.float64()), ("content_length", pa.float64())]
)
USER_SCHEMA = pa.schema(
    [("fold", pa.string()), ("user_id", pa.string()), ("factors", pa.list_(pa.float32())), ("made_from", pa.string())]
)
SECONDS_BETWEEN_REPORTS = 5
USERS_PER_BLOCK = 50_000


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
    items: Relation,
    item_features: Relation,
    training_policy: Relation,
    folds: Relation,
    chosen: Mapping[str, Any],
) -> Any:
    """The rows of `als_item_factors`; chosen: the generator's settings."""
    earlier, is_due = read_earlier_model(dbt, session, training_policy, ITEM_SCHEMA)
    catalogue = Catalogue(items, item_features)
    batches: list[pa.RecordBatch] = []
    kept = None
    for fold in read_folds(folds):
        if fold == "live" and not is_due:
            kept = earlier
            batches += new_item_rows(ITEM_SCHEMA, catalogue, earlier)
            continue
        _, ids, weights = read_weights(interactions, fold)
        if weights.nnz == 0:
            continue
        settings = fill_als_settings(chosen, weights)
        start = None
        if fold == "live" and earlier is not None:
            start = warm_start(read_table(earlier, ["item_id", "factors"]), ids, settings["factors"])
        iterations = settings["iterations"] if start is None else -(-settings["iterations"] // 3)
        on_iteration = iteration_reporter(fold, weights.shape, iterations, report_progress)
        confidences = to_confidences(weights, settings["alpha"])
        vectors = train_item_factors(
            confidences, settings["factors"], iterations, settings["regularization"], on_iteration, start
        )
        compared = compared_people(weights.shape[0])
        people = solve_user_factors(confidences[compared], vectors, settings["regularization"])
        existing, features = catalogue.features(fold)
        n_people = np.bincount(weights.indices, minlength=len(ids))
        completed = complete(features, encode_ids(ids, existing)[1], vectors, n_people, people, weights[compared])
        constants = {name: float(settings[name]) for name in ("alpha", "regularization")}
        batches += completed_rows(ITEM_SCHEMA, fold, ids, existing, completed, constants)
    return write_table(session, ITEM_SCHEMA, batches, kept)


def item_factors_key(als_item_factors: Relation, condition: str = LEARNED) -> str | None:
    """The fingerprint of item factors of the fold live, by default of those that people's vectors are made of."""
    columns = ["item_id", "factors", "alpha", "regularization"]
    return fingerprint(als_item_factors, columns, f"fold = 'live' and {condition}")


def user_factors(
    dbt: Any,
    session: Session,
    interactions: Relation,
    als_item_factors: Relation,
    history_keys: Relation,
    training_policy: Relation,
    folds: Relation,
) -> Any:
    """The rows of `als_user_factors`: one exact half-step from the item factors, equation 4 of the paper.

    Items whose vectors are made of content alone have no part in it, so that people keep their vectors where a new item
    comes between two trainings.
    """
    keys = made_from(history_keys, item_factors_key(als_item_factors))
    kept = keep_rows(dbt, session, training_policy, keys, USER_SCHEMA, "fold = 'live'")
    batches = []
    for fold in read_folds(folds):
        items, vectors = read_factors(als_item_factors.filter(LEARNED), "item_id", fold)
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


class FactorLister(Lister):
    """Lists the items whose vectors have the largest product with a person's: see `best_items`."""

    def __init__(self, fold: str, items: Any, item_vectors: np.ndarray) -> None:
        super().__init__(fold, GENERATOR.name, items)
        self.item_vectors = item_vectors

    def lists(self, people: People, n: int) -> Lists:
        assert people.vectors is not None, "lists are made of vectors"
        return best_items(people.vectors, self.item_vectors, people.excluded, n)


def als_candidates(
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
    # Lists are made again where items have come whose vectors are made of content alone.
    new_items = item_factors_key(als_item_factors, FROM_CONTENT)
    made = "made_from" if new_items is None else f"made_from || '-{new_items}' as made_from"
    als_user_factors = project(als_user_factors, "fold", "user_id", "factors", made)
    keys = als_user_factors.filter("fold = 'live'")
    kept = keep_rows(dbt, session, training_policy, keys, CANDIDATES_SCHEMA, "fold = 'live'", item_features)
    als_user_factors, interactions = without(als_user_factors, kept), without(interactions, kept)

    def lister(fold: str) -> FactorLister:
        items, item_vectors = read_factors(als_item_factors, "item_id", fold)
        # Factors of an earlier training may be of items that are in no catalogue any more.
        shown = read_table(item_features, ["item_id"], f"fold = '{fold}' and is_recommendable")["item_id"]
        is_kept = pc.is_in(items, value_set=shown.combine_chunks()).to_numpy(zero_copy_only=False)
        return FactorLister(fold, items.filter(pa.array(is_kept)), item_vectors[is_kept])

    def asking(lister: FactorLister) -> tuple[Lister, People, np.ndarray]:
        people = read_table(als_user_factors, ["user_id", "factors", "made_from"], f"fold = '{lister.fold}'")
        users, vectors = unpack_factors(people, "user_id")
        excluded = read_pairs(interactions, users, lister.items, f"fold = '{lister.fold}' and is_excluded")
        return lister, People(users, keys_of(people, users), excluded, vectors=vectors), np.arange(len(users))

    listers = [made for made in map(lister, read_folds(folds)) if len(made.items)]
    if is_snowflake(session):
        people = project(als_user_factors, "fold", "user_id", "made_from", "factors")
        in_folds = [[lister] for lister in listers]
        return rows_on_nodes(
            session, in_folds, people, interactions, [kept], n_candidates, packages, has_histories=False
        )
    # Everything is read before the first row is written: DuckDB streams the result over the same connection.
    asked = [asking(lister) for lister in listers]
    return write_table(session, CANDIDATES_SCHEMA, rows_in_blocks(asked, n_candidates, USERS_PER_BLOCK), kept)
