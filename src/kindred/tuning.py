"""The search for better settings of the generators on the fold `tuning`, within a budget of minutes.

Method: coordinate descent. One line of a generator's grid after the other, each from the best point so far, until
nothing gets better or the time is up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.generators import Generator, given_settings, neighbors_kept, registry
from kindred.histories import read_history
from kindred.matrices import Csr, are_in, read_pairs, read_weights
from kindred.warehouse import Relation, Session, read_folds, read_table, report_progress, write_table

SCHEMA = pa.schema(
    [("as_of", pa.timestamp("us")), ("run_id", pa.string()), ("generator", pa.string()), ("trial", pa.int64())]
    + [("settings", pa.string()), ("ndcg", pa.float64()), ("standard_error", pa.float64()), ("n_people", pa.int64())]
    + [("seconds", pa.float64())]
)
MAX_PEOPLE = 5_000
LENGTH = 20

Trial = tuple[dict[str, Any], np.ndarray, float]


def search(
    grid: Mapping[str, list[float]],
    start: Mapping[str, Any],
    try_settings: Callable[[dict[str, Any]], np.ndarray],
    seconds: float,
) -> list[Trial]:
    """Coordinate descent from `start`; returns the trials as (settings, ndcgs, seconds), in order.

    try_settings: settings -> array of ndcg, one per person.
    """
    trials: list[Trial] = []
    tried: dict[str, float] = {}
    deadline = time.monotonic() + seconds

    def score(settings: dict[str, Any]) -> float:
        key = json.dumps(settings, sort_keys=True)
        if key not in tried:
            began = time.monotonic()
            ndcgs = try_settings(settings)
            tried[key] = float(ndcgs.mean())
            trials.append((dict(settings), ndcgs, time.monotonic() - began))
        return tried[key]

    best, best_score = dict(start), score(dict(start))
    is_better = True
    while is_better:
        is_better = False
        for name, values in grid.items():
            for value in values:
                if time.monotonic() >= deadline:
                    return trials
                settings = best | {name: value}
                if score(settings) > best_score:
                    best, best_score, is_better = settings, score(settings), True
    return trials


class TuningFold:
    """The fold `tuning` in memory: what the generators' trials read.

    people: places of the people whose lists are evaluated; excluded, wanted: CSR with a row for each of them, what
    their history excludes and what they chose afterwards. weights, met_users, met_items: see `read_weights`.
    """

    length = LENGTH

    def __init__(
        self, interactions: Relation, targets: Relation, item_content_neighbors: Relation, n_neighbors: int
    ) -> None:
        self.history = read_history(interactions, "tuning")
        users, items = self.history.users, self.history.items
        wanted = read_pairs(targets, users, items, "fold = 'tuning'")
        people = np.flatnonzero(np.diff(wanted.indptr))
        self.people = np.sort(np.random.default_rng(0).permutation(people)[:MAX_PEOPLE])
        self.wanted = wanted[self.people]
        self.excluded = read_pairs(interactions, users, items, "fold = 'tuning' and is_excluded")[self.people]
        self.item_content_neighbors = item_content_neighbors
        self.n_neighbors = n_neighbors
        self.met_users, self.met_items, self.weights = read_weights(interactions, "tuning")
        self.remembered: dict[str, tuple[Any, Csr]] = {}

    def remember(self, kind: str, key: Any, make: Callable[[], Csr]) -> Csr:
        """What was made last of a kind, where it was made with the same key; else it is made."""
        if kind not in self.remembered or self.remembered[kind][0] != key:
            self.remembered[kind] = (key, make())
        return self.remembered[kind][1]

    def ndcgs(self, generator: Generator, settings: Mapping[str, Any]) -> np.ndarray:
        """ndcg@20 of each person's list under these settings."""
        people, items, ranks, _ = generator.trial(self, settings)
        return ndcg_of_lists(people, items, ranks, self.wanted, LENGTH)

    def start_and_grid(
        self, generator: Generator, given: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, list[float]]]:
        """Where the search begins, and its lines: settings that were given stay as they are."""
        own = {name: value for name, value in given_settings(generator, given).items() if value != "auto"}
        start = generator.defaults() | own
        if start.get("n_neighbors") == "auto":
            start["n_neighbors"] = self.n_neighbors
        fitting = generator.resolve(
            start | {"alpha": "auto"} if "alpha" in start else start, self.history, self.weights
        )
        grid = generator.grid(fitting, len(self.met_items))
        start = generator.resolve(start, self.history, self.weights)
        return start, {name: values for name, values in grid.items() if name not in own}


def tuning_trials(
    session: Session,
    minutes: float,
    run_id: str,
    given: Mapping[str, Any],
    interactions: Relation,
    targets: Relation,
    item_content_neighbors: Relation,
    folds: Relation,
) -> Any:
    """The rows that this build adds to `tuning_trials`; none without a budget.

    given: the variable kindred__generators. Errors: ValueError where there is a budget but no fold `tuning`.
    """
    if not minutes:
        return write_table(session, SCHEMA, [])
    if "tuning" not in read_folds(folds):
        raise ValueError("tuning_trials: kindred__tune_minutes needs the fold tuning: add it to kindred__folds")
    as_of = read_table(folds, ["as_of"], "fold = 'tuning'")["as_of"][0].as_py()
    fold = TuningFold(interactions, targets, item_content_neighbors, neighbors_kept({}, given))
    if len(fold.people) == 0:
        report_progress("tuning_trials: nobody with a history chose anything in fold tuning: the defaults stay")
        return write_table(session, SCHEMA, [])
    rows = []
    searched = [generator for generator in registry().values() if generator.search_share]
    total_share = sum(generator.search_share for generator in searched)
    for generator in searched:
        start, grid = fold.start_and_grid(generator, given)

        def try_settings(settings: dict[str, Any], generator: Generator = generator) -> np.ndarray:
            ndcgs = fold.ndcgs(generator, settings)
            report_progress(
                f"tuning_trials: {generator.name}, ndcg@{LENGTH} {ndcgs.mean():.4f}, {json.dumps(settings)}"
            )
            return ndcgs

        budget = 60 * minutes * generator.search_share / total_share
        for trial, (settings, ndcgs, seconds) in enumerate(search(grid, start, try_settings, budget)):
            error = float(ndcgs.std(ddof=1) / np.sqrt(len(ndcgs))) if len(ndcgs) > 1 else None
            row = [as_of, run_id, generator.name, trial, json.dumps(settings)]
            row += [float(ndcgs.mean()), error, len(ndcgs), seconds]
            rows.append(dict(zip(SCHEMA.names, row, strict=True)))
    return write_table(session, SCHEMA, pa.Table.from_pylist(rows, schema=SCHEMA).to_batches())


def ndcg_of_lists(people: np.ndarray, items: np.ndarray, ranks: np.ndarray, wanted: Csr, k: int = 20) -> np.ndarray:
    """ndcg@k of each person, binary relevance; array of the rows of `wanted`.

    people, items, ranks: the lists, ranks from 1. wanted: CSR matrix of people x items, nonzero = a target.
    """
    is_hit = are_in(wanted, people, items) & (ranks <= k)
    gains = np.bincount(people[is_hit], 1 / np.log2(ranks[is_hit] + 1), minlength=wanted.shape[0])
    ideals = np.cumsum(1 / np.log2(np.arange(k) + 2))
    return gains / ideals[np.minimum(np.maximum(np.diff(wanted.indptr), 1), k) - 1]
