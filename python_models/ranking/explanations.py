"""The item of the person's own history that contributed most to each published recommendation: "because you liked ...".

Grain: one row per (user_id, item_id) of the live lists that has such an item; empty without the fold live.
A recommendation that is popular, pinned, drawn at random or from the person's own history has no row.
Where no training is due, a pair with the same generator and made_from keeps the row of an earlier build.
"""


def model(dbt, session):
    from kindred.explanations import explanations

    given = dbt.config.meta_get("generators")
    live_lists = dbt.ref("live_lists")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    als_item_factors = dbt.ref("als_item_factors")
    tuning_trials, history_keys = dbt.ref("tuning_trials"), dbt.ref("history_keys")
    training_policy, folds = dbt.ref("training_policy"), dbt.ref("folds")
    tables = {
        "item_neighbors": dbt.ref("item_neighbors"),
        "item_content_neighbors": dbt.ref("item_content_neighbors"),
        "spectral_item_factors": dbt.ref("spectral_item_factors"),
    }
    relations = (live_lists, interactions, item_features, als_item_factors, tables)
    state = (tuning_trials, history_keys, training_policy, folds)
    return explanations(dbt, session, given, *relations, *state)
