"""The pool from which each person's list is made: the best of what all generators propose, in the ranker's order.

Grain: one row per (fold, user_id, item_id).
Columns: fold, user_id, item_id, rank: from 1, by falling score, ties in the order of the item ids, score: between 0
and 1, rising with the ranker's margin (or the fixed blend's sum of votes), comparable within a person's list, generator:
the generator that says most for the item by weight / rank, with the weights of generator_weights. The ranker is the
newest of `rankers` that was trained no later than this build's moment; without one the blend is fixed.
"""


def model(dbt, session):
    from kindred.ranking import scoring

    pool_size = dbt.config.meta_get("pool_size")
    candidates = dbt.ref("candidates")
    item_features = dbt.ref("item_features")
    user_features = dbt.ref("user_features")
    generators = dbt.ref("generators")
    rankers = dbt.ref("rankers")
    folds = dbt.ref("folds")
    relations = (candidates, item_features, user_features, generators, rankers, folds)
    return scoring.scored_candidates(session, pool_size, *relations)
