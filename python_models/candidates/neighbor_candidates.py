"""The items that a person's history leads to: by neighbours, one by one or together, by what comes next, by content.

Grain: one row per (fold, generator, user_id, item_id).
Columns: fold, generator: neighbors, slim, sequence or content, user_id, item_id, rank: from 1, in falling order of the
score, ties in the order of the item ids, score: the sum of the neighbours' scores over what speaks for the person now,
above 0, made_from: in the fold live, what the row is made of: the person's history_key and the generator's neighbours.
Items that a person's history excludes, and items that can't be recommended in the fold, are left out.
Where no training is due, whoever's made_from is still that of an earlier build keeps the list of that build, unless it
has an item that can't be recommended any more. Lists of content are also made from what can be recommended, all of it:
what is new or back in stock is proposed at once.
Errors: ValueError where item_features lacks an item of interactions. A person may have fewer than n_candidates rows
where the neighbours run out.

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
        ("made_from", pa.string()),
    ]
)
USERS_PER_BLOCK = 5_000


def model(dbt, session):
    n_candidates = dbt.config.meta_get("n_candidates")
    given_neighbors = dbt.config.meta_get("neighbors")
    given_slim = dbt.config.meta_get("slim")
    given_sequence = dbt.config.meta_get("sequence")
    given_content = dbt.config.meta_get("content")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    item_neighbors = dbt.ref("item_neighbors")
    slim_weights = dbt.ref("slim_weights")
    item_transitions = dbt.ref("item_transitions")
    item_content_neighbors = dbt.ref("item_content_neighbors")
    tuning_trials = dbt.ref("tuning_trials")
    history_keys = dbt.ref("history_keys")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    generators = [
        ("neighbors", item_neighbors, choose_settings("neighbors", given_neighbors, tuning_trials, folds)),
        ("slim", slim_weights, choose_settings("slim", given_slim, tuning_trials, folds)),
        ("sequence", item_transitions, choose_settings("sequence", given_sequence, tuning_trials, folds)),
        ("content", item_content_neighbors, choose_settings("content", given_content, tuning_trials, folds)),
    ]

    shown = fingerprint(item_features, ["item_id"], "fold = 'live' and is_recommendable")
    keys, kept = {}, {}
    for generator, table, _ in generators:
        trained = fingerprint(table, ["item_id", "neighbor_id", "score"], "fold = 'live'")
        keys[generator] = made_from(history_keys, trained, *([shown] if generator == "content" else []))
        condition = f"fold = 'live' and generator = '{generator}'"
        # A generator without neighbours has nothing for anybody, and nothing to be kept.
        if trained:
            kept[generator] = keep_rows(
                dbt, session, training_policy, keys[generator], SCHEMA, condition, item_features
            )
    asking = without(interactions, people_of_all(list(kept.values())))

    def prepare(fold):
        """Everything is read before the first row is written: DuckDB streams the result over the same connection."""
        users, liked, history, steps = read_history(asking, fold)
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
        excluded = read_pairs(asking, users, items, f"fold = '{fold}' and is_excluded")
        parts = []
        for generator, table, settings in generators:
            neighbors = read_neighbors(table, fold, items) @ diags(is_shown.astype("float32"))
            if neighbors.nnz:
                profile = profiles(history, steps, settings["decay"], settings["n_steps"])
                people = find_others(users, kept.get(generator), fold)
                parts.append((generator, profile, neighbors, people, read_keys(keys[generator], users, fold)))
        return fold, users, items, excluded, parts

    prepared = [prepare(fold) for fold in read_folds(folds)]

    def batches():
        for fold, users, items, excluded, parts in prepared:
            for generator, profile, neighbors, people, made in parts:
                for start in range(0, len(people), USERS_PER_BLOCK):
                    block = people[start : start + USERS_PER_BLOCK]
                    rows, columns, ranks, scores = best_neighbors(
                        profile[block], neighbors, excluded[block], n_candidates
                    )
                    names = [pa.repeat(pa.scalar(name), len(rows)) for name in (fold, generator)]
                    at = pa.array(block[rows])
                    columns = [users.take(at), items.take(pa.array(columns)), pa.array(ranks), pa.array(scores)]
                    yield pa.record_batch([*names, *columns, made.take(at)], schema=SCHEMA)

    return write_table(session, SCHEMA, batches(), *kept.values())
