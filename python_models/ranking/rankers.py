"""The ranker that is trained on the fold `tuning` to combine the generators.

Grain: one row per as_of. A build without the fold `tuning` adds none. A build uses the newest ranker whose as_of is not
after its own.
Columns: as_of; run_id; kind: learned or fixed; note: the reason of the kind; n_people and n_rows: what it learned from;
ndcg_learned and ndcg_fixed: ndcg@20 of the learned ranker and of the fixed blend on people from whom the ranker did not
learn; model: LightGBM's text, empty where kind is fixed.
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
