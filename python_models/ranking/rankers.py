"""The ranker: what was learned on the fold `tuning` about weighing the generators. One row per as-of date of training.

Grain: one row per as_of; a build without the fold `tuning` adds none, and the newest ranker that was trained no later
than the build's own as-of date goes on serving.
Columns: as_of, run_id, kind: learned or fixed, note: why, n_people and n_rows it learned from, ndcg_learned and
ndcg_fixed: ndcg@20 on people it didn't learn from, learned ranker against the fixed blend, model: LightGBM's text,
empty where fixed.
"""


def model(dbt, session):
    from kindred.ranking import lambdamart
    from kindred.run import current

    candidates = dbt.ref("candidates")
    item_features = dbt.ref("item_features")
    user_features = dbt.ref("user_features")
    targets = dbt.ref("targets")
    generators = dbt.ref("generators")
    folds = dbt.ref("folds")
    relations = (candidates, item_features, user_features, targets, generators, folds)
    return lambdamart.rankers(session, current("run_id"), *relations)
