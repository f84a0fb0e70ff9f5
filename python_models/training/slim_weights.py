"""Sparse linear weights: which items speak for an item when all its neighbours are heard together, per fold.

Grain: one row per (fold, item_id, neighbor_id).
Columns: fold, item_id: what a person has, neighbor_id: what it speaks for, never the item itself, rank: from 1, by
falling score, ties in the order of the ids, score: above 0; the scores of the rows of a person's items add up to what
speaks for a neighbour.
Errors: ValueError where a setting isn't wired. An item that nobody liked together with another has no rows.

Where training_policy says that no training is due, the rows of the fold live are those of the build before.

Method: a ridge regression of each item on its neighbours (SLIM with selected items; sources at `item_regressions`).
"""


def model(dbt, session):
    n_neighbors = dbt.config.meta_get("n_neighbors")
    given = dbt.config.meta_get("slim")
    interactions = dbt.ref("interactions")
    tuning_trials = dbt.ref("tuning_trials")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    settings = choose_settings("slim", given, tuning_trials, folds)
    n = n_neighbors if settings["n_neighbors"] == "auto" else int(settings["n_neighbors"])
    earlier, is_due = read_earlier_model(dbt, session, training_policy, NEIGHBORS_SCHEMA)

    batches, kept = [], None
    for fold in read_folds(folds):
        if fold == "live" and not is_due:
            kept = earlier
            continue
        _, items, history, _ = read_history(interactions, fold)
        regressions = item_regressions(history, settings["user_exponent"], settings["ridge"], n)
        weights = scale_regressions(regressions, history, settings["source_exponent"], settings["target_exponent"], n)
        batches.append(neighbor_rows(fold, items, weights, n))
    return write_table(session, NEIGHBORS_SCHEMA, batches, kept)
