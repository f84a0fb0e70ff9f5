"""Item factors of implicit-feedback alternating least squares (ALS), trained once per fold, or kept for the fold live.

Grain: one row per (fold, item_id).
Columns: fold, item_id, factors: a list of `factors` 32-bit floats; alpha, regularization: what the fold was trained
with, the same in all its rows, so that whoever has this table can make a person's vector.
Errors: ValueError where a hyper-parameter isn't wired. A fold without interactions has no rows.

Where training_policy says that no training is due, the rows of the fold live are those of the build before. A training
that was due by the policy (kindred__training is when_due) starts from them and needs fewer iterations.

Method: Y. Hu, Y. Koren, C. Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, as solved by
implicit's conjugate gradients. The preference is 1 where an interaction's weight is positive, else 0; its confidence
is 1 + alpha * |weight|; a pair that never met has preference 0 and confidence 1.
"""

import time

import numpy as np
import pyarrow as pa

SCHEMA = pa.schema(
    [("fold", pa.string()), ("item_id", pa.string()), ("factors", pa.list_(pa.float32()))]
    + [("alpha", pa.float64()), ("regularization", pa.float64())]
)
SECONDS_BETWEEN_REPORTS = 5


def iteration_reporter(fold, shape, iterations, report):
    """A callback for ALS that reports every few seconds, so that a short training is silent."""
    started = reported = time.monotonic()

    def on_iteration(iteration, seconds, loss):
        nonlocal reported
        now = time.monotonic()
        if now - reported >= SECONDS_BETWEEN_REPORTS:
            reported = now
            report(
                f"als_item_factors: {fold}, {shape[0]:,} people x {shape[1]:,} items, "
                f"iteration {iteration + 1} of {iterations} after {now - started:.0f} s"
            )

    return on_iteration


def warm_start(earlier, items, factors):
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


def model(dbt, session):
    given = dbt.config.meta_get("als")
    interactions = dbt.ref("interactions")
    tuning_trials = dbt.ref("tuning_trials")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    chosen = choose_settings("als", given, tuning_trials, folds)
    earlier, is_due = read_earlier_model(dbt, session, training_policy, SCHEMA)

    batches, kept = [], None
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
        vectors = train_item_factors(
            to_confidences(weights, settings["alpha"]),
            settings["factors"],
            iterations,
            settings["regularization"],
            on_iteration,
            start,
        )
        constants = [pa.repeat(float(settings[name]), len(items)) for name in ("alpha", "regularization")]
        columns = [pa.repeat(fold, len(items)), items, vector_column(vectors), *constants]
        batches.append(pa.record_batch(columns, schema=SCHEMA))
    return write_table(session, SCHEMA, batches, kept)
