"""The ranker that is trained on the fold `tuning` to combine the generators.

Grain: one row per as_of; rankers.yml has the columns. A build without the fold `tuning` adds none. A build uses the
newest ranker whose as_of is not after its own.
"""


def model(dbt, session):
    from kindred.ranking import lambdamart
    from kindred.ranking.cross_scores import Scorers
    from kindred.run import current

    candidates = dbt.ref("eligible_candidates")
    item_features = dbt.ref("item_features")
    user_features = dbt.ref("user_features")
    targets = dbt.ref("targets")
    generators = dbt.ref("generators")
    folds = dbt.ref("folds")
    given = dbt.config.meta_get("generators")
    interactions = dbt.ref("interactions")
    tuning_trials = dbt.ref("tuning_trials")
    als_item_factors, als_user_factors = dbt.ref("als_item_factors"), dbt.ref("als_user_factors")
    fitted = {
        "item_neighbors": dbt.ref("item_neighbors"),
        "item_content_neighbors": dbt.ref("item_content_neighbors"),
        "spectral_item_factors": dbt.ref("spectral_item_factors"),
    }
    scorers = Scorers(given, interactions, fitted, als_item_factors, als_user_factors, tuning_trials, folds)
    relations = (candidates, item_features, user_features, targets, generators, folds)
    return lambdamart.rankers(session, current("run_id"), *relations, scorers)
