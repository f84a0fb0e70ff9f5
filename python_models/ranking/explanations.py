"""Which item of a person's own history led to a published recommendation: "because you liked ...".

Grain: one row per (user_id, item_id) of the live lists, where there is such an item; empty without the fold live.
Columns: user_id, item_id, source: the generator that is explained, because_item_id: an item of positive weight in the
person's history, never item_id itself, made_from: what the row is made of: the person's history_key and the models.
What stands there because of what everybody does, by a rule, by chance or because the person had it before has no row.
Where no training is due, a pair of the same source and made_from keeps the row of an earlier build.

Method: the largest term of the sum that is the generator's score. For ALS that is an item's share of the inner product,
section 5 of Hu, Koren, Volinsky (ICDM 2008); for neighbours, linear weights, transitions and content what an item says
for its neighbour times what it counts in the person's profile. What `sessions` proposes is explained by the neighbours,
which mostly say the same: its own terms, a sum over like sessions, would cost as much as its lists. Where all that
finds nothing, neighbours are asked, then content.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema([(name, pa.string()) for name in ("user_id", "item_id", "source", "because_item_id", "made_from")])
EXPLAINED = "fold = 'live' and source in ('als', 'neighbors', 'sessions', 'slim', 'sequence', 'content')"


def explain_als(interactions, item_factors, user_ids, item_ids):
    """For columns of users and items, the ids of what adds most to ALS's scores; null where there is nothing."""
    items, vectors = read_factors(item_factors, "item_id", "live")
    alpha, regularization = read_als_settings(item_factors, "live")
    users, _, weights = read_weights(interactions, "live", items)
    user_at, item_at = encode_ids(user_ids, users)[1], encode_ids(item_ids, items)[1]
    pairs = np.flatnonzero((user_at >= 0) & (item_at >= 0))
    pairs = pairs[np.argsort(user_at[pairs], kind="stable")]
    starts = np.searchsorted(user_at[pairs], np.arange(len(users) + 1))
    wanted = csr_matrix((np.ones(len(pairs), dtype=np.float32), item_at[pairs], starts), shape=weights.shape)
    confidences = to_confidences(weights, alpha)
    strongest = np.full(len(user_at), -1, dtype=np.int32)
    strongest[pairs] = strongest_likes(confidences, wanted, vectors, regularization)
    return items.take(pa.array(strongest, mask=strongest < 0))


def model(dbt, session):
    given_neighbors = dbt.config.meta_get("neighbors")
    given_slim = dbt.config.meta_get("slim")
    given_sequence = dbt.config.meta_get("sequence")
    given_content = dbt.config.meta_get("content")
    ranked = dbt.ref("ranked_lists")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    als_item_factors = dbt.ref("als_item_factors")
    item_neighbors = dbt.ref("item_neighbors")
    slim_weights = dbt.ref("slim_weights")
    item_transitions = dbt.ref("item_transitions")
    item_content_neighbors = dbt.ref("item_content_neighbors")
    tuning_trials = dbt.ref("tuning_trials")
    history_keys = dbt.ref("history_keys")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    generators = {
        "neighbors": (item_neighbors, choose_settings("neighbors", given_neighbors, tuning_trials, folds)),
        "slim": (slim_weights, choose_settings("slim", given_slim, tuning_trials, folds)),
        "sequence": (item_transitions, choose_settings("sequence", given_sequence, tuning_trials, folds)),
        "content": (item_content_neighbors, choose_settings("content", given_content, tuning_trials, folds)),
    }

    pair = ["user_id", "item_id", "source"]
    keys = made_from(
        history_keys,
        fingerprint(als_item_factors, ["item_id", "factors", "alpha", "regularization"], "fold = 'live'"),
        *(
            fingerprint(relation, ["item_id", "neighbor_id", "score"], "fold = 'live'")
            for relation, _ in generators.values()
        ),
    )
    kept = keep_rows(dbt, session, training_policy, keys, SCHEMA)
    asking = ranked.filter(EXPLAINED)
    if kept is not None:
        kept = matching(kept, asking, pair)
        asking = matching(asking, kept, pair, anti=True)
        interactions = matching(interactions, asking, ["user_id"])
    rows = read_table(asking, pair)
    if rows.num_rows == 0:
        return write_table(session, SCHEMA, [], kept)
    catalogue = encode_ids(read_table(item_features, ["item_id"], "fold = 'live'")["item_id"])[0]
    users, liked, history, steps = read_history(interactions, "live")
    # From the items that somebody liked to the whole catalogue, both in the order of the ids.
    places = encode_ids(liked, catalogue)[1]
    history = csr_matrix((history.data, places[history.indices], history.indptr), shape=(len(users), len(catalogue)))
    user_at, item_at = encode_ids(rows["user_id"], users)[1], encode_ids(rows["item_id"], catalogue)[1]
    because = np.full(rows.num_rows, -1, dtype=np.int32)

    def by_source(source):
        return pc.equal(rows["source"], source).to_numpy()

    def explain(generator, is_asked):
        relation, settings = generators[generator]
        pairs = np.flatnonzero(is_asked & (because < 0) & (user_at >= 0) & (item_at >= 0))
        if len(pairs):
            profile = profiles(history, steps, settings["decay"], settings["n_steps"])
            neighbors = read_neighbors(relation, "live", catalogue)
            because[pairs] = strongest_sources(profile, neighbors, user_at[pairs], item_at[pairs])

    of_als = np.flatnonzero(by_source("als"))
    if len(of_als):
        asked = rows.take(of_als)
        theirs = matching(interactions, asking.filter("source = 'als'"), ["user_id"])
        ids = explain_als(theirs, als_item_factors, asked["user_id"], asked["item_id"])
        because[of_als] = encode_ids(ids.fill_null(""), catalogue)[1]
    explain("slim", by_source("slim"))
    explain("sequence", by_source("sequence"))
    explain("content", by_source("content"))
    explain("neighbors", True)
    explain("content", True)

    found = np.flatnonzero(because >= 0)
    found = found[np.lexsort((item_at[found], user_at[found]))]
    columns = [rows[name].take(found).combine_chunks() for name in pair]
    columns += [catalogue.take(pa.array(because[found])), read_keys(keys, columns[0], "live")]
    return write_table(session, SCHEMA, [pa.record_batch(columns, schema=SCHEMA)], kept)
