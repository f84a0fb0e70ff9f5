"""The search for better settings of the generators on the fold `tuning`, within a budget of minutes.

Grain: one row per (as_of, generator, trial). A build without a budget (kindred__tune_minutes is 0) adds none. Builds
of this moment and later ones use each generator's best trial.
Columns: as_of, run_id, generator, trial: from 0, which has the defaults, settings: JSON, ndcg: mean ndcg@20 of the
generator's own lists over the judged people, standard_error, n_people, seconds.
Errors: ValueError where there is a budget but the fold `tuning` isn't built.

Method: one line of the grid after the other, each from the best point so far, until nothing gets better or the time is
up.
"""

import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema(
    [
        ("as_of", pa.timestamp("us")),
        ("run_id", pa.string()),
        ("generator", pa.string()),
        ("trial", pa.int64()),
        ("settings", pa.string()),
        ("ndcg", pa.float64()),
        ("standard_error", pa.float64()),
        ("n_people", pa.int64()),
        ("seconds", pa.float64()),
    ]
)
GRID = {
    "neighbors": {
        "target_exponent": [0.2, 0.3, 0.4, 0.5],
        "decay": [1.0, 0.9, 0.8, 0.65],
        "n_neighbors": [50, 100, 200, 400],
        "source_exponent": [0.4, 0.5, 0.6, 0.75],
        "user_exponent": [0.25, 0.5, 0.75, 1.0],
        "n_steps": [10, 30, 100, 500],
    },
    "sessions": {
        "n_items": [20, 50, 200],
        "decay": [1.0, 0.9, 0.75, 0.5],
        "n_steps": [5, 20, 100],
        "source_exponent": [0.2, 0.4, 0.7],
        "target_exponent": [0.0, 0.2, 0.4],
        "memory_decay": [0.8, 0.95, 1.0],
        "n_sessions": [50, 150, 400],
    },
    "sequence": {"decay": [0.4, 0.55, 0.7, 0.85], "target_exponent": [0.0, 0.15, 0.3, 0.5], "n_steps": [3, 10, 30]},
    "slim": {
        "target_exponent": [0.35, 0.5, 0.6, 0.75],
        "source_exponent": [0.0, 0.15, 0.3, 0.45],
        "decay": [1.0, 0.9, 0.8, 0.65],
        "n_steps": [10, 30, 100, 500],
        "user_exponent": [0.25, 0.5, 0.75, 1.0],
        "ridge": [3.0, 10.0, 30.0],
        "n_neighbors": [50, 100, 200],
    },
    "content": {"decay": [0.6, 0.8, 0.9, 1.0], "n_steps": [5, 20, 100]},
    # More factors are most of what there is to gain, where training ends before it knows them by heart; alpha (here
    # multiples of it) begins at what fits the density.
    "als": {
        "factors": [256, 512, 1024, 128, 64, 32],
        "alpha": [0.1, 0.3, 1.0, 3.0],
        "iterations": [15, 8, 5, 3],
        "regularization": [3.0, 10.0, 30.0, 100.0, 200.0],
    },
}
# What a trial of ALS costs more than one of the others, it gets more of the time.
SHARES = {"neighbors": 0.15, "sessions": 0.15, "slim": 0.15, "sequence": 0.1, "content": 0.05, "als": 0.4}
MAX_PEOPLE = 5_000
LENGTH = 20


def search(grid, start, try_settings, seconds):
    """Coordinate descent from `start`; returns the trials as (settings, ndcgs, seconds), in order.

    try_settings: settings -> array of ndcg, one per person.
    """
    trials, tried, deadline = [], {}, time.monotonic() + seconds

    def score(settings):
        key = json.dumps(settings, sort_keys=True)
        if key not in tried:
            began = time.monotonic()
            ndcgs = try_settings(settings)
            tried[key] = ndcgs.mean()
            trials.append((dict(settings), ndcgs, time.monotonic() - began))
        return tried[key]

    best, best_score = dict(start), score(start)
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
    """The fold `tuning` in memory, and how each generator's settings are tried on it."""

    def __init__(self, interactions, targets, item_content_neighbors, n_neighbors):
        self.users, self.items, self.history, self.steps = read_history(interactions, "tuning")
        wanted = read_pairs(targets, self.users, self.items, "fold = 'tuning'")
        people = np.flatnonzero(np.diff(wanted.indptr))
        self.people = np.sort(np.random.default_rng(0).permutation(people)[:MAX_PEOPLE])
        self.wanted = wanted[self.people]
        excluded = read_pairs(interactions, self.users, self.items, "fold = 'tuning' and is_excluded")
        self.excluded = excluded[self.people]
        self.content = read_neighbors(item_content_neighbors, "tuning", self.items)
        self.n_neighbors = n_neighbors
        self.met_users, self.met_items, self.weights = read_weights(interactions, "tuning")
        self.moments = newest_moments(interactions, self.users, "tuning")
        self.made = (None, None)
        self.solved = (None, None)

    def try_settings(self, generator, settings):
        if generator == "als":
            lists = self.lists_of_als(settings)
        elif generator == "sessions":
            neighbors = SessionNeighbors(self.history, self.steps, self.moments, settings)
            lists = neighbors.best(self.people, self.excluded, LENGTH)
        else:
            lists = self.lists_of_neighbors(generator, settings)
        people, items, ranks, _ = lists
        return ndcg_of_lists(people, items, ranks, self.wanted, LENGTH)

    def lists_of_neighbors(self, generator, settings):
        # Settings of the history alone need no new neighbours.
        key = (generator, *(value for name, value in settings.items() if name not in ("decay", "n_steps")))
        if self.made[0] != key:
            self.made = (key, self.neighbors(generator, settings))
        profile = profiles(self.history, self.steps, settings["decay"], settings["n_steps"])[self.people]
        return best_neighbors(profile, self.made[1], self.excluded, LENGTH)

    def neighbors(self, generator, settings):
        if generator == "content":
            return self.content
        if generator == "sequence":
            return transitions(self.history, self.steps, settings["target_exponent"], self.n_neighbors)
        if generator == "slim":
            # The exponents of items scale what is solved once.
            key = [settings["user_exponent"], settings["ridge"], int(settings["n_neighbors"])]
            if self.solved[0] != key:
                self.solved = (key, item_regressions(self.history, *key))
            exponents = [settings[name] for name in ("source_exponent", "target_exponent")]
            return scale_regressions(self.solved[1], self.history, *exponents, key[2])
        exponents = [settings[name] for name in ("user_exponent", "source_exponent", "target_exponent")]
        return collaborative_neighbors(self.history, *exponents, int(settings["n_neighbors"]))

    def lists_of_als(self, settings):
        matrix = to_confidences(self.weights, settings["alpha"])
        vectors = train_item_factors(matrix, settings["factors"], settings["iterations"], settings["regularization"])
        rows = pc.index_in(self.users.take(pa.array(self.people)), value_set=self.met_users).to_numpy()
        user_vectors = solve_user_factors(matrix[rows], vectors, settings["regularization"])
        # The matrix knows items that nobody likes too; lists are compared among those that somebody does.
        liked = pc.index_in(self.items, value_set=self.met_items).to_numpy()
        return best_items(user_vectors, np.ascontiguousarray(vectors[liked]), self.excluded, LENGTH)

    def start_and_grid(self, generator, given):
        """Where the search begins, and its lines: settings that were given stay as they are."""
        start, grid = dict(DEFAULT_SETTINGS[generator]), dict(GRID[generator])
        start |= {name: value for name, value in given.items() if value != "auto"}
        if start.get("n_neighbors") == "auto":
            start["n_neighbors"] = self.n_neighbors
        if generator == "sessions":
            start = fill_session_settings(start, self.history)
        if generator == "als":
            alpha = fill_als_settings(start | {"alpha": "auto"}, self.weights)["alpha"]
            grid["alpha"] = [alpha * factor for factor in grid["alpha"]]
            grid["factors"] = [factors for factors in grid["factors"] if 4 * factors <= len(self.met_items)]
            start = fill_als_settings(start, self.weights)
        return start, {name: values for name, values in grid.items() if given.get(name, "auto") == "auto"}


def model(dbt, session):
    minutes = dbt.config.meta_get("minutes")
    run_id = dbt.config.meta_get("run_id")
    n_neighbors = dbt.config.meta_get("n_neighbors")
    given_als = dbt.config.meta_get("als")
    given_neighbors = dbt.config.meta_get("neighbors")
    given_sequence = dbt.config.meta_get("sequence")
    given_sessions = dbt.config.meta_get("sessions")
    given_slim = dbt.config.meta_get("slim")
    given_content = dbt.config.meta_get("content")
    interactions = dbt.ref("interactions")
    targets = dbt.ref("targets")
    item_content_neighbors = dbt.ref("item_content_neighbors")
    folds = dbt.ref("folds")
    given = {"neighbors": given_neighbors, "sessions": given_sessions, "sequence": given_sequence}
    given |= {"slim": given_slim, "content": given_content, "als": given_als}

    if not minutes:
        return write_table(session, SCHEMA, [])
    if "tuning" not in read_folds(folds):
        raise ValueError("tuning_trials: kindred__tune_minutes needs the fold tuning: put it into kindred__folds")
    as_of = read_table(folds, ["as_of"], "fold = 'tuning'")["as_of"][0].as_py()
    fold = TuningFold(interactions, targets, item_content_neighbors, n_neighbors)
    if len(fold.people) == 0:
        report_progress("tuning_trials: nobody with a history chose anything in fold tuning: the defaults stay")
        return write_table(session, SCHEMA, [])
    rows = []
    for generator, share in SHARES.items():
        start, grid = fold.start_and_grid(generator, given[generator])

        def try_settings(settings, generator=generator):
            ndcgs = fold.try_settings(generator, settings)
            report_progress(f"tuning_trials: {generator}, ndcg@{LENGTH} {ndcgs.mean():.4f}, {json.dumps(settings)}")
            return ndcgs

        for trial, (settings, ndcgs, seconds) in enumerate(search(grid, start, try_settings, 60 * minutes * share)):
            error = float(ndcgs.std(ddof=1) / np.sqrt(len(ndcgs))) if len(ndcgs) > 1 else None
            row = [
                as_of,
                run_id,
                generator,
                trial,
                json.dumps(settings),
                float(ndcgs.mean()),
                error,
                len(ndcgs),
                seconds,
            ]
            rows.append(dict(zip(SCHEMA.names, row, strict=True)))
    return write_table(session, SCHEMA, pa.Table.from_pylist(rows, schema=SCHEMA).to_batches())
