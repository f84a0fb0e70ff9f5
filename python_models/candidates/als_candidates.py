"""The items with the highest ALS scores for each person with a vector.

Grain: one row per (fold, user_id, item_id); als_candidates.yml has the columns.
Items that the person's history excludes, and items that are not recommendable in the fold, are left out. A person has
fewer than n_candidates rows where the items run out.
Where no training is due, a person whose made_from is that of an earlier build keeps the list of that build, unless
the list has an item that is no longer recommendable, or items have come whose vectors are made of content.
"""


def model(dbt, session):
    from kindred import settings
    from kindred.generators.factor_tables import als_candidates

    lists = dbt.config.meta_get("lists")
    packages = dbt.config.get("packages")
    user_factors = dbt.ref("als_user_factors")
    item_factors = dbt.ref("als_item_factors")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    n_candidates = settings.fill("lists", lists)["n_candidates"]
    relations = (user_factors, item_factors, interactions, item_features, training_policy, folds)
    return als_candidates(dbt, session, *relations, n_candidates, packages)
