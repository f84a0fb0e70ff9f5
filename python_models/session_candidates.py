"""The items that people with a like session had in theirs: session-based nearest neighbours.

Grain: one row per (fold, user_id, item_id).
Columns: fold, user_id, item_id, rank: from 1, in falling order of the score, ties in the order of the item ids,
score: sum of the similarities of the neighbours who have the item, above 0.
Items that a person's history excludes, and items that can't be recommended in the fold, are left out. A person has
fewer than n_candidates rows, or none, where few or no people share an item with them.
Errors: ValueError for a setting that doesn't exist.

Method: VS-KNN (Ludewig, Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018) with the
recency of STAN (Garg et al., SIGIR 2019). A person is one session, the newest items of their history, in which what is
older counts less: cut at silences, sessions found no more in the sample shop, and where people leave one trace a day
there is nothing to cut.

Bounded: of each person the newest n_items items, of each item the newest per_item sessions, of each person the
n_sessions nearest.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema(
    [
        ("fold", pa.string()),
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
    ]
)
USERS_PER_BLOCK = 2_000


def model(dbt, session):
    n_candidates = dbt.config.meta_get("n_candidates")
    given = dbt.config.meta_get("sessions")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    tuning_trials = dbt.ref("tuning_trials")
    folds = dbt.ref("folds")
    settings = choose_settings("sessions", given, tuning_trials, folds)

    def prepare(fold):
        """Everything is read before the first row is written: DuckDB streams the result over the same connection."""
        users, items, history, steps = read_history(interactions, fold)
        moments = newest_moments(interactions, users, fold)
        barred = read_table(item_features, ["item_id"], f"fold = '{fold}' and not is_recommendable")["item_id"]
        is_shown = pc.invert(pc.is_in(items, value_set=barred.combine_chunks())).to_numpy(zero_copy_only=False)
        excluded = read_pairs(interactions, users, items, f"fold = '{fold}' and is_excluded")
        return fold, users, items, history, steps, moments, is_shown, excluded

    prepared = [prepare(fold) for fold in read_folds(folds)]

    def batches():
        for fold, users, items, history, steps, moments, is_shown, excluded in prepared:
            neighbors = SessionNeighbors(history, steps, moments, settings, is_shown)
            for start in range(0, len(users), USERS_PER_BLOCK):
                people = np.arange(start, min(start + USERS_PER_BLOCK, len(users)))
                rows, columns, ranks, scores = neighbors.best(people, excluded[people], n_candidates)
                ids = [users.take(pa.array(start + rows)), items.take(pa.array(columns))]
                names = pa.repeat(pa.scalar(fold), len(rows))
                yield pa.record_batch([names, *ids, pa.array(ranks), pa.array(scores)], schema=SCHEMA)
                if start > 0 and start % 50_000 == 0:
                    report_progress(f"session_candidates: {fold}, {start:,} of {len(users):,} people have their lists")

    return write_table(session, SCHEMA, batches())
