"""Reading and writing tables, on real DuckDB relations."""

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kindred.matrices import vector_column
from kindred.warehouse import VARIANT, frame_to_table, read_folds, read_table, write_table

INTERACTIONS = """
    select fold, user_id, item_id, weight::double as weight from (values
        ('live', 'u2', 'i1', 2.0), ('live', 'u1', 'i3', 1.0), ('live', 'u1', 'i1', -0.5), ('live', 'u3', 'i2', 0.0),
        ('backtest', 'u9', 'i9', 7.0)
    ) as interactions(fold, user_id, item_id, weight)
"""


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


def test_read_table__columns_and_condition(connection):
    table = read_table(connection.sql(INTERACTIONS), ["item_id", "fold"], "fold = 'live' and weight > 0")
    assert table.column_names == ["item_id", "fold"]
    assert sorted(table["item_id"].to_pylist()) == ["i1", "i3"]


def test_read_folds__sorted(connection):
    assert read_folds(connection.sql("select unnest(['tuning', 'live', 'backtest']) as fold")) == [
        "backtest",
        "live",
        "tuning",
    ]


def test_write_table__streams_lists_to_duckdb(connection):
    schema = pa.schema([("item_id", pa.string()), ("factors", pa.list_(pa.float32()))])
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    batches = (
        pa.record_batch([pa.array([name]), vector_column(vectors[[row]])], schema=schema)
        for row, name in enumerate("abc")
    )
    written = write_table(connection, schema, batches)  # noqa: F841, DuckDB finds it by its name
    assert connection.sql("select * from written").fetchall() == [("a", [0, 1]), ("b", [2, 3]), ("c", [4, 5])]


def test_write_table__of_nothing_has_the_columns(connection):
    schema = pa.schema([("item_id", pa.string()), ("factors", pa.list_(pa.float32()))])
    written = write_table(connection, schema, [])  # noqa: F841
    result = connection.sql("select * from written")
    assert (result.columns, result.fetchall()) == (["item_id", "factors"], [])


def test_frame_to_table__variant_is_lists_or_texts():
    """Snowflake keeps lists of floats as VARIANT and hands them over as JSON texts."""
    frame = pd.DataFrame({"factors": [None, "[1.5, -2]"], "note": ['{"a": 1}', None], "empty": [None, None]})
    table = frame_to_table(frame, dict.fromkeys(frame.columns, VARIANT))
    assert table.schema.types == [pa.list_(pa.float32()), pa.string(), pa.string()]
    assert table["factors"].to_pylist() == [None, [1.5, -2.0]]
    assert table["note"].to_pylist() == ['{"a": 1}', None]
