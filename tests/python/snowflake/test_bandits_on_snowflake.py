"""Shares of bandits and arms of items on Snowflake, played by an emulator (conftest.py, `snowflake`), as on DuckDB."""

import duckdb
import pytest
from both_warehouses import assert_same_rows, make_tables, run_on_both
from conftest import run_dbt

pytestmark = [pytest.mark.snowflake, pytest.mark.slow]

MODELS = [
    "experiment_contexts",
    "eligible_item_arms",
    "bandits",
    "bandit_rewards",
    "context_arms",
    "bandit_shares",
    "current_arms",
    "arm_shares",
]
MODELS += ["item_arms", "item_arm_log", "release_item_arms"]
# Without a table of experiments these models are disabled.
SETTINGS = {"kindred__tables": {"experiments": "experiments"}}
OF_THE_RUN = {"run_id", "valid_from"}
MOMENTS = "sum_y double, sum_y2 double, sum_d double, sum_d2 double, sum_yd double"
COLUMNS = {
    "folds": "fold varchar, as_of timestamp, learns_until timestamp",
    "checked_experiments": "experiment_id varchar, kind varchar, unit varchar, allocation varchar, metric varchar, "
    "forgetting double, layer varchar, layer_from double, layer_to double, salt varchar, problem varchar, "
    "starts_at timestamp, ends_at timestamp",
    "checked_arms": "experiment_id varchar, arm varchar, position bigint, share double, is_control boolean, "
    "policy varchar, value varchar, factor double, min_price double, max_price double, price_step double, "
    "segment varchar, activity varchar, category varchar, brand varchar",
    "checked_metrics": "metric varchar, statistic varchar, numerator varchar, higher_is_better boolean, "
    "problem varchar",
    "experiment_checks": "experiment_id varchar, check_name varchar, is_passed boolean",
    "experiment_cells": "experiment_id varchar, metric varchar, exposed_on date, arm varchar, segment varchar, "
    f"activity varchar, n bigint, {MOMENTS}",
    "user_features": "fold varchar, user_id varchar, segment varchar, activity varchar",
    "items": "item_id varchar, category varchar, brand varchar, price double, margin double, attributes varchar",
}


def rows():
    """{table: rows as tuples}"""

    def experiment(name, kind, unit, allocation, metric, forgetting=1.0):
        return name, kind, unit, allocation, metric, forgetting, name, 0.0, 1.0, name, None, "2026-05-01", None

    def arm(of, name, position, share, value, factor=None, bounds=(None, None, None), conditions=(None,) * 4):
        return of, name, position, share, position == 1, None, value, factor, *bounds, *conditions

    def cell(of, metric, day, name, segment, activity, n, y, yy):
        return (
            of,
            metric,
            f"2026-05-{day:02}",
            name,
            segment,
            activity,
            n,
            y * 1e6,
            yy * 1e12,
            n * 1e6,
            n * 1e12,
            y * 1e12,
        )

    cells = []
    for day in (1, 2, 3):
        for place, name in enumerate(("control", "new")):
            cells.append(
                cell("plain", "conversion", day, name, "unknown", "cold", 300, 15 + place * day, 15 + place * day)
            )
            cells.append(cell("money", "revenue", day, name, "DE", "hot", 200, 900 + 7 * place, 8000 + 9 * day))
            for segment in ("DE", "FR", "unknown"):
                for activity in ("cold", "hot"):
                    y = 10 + 8 * (place == (segment == "DE")) + day
                    cells.append(cell("fits", "conversion", day, name, segment, activity, 100, y, y))
    return {
        "folds": [("live", "2026-06-01", "2026-06-01")],
        "checked_experiments": [
            experiment("plain", "offer", "user", "thompson", "conversion"),
            experiment("fits", "choice", "user", "contextual", "conversion", 0.9),
            experiment("money", "offer", "user", "thompson", "revenue"),
            experiment("frozen", "offer", "user", "thompson", "conversion"),
            experiment("prices", "price", "item", "fixed", "conversion"),
            experiment("some", "offer", "user", "fixed", "conversion"),
        ],
        "checked_arms": [
            *(arm(of, "control", 1, 0.5, "bright") for of in ("plain", "fits", "money", "frozen")),
            *(arm(of, "new", 2, 0.5, "dark") for of in ("plain", "fits", "money", "frozen")),
            arm("prices", "control", 1, 0.5, "1", 1.0, (None, None, 0.01)),
            arm("prices", "less", 2, 0.3, "0.87", 0.87, (3.01, None, 0.05)),
            arm("prices", "more", 3, 0.2, "1.2", 1.2, (None, 50.0, 0.5)),
            arm("some", "none", 1, 0.5, "none"),
            arm("some", "german", 2, 0.3, "german", conditions=("DE", None, "Tea", None)),
            arm("some", "hot", 3, 0.2, "hot", conditions=(None, "hot", None, None)),
        ],
        "checked_metrics": [
            ("conversion", "mean", "people", True, None),
            ("revenue", "mean", "value", True, None),
        ],
        "experiment_checks": [("frozen", "srm", False), ("plain", "srm", True)],
        "experiment_cells": cells,
        "user_features": [
            *(("live", f"u{n}", ("DE", "FR", None)[n % 3], ("cold", "hot")[n % 2]) for n in range(12)),
            ("tuning", "u99", "IT", "hot"),
        ],
        "items": [
            ("both", "Tea", "South", 9.99, 5.0, '{"creatives": ["bright", "dark"]}'),
            ("one", "Cup", None, 20.0, 1.0, '{"creatives": ["dark"]}'),
            ("unknown", "Tea", None, 2.0, None, "no JSON"),
            ("free", None, None, None, None, None),
        ],
    }


def test_the_same_shares_and_arms(snowflake, monkeypatch, tmp_path):
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "S8")
    cursor = snowflake.cursor()
    cursor.execute("create or replace schema s8")
    cursor.execute("use schema s8")
    database = tmp_path / "shop.duckdb"
    make_tables(database, cursor, COLUMNS, rows())
    run_on_both(MODELS, tmp_path, database, SETTINGS)
    with duckdb.connect(database, read_only=True) as connection:
        assert connection.execute("select count(distinct reason) from arm_shares").fetchone() == (3,)
    assert_same_rows(MODELS, database, cursor, OF_THE_RUN)


def test_without_experiments(snowflake, monkeypatch, tmp_path):
    """A table without rows has the types of its columns all the same."""
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "S9")
    cursor = snowflake.cursor()
    cursor.execute("create or replace schema s9")
    cursor.execute("use schema s9")
    for table, columns in COLUMNS.items():
        cursor.execute(f"create table {table} ({columns})")
    # Their tests too: the contract, above all.
    arguments = ("build", "--exclude-resource-type", "unit_test", "--indirect-selection", "cautious")
    arguments += ("--select", *MODELS, "--target", "snowflake")
    result = run_dbt(*arguments, target=tmp_path / "target", database=tmp_path / "none.duckdb", settings=SETTINGS)
    assert result.returncode == 0, result.output
    assert cursor.execute("select count(*) from bandit_shares").fetchone() == (0,)
