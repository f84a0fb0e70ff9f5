"""Content neighbours: the items of which the same is said, per fold, whether somebody touched them or not.

Grain: one row per (fold, item_id, neighbor_id).
Columns: fold, generator: content, item_id, neighbor_id: never the item itself, rank: from 1, by falling score, ties in the order
of the ids, score: above 0, at most 1: the cosine of the TF-IDF vectors of title, description, category, brand and attributes;
where items come with an embedding, the mean of that and of the embeddings' cosine.
Errors: ValueError where embeddings aren't of one length; what is no list of numbers doesn't come through `items`. Items
without any text have no rows.
"""


def model(dbt, session):
    from kindred.generators import content, neighbors_kept

    given = dbt.config.meta_get("generators")
    items = dbt.ref("items")
    item_features = dbt.ref("item_features")
    folds = dbt.ref("folds")
    return content.neighbors(session, items, item_features, folds, neighbors_kept({}, given))
