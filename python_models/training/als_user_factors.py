"""User factors: one exact ALS half-step from the item factors, for everybody who likes something in a fold.

Grain: one row per (fold, user_id).
Columns: fold, user_id, factors: a list of 32-bit floats, as long as an item's, made_from: in the fold live, what the
row is made of: the person's history_key and the item factors.
A fold without item factors has no rows, nor has a person whose history holds nothing of positive weight. Items that
came after the training are left out. Where no training is due, whoever's made_from is that of an earlier build keeps
the row of that build.

Method: equation 4 of Hu, Koren, Volinsky (ICDM 2008), solved exactly. The step needs the items' vectors alone, so
whoever came after the training gets a vector in the same way. (The vectors that implicit's own training leaves behind
are three conjugate-gradient steps towards these; for the median person of a 20-million world they are 21 % away.)
"""

import numpy as np
import pyarrow as pa

SCHEMA = pa.schema(
    [("fold", pa.string()), ("user_id", pa.string()), ("factors", pa.list_(pa.float32())), ("made_from", pa.string())]
)


def model(dbt, session):
    interactions = dbt.ref("interactions")
    item_factors = dbt.ref("als_item_factors")
    history_keys = dbt.ref("history_keys")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    trained = fingerprint(item_factors, ["item_id", "factors", "alpha", "regularization"], "fold = 'live'")
    keys = made_from(history_keys, trained)
    kept = keep_rows(dbt, session, training_policy, keys, SCHEMA, "fold = 'live'")

    batches = []
    for fold in read_folds(folds):
        items, vectors = read_factors(item_factors, "item_id", fold)
        alpha, regularization = read_als_settings(item_factors, fold)
        users, _, weights = read_weights(without(interactions, kept), fold, items)
        # Who likes nothing (everything returned, say) has the vector 0, which would rank all items alike.
        likes_something = np.diff((weights > 0).indptr) > 0
        if not likes_something.all():
            users, weights = users.filter(pa.array(likes_something)), weights[likes_something]
        if len(users) == 0:
            continue
        matrix = to_confidences(weights, alpha)
        user_vectors = solve_user_factors(matrix, vectors, regularization)
        columns = [pa.repeat(fold, len(users)), users, vector_column(user_vectors), read_keys(keys, users, fold)]
        batches.append(pa.record_batch(columns, schema=SCHEMA))
    return write_table(session, SCHEMA, batches, kept)
