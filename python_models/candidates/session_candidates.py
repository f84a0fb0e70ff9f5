"""The items that people with a like session had in theirs: session-based nearest neighbours.

Grain: one row per (fold, user_id, item_id).
Columns: fold, generator: sessions, user_id, item_id, rank: from 1, in falling order of the score, ties in the order of the item
ids, score: sum of the similarities of the neighbours who have the item, above 0, made_from: in the fold live, what the row
is made of, the person's history_key.
Items that a person's history excludes, and items that can't be recommended in the fold, are left out. A person has
fewer than n_candidates rows, or none, where few or no people share an item with them.
Where no training is due, a person whose made_from is still that of an earlier build keeps the list of that build, unless it
has an item that can't be recommended any more: what others did since counts with the person's next event, and for all
with the next training.
Errors: ValueError for a setting that doesn't exist.
"""


def model(dbt, session):
    from kindred import settings
    from kindred.generators import choose_settings, sessions

    lists = dbt.config.meta_get("lists")
    given = dbt.config.meta_get("generators")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    tuning_trials = dbt.ref("tuning_trials")
    history_keys = dbt.ref("history_keys")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    chosen = choose_settings(sessions.GENERATOR, given, tuning_trials, folds)
    n_candidates = settings.fill("lists", lists)["n_candidates"]
    relations = (interactions, item_features, history_keys, training_policy, folds)
    return sessions.candidates(dbt, session, *relations, chosen, n_candidates)
