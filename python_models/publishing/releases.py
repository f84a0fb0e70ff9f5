"""The release: the tables of this room as one file (or tables of PostgreSQL or Snowflake) that apps read while builds go on.

Grain: one row per release_id that was published.
Columns: release_id, run_id of the lists, store: sqlite, postgres or warehouse, location, overridden_gates: names with
commas, n_lists, n_items, bytes, seconds, measures: JSON of what the gates measured, hold: JSON, Snowflake's rollback.json,
as_of, generated_at, published_at: UTC.
Errors: RuntimeError, with what apps read left as it was; kindred.publishing.release says where.
"""


def model(dbt, session):
    from kindred.publishing.release import Settings, publish

    store = dbt.config.meta_get("store")
    serving_path = dbt.config.meta_get("serving_path")
    kept_releases = dbt.config.meta_get("kept_releases")
    expires_after_hours = dbt.config.meta_get("expires_after_hours")
    as_of = dbt.config.meta_get("as_of")
    database = dbt.config.meta_get("database")
    publish_gates = dbt.ref("publish_gates")
    folds = dbt.ref("folds")
    tables = {
        "lists": dbt.ref("release_lists"),
        "items": dbt.ref("release_items"),
        "neighbors": dbt.ref("release_neighbors"),
        "item_pages": dbt.ref("release_item_pages"),
        "segments": dbt.ref("release_segments"),
        "generators": dbt.ref("release_generators"),
        "session_settings": dbt.ref("release_session_settings"),
    }
    settings = Settings(store, serving_path, kept_releases, expires_after_hours, as_of, database)
    return publish(dbt, session, tables, publish_gates, folds, settings)
