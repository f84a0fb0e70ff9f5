"""Item factors of implicit-feedback alternating least squares (ALS), trained once per fold.

Grain: one row per (fold, item_id).
Columns: fold, item_id, factors: a list of `factors` 32-bit floats.
Errors: ValueError where a hyper-parameter isn't wired. A fold without interactions has no rows.

Method: Y. Hu, Y. Koren, C. Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, as solved by
implicit's conjugate gradients. The preference is 1 where an interaction's weight is positive, else 0; its confidence is
1 + alpha * |weight|; a pair that never met has preference 0 and confidence 1.
"""

import time

import pyarrow as pa

SCHEMA = pa.schema([("fold", pa.string()), ("item_id", pa.string()), ("factors", pa.list_(pa.float32()))])
SECONDS_BETWEEN_REPORTS = 5


def train_item_factors(matrix, factors, iterations, regularization, on_iteration=None):
    """Item factors, (n_items, factors) of float32, of a CSR matrix of signed confidences (users x items)."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    # implicit runs its own threads; a BLAS that does the same fights with them.
    with threadpool_limits(limits=1, user_api="blas"):
        als = AlternatingLeastSquares(
            factors=factors, iterations=iterations, regularization=regularization, random_state=0
        )
        als.fit(matrix, show_progress=False, callback=on_iteration)
    return als.item_factors


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


def model(dbt, session):
    factors = dbt.config.meta_get("factors")
    iterations = dbt.config.meta_get("iterations")
    regularization = dbt.config.meta_get("regularization")
    alpha = dbt.config.meta_get("alpha")
    if None in (factors, iterations, regularization, alpha):
        raise ValueError("als_item_factors: config: meta: needs factors, iterations, regularization and alpha")
    interactions = dbt.ref("interactions")
    folds = dbt.ref("folds")

    batches = []
    for fold in read_folds(folds):
        users, items, matrix = read_confidences(interactions, fold, alpha)
        if matrix.nnz == 0:
            continue
        on_iteration = iteration_reporter(fold, matrix.shape, iterations, report_progress)
        vectors = train_item_factors(matrix, factors, iterations, regularization, on_iteration)
        batches.append(
            pa.record_batch([pa.repeat(pa.scalar(fold), len(items)), items, vector_column(vectors)], schema=SCHEMA)
        )
    return write_table(session, SCHEMA, batches)
