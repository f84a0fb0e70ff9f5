"""User factors: one exact ALS half-step from the item factors, for everybody who likes something in a fold.

Grain: one row per (fold, user_id).
Columns: fold, user_id, factors: a list of 32-bit floats, as long as an item's.
Errors: ValueError where a hyper-parameter isn't wired. A fold without item factors has no rows, nor has a person whose
history holds nothing of positive weight.

Method: equation 4 of Hu, Koren, Volinsky (ICDM 2008), solved exactly. The step needs the items' vectors alone, so
whoever came after the training gets a vector in the same way. (The vectors that implicit's own training leaves behind
are three conjugate-gradient steps towards these; for the median person of a 20-million world they are 21 % away.)
"""

import numpy as np
import pyarrow as pa

SCHEMA = pa.schema([("fold", pa.string()), ("user_id", pa.string()), ("factors", pa.list_(pa.float32()))])


def model(dbt, session):
    given = dbt.config.meta_get("als")
    interactions = dbt.ref("interactions")
    item_factors = dbt.ref("als_item_factors")
    tuning_trials = dbt.ref("tuning_trials")
    folds = dbt.ref("folds")
    chosen = choose_settings("als", given, tuning_trials, folds)

    batches = []
    for fold in read_folds(folds):
        items, vectors = read_factors(item_factors, "item_id", fold)
        users, met_items, weights = read_weights(interactions, fold)
        if not items.equals(met_items):
            raise ValueError(
                f"als_user_factors: als_item_factors was trained on other items in fold {fold}: rebuild it"
            )
        settings = fill_als_settings(chosen, weights)
        # Who likes nothing (everything returned, say) has the vector 0, which would rank all items alike.
        likes_something = np.diff((weights > 0).indptr) > 0
        if not likes_something.all():
            users, weights = users.filter(pa.array(likes_something)), weights[likes_something]
        if len(users) == 0:
            continue
        matrix = to_confidences(weights, settings["alpha"])
        user_vectors = solve_user_factors(matrix, vectors, settings["regularization"])
        batches.append(
            pa.record_batch([pa.repeat(pa.scalar(fold), len(users)), users, vector_column(user_vectors)], schema=SCHEMA)
        )
    return write_table(session, SCHEMA, batches)
