"""Which item of a person's own history led to a published recommendation: "because you liked ...".

Method: the largest term of the sum that is the generator's score. For ALS that is an item's share of the inner product,
section 5 of Hu, Koren, Volinsky (ICDM 2008); for item-to-item generators the neighbour's score times what the item
counts in the person's profile; for `spectral` the product of both items' vectors times that. A proposal of `sessions`
is explained by the neighbours, which mostly agree: its own terms, a sum over like sessions, would cost as much as its
lists. Where all that finds nothing, neighbours are asked, then content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix, diags

from kindred.content_factors import LEARNED
from kindred.generators import FromProfile, choose_settings, from_profiles, registry
from kindred.generators.als import strongest_likes
from kindred.generators.content import GENERATOR as CONTENT
from kindred.generators.factor_tables import item_factors_key, read_als_settings
from kindred.generators.neighbors import GENERATOR as NEIGHBORS
from kindred.histories import read_history
from kindred.matrices import encode_ids, read_factors, read_weights, to_confidences
from kindred.state import keep_rows, made_from, read_keys
from kindred.warehouse import Relation, Session, matching, read_table, write_table

SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("user_id", "item_id", "generator", "because_item_id", "made_from")]
)


def explain_als(interactions: Relation, als_item_factors: Relation, user_ids: Any, item_ids: Any) -> Any:
    """For columns of users and items, the ids of what adds most to ALS's scores; null where there is nothing."""
    items, vectors = read_factors(als_item_factors, "item_id", "live")
    learned = read_table(als_item_factors, ["item_id"], f"fold = 'live' and {LEARNED}")["item_id"]
    is_learned = pc.is_in(items, value_set=learned.combine_chunks()).to_numpy(zero_copy_only=False)
    alpha, regularization = read_als_settings(als_item_factors, "live")
    users, _, weights = read_weights(interactions, "live", items)
    user_at, item_at = encode_ids(user_ids, users)[1], encode_ids(item_ids, items)[1]
    pairs = np.flatnonzero((user_at >= 0) & (item_at >= 0))
    pairs = pairs[np.argsort(user_at[pairs], kind="stable")]
    starts = np.searchsorted(user_at[pairs], np.arange(len(users) + 1))
    wanted = csr_matrix((np.ones(len(pairs), dtype=np.float32), item_at[pairs], starts), shape=weights.shape)
    # An item that is known by its content alone is explained, and explains nothing.
    weights = (weights @ diags(is_learned.astype(np.float32))).tocsr()
    weights.eliminate_zeros()
    confidences = to_confidences(weights, alpha)
    strongest = np.full(len(user_at), -1, dtype=np.int32)
    strongest[pairs] = strongest_likes(confidences, wanted, vectors, regularization, is_learned)
    return items.take(pa.array(strongest, mask=strongest < 0))


def explanations(
    dbt: Any,
    session: Session,
    given: Mapping[str, Any],
    live_lists: Relation,
    interactions: Relation,
    item_features: Relation,
    als_item_factors: Relation,
    fitted_tables: Mapping[str, Relation],
    tuning_trials: Relation,
    history_keys: Relation,
    training_policy: Relation,
    folds: Relation,
) -> Any:
    """The rows of `explanations`.

    given: the variable kindred__generators; fitted_tables: what was fitted to the items, relations by their names.
    """
    pair = ["user_id", "item_id", "generator"]
    fingerprints = [generator.trained_key(fitted_tables[generator.table]) for generator in from_profiles()]
    keys = made_from(history_keys, item_factors_key(als_item_factors), *fingerprints)
    kept = keep_rows(dbt, session, training_policy, keys, SCHEMA)
    explained = ", ".join(f"'{name}'" for name in registry())
    asking = live_lists.filter(f"generator in ({explained})")
    if kept is not None:
        kept = matching(kept, asking, pair)
        asking = matching(asking, kept, pair, anti=True)
        interactions = matching(interactions, asking, ["user_id"])
    rows = read_table(asking, pair)
    if rows.num_rows == 0:
        return write_table(session, SCHEMA, [], kept)
    catalogue = encode_ids(read_table(item_features, ["item_id"], "fold = 'live'")["item_id"])[0]
    history = read_history(interactions, "live").among(catalogue)
    user_at, item_at = encode_ids(rows["user_id"], history.users)[1], encode_ids(rows["item_id"], catalogue)[1]
    because = np.full(rows.num_rows, -1, dtype=np.int32)

    def explain(generator: FromProfile, is_asked: np.ndarray) -> None:
        pairs = np.flatnonzero(is_asked & (because < 0) & (user_at >= 0) & (item_at >= 0))
        fitted = generator.read(fitted_tables[generator.table], "live", catalogue) if len(pairs) else None
        if fitted is not None:
            settings = choose_settings(generator, given, tuning_trials, folds)
            profile = history.profile(settings["decay"], settings["n_steps"])
            because[pairs] = generator.strongest(fitted, profile, user_at[pairs], item_at[pairs])

    of_als = np.flatnonzero(pc.equal(rows["generator"], "als").to_numpy())
    if len(of_als):
        asked = rows.take(of_als)
        theirs = matching(interactions, asking.filter("generator = 'als'"), ["user_id"])
        ids = explain_als(theirs, als_item_factors, asked["user_id"], asked["item_id"])
        because[of_als] = encode_ids(ids.fill_null(""), catalogue)[1]
    for generator in from_profiles():
        explain(generator, pc.equal(rows["generator"], generator.name).to_numpy())
    for generator in (NEIGHBORS, CONTENT):
        explain(generator, np.ones(rows.num_rows, dtype=bool))

    found = np.flatnonzero(because >= 0)
    found = found[np.lexsort((item_at[found], user_at[found]))]
    columns = [rows[name].take(found).combine_chunks() for name in pair]
    columns += [catalogue.take(pa.array(because[found])), read_keys(keys, columns[0], "live")]
    return write_table(session, SCHEMA, [pa.record_batch(columns, schema=SCHEMA)], kept)
