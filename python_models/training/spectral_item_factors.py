"""Item factors of `spectral`: singular vectors of people's histories, normalised by degrees, per fold.

Grain: one row per (fold, item_id).
A fold without histories has no rows. An item that nobody likes has a row where its content predicts a vector.
Where training_policy says that no training is due, the rows of the fold live are those of the build before, and items
that are new since then get theirs from content. The method and its sources are in src/kindred/generators/spectral.py
and src/kindred/content_factors.py.
Errors: ValueError for an unknown setting.
"""


def model(dbt, session):
    from kindred.generators.profile_tables import spectral_item_factors

    given = dbt.config.meta_get("generators")
    interactions = dbt.ref("interactions")
    items = dbt.ref("items")
    item_features = dbt.ref("item_features")
    tuning_trials = dbt.ref("tuning_trials")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    relations = (interactions, items, item_features, tuning_trials, training_policy, folds)
    return spectral_item_factors(dbt, session, given, *relations)
