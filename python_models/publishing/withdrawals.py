"""People who refuse or are forgotten leave every release that is kept, whether the gates let this build's lists pass.

Grain: one row per release that had some of them, of this build alone.
Errors: RuntimeError where a release can't be written again; kindred.publishing.withdraw says when.
"""


def model(dbt, session):
    from kindred.publishing.withdraw import withdraw

    serving = dbt.config.meta_get("serving")
    privacy = dbt.config.meta_get("privacy")
    as_of = dbt.config.meta_get("as_of")
    refused_ids = dbt.ref("refused_ids")
    forgotten_ids = dbt.ref("forgotten_ids")
    forgotten_key = dbt.ref("forgotten_key")
    return withdraw(dbt, session, refused_ids, forgotten_ids, forgotten_key, serving, as_of, privacy)
