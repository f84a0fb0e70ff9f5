"""The same on Snowflake, played by an emulator: ids never stand in a statement, as Snowflake keeps them all."""

import json
import os
import subprocess
import sys

import pytest
from conftest import NO_TESTS, REPOSITORY, run_dbt, to_variables
from erasable_shop import MARKER, SIMILAR
from tracked_shop import write_snowflake

pytestmark = pytest.mark.snowflake
SETTINGS = to_variables({"inputs": {"events": "raw_erasure.events", "erasures": "raw_erasure.erasures"}})


def rows_of(name):
    def event(number, user, device):
        row = {"event_id": f"{name}-{number}", "user_id": user, "anonymous_id": device, "event_type": "view"}
        return row | {"item_id": f"i{number}", "occurred_at": f"2026-05-0{number + 1} 10:00:00"}

    return [event(0, name, f"{name}-phone"), event(1, None, f"{name}-phone"), event(2, f" {name} ", None)]


@pytest.mark.slow
def test_forget(snowflake, tmp_path, monkeypatch):
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "S7")
    cursor = snowflake.cursor()
    cursor.execute("create or replace schema s7")
    log = {"run_id": "r", "user_id": MARKER, "item_id": "i1"}
    # Without a type a column of nothing but nulls could not be written.
    never = [{"identity_id": "nobody-known"}]
    write_snowflake(snowflake, "raw_erasure", {"events": rows_of(MARKER) + rows_of(SIMILAR), "erasures": never})

    def build():
        made = ("+person_events", "forgotten_arrivals", "forget_log", "+input_problems")
        result = run_dbt(
            *("build", *NO_TESTS, "--select", *made, "--exclude", "resource_type:function", "--target", "snowflake"),
            target=tmp_path / "target",
            database=tmp_path / "unused.duckdb",
            settings=SETTINGS,
        )
        assert result.returncode == 0, result.output

    def forget(*ids):
        return subprocess.run(
            [sys.executable, "-m", "kindred.cli", "forget", "-", "--target", "snowflake"]
            + ["--vars", json.dumps(SETTINGS), "--target-path", str(tmp_path / "target")]
            + ["--log-path", str(tmp_path / "target")],
            cwd=REPOSITORY,
            env=os.environ | {"DBT_PROFILES_DIR": str(REPOSITORY)},
            input="\n".join(ids),
            capture_output=True,
            text=True,
        )

    def left(text):
        """{relation: rows} of everything in the schema that has a text in some column."""
        found, columns = {}, {}
        for table, column in cursor.execute(
            "select table_name, column_name from information_schema.columns where table_schema = 'S7'"
        ).fetchall():
            columns.setdefault(table, []).append(f"cast({column} as varchar)")
        for table, texts in columns.items():
            met = " or ".join(f"contains({one}, '{text}')" for one in texts)
            [(n_rows,)] = cursor.execute(f"select count(*) from s7.{table} where {met}").fetchall()
            if n_rows:
                found[table.lower()] = n_rows
        return found

    build()
    write_snowflake(snowflake, "s7", {"recommendation_log": [log], "published_lists": [log]})
    before = left(MARKER)
    assert before["person_events"] == 3 and before["identities"] == 2 and before["published_lists"] == 1
    similar = {name: n - before.get(name, 0) for name, n in left(SIMILAR).items()}
    done = forget(f"{MARKER}-phone")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Snowflake keeps deleted rows for Time Travel" in done.stdout and "raw_erasure" not in done.stdout
    assert left(MARKER) == {}
    assert left(SIMILAR) == {name: n for name, n in similar.items() if n > 0}
    n_ids = cursor.execute("select count(*), count(erased_at), min(length(id_hash)) from s7.forgotten_ids").fetchall()
    assert n_ids == [(3, 3, 64)]
    log_of = "select n_deleted, n_left from s7.forget_log where relation = 's7.person_events'"
    assert cursor.execute(log_of).fetchall() == [(3, 0)]
    # What comes again is left out.
    build()
    assert left(MARKER) == {}
    assert cursor.execute("select input, n_rows from s7.forgotten_arrivals").fetchall() == [("events", 3)]
    assert cursor.execute("select count(*) from s7.person_events").fetchall() == [(3,)]
