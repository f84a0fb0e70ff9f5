"""Neighbours of items: what each item-to-item generator learned from people's histories, per fold.

Grain: one row per (fold, generator, item_id, neighbor_id).
Columns: fold; generator: neighbors (items that the same people like), slim (regression weights) or sequence (items
that come next); item_id; neighbor_id: never the item itself; rank: from 1, by falling score, ties by neighbor_id;
score: above 0, no unit; a person's score of a neighbour is the weighted sum of the scores over the person's items.
An item without neighbours has no rows.
Where training_policy says that no training is due, the rows of the fold live are those of the build before. The
methods and their sources are in src/kindred/generators.
Errors: ValueError for an unknown setting.
"""


def model(dbt, session):
    from kindred.generators.profile_tables import item_neighbors

    given = dbt.config.meta_get("generators")
    privacy = dbt.config.meta_get("privacy")
    interactions = dbt.ref("interactions")
    tuning_trials = dbt.ref("tuning_trials")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    return item_neighbors(dbt, session, given, privacy, interactions, tuning_trials, training_policy, folds)
