"""Credits, and the service's log in a table, on Snowflake's emulator."""

import datetime
import json

import pytest
from conftest import run_dbt, to_variables
from tracked_shop import write_snowflake

pytestmark = [pytest.mark.snowflake, pytest.mark.slow]

SCHEMA = "MONITORING"
NOW = datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0)
DAY = datetime.datetime(2026, 5, 1, 6)


@pytest.fixture(scope="module")
def dbt(snowflake, tmp_path_factory):
    """A schema of its own on the emulator; returns a function that runs dbt there."""
    folder = tmp_path_factory.mktemp("monitoring")
    snowflake.cursor().execute(f"create or replace schema {SCHEMA}")

    def run(*arguments, **settings):
        command = [*arguments, "--target", "snowflake"]
        return run_dbt(*command, target=folder, database=folder / "unused.duckdb", settings=to_variables(settings))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNOWFLAKE_SCHEMA", SCHEMA)
        yield run


def spent(query_id, root, credits, days=0):
    return {
        "query_id": query_id, "root_query_id": root, "credits_attributed_compute": credits,
        "start_time": NOW - datetime.timedelta(days=days),
    }  # fmt: skip


def test_credits_come_from_the_history_of_queries(dbt, snowflake):
    """A query's own, those of the queries that its procedure ran, none of another's and of what is older than asked."""
    cursor = snowflake.cursor()
    result = dbt("run", "--select", "run_costs")
    assert result.returncode == 0, result.output
    columns = "run_id, node, resource_type, status, seconds, query_id, started_at"
    cursor.execute(f"delete from {SCHEMA}.run_costs")
    for run, node, query in [
        *[("one", "", None), ("one", "plain", "q1"), ("one", "trained", "q2"), ("one", "free", "q3")],
        *[("two", "", None), ("two", "old", "q4"), ("three", "", None), ("three", "kept", "q5")],
    ]:
        query = f"'{query}'" if query else "null"
        cursor.execute(
            f"insert into {SCHEMA}.run_costs ({columns}) values ('{run}', '{node}', 'model', 'success', 1, {query},"
            f" '{NOW}')"
        )
    write_snowflake(
        snowflake,
        "usage",
        {
            "history": [
                spent("q1", None, 0.25),
                spent("q2", None, 0.5),
                spent("child-1", "q2", 1.0),
                spent("child-2", "q2", 2.0),
                spent("elsewhere", None, 64.0),
                spent("q4", None, 32.0, days=20),
                spent("q5", None, 16.0, days=12),
            ]
        },
    )

    def fill(**arguments):
        result = dbt("run-operation", "fill_credits", "--args", json.dumps({"history": "usage.history"} | arguments))
        assert result.returncode == 0, result.output
        rows = cursor.execute(f"select run_id, node, credits from {SCHEMA}.run_costs").fetchall()
        return {(run, node): credits for run, node, credits in rows}

    expected = {("one", ""): 3.75, ("one", "plain"): 0.25, ("one", "trained"): 3.5, ("one", "free"): None}
    expected |= {("two", ""): None, ("two", "old"): None, ("three", ""): 16.0, ("three", "kept"): 16.0}
    assert fill() == expected
    # Again, and farther back.
    assert fill() == expected
    assert fill(days=30) == expected | {("two", ""): 32.0, ("two", "old"): 32.0}


def test_the_log_of_requests_is_a_table(dbt, snowflake):
    """Percentiles by nearest rank, empty lists and errors, of lines that a shop loaded; times are text in them."""
    settings = {"request_log": "service.requests", "p99_ms": 50}
    cursor = snowflake.cursor()
    result = dbt("run", "--select", "service_levels", **settings)
    assert result.returncode == 0, result.output
    assert cursor.execute(f"select count(*) from {SCHEMA}.service_levels").fetchone() == (0,), "there is no such table"

    def line(ms, endpoint="/session", status=200, is_empty=False, hours=0):
        at = DAY + datetime.timedelta(hours=hours)
        return {
            "answered_at": f"{at.isoformat(timespec='milliseconds')}Z", "release": "r1", "endpoint": endpoint,
            "status": status, "ms": float(ms), "is_empty": is_empty,
        }  # fmt: skip

    lines = [line(ms, is_empty=ms < 3) for ms in range(1, 101)]
    lines += [line(1, "/similar", status=503, hours=20), line(2, "/similar", status=404)]
    write_snowflake(snowflake, "service", {"requests": lines})
    for _ in range(2):
        result = dbt("run", "--select", "service_levels", **settings)
        assert result.returncode == 0, result.output
    rows = cursor.execute(
        "select day, release_id, endpoint, n, p50_ms, p95_ms, p99_ms, n_empty, n_errors, is_met"
        f" from {SCHEMA}.service_levels order by endpoint, day"
    ).fetchall()
    next_day = DAY.date() + datetime.timedelta(days=1)
    assert rows == [
        (DAY.date(), "r1", "/session", 100, 50.0, 95.0, 99.0, 2, 0, False),
        (DAY.date(), "r1", "/similar", 1, 2.0, 2.0, 2.0, 0, 0, True),
        (next_day, "r1", "/similar", 1, 1.0, 1.0, 1.0, 0, 1, False),
    ]
