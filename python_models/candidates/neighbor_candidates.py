"""The items that a person's history leads to, by each item-to-item generator.

Grain: one row per (fold, generator, user_id, item_id).
Columns: fold, generator: neighbors, slim, sequence or content, user_id, item_id, rank: from 1, in falling order of the
score, ties in the order of the item ids, score: the sum of the neighbours' scores over the person's profile, above 0, made_from:
in the fold live, what the row is made of: the person's history_key and the generator's neighbours.
Items that a person's history excludes, and items that can't be recommended in the fold, are left out.
Where no training is due, a person whose made_from is still that of an earlier build keeps the list of that build, unless it
has an item that can't be recommended any more. Lists of content are also made from what can be recommended, all of it:
what is new or back in stock is proposed at once.
Errors: ValueError where item_features lacks an item of interactions. A person may have fewer than n_candidates rows
where the neighbours run out.
"""


def model(dbt, session):
    from kindred import settings
    from kindred.generators.tables import neighbor_candidates

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
