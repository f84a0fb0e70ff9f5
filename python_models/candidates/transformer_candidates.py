"""The items that the transformer expects next, for each person with a vector.

Grain: one row per (fold, user_id, item_id); transformer_candidates.yml has the columns.
Items that the person's history excludes, and items that are not recommendable, are left out. Where no training is due,
a person whose made_from is that of an earlier build keeps that list, unless an item of it is no longer recommendable.
"""


def model(dbt, session):
    from kindred import settings
    from kindred.generators.transformer_tables import candidates

    lists = dbt.config.meta_get("lists")
    parameters = dbt.ref("transformer_parameters")
    user_factors = dbt.ref("transformer_user_factors")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    packages = dbt.config.get("packages")
    n_candidates = settings.fill("lists", lists)["n_candidates"]
    relations = (parameters, user_factors, interactions, item_features, training_policy, folds)
    return candidates(dbt, session, *relations, n_candidates, packages)
