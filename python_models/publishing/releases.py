"""The release: the tables of this room as one file, or tables of a database, that apps read while builds go on.

Grain: one row per release_id that was published.
Errors: RuntimeError, with what apps read left as it was; kindred.publishing.release says where.
"""


def model(dbt, session):
    from kindred.publishing import release

    groups = dbt.config.meta_get("serving"), dbt.config.meta_get("lists")
    privacy = dbt.config.meta_get("privacy")
    settings = release.Settings.of(*groups, dbt.config.meta_get("as_of"), privacy)
    state = dbt.ref("publish_gates"), dbt.ref("folds")
    dbt.ref("withdrawals")  # which writes the same folder, comes first
    tables = {
        "lists": dbt.ref("release_lists"),
        "list_rules": dbt.ref("release_list_rules"),
        "identities": dbt.ref("release_identities"),
        "items": dbt.ref("release_items"),
        "item_texts": dbt.ref("release_item_texts"),
        "text_encoder": dbt.ref("release_text_encoder"),
        "neighbors": dbt.ref("release_neighbors"),
        "item_pages": dbt.ref("release_item_pages"),
        "segments": dbt.ref("release_segments"),
        "generators": dbt.ref("release_generators"),
        "reason_texts": dbt.ref("release_reason_texts"),
        "session_settings": dbt.ref("release_session_settings"),
        "arms": dbt.ref("release_arms"),
        "item_arms": dbt.ref("release_item_arms"),
    }
    return release.publish(dbt, session, tables, *state, settings, dbt.ref("fallback_recommendations"))
