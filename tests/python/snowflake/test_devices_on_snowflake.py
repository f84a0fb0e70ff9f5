"""Reports of devices on Snowflake, played by an emulator (conftest.py, `snowflake`), counted as on DuckDB."""

import importlib.util
import random

import duckdb
import pytest
from both_warehouses import assert_same_rows, make_tables, run_on_both
from conftest import REPOSITORY

pytestmark = [pytest.mark.snowflake, pytest.mark.slow]

MODELS = ["checked_device_reports", "device_report_problems", "item_statistics_from_devices"]
SETTINGS = {"kindred__tables": {"device_reports": "s11.device_reports"}, "kindred__privacy": {"device_epsilon": 2.5}}
PROTOCOL = {"epsilon": 2.5, "n_buckets": 13, "n_seeds": 256}
COLUMNS = {
    "folds": "fold varchar, as_of timestamp, learns_until timestamp",
    "items": "item_id varchar",
    "s11.device_reports": "sender_id varchar, period varchar, seed double, bucket double, epsilon double",
}


def rows():
    """Two months of 400 reports each, and reports that no device can have sent."""
    specification = importlib.util.spec_from_file_location("report", REPOSITORY / "examples/on_device/report.py")
    device = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(device)
    draw, items = random.Random(11), ["Müg", "it's", *(f"i{number}" for number in range(40))]
    reports = []
    for number in range(800):
        period = "2026-04" if number % 2 else "2026-05"
        liked = draw.sample(items, 2) if number % 3 else ["Müg"]
        seed, bucket = device.randomise(PROTOCOL, period, liked, draw.randrange)
        reports.append((f"s{number}", period, seed, bucket, 2.5))
    first = reports[0]
    reports += [first, (*reports[1][:3], (reports[1][3] + 1) % 13, 2.5), (None, *first[1:])]
    for column, value in [(1, "2026-13"), (1, "2026-06"), (1, None), (2, 256), (2, 0.5), (3, -1), (3, None), (4, 2)]:
        reports.append((f"wrong-{column}-{value}", *first[1:column], value, *first[column + 1 :]))
    folds = [(fold, "2026-05-31 12:00:00", "2026-05-31 12:00:00") for fold in ("backtest", "live")]
    return {"folds": folds, "items": [(item,) for item in items], "s11.device_reports": reports}


def test_the_same_estimates(snowflake, monkeypatch, tmp_path):
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "S11")
    cursor, database = snowflake.cursor(), tmp_path / "shop.duckdb"
    cursor.execute("create or replace schema s11")
    cursor.execute("use schema s11")
    with duckdb.connect(database) as connection:
        connection.execute("create schema s11")
    make_tables(database, cursor, COLUMNS, rows())
    run_on_both(MODELS, tmp_path, database, SETTINGS)
    assert_same_rows(MODELS, database, cursor, {"run_id", "generated_at"})
    problems = dict(cursor.execute("select problem, sum(n_reports) from device_report_problems group by 1").fetchall())
    assert problems.pop("") == 799 and len(problems) == 8
    assert cursor.execute("select count(*) from item_statistics_from_devices").fetchone() == (84,)
