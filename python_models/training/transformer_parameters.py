"""The parameters of the transformer, trained per fold, or kept for the fold live. Optional: it needs JAX.

Grain: one row per (fold, parameter, key); transformer_parameters.yml has the columns. This table is the whole model.
A fold without a person with two liked items has no rows. Where training_policy says that no training is due, the rows
of the fold live are those of the build before. A training that a bound of kindred__training made due starts from those
rows and gets a third of the minutes. A replay makes as many steps as builds records of the build that it replays.
Errors: ImportError without JAX; ValueError for an unknown setting.
"""


def model(dbt, session):
    from kindred.generators import choose_settings, transformer
    from kindred.generators.transformer_tables import parameters

    given = dbt.config.meta_get("generators")
    interactions = dbt.ref("interactions")
    items = dbt.ref("items")
    recorded_steps = dbt.ref("recorded_steps")
    tuning_trials = dbt.ref("tuning_trials")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    settings = choose_settings(transformer.GENERATOR, given, tuning_trials, folds)
    return parameters(dbt, session, interactions, items, recorded_steps, training_policy, folds, settings)
