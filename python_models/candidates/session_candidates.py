"""The items of people whose recent history is similar to the person's own: session-based nearest neighbours.

Grain: one row per (fold, user_id, item_id); session_candidates.yml has the columns.
Items that the person's history excludes, and items that are not recommendable, are left out. Where no training is due,
a person whose made_from is that of an earlier build keeps that list, unless an item of it is no longer recommendable.
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
    packages = dbt.config.get("packages")
    n_candidates = settings.fill("lists", lists)["n_candidates"]
    relations = (interactions, item_features, history_keys, training_policy, folds)
    return sessions.candidates(dbt, session, *relations, chosen, n_candidates, packages)
