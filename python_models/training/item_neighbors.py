"""Neighbours of items: what each item-to-item generator learned from people's histories, per fold.

Grain: one row per (fold, generator, item_id, neighbor_id).
Columns: fold, generator: neighbors (the same people like both), slim (regression weights), sequence (what comes next), item_id:
what a person has, neighbor_id: what it leads to, never the item itself, rank: from 1, by falling score, ties in the order of the
ids, score: above 0; a person's score of a neighbour is the sum of the scores of the person's items.
Errors: ValueError for a setting that a generator doesn't have. An item without neighbours has no rows.

Where training_policy says that no training is due, the rows of the fold live are those of the build before. The methods and
their sources stand in src/kindred/generators.
"""


def model(dbt, session):
    from kindred.generators.tables import item_neighbors

    given = dbt.config.meta_get("generators")
    interactions = dbt.ref("interactions")
    tuning_trials = dbt.ref("tuning_trials")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    return item_neighbors(dbt, session, given, interactions, tuning_trials, training_policy, folds)
