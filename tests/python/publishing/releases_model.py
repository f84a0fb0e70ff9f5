"""The dbt model `releases`, run on the tables of a DuckDB connection."""

import importlib.util

from conftest import REPOSITORY, FakeDbt


def run_releases(connection, settings):
    """Run the model as dbt does and leave its new rows as the table `releases`; returns them."""
    path = REPOSITORY / "python_models/publishing/releases.py"
    specification = importlib.util.spec_from_file_location("releases_model", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    rows = module.model(FakeDbt(connection, settings, "releases"), connection)  # noqa: F841, DuckDB finds it by its name
    connection.execute("create or replace table releases as from rows")
    return connection.sql("from releases").to_arrow_table().to_pylist()
