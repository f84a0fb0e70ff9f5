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

Bounded: of each person the newest ITEMS_PER_SESSION items, of each item the newest per_item sessions, of each person
the n_sessions nearest.
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
ITEMS_PER_SESSION = 50
# What an item of a neighbour's session counts, by the steps since; and how much a long session has to share to be near.
MEMORY_DECAY = 0.95
LENGTH_EXPONENT = 0.6


def newest_moments(interactions, users, fold):
    """When each of the users last touched something they like: numbers that rise with time."""
    table = read_table(interactions, ["user_id", "last_at"], f"fold = '{fold}' and weight > 0")
    user_at = encode_ids(table["user_id"], users)[1]
    moments = np.zeros(len(users), dtype=np.int64)
    np.maximum.at(
        moments, user_at, table["last_at"].combine_chunks().cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    )
    return moments


def newest_sessions(sessions, moments, n):
    """A CSR matrix of sessions x items cut to the n newest sessions of each item; of equals whichever a seed draws."""
    # Sessions in the order of time, newest first: then the first n of a column are wanted.
    order = np.lexsort((np.random.default_rng(0).permutation(len(moments)), -moments))
    columns = sessions[order].tocsc()
    item_at = np.repeat(np.arange(columns.shape[1]), np.diff(columns.indptr))
    is_kept = np.arange(columns.nnz) - columns.indptr[item_at] < n
    entries = (columns.data[is_kept], (order[columns.indices[is_kept]], item_at[is_kept]))
    return csr_matrix(entries, shape=sessions.shape)


def index_sessions(sessions, moments, per_item, source_exponent):
    """What makes a session near: CSR, items x sessions, to be multiplied with profiles.

    A session's entries are divided by (its sum of squares) ** LENGTH_EXPONENT and (the item's sum) ** source_exponent:
    else a long session were near everybody, and a popular item said as much as a rare one.
    """
    lengths = np.asarray(sessions.multiply(sessions).sum(axis=1), dtype=np.float64).ravel()
    by_length = np.power(np.maximum(lengths, 1e-9), -LENGTH_EXPONENT).astype(np.float32)
    by_degree = degrees(sessions, -source_exponent)
    return (diags(by_length) @ newest_sessions(sessions, moments, per_item) @ diags(by_degree)).T.tocsr()


def degrees(sessions, exponent):
    """The sums of the columns, to a power, as 32-bit floats; what nobody has counts as 1."""
    sums = np.asarray(sessions.sum(axis=0), dtype=np.float64).ravel()
    return np.power(np.maximum(sums, 1), exponent).astype(np.float32)


def nearest_sessions(profile, index, n, first):
    """The n nearest sessions of each row of a block of profiles, but its own: CSR, people x sessions.

    first: the place of the block's first person among the sessions.
    """
    near = (profile @ index).tocsr()
    near.data[near.indices == first + np.repeat(np.arange(near.shape[0]), np.diff(near.indptr))] = 0
    return best_of_rows(near, n)


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
        users, items, history, steps = read_history(interactions, fold, ITEMS_PER_SESSION)
        moments = newest_moments(interactions, users, fold)
        barred = read_table(item_features, ["item_id"], f"fold = '{fold}' and not is_recommendable")["item_id"]
        is_shown = pc.invert(pc.is_in(items, value_set=barred.combine_chunks())).to_numpy(zero_copy_only=False)
        excluded = read_pairs(interactions, users, items, f"fold = '{fold}' and is_excluded")
        return fold, users, items, history, steps, moments, is_shown, excluded

    prepared = [prepare(fold) for fold in read_folds(folds)]

    def batches():
        for fold, users, items, history, steps, moments, is_shown, excluded in prepared:
            sessions = profiles(history, steps, MEMORY_DECAY, ITEMS_PER_SESSION)
            index = index_sessions(sessions, moments, int(settings["per_item"]), settings["source_exponent"])
            profile = profiles(history, steps, settings["decay"], settings["n_steps"])
            proposals = (sessions @ diags(degrees(sessions, -settings["target_exponent"]) * is_shown)).tocsr()
            for start in range(0, len(users), USERS_PER_BLOCK):
                block = slice(start, start + USERS_PER_BLOCK)
                near = nearest_sessions(profile[block], index, int(settings["n_sessions"]), start)
                rows, columns, ranks, scores = best_neighbors(near, proposals, excluded[block], n_candidates)
                ids = [users.take(pa.array(start + rows)), items.take(pa.array(columns))]
                names = pa.repeat(pa.scalar(fold), len(rows))
                yield pa.record_batch([names, *ids, pa.array(ranks), pa.array(scores)], schema=SCHEMA)
                if start > 0 and start % 50_000 == 0:
                    report_progress(f"session_candidates: {fold}, {start:,} of {len(users):,} people have their lists")

    return write_table(session, SCHEMA, batches())
