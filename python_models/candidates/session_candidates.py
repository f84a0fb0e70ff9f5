"""The items that people with a like session had in theirs: session-based nearest neighbours.

Grain: one row per (fold, user_id, item_id).
Columns: fold, user_id, item_id, rank: from 1, in falling order of the score, ties in the order of the item ids,
score: sum of the similarities of the neighbours who have the item, above 0, made_from: in the fold live, what the row
is made of, the person's history_key.
Items that a person's history excludes, and items that can't be recommended in the fold, are left out. A person has
fewer than n_candidates rows, or none, where few or no people share an item with them.
Where no training is due, whoever's made_from is still that of an earlier build keeps the list of that build, unless it
has an item that can't be recommended any more: what others did since counts with a person's own next event, and for all
with the next training.
Errors: ValueError for a setting that doesn't exist.

Method: VS-KNN (Ludewig, Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018) with the
recency of STAN (Garg et al., SIGIR 2019). A person is one session, the newest items of their history, in which what is
older counts less: cut at silences, sessions found no more in the sample shop, and where people leave one trace a day
there is nothing to cut.

Bounded: of each person the newest n_items items, of each item the newest per_item sessions, of each person the
n_sessions nearest.
"""

import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema(
    [
        ("fold", pa.string()),
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
        ("made_from", pa.string()),
    ]
)
USERS_PER_BLOCK = 2_000


def model(dbt, session):
    n_candidates = dbt.config.meta_get("n_candidates")
    given = dbt.config.meta_get("sessions")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    tuning_trials = dbt.ref("tuning_trials")
    history_keys = dbt.ref("history_keys")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    keys = made_from(history_keys)
    kept = keep_rows(dbt, session, training_policy, keys, SCHEMA, "fold = 'live'", item_features)
    settings = choose_settings("sessions", given, tuning_trials, folds)

    def prepare(fold):
        """Everything is read before the first row is written: DuckDB streams the result over the same connection."""
        users, items, history, steps = read_history(interactions, fold)
        moments = newest_moments(interactions, users, fold)
        barred = read_table(item_features, ["item_id"], f"fold = '{fold}' and not is_recommendable")["item_id"]
        is_shown = pc.invert(pc.is_in(items, value_set=barred.combine_chunks())).to_numpy(zero_copy_only=False)
        excluded = read_pairs(interactions, users, items, f"fold = '{fold}' and is_excluded")
        people, made = find_others(users, kept, fold), read_keys(keys, users, fold)
        return fold, users, items, history, steps, moments, is_shown, excluded, people, made

    prepared = [prepare(fold) for fold in read_folds(folds)]

    def batches():
        for fold, users, items, history, steps, moments, is_shown, excluded, people, made in prepared:
            neighbors = SessionNeighbors(history, steps, moments, settings, is_shown)
            for start in range(0, len(people), USERS_PER_BLOCK):
                block = people[start : start + USERS_PER_BLOCK]
                rows, columns, ranks, scores = neighbors.best(block, excluded[block], n_candidates)
                at = pa.array(block[rows])
                columns = [
                    users.take(at),
                    items.take(pa.array(columns)),
                    pa.array(ranks),
                    pa.array(scores),
                    made.take(at),
                ]
                yield pa.record_batch([pa.repeat(pa.scalar(fold), len(rows)), *columns], schema=SCHEMA)
                if start > 0 and start % 50_000 == 0:
                    report_progress(f"session_candidates: {fold}, {start:,} of {len(people):,} people have their lists")

    return write_table(session, SCHEMA, batches(), kept)
