"""The pool from which each list of a person is made: the best candidates of all generators, in the order of the ranker.

Grain: one row per (fold, policy, user_id, item_id).
Columns: fold; policy; user_id; item_id; rank: from 1, by falling score, ties by item_id; score: 0 to 1, rising with the
ranker's margin or with the fixed blend's sum of votes, comparable within one person's pool; generator: the generator
that contributed most to the item, by weight / rank with the weights of `generators`.
The ranker is the newest of `rankers` whose as_of is not after this build's. Without one, and for policies that name
generators or the fixed ranker, the fixed blend is used. Candidates and their features are the same for all policies.
"""


def model(dbt, session):
    from kindred.ranking import scoring
    from kindred.ranking.cross_scores import Scorers

    pool_size = dbt.config.meta_get("pool_size")
    packages = dbt.config.get("packages")
    candidates = dbt.ref("eligible_candidates")
    item_features = dbt.ref("item_features")
    user_features = dbt.ref("user_features")
    generators = dbt.ref("generators")
    rankers = dbt.ref("rankers")
    folds = dbt.ref("folds")
    policies, person_policies = dbt.ref("checked_policies"), dbt.ref("person_policies")
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
    relations = (candidates, item_features, user_features, generators, rankers, folds, policies, person_policies)
    return scoring.scored_candidates(session, pool_size, *relations, scorers, packages)
