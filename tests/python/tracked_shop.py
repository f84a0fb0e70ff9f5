"""A shop whose inputs are the raw tables of trackers."""

import duckdb
import pyarrow as pa
from conftest import NO_TESTS, Shop, to_variables

TABLES = ["+events", "+users", "+consents", "+tracker_report", "unmapped_events", "tracked_identity_links"]


def write(database, schema, tables):
    with duckdb.connect(database) as connection:
        connection.execute(f"create schema if not exists {schema}")
        for name, rows in tables.items():
            rows = pa.Table.from_pylist(rows) if rows else None  # noqa: F841
            if rows is not None:
                connection.execute(f'create or replace table {schema}."{name}" as select * from rows')


class TrackedShop(Shop):
    def placed(self, settings):
        return to_variables(settings), self.targets / "shared"


def build(folder, trackers, select=tuple(TABLES), **settings):
    shop = TrackedShop(folder)
    result = shop.dbt("build", *NO_TESTS, "--select", *select, trackers=trackers, **settings)
    assert result.returncode == 0, result.output
    return shop


def write_snowflake(connection, schema, tables):
    """The same on the emulator of Snowflake, with names in upper case as a loader makes them."""
    import pandas as pd
    from snowflake.connector.pandas_tools import write_pandas

    connection.cursor().execute(f"create schema if not exists {schema}")
    for name, rows in tables.items():
        if rows:
            frame = pd.DataFrame(rows)
            frame.columns = [column.upper() for column in frame.columns]
            write_pandas(
                connection, frame, name.upper(), schema=schema.upper(), auto_create_table=True, use_logical_type=True
            )
