"""The items of people whose recent history is similar to the person's own: session-based nearest neighbours.

Grain: one row per (fold, user_id, item_id).
Columns: fold; generator: sessions; user_id; item_id; rank: from 1, by falling score, ties by item_id; score: sum of
the similarities of the neighbouring people who have the item, above 0, no unit; made_from: the person's history_key,
null in folds other than live.
Items that the person's history excludes, and items that are not recommendable in the fold, are left out. A person has
fewer than n_candidates rows, or none, where few or no other people share an item with them.
Where no training is due, a person whose made_from is that of an earlier build keeps the list of that build, unless
the list has an item that is no longer recommendable. Newer events of other people count with the person's next event,
and for everyone with the next training.
Errors: ValueError for an unknown setting.
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
