"""The dbt model `releases`, run on the tables of a DuckDB connection."""

from conftest import FakeDbt, load_python_model

from kindred.run import CURRENT
from kindred.settings import GROUPS


def run_releases(connection, settings):
    """Run the model as dbt does and leave its new rows as the table `releases`; returns them.

    settings: by their own names, with serving_path and database.
    """
    CURRENT.update(run_id="run", serving_path=settings.get("serving_path", ""), database=settings["database"])
    groups = ("serving", "lists", "privacy")
    meta = {group: {name: settings[name] for name in GROUPS[group] if name in settings} for group in groups}
    # Only where people have no lists of their own is it read.
    connection.execute("create table if not exists fallback_recommendations (run_id varchar)")
    model = load_python_model("releases").model
    rows = model(FakeDbt(connection, meta | {"as_of": settings["as_of"]}, "releases"), connection)  # noqa: F841
    connection.execute("create or replace table releases as from rows")
    return connection.sql("from releases").to_arrow_table().to_pylist()
