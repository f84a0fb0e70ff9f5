"""Transitions: the items that come next after an item, per fold.

Grain: one row per (fold, item_id, neighbor_id).
Columns: fold, item_id: what came before, neighbor_id: what came after, never the item itself, rank: from 1, by falling
score, ties in the order of the ids, score: above 0.
Errors: ValueError where a setting isn't wired. An item after which nothing ever came has no rows.

Where training_policy says that no training is due, the rows of the fold live are those of the build before.

Method: first-order Markov chains with a skip window, weighted by distance, as "sequential rules" in M. Ludewig and D.
Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018.
"""


def model(dbt, session):
    n_neighbors = dbt.config.meta_get("n_neighbors")
    given = dbt.config.meta_get("sequence")
    interactions = dbt.ref("interactions")
    tuning_trials = dbt.ref("tuning_trials")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    settings = choose_settings("sequence", given, tuning_trials, folds)
    earlier, is_due = read_earlier_model(dbt, session, training_policy, NEIGHBORS_SCHEMA)

    batches, kept = [], None
    for fold in read_folds(folds):
        if fold == "live" and not is_due:
            kept = earlier
            continue
        _, items, history, steps = read_history(interactions, fold)
        following = transitions(history, steps, settings["target_exponent"], n_neighbors)
        batches.append(neighbor_rows(fold, items, following, n_neighbors))
    return write_table(session, NEIGHBORS_SCHEMA, batches, kept)
