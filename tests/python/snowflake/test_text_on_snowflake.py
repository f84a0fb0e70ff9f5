"""Vectors of texts on Snowflake, played by an emulator (conftest.py, `snowflake`), are those of DuckDB."""

import json

import duckdb
import numpy as np
import pytest
from conftest import run_dbt, to_variables

pytestmark = [pytest.mark.snowflake, pytest.mark.slow]

TABLES = (
    "create table {schema}.said_events as select 'e1' as event_id, 'u1' as user_id, 'a' as item_id,"
    " 'view' as event_type, cast('2026-05-01 10:00:00' as timestamp) as occurred_at",
    "create table {schema}.said_items as select 'a' as item_id, 'Red mug' as title, '[0.5, 0.5]' as embedding"
    " union all select 'b', 'Tasse für Tee', null union all select 'c', null, null",
)
# What search reads, too: Snowflake makes these tables, though it publishes none of them.
SELECTED = ("+items", "+release_text_encoder")


def test_vectors_of_texts(snowflake, tmp_path, monkeypatch):
    """The procedure gets the package, its weights and the texts; a second build encodes nothing again."""
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "S7")
    cursor = snowflake.cursor()
    cursor.execute("create schema if not exists s7")
    database = tmp_path / "small.duckdb"
    with duckdb.connect(database) as connection:
        connection.execute("create schema s7")
        for statement in TABLES:
            connection.execute(statement.format(schema="s7"))
            cursor.execute(statement.format(schema="s7"))
    inputs = {"inputs": {"events": "s7.said_events", "items": "s7.said_items"}, "segment_by": ""}
    settings = to_variables(inputs | {"generators": {"text_encoder": "wordllama"}})
    for target in ("duckdb", "snowflake", "snowflake"):
        without = ("--exclude-resource-type", "test", "unit_test")
        result = run_dbt(
            *("build", "--select", *SELECTED, *without, "--target", target),
            target=tmp_path / target,
            database=database,
            settings=settings,
        )
        assert result.returncode == 0, result.output
    refused = run_dbt(
        *("build", "--select", "events", "--target", "snowflake"),
        target=tmp_path / "snowflake",
        database=database,
        settings=to_variables(inputs | {"generators": {"text_encoder": "some/folder"}}),
    )
    assert refused.returncode != 0
    assert "text_encoder is 'some/folder': a procedure on Snowflake reads no folder" in refused.output
    rows = {}
    for name, schema, run in (
        ("duckdb", "main", duckdb.connect(database).execute),
        ("snowflake", "s7", cursor.execute),
    ):
        items = run(f"select item_id, embedding from {schema}.items order by item_id").fetchall()
        rows[name] = {item: json.loads(text) if text else None for item, text in items}
        rows[name]["weights"] = run(f"select weights from {schema}.release_text_encoder").fetchall()
    on_duckdb, on_snowflake = rows["duckdb"], rows["snowflake"]
    assert on_duckdb["weights"] == on_snowflake["weights"] and len(on_duckdb["weights"]) == 1
    assert on_snowflake["c"] is None and on_snowflake["a"]["given"] == [0.5, 0.5]
    for item in "ab":
        np.testing.assert_allclose(on_snowflake[item]["words"], on_duckdb[item]["words"], atol=1e-4)
        assert np.linalg.norm(on_snowflake[item]["words"]) == pytest.approx(1, abs=0.01)
