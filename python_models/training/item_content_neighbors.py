"""Content neighbours: the items of which the same is said, per fold, touched or not.

Grain: one row per (fold, item_id, neighbor_id).
Columns: fold, item_id, neighbor_id: never the item itself, rank: from 1, by falling score, ties in the order of the
ids, score: above 0, at most 1: the cosine of the TF-IDF vectors of title, description, category, brand and attributes;
where items come with an embedding, the mean of that and of the embeddings' cosine.
Errors: ValueError where embeddings aren't of one length; what is no list of numbers doesn't come through `items`. Items
without any text have no rows.
"""

import json

import numpy as np

TEXT_COLUMNS = ["title", "description", "category", "brand", "attributes"]


def to_embeddings(column, ids):
    """A column of JSON lists as an array of n x d, zeros where there is none; None where no item has one."""
    vectors = [json.loads(value) if value else None for value in column.to_pylist()]
    item_of = {len(vector): item_id for vector, item_id in zip(vectors, ids.to_pylist(), strict=True) if vector}
    if not item_of:
        return None
    if len(item_of) > 1:
        (one, item), (other, other_item) = sorted(item_of.items())[:2]
        raise ValueError(
            f"item_content_neighbors: items.embedding of '{item}' has {one} numbers, that of '{other_item}' {other}: "
            "give all items vectors of one model and length, and none to those that have none yet"
        )
    zeros = [0.0] * next(iter(item_of))
    return np.array([vector or zeros for vector in vectors], dtype=np.float32)


def model(dbt, session):
    n_neighbors = dbt.config.meta_get("n_neighbors")
    items = dbt.ref("items")
    item_features = dbt.ref("item_features")
    folds = dbt.ref("folds")

    said = read_table(items, ["item_id", *TEXT_COLUMNS, "embedding"])
    ids, places = encode_ids(said["item_id"])
    batches = []
    for fold in read_folds(folds):
        existing = encode_ids(read_table(item_features, ["item_id"], f"fold = '{fold}'")["item_id"], ids)[1]
        rows = said.take(np.flatnonzero(np.isin(places, existing)))
        rows = rows.sort_by("item_id")
        columns = [rows[name].to_pylist() for name in TEXT_COLUMNS]
        texts = [" ".join(filter(None, parts)) for parts in zip(*columns, strict=True)]
        neighbors = content_neighbors(texts, to_embeddings(rows["embedding"], rows["item_id"]), n_neighbors)
        batches.append(neighbor_rows(fold, rows["item_id"].combine_chunks(), neighbors, n_neighbors))
    return write_table(session, NEIGHBORS_SCHEMA, batches)
