"""The pool from which each person's list is made: the best of what all generators propose, in the ranker's order."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.matrices import run_on_all_cores
from kindred.ranking.features import (
    RankerTables,
    Rows,
    generator_ranks,
    ranker_feature_names,
    ranker_features,
    read_candidates,
)
from kindred.warehouse import Relation, Session, read_folds, read_table, report_progress, write_table

SCHEMA = pa.schema(
    [
        ("fold", pa.string()),
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
        ("generator", pa.string()),
    ]
)
PEOPLE_PER_PART = 500


def newest_ranker(rankers: Relation, as_of: datetime.datetime) -> Any:
    """LightGBM's booster, or None for the fixed blend."""
    import lightgbm

    rows = read_table(rankers, ["as_of", "kind", "model"]).to_pylist()
    usable = [row for row in rows if row["as_of"] <= as_of]
    newest = max(usable, key=lambda row: row["as_of"], default={"kind": "fixed"})
    return lightgbm.Booster(model_str=newest["model"]) if newest["kind"] == "learned" else None


def split_rows(rows: Rows) -> list[Rows]:
    """The arrays of `read_candidates` in parts of a few people: the features of 5,000 don't fit a processor's cache."""
    users = rows[0]
    starts = np.flatnonzero(np.diff(users // PEOPLE_PER_PART, prepend=-1))
    edges = [*starts, len(users)]
    users, items, generators, scores, ranks = rows
    return [
        (users[start:end], items[start:end], generators[start:end], scores[start:end], ranks[start:end])
        for start, end in pairwise(edges)
    ]


def best_of_block(
    users: np.ndarray, items: np.ndarray, scores: np.ndarray, leads: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The n rows of highest score of each person, of equals the first: users, items, ranks, scores, leads."""
    order = np.lexsort((-scores, users))
    users, items, scores, leads = users[order], items[order], scores[order], leads[order]
    ranks = np.arange(len(users)) - np.searchsorted(users, users) + 1
    is_kept = ranks <= n
    return users[is_kept], items[is_kept], ranks[is_kept], scores[is_kept], leads[is_kept]


def scored_candidates(
    session: Session,
    pool_size: int,
    candidates: Relation,
    item_features: Relation,
    user_features: Relation,
    generators: Relation,
    rankers: Relation,
    folds: Relation,
) -> Any:
    """The rows of `scored_candidates`, pool_size per person and fold at most."""
    moments = read_table(folds, ["fold", "as_of"]).to_pylist()
    booster = newest_ranker(rankers, moments[0]["as_of"]) if moments else None

    def score(fold: str) -> tuple[str, RankerTables, list[Any]]:
        """All lists of a fold, small and complete: DuckDB can't be asked again while it takes in the result."""
        tables = RankerTables(generators, item_features, user_features, fold)
        # A ranker that learned from other generators knows nothing of these.
        is_learned = booster is not None and booster.feature_name() == ranker_feature_names(tables)

        def score_part(rows: Rows) -> tuple[np.ndarray, ...]:
            users, items, features, votes = ranker_features(tables, *rows)
            totals = votes.sum(axis=1)
            if is_learned and booster is not None:
                totals = 1 / (1 + np.exp(-booster.predict(features, num_threads=1)))
            # weight / rank falls faster than a vote: the item is said to come from the generator that has it near the
            # top.
            leads = np.nan_to_num(tables.weights / generator_ranks(tables, features)).argmax(axis=1).astype(np.int8)
            users, items, ranks, scores, leads = best_of_block(users, items, totals, leads, pool_size)
            return users.astype(np.int32), items.astype(np.int32), ranks, scores, leads

        parts = []
        for block in tables.blocks():
            parts += run_on_all_cores(score_part, split_rows(read_candidates(candidates, tables, fold, block)))
            if block.start > 0:
                report_progress(
                    f"scored_candidates: {fold}, {block.start:,} of {len(tables.users):,} people are scored"
                )
        return fold, tables, parts

    scored = [score(fold) for fold in read_folds(folds)]

    def batches() -> Iterator[pa.RecordBatch]:
        for fold, tables, parts in scored:
            for users, items, ranks, scores, leads in parts:
                ids = [tables.users.take(pa.array(users)), tables.items.take(pa.array(items))]
                columns = [pa.array(ranks, pa.int64()), pa.array(scores), tables.generators.take(pa.array(leads))]
                yield pa.record_batch([pa.repeat(pa.scalar(fold), len(users)), *ids, *columns], schema=SCHEMA)

    return write_table(session, SCHEMA, batches())
