"""One list made of two policies' lists, of people in an experiment that interleaves them.

Grain: one row per (fold, user_id, rank); no rows without such an experiment.
Places that both lists begin with belong to nobody; then the teams pick in turn, their order drawn by a hash of run_key,
person and round (src/kindred/ranking/interleaving.py).
"""


def model(dbt, session):
    from kindred.ranking import interleaving

    paired_lists = dbt.ref("paired_lists")
    return interleaving.drafted_lists(session, paired_lists)
