"""The items that ALS proposes: for everybody with user factors, the items of highest score.

Grain: one row per (fold, user_id, item_id).
Columns: fold, user_id, item_id, rank: from 1, in falling order of the score, ties in the order of the item ids,
score: the inner product of the two vectors, near 1 for what the person is sure to like, made_from: that of the
person's vector, in the fold live.
Items that a person's history excludes, and items that can't be recommended in the fold, are left out.
Where no training is due, whoever's made_from is still that of an earlier build keeps the list of that build, unless it
has an item that can't be recommended any more.
A person may have fewer than n_candidates where the items run out.
"""


def model(dbt, session):
    from kindred import settings
    from kindred.generators import als

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
    return als.candidates(dbt, session, *relations, n_candidates, packages)
