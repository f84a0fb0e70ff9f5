"""Exposures to results on the Snowflake emulator: the same tables as on DuckDB."""

import duckdb
import hillstrom
import numpy as np
import pandas as pd
import pytest
from conftest import NO_TESTS, Shop, run_dbt, to_variables
from hillstrom import arm, experiment, metric
from tracked_shop import write_snowflake

pytestmark = [pytest.mark.snowflake, pytest.mark.slow]

METRICS = [
    metric("conversion", "people", is_guardrail="false", covariate_days="20"),
    metric("revenue", "value", is_guardrail="false", covariate_days="20", winsorize_at="0.99"),
    metric("aov", "value", statistic="ratio", denominator="orders", covariate_days="20"),
    metric("anything", "events", None, window_days=None),
    metric("median", "value", "watch", statistic="quantile", quantile="0.5"),
    metric("bad", "clicked"),
]
TABLES = [
    "exposures", "exposure_problems", "exposed_units", "unit_measures", "metric_caps", "subject_values",
    "arm_quantiles", "quantile_clusters", "experiment_moments", "cumulated_arms", "compared_arms", "arm_counts",
    "sample_ratios", "experiment_checks", "experiment_plans", "experiment_results", "checked_metrics", "share_versions",
    "bandit_batches", "bandit_effects",
]  # fmt: skip


def world():
    """{table: rows}: people with purchases by chance; experiments of people, of people with items, and a bandit."""
    random = np.random.default_rng(3)
    events = []

    def happen(user, event_type, day, value=None, item="thing", name=None, shown=None):
        hour = int(random.integers(24))
        properties = f'{{"experiment": "{name}", "arm": "{shown}"}}' if name else None
        events.append(
            {"event_id": f"e{len(events)}", "user_id": user, "event_type": event_type, "item_id": item,
             "occurred_at": f"2026-03-{day:02} {hour:02}:30:00", "value": value, "properties": properties,
             "order_id": f"{user} {day}" if event_type == "purchase" else None}
        )  # fmt: skip

    for number in range(500):
        user, place = f"u{number}", int(random.integers(2))
        happen(user, "exposure", int(random.integers(8, 12)), item=None, name="email", shown=("control", "mens")[place])
        shown = ("control", "b")[int(random.integers(2))]
        happen(user, "exposure", int(random.integers(8, 12)), item=None, name="learns", shown=shown)
        for day in random.choice(np.arange(2, 25), size=random.integers(0, 6), replace=False):
            happen(user, "purchase", int(day), round(float(random.gamma(1 + place, 10)), 2))
        happen(user, "watch", 20, round(float(random.gamma(2, 5)), 2))
        for item in random.choice(5, size=2, replace=False):
            shown = ("control", "b")[int(random.integers(2))]
            happen(user, "exposure", 9, item=f"i{item}", name="pairs", shown=shown)
            if random.random() < 0.4:
                happen(user, "purchase", 13, round(float(random.gamma(1, 10)), 2), item=f"i{item}")
    happen("u1", "exposure", 12, item=None, name="email", shown="mens")
    happen("u1", "exposure", 13, item=None, name="email", shown="control")
    happen("u2", "exposure", 12, item=None, name="unheard", shown="b")
    happen("last", "view", 31)
    experiments = [experiment(), experiment(experiment_id="pairs", unit="user_item"),
                   experiment(experiment_id="future", starts_at="2027-01-01"),
                   experiment(experiment_id="learns", allocation="contextual")]  # fmt: skip
    arms = [arm("control", 0.5), arm("mens", 0.5)]
    arms += [arm(name, 0.5, one) for one in ("pairs", "future", "learns") for name in ("control", "b")]
    tables = {"experiment_arms": arms, "experiment_metrics": METRICS}
    users = [{"user_id": f"u{number}", "country": f"c{number % 3}"} for number in range(500)]
    decided = [row | {"metric": "revenue"} for row in experiments]
    return {"events": events, "users": users} | tables | {"experiments": decided}


@pytest.fixture(scope="module")
def shops(snowflake, tmp_path_factory):
    folder, texts = tmp_path_factory.mktemp("both"), world()
    shop = Shop(folder)
    shop.load(
        **{name: texts[name] for name in ("events", "users")},
        **{name: hillstrom.rows_of(rows) for name, rows in texts.items() if name not in ("events", "users")},
    )
    shop.build(*hillstrom.BUILD, tables=hillstrom.TABLES)
    cursor = snowflake.cursor()
    cursor.execute("create schema if not exists tested")
    cursor.execute("use schema tested")
    write_snowflake(snowflake, "raw", {name: texts[name] for name in ("events", "users")})
    for name in ("experiments", "experiment_arms", "experiment_metrics"):
        cursor.execute(f"create or replace table raw.{name} as {hillstrom.rows_of(texts[name])}")
    pointers = {"inputs": {name: f"raw.{name}" for name in ("events", "users")}, "tables": hillstrom.TABLES}
    result = run_dbt(
        *("build", *NO_TESTS, *hillstrom.BUILD, "--target", "snowflake"),
        target=folder / "snowflake",
        database=folder / "none.duckdb",
        settings=to_variables(pointers),
        environment={"SNOWFLAKE_SCHEMA": "tested"},
    )
    assert result.returncode == 0, result.output
    return shop, cursor


def comparable(frame):
    """Rows in order, columns by name, in types that can be compared."""
    frame = frame.rename(columns=str.lower)
    frame = frame[sorted(frame.columns)]
    for name in frame.columns:
        if frame[name].dtype == object or str(frame[name].dtype).startswith(("date", "string", "bool", "str")):
            frame[name] = frame[name].astype(str).replace({"None": "", "nan": "", "NaT": "", "<NA>": ""})
        else:
            frame[name] = frame[name].astype(float)
    texts = [name for name in frame.columns if frame[name].dtype != float]
    return frame.sort_values([*texts, *[n for n in frame.columns if n not in texts]]).reset_index(drop=True)


@pytest.mark.parametrize("table", TABLES)
def test_same_rows(shops, table):
    shop, cursor = shops
    with duckdb.connect(shop.database, read_only=True) as connection:
        mine = comparable(connection.execute(f"from {table}").df())
    other = comparable(cursor.execute(f"select * from tested.{table}").fetch_pandas_all())
    if table != "share_versions":
        assert len(mine)
    assert list(mine.columns) == list(other.columns) and len(mine) == len(other)
    for name in mine.columns:
        if mine[name].dtype == float:
            np.testing.assert_allclose(other[name].astype(float), mine[name], rtol=1e-9, atol=1e-12, err_msg=name)
        else:
            pd.testing.assert_series_equal(other[name].str.slice(0, 19), mine[name].str.slice(0, 19), obj=name)
