"""The neighbours of the items in each person's history, by each item-to-item generator.

Grain: one row per (fold, generator, user_id, item_id).
Columns: fold; generator: neighbors, slim, sequence or content; user_id; item_id; rank: from 1, by falling score, ties
by item_id; score: weighted sum, over the items of the person's history, of the item's score as their neighbour, above
0, no unit; made_from: key of the person's history_key and the generator's neighbours, null in folds other than live.
Items that the person's history excludes, and items that are not recommendable in the fold, are left out. A person has
fewer than n_candidates rows where the neighbours run out.
Where no training is due, a person whose made_from is that of an earlier build keeps the list of that build, unless
the list has an item that is no longer recommendable. The made_from of content includes all recommendable items, so a
new item, or one that is back in stock, is proposed at once.
Errors: ValueError where item_features lacks an item of interactions.
"""


def model(dbt, session):
    from kindred import settings
    from kindred.generators.neighbor_tables import neighbor_candidates

    lists = dbt.config.meta_get("lists")
    given = dbt.config.meta_get("generators")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    item_neighbors = dbt.ref("item_neighbors")
    item_content_neighbors = dbt.ref("item_content_neighbors")
    tuning_trials = dbt.ref("tuning_trials")
    history_keys = dbt.ref("history_keys")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    n_candidates = settings.fill("lists", lists)["n_candidates"]
    tables = {"item_neighbors": item_neighbors, "item_content_neighbors": item_content_neighbors}
    relations = (interactions, item_features, tables, tuning_trials, history_keys, training_policy, folds)
    return neighbor_candidates(dbt, session, given, n_candidates, *relations)
