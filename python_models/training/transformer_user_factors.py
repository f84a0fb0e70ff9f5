"""User factors of the transformer: what its network makes of the newest 50 items of each person.

Grain: one row per (fold, user_id); transformer_user_factors.yml has the columns.
A fold without parameters has no rows, nor has a person without a liked item that was there in the training. Where no
training is due, a person whose made_from is that of an earlier build keeps the row of that build.
Errors: ImportError without JAX; ValueError for parameters of another version's network.
"""


def model(dbt, session):
    from kindred.generators.transformer_tables import user_factors

    interactions = dbt.ref("interactions")
    transformer_parameters = dbt.ref("transformer_parameters")
    history_keys = dbt.ref("history_keys")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    return user_factors(dbt, session, interactions, transformer_parameters, history_keys, training_policy, folds)
