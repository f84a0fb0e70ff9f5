"""The release: the tables of this room as one file, or tables of a database, that apps read while builds go on.

Grain: one row per release_id that was published.
Errors: RuntimeError, with what apps read left as it was; kindred.publishing.release says where.
"""


def model(dbt, session):
    from kindred.publishing import release

    serving = dbt.config.meta_get("serving")
    lists = dbt.config.meta_get("lists")
    as_of = dbt.config.meta_get("as_of")
    publish_gates = dbt.ref("publish_gates")
    folds = dbt.ref("folds")
    dbt.ref("withdrawals")  # which writes the same folder, comes first
    tables = {
        "lists": dbt.ref("release_lists"),
        "identities": dbt.ref("release_identities"),
        "items": dbt.ref("release_items"),
        "neighbors": dbt.ref("release_neighbors"),
        "item_pages": dbt.ref("release_item_pages"),
        "segments": dbt.ref("release_segments"),
        "generators": dbt.ref("release_generators"),
        "session_settings": dbt.ref("release_session_settings"),
    }
    settings = release.Settings.of(serving, lists, as_of)
    return release.publish(dbt, session, tables, publish_gates, folds, settings)
