"""The semantic layer: each metric is described, and MetricFlow's figures are those of the tables."""

import json
import os
import shutil
import subprocess
import sys

import duckdb
import pandas as pd
import pytest
from conftest import EXPERIMENTS, REPOSITORY, copy_package

METRICFLOW = ["dbt-metricflow==0.15.0", "-r", str(REPOSITORY / "requirements.txt")]
# As MetricFlow's compiler would: the sums of the rows that add up, and ratios of the sums.
BUSINESS = """
    select day as metric_time__day, segment as day_of_segment__segment, n_active as active_people, n_new as new_people,
        n_sessions as sessions, n_orders as orders, revenue, conversion_rate, aov, ctr
    from daily_metrics where segment <> ''
"""
# (what is asked of `mf query`, the same of the tables)
QUERIES = {
    "a day of all people": (
        ["--metrics", "revenue,orders,sessions,active_people,ctr,aov", "--group-by", "metric_time"],
        "select day as metric_time__day, revenue, n_orders as orders, n_sessions as sessions,"
        " n_active as active_people, ctr, aov from daily_metrics where segment = ''",
    ),
    "a week": (
        ["--metrics", "revenue,conversion_rate,active_people", "--group-by", "metric_time__week"],
        "select date_trunc('week', day) as metric_time__week, sum(revenue) as revenue,"
        " sum(n_orders) / sum(n_sessions) as conversion_rate, arg_max(n_active, day) as active_people"
        " from daily_metrics where segment = '' group by all",
    ),
    "cohorts": (
        ["--metrics", "retention_1w,retention_4w,retention_12w", "--group-by", "metric_time"],
        "select cohort_week as metric_time__day, max(retention) filter (age_weeks = 1) as retention_1w,"
        " max(retention) filter (age_weeks = 4) as retention_4w,"
        " max(retention) filter (age_weeks = 12) as retention_12w from cohorts where segment = '' group by all",
    ),
    "page business": (["--saved-query", "report_business"], BUSINESS),
    "page lists": (
        ["--saved-query", "report_lists"],
        "select policy as shown_item__policy, kind as shown_item__kind, generator as shown_item__generator,"
        " n_impressions as list_impressions, ctr as list_ctr, conversion_rate as list_conversion_rate,"
        " revenue as list_revenue from list_performance"
        " where run_id = '' and kind <> '' and generator <> '' and position = 0",
    ),
    "page health": (
        ["--saved-query", "report_health"],
        "select date_trunc('day', started_at) as metric_time__day, count(*) as builds_run, sum(seconds) as"
        " build_seconds, sum(n_events) as usable_events, sum(n_rejected_events) / sum(n_events) as"
        " rejected_per_usable_event from builds group by all",
    ),
}
PAGES = {"report_experiments", "report_lists", "report_business", "report_health"}


@pytest.fixture(scope="module")
def manifest(sample_shop):
    path = sample_shop.database.parent / "target/semantic_manifest.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_metrics__have_a_label_and_a_description(manifest):
    metrics = {metric["name"]: metric for metric in manifest["metrics"]}
    assert {"revenue", "orders", "sessions", "active_people", "ctr", "conversion_rate", "aov", "retention_4w"} <= set(
        metrics
    )
    assert {name for name, metric in metrics.items() if not metric["label"] or not metric["description"]} == set()
    assert len({metric["label"] for metric in metrics.values()}) == len(metrics)
    ratios = {name for name, metric in metrics.items() if metric["type"] == "ratio"}
    assert {"ctr", "conversion_rate", "aov", "retention_4w", "experiment_value"} <= ratios


def test_models_and_pages__say_what_they_are(manifest):
    models = {model["name"]: model for model in manifest["semantic_models"]}
    assert {"daily", "cohort_ages", "shown_items", "arm_moments"} <= set(models)
    for name, model in models.items():
        assert model["description"], name
        assert [one["name"] for one in model["measures"] if not one["description"]] == []
    pages = {query["name"]: query for query in manifest["saved_queries"]}
    assert set(pages) == PAGES
    metrics = {metric["name"] for metric in manifest["metrics"]}
    for name, page in pages.items():
        assert page["label"] and page["description"], name
        assert set(page["query_params"]["metrics"]) <= metrics
    [spine] = manifest["project_configuration"]["time_spines"]
    assert spine["node_relation"]["alias"] == "metric_days"


def test_active_people_are_not_added_over_days(manifest):
    [daily] = [model for model in manifest["semantic_models"] if model["name"] == "daily"]
    [active] = [measure for measure in daily["measures"] if measure["name"] == "daily_active"]
    assert active["non_additive_dimension"]["name"] == "happened_on"
    assert active["non_additive_dimension"]["window_choice"] == "max"


@pytest.mark.slow
def test_metricflow_says_what_the_tables_say(sample_shop, tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin/pip", "install", "--quiet", *METRICFLOW], check=True)
    project = copy_package(tmp_path / "kindred")
    shutil.copy(REPOSITORY / "profiles.yml", project)
    database = tmp_path / "shop.duckdb"
    shutil.copy(sample_shop.database, database)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "KINDRED_"))}
    environment |= {"KINDRED_DUCKDB_PATH": str(database), "DBT_PROFILES_DIR": str(project)}

    def run(*command):
        done = subprocess.run(
            command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == 0, done.stdout

    run(venv / "bin/dbt", "parse", "--vars", json.dumps({"kindred__tables": EXPERIMENTS}))
    for name, (asked, sql) in QUERIES.items():
        run(venv / "bin/mf", "query", *asked, "--csv", tmp_path / "found.csv", "--decimals", "15")
        found = pd.read_csv(tmp_path / "found.csv")
        with duckdb.connect(database, read_only=True) as connection:
            expected = connection.execute(sql).df()
        times = [column for column in found if column.startswith("metric_time")]
        keys = [column for column in found if "__" in column]
        for frame in (found, expected):
            for column in times:
                frame[column] = pd.to_datetime(frame[column])
        # The sample shop has one build, and lists of one kind.
        n_least = 1 if name in ("page lists", "page health") else 10
        assert len(expected) >= n_least and set(found) == set(expected), name
        both = [frame.sort_values(keys, ignore_index=True)[list(expected)] for frame in (found, expected)]
        pd.testing.assert_frame_equal(*both, check_dtype=False, rtol=1e-9, atol=1e-9, obj=name)
