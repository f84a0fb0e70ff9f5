"""The search for better settings of the generators on the fold `tuning`, within a budget of minutes.

Grain: one row per (as_of, generator, trial). A build without a budget (kindred__tune_minutes is 0) adds none. Builds
of this as-of date and later ones use each generator's best trial.
Columns: as_of; run_id; generator; trial: from 0, which has the defaults or the given settings; settings: JSON; ndcg:
mean ndcg@20 of the generator's own lists over the evaluated people; standard_error: of that mean, null for one
person; n_people; seconds.
Errors: ValueError where there is a budget but the fold `tuning` isn't built.
"""


def model(dbt, session):
    from kindred import tuning
    from kindred.run import current

    minutes = dbt.config.meta_get("minutes")
    given = dbt.config.meta_get("generators")
    interactions = dbt.ref("interactions")
    targets = dbt.ref("targets")
    item_content_neighbors = dbt.ref("item_content_neighbors")
    folds = dbt.ref("folds")
    return tuning.tuning_trials(
        session, minutes, current("run_id"), given, interactions, targets, item_content_neighbors, folds
    )
