"""The pool from which each person's list is made: the best of what all generators propose, in the ranker's order.

Grain: one row per (fold, user_id, item_id).
Columns: fold, user_id, item_id, rank: from 1, by falling score, ties in the order of the item ids, score: between 0
and 1, rising with the ranker's margin (or the fixed blend's sum of votes), comparable within a person's list, source:
the generator that says most for the item by weight / rank, with the weights of generator_weights. The ranker is the
newest of `rankers` that was trained no later than this build's moment; without one the blend is fixed.
"""

from itertools import pairwise

import numpy as np
import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("fold", pa.string()),
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
        ("source", pa.string()),
    ]
)
PEOPLE_PER_PART = 500


def newest_ranker(rankers, as_of):
    """LightGBM's booster, or None for the fixed blend."""
    import lightgbm

    rows = read_table(rankers, ["as_of", "kind", "model"]).to_pylist()
    usable = [row for row in rows if row["as_of"] <= as_of]
    newest = max(usable, key=lambda row: row["as_of"], default={"kind": "fixed"})
    return lightgbm.Booster(model_str=newest["model"]) if newest["kind"] == "learned" else None


def split_rows(rows):
    """The arrays of `read_candidates` in parts of a few people: the features of 5,000 don't fit a processor's cache."""
    users = rows[0]
    starts = np.flatnonzero(np.diff(users // PEOPLE_PER_PART, prepend=-1))
    edges = [*starts, len(users)]
    return [tuple(values[start:end] for values in rows) for start, end in pairwise(edges)]


def best_of_block(users, items, scores, sources, n):
    """The n rows of highest score of each person, of equals the first: users, items, ranks, scores, sources."""
    order = np.lexsort((-scores, users))
    users, items, scores, sources = users[order], items[order], scores[order], sources[order]
    ranks = np.arange(len(users)) - np.searchsorted(users, users) + 1
    is_kept = ranks <= n
    return users[is_kept], items[is_kept], ranks[is_kept], scores[is_kept], sources[is_kept]


def model(dbt, session):
    pool_size = dbt.config.meta_get("pool_size")
    candidates = dbt.ref("candidates")
    item_features = dbt.ref("item_features")
    user_features = dbt.ref("user_features")
    generators = dbt.ref("generators")
    rankers = dbt.ref("rankers")
    folds = dbt.ref("folds")

    moments = read_table(folds, ["fold", "as_of"]).to_pylist()
    booster = newest_ranker(rankers, moments[0]["as_of"]) if moments else None

    def score(fold):
        """All lists of a fold, small and complete: DuckDB can't be asked again while it takes in the result."""
        tables = RankerTables(generators, item_features, user_features, fold)
        # A ranker that learned from other generators knows nothing of these.
        is_learned = booster is not None and booster.feature_name() == ranker_feature_names(tables)

        def score_part(rows):
            users, items, features, votes = ranker_features(tables, *rows)
            totals = votes.sum(axis=1)
            if is_learned:
                totals = 1 / (1 + np.exp(-booster.predict(features, num_threads=1)))
            # weight / rank falls faster than a vote: the source is whoever has the item near the top.
            ranks_of_all = np.divide(tables.weights, votes, out=np.full_like(votes, np.inf), where=votes > 0) - 60
            sources = (tables.weights / ranks_of_all).argmax(axis=1).astype(np.int8)
            users, items, ranks, scores, sources = best_of_block(users, items, totals, sources, pool_size)
            return users.astype(np.int32), items.astype(np.int32), ranks, scores, sources

        parts = []
        for block in tables.blocks():
            parts += run_on_all_cores(score_part, split_rows(read_candidates(candidates, tables, fold, block)))
            if block.start > 0:
                report_progress(
                    f"scored_candidates: {fold}, {block.start:,} of {len(tables.users):,} people are scored"
                )
        return fold, tables, parts

    scored = [score(fold) for fold in read_folds(folds)]

    def batches():
        for fold, tables, parts in scored:
            for users, items, ranks, scores, sources in parts:
                ids = [tables.users.take(pa.array(users)), tables.items.take(pa.array(items))]
                columns = [pa.array(ranks, pa.int64()), pa.array(scores), tables.generators.take(pa.array(sources))]
                yield pa.record_batch([pa.repeat(pa.scalar(fold), len(users)), *ids, *columns], schema=SCHEMA)

    return write_table(session, SCHEMA, batches())
