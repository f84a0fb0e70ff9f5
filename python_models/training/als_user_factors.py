"""User factors: one exact ALS half-step from the item factors, for everyone with a liked item in a fold.

Grain: one row per (fold, user_id).
Columns: fold; user_id; factors: a list of 32-bit floats, as long as an item's; made_from: key of the person's
history_key and the item factors, null in folds other than live.
A fold without item factors has no rows, nor has a person without an interaction of positive weight. Items that came
after the training are left out, also those whose vectors are made of content. Where no training is due, a person whose
made_from is that of an earlier build keeps the row of that build.

Method: equation 4 of Hu, Koren, Volinsky (ICDM 2008), solved exactly. The step needs the items' vectors alone, so
people who came after the training get their vectors in the same way. (The user vectors that implicit's own training
leaves are three conjugate-gradient steps towards these; for the median person of a 20-million world they are 21 %
away.)
"""


def model(dbt, session):
    from kindred.generators.factor_tables import user_factors

    interactions = dbt.ref("interactions")
    item_factors = dbt.ref("als_item_factors")
    history_keys = dbt.ref("history_keys")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    return user_factors(dbt, session, interactions, item_factors, history_keys, training_policy, folds)
