"""Item factors of implicit-feedback alternating least squares (ALS), trained per fold, or kept for the fold live.

Grain: one row per (fold, item_id).
Columns: fold; item_id; factors: a list of 32-bit floats, as many as the setting `factors` says; alpha and
regularization: the settings that the fold was trained with, equal in all its rows, so that this table is enough to
make a person's vector; content_share and content_length: see src/kindred/content_factors.py.
A fold without interactions has no rows. An item without interactions has a row where its content predicts a vector.
Where training_policy says that no training is due, the rows of the fold live are those of the build before, and items
that are new since then get theirs from content. A training that a bound of kindred__training made due starts from those
rows and needs fewer iterations.
Errors: ValueError for an unknown setting.
"""


def model(dbt, session):
    from kindred.generators import als, choose_settings
    from kindred.generators.factor_tables import item_factors

    given = dbt.config.meta_get("generators")
    interactions = dbt.ref("interactions")
    items = dbt.ref("items")
    item_features = dbt.ref("item_features")
    tuning_trials = dbt.ref("tuning_trials")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    settings = choose_settings(als.GENERATOR, given, tuning_trials, folds)
    return item_factors(dbt, session, interactions, items, item_features, training_policy, folds, settings)
