"""Item factors of implicit-feedback alternating least squares (ALS), trained once per fold, or kept for the fold live.

Grain: one row per (fold, item_id).
Columns: fold, item_id, factors: a list of `factors` 32-bit floats; alpha, regularization: what the fold was trained
with, the same in all its rows, so that a reader of this table alone can make a person's vector.
Errors: ValueError for a setting that ALS doesn't have. A fold without interactions has no rows.

Where training_policy says that no training is due, the rows of the fold live are those of the build before. A training
that was due by the policy (kindred__train is when_due) starts from them and needs fewer iterations.
"""


def model(dbt, session):
    from kindred.generators import als, choose_settings

    given = dbt.config.meta_get("generators")
    interactions = dbt.ref("interactions")
    tuning_trials = dbt.ref("tuning_trials")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    settings = choose_settings(als.GENERATOR, given, tuning_trials, folds)
    return als.item_factors(dbt, session, interactions, training_policy, folds, settings)
