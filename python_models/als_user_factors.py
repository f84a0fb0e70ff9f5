"""User factors: one exact ALS half-step from the item factors, for everybody with history in a fold.

Grain: one row per (fold, user_id).
Columns: fold, user_id, factors: a list of 32-bit floats, as long as an item's.
Errors: ValueError where a hyper-parameter isn't wired. A fold without item factors has no rows.

Method: equation 4 of Hu, Koren, Volinsky (ICDM 2008), solved exactly by implicit's Cholesky solver. The step needs the
items' vectors alone, so whoever came after the training gets a vector in the same way.
"""

import numpy as np
import pyarrow as pa

SCHEMA = pa.schema([("fold", pa.string()), ("user_id", pa.string()), ("factors", pa.list_(pa.float32()))])
USERS_PER_BLOCK = 20_000


def solve_user_factors(matrix, item_factors, regularization):
    """User factors, (n_users, factors) of float32, for a CSR matrix of signed confidences (users x items)."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        als = AlternatingLeastSquares(factors=item_factors.shape[1], regularization=regularization)
        als.item_factors = item_factors
        return als.recalculate_user(np.arange(matrix.shape[0]), matrix)


def model(dbt, session):
    regularization = dbt.config.meta_get("regularization")
    alpha = dbt.config.meta_get("alpha")
    if None in (regularization, alpha):
        raise ValueError("als_user_factors: config: meta: needs regularization and alpha")
    interactions = dbt.ref("interactions")
    item_factors = dbt.ref("als_item_factors")
    folds = dbt.ref("folds")

    batches = []
    for fold in read_folds(folds):
        items, vectors = read_factors(item_factors, "item_id", fold)
        users, matrix_items, matrix = read_confidences(interactions, fold, alpha)
        if not items.equals(matrix_items):
            raise ValueError(
                f"als_user_factors: als_item_factors was trained on other items in fold {fold}: rebuild it"
            )
        for start in range(0, len(users), USERS_PER_BLOCK):
            block = users[start : start + USERS_PER_BLOCK]
            user_vectors = solve_user_factors(matrix[start : start + USERS_PER_BLOCK], vectors, regularization)
            batches.append(
                pa.record_batch(
                    [pa.repeat(pa.scalar(fold), len(block)), block, vector_column(user_vectors)], schema=SCHEMA
                )
            )
    return write_table(session, SCHEMA, batches)
