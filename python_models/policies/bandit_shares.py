"""The shares of experiments that follow their results: Thompson sampling, plain or by context, without random draws.

Grain: one row per (experiment_id, context, arm) of the model `bandits`; bandit_shares.yml has the columns.
Shares are as declared until every arm has 100 matured people, and those of the build before where a check fails.
Errors: ValueError for more arms than their least shares leave room for.
"""


def model(dbt, session):
    from kindred.experiments.bandits import bandit_shares

    bandits = dbt.ref("bandits")
    context_arms = dbt.ref("context_arms")
    bandit_rewards = dbt.ref("bandit_rewards")
    return bandit_shares(session, bandits, context_arms, bandit_rewards)
