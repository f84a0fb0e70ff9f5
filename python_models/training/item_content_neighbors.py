"""Content neighbours: items with similar text, attributes and embeddings, per fold, with or without interactions.

Grain: one row per (fold, item_id, neighbor_id).
Columns: fold; generator: content; item_id; neighbor_id: never the item itself; rank: from 1, by falling score, ties by
neighbor_id; score: above 0, at most 1: the cosine of the TF-IDF vectors of title, description, category, brand and
attributes; where items have embeddings, the mean of that and of the embeddings' cosine.
Items without any text have no rows.
Errors: ValueError where the embeddings differ in length. `items` passes on lists of numbers alone.
"""


def model(dbt, session):
    from kindred.generators import content, neighbors_kept

    given = dbt.config.meta_get("generators")
    items = dbt.ref("items")
    item_features = dbt.ref("item_features")
    folds = dbt.ref("folds")
    return content.neighbors(session, items, item_features, folds, neighbors_kept({}, given))
