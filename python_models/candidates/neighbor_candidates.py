"""The neighbours of the items in each person's history, by each item-to-item generator.

Grain: one row per (fold, generator, user_id, item_id); neighbor_candidates.yml has the columns.
Items that the person's history excludes, and items that are not recommendable, are left out. Where no training is due,
a person whose made_from is that of an earlier build keeps that list, unless an item of it is no longer recommendable.
Errors: ValueError where item_features lacks an item of interactions.
"""


def model(dbt, session):
    from kindred import settings
    from kindred.generators import item_to_item
    from kindred.generators.profile_tables import profile_candidates

    given = dbt.config.meta_get("generators")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    tuning_trials, history_keys = dbt.ref("tuning_trials"), dbt.ref("history_keys")
    training_policy, folds = dbt.ref("training_policy"), dbt.ref("folds")
    packages = dbt.config.get("packages")
    n_candidates = settings.fill("lists", dbt.config.meta_get("lists"))["n_candidates"]
    tables = {
        "item_neighbors": dbt.ref("item_neighbors"),
        "item_content_neighbors": dbt.ref("item_content_neighbors"),
    }
    relations = (interactions, item_features, tables, tuning_trials, history_keys, training_policy, folds)
    return profile_candidates(dbt, session, item_to_item(), given, n_candidates, *relations, packages)
