"""The items that a person's history leads to: by its neighbours, by what comes next, by what is said about them.

Grain: one row per (fold, generator, user_id, item_id).
Columns: fold, generator: neighbors, sequence or content, user_id, item_id, rank: from 1, in falling order of the
score, ties in the order of the item ids, score: the sum of the neighbours' scores over what speaks for the person now,
above 0. Items that a person's history excludes, and items that can't be recommended in the fold, are left out.
Errors: ValueError where a setting isn't wired. A person may have fewer than n_candidates rows where the neighbours run
out.

Memory grows with the people in a block and with the items' neighbours, not with people x items.
"""

import numpy as np
import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("fold", pa.string()),
        ("generator", pa.string()),
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
    ]
)
USERS_PER_BLOCK = 5_000


def model(dbt, session):
    n_candidates = dbt.config.meta_get("n_candidates")
    given_neighbors = dbt.config.meta_get("neighbors")
    given_sequence = dbt.config.meta_get("sequence")
    given_content = dbt.config.meta_get("content")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    item_neighbors = dbt.ref("item_neighbors")
    item_transitions = dbt.ref("item_transitions")
    item_content_neighbors = dbt.ref("item_content_neighbors")
    tuning_trials = dbt.ref("tuning_trials")
    folds = dbt.ref("folds")
    generators = [
        ("neighbors", item_neighbors, choose_settings("neighbors", given_neighbors, tuning_trials, folds)),
        ("sequence", item_transitions, choose_settings("sequence", given_sequence, tuning_trials, folds)),
        ("content", item_content_neighbors, choose_settings("content", given_content, tuning_trials, folds)),
    ]

    def prepare(fold):
        """Everything is read before the first row is written: DuckDB streams the result over the same connection."""
        users, liked, history, steps = read_history(interactions, fold)
        catalogue = read_table(item_features, ["item_id", "is_recommendable"], f"fold = '{fold}'").sort_by("item_id")
        items = catalogue["item_id"].combine_chunks()
        # From the items that somebody liked to the whole catalogue.
        places = encode_ids(liked, items)[1]
        if np.any(places < 0):
            raise ValueError(
                f"neighbor_candidates: item_features lacks items of interactions in fold {fold}: rebuild it"
            )
        history = csr_matrix((history.data, places[history.indices], history.indptr), shape=(len(users), len(items)))
        is_shown = catalogue["is_recommendable"].combine_chunks().to_numpy(zero_copy_only=False)
        neighbors = [
            read_neighbors(table, fold, items) @ diags(is_shown.astype("float32")) for _, table, _ in generators
        ]
        excluded = read_pairs(interactions, users, items, f"fold = '{fold}' and is_excluded")
        return fold, users, items, history, steps, neighbors, excluded

    prepared = [prepare(fold) for fold in read_folds(folds)]

    def batches():
        for fold, users, items, history, steps, all_neighbors, excluded in prepared:
            for (generator, _, settings), neighbors in zip(generators, all_neighbors, strict=True):
                profile = profiles(history, steps, settings["decay"], settings["n_steps"])
                for start in range(0, len(users), USERS_PER_BLOCK):
                    block = slice(start, start + USERS_PER_BLOCK)
                    rows, columns, ranks, scores = best_neighbors(
                        profile[block], neighbors, excluded[block], n_candidates
                    )
                    names = [pa.repeat(pa.scalar(name), len(rows)) for name in (fold, generator)]
                    ids = [users.take(pa.array(start + rows)), items.take(pa.array(columns))]
                    yield pa.record_batch([*names, *ids, pa.array(ranks), pa.array(scores)], schema=SCHEMA)

    return write_table(session, SCHEMA, batches())
