"""A build upgrades a warehouse that the version before 0.1.0 built, while an app reads: nothing is lost or missed."""

import json
import subprocess
import sys
import time

import pytest
from conftest import NO_TESTS, REPOSITORY, Shop, run_dbt

# The last commit under the names of before.
BEFORE = "8ea6b26"
KEPT = ["recommendation_log", "model_runs", "publish_gates", "tuning_trials", "serving_releases"]
OLD_NAMES = {"builds": "model_runs", "releases": "serving_releases"}
READER = """
import json, sys, time
from pathlib import Path
from kindred.serving import Store

store, stop, releases, n_reads = Store(sys.argv[1]), Path(sys.argv[2]), [], 0
while not stop.exists() or n_reads == 0:
    for user in ("u00", "u31", "nobody"):
        found = store.recommend(user, n=5)
        assert len(found["items"]) == 5, found
        if found["release_id"] not in releases:
            releases.append(found["release_id"])
        n_reads += 1
    time.sleep(0.01)
print(json.dumps([n_reads, releases]))
"""


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory):
    """(shop, rows of each kept table as the version before left them, what the reader says, dbt's output)"""
    folder = tmp_path_factory.mktemp("upgrade")
    git = ["git", "-C", str(REPOSITORY)]
    if subprocess.run([*git, "cat-file", "-e", BEFORE], capture_output=True).returncode != 0:
        pytest.skip(f"no commit {BEFORE} here: this is no clone with its history (git fetch --unshallow)")
    before = folder / "before"
    before.mkdir()
    archive = subprocess.run([*git, "archive", BEFORE], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(before)], input=archive, check=True)

    shop = Shop(folder)
    shop.load(
        items="select 'i' || lpad(i::varchar, 2, '0') as item_id, 'Thing ' || i as title, 'c' || i % 4 as category"
        " from range(20) as numbers(i)",
        events="""
            select
                'e' || r as event_id,
                'u' || lpad((hash(r * 7919) % 40)::varchar, 2, '0') as user_id,
                if(hash(r * 17) % 10 < 7, 'view', 'purchase') as event_type,
                'i' || lpad((hash(r * 31) % 20)::varchar, 2, '0') as item_id,
                timestamp '2026-03-01' + interval 1 minute * (hash(r * 13) % 86400) as occurred_at
            from range(1200) as numbers(r)
        """,
    )
    settings = {"events": "raw.events", "items": "raw.items", "users": "", "consents": "", "tune_minutes": 0.02}
    result = run_dbt(
        *("build", *NO_TESTS),
        project=before,
        target=folder / "target_before",
        database=shop.database,
        settings={f"kindred__{name}": value for name, value in settings.items()},
    )
    assert result.returncode == 0, result.output
    kept = {table: sorted(shop.query(f"from {table}"), key=str) for table in KEPT}
    columns = {table: shop.column(f"select column_name from (describe {table})") for table in KEPT}

    serving, stop = folder / "shop_serving", folder / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(serving), str(stop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(REPOSITORY / "src")},
    )
    try:
        # A build that is killed at its start has taken over what it came to; the next one goes on.
        shop.run("alter table recommendation_log rename column source to generator")
        result = shop.dbt("build", *NO_TESTS)
        time.sleep(1)
        stop.touch()
        said, errors = reader.communicate(timeout=60)
    finally:
        reader.kill()
    assert result.returncode == 0, result.output
    assert reader.returncode == 0, errors
    return shop, kept, columns, json.loads(said), result.output


@pytest.mark.slow
def test_the_app_misses_nothing(upgraded):
    shop, kept, columns, (n_reads, seen), _ = upgraded
    [old] = [dict(zip(columns["serving_releases"], row, strict=True))["release_id"] for row in kept["serving_releases"]]
    [new] = shop.column(f"select release_id from releases where release_id <> '{old}'")
    assert seen == [old, new] and n_reads > 100


@pytest.mark.slow
def test_all_history_is_there(upgraded):
    shop, kept, columns, _, output = upgraded
    renamed = {"source": "generator", "judged_at": "evaluated_at"}
    for old, rows in kept.items():
        table = {was: name for name, was in OLD_NAMES.items()}.get(old, old)
        names = [renamed.get(name, name) for name in columns[old]]
        # The build's own rows lie beside them; the search was of the earlier one alone.
        assert rows and sorted(shop.query(f"select {', '.join(names)} from {table}"), key=str) != []
        found = set(map(str, shop.query(f"select {', '.join(names)} from {table}")))
        assert set(map(str, rows)) <= found
        assert (len(found) > len(rows)) == (table != "tuning_trials")
    for table, old in OLD_NAMES.items():
        assert f'"{table}" takes over the rows of "shop"."main"."{old}"' in output
    assert shop.counts("recommendation_log", "policy").keys() == {"main"}


@pytest.mark.slow
def test_the_gates_compare_with_the_release_of_before(upgraded):
    shop, kept, columns, _, _ = upgraded
    release = dict(zip(columns["serving_releases"], kept["serving_releases"][0], strict=True))
    rows = shop.query(
        f"select gate, compared_run_id, compared_release_id, value, explanation from publish_gates"
        f" where run_id <> '{release['run_id']}'"
    )
    assert {row[1:3] for row in rows} == {(release["run_id"], release["release_id"])}
    values = {row[0]: row[3] for row in rows}
    # The events are the same; chance and the version's own changes move the lists.
    assert values["people"] == values["rejected_events"] == 0
    assert all(values[gate] is not None for gate in ("catalog_coverage", "changed_lists", "quality", "stale_data"))
    # The search that the version before made is used.
    assert "tuned " in shop.value("select training_settings from builds order by started_at desc limit 1")


@pytest.mark.slow
def test_old_tables_are_never_read_again_and_a_full_refresh_loses_nothing(upgraded):
    shop, *_ = upgraded
    tables = ["builds", "releases", "publish_gates", "tuning_trials", "rankers", "recommendation_log"]
    before = {table: shop.value(f"select count(*) from {table}") for table in tables}
    for old in OLD_NAMES.values():
        shop.run(f"insert into {old} from {old}")
    shop.build("--full-refresh", folds=["live"], train="when_due")
    after = {table: shop.value(f"select count(*) from {table}") for table in tables}
    n_gates = shop.value("select count(*) from gates")
    n_lists = shop.value("select count(*) from recommendations")
    added = {"builds": 1, "releases": 1, "publish_gates": n_gates, "recommendation_log": n_lists}
    assert after == {table: before[table] + added.get(table, 0) for table in tables}
    # A full refresh trains, although nothing was due.
    assert shop.value("select reason from training_policy") == "full_refresh"
    for old in OLD_NAMES.values():
        shop.run(f"drop table {old}")
    shop.build("--select", "training_policy")


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("kindred__publish_gates", {"people": 0.1}, "kindred__gates: {changed_lists: ..., ...}"),
        pytest.param(
            "kindred__n_recommendations", 5, "kindred__lists: {n_recommendations: ...}", marks=pytest.mark.slow
        ),
        pytest.param("kindred__events", "raw.events", "kindred__inputs: {events: ...}", marks=pytest.mark.slow),
        pytest.param("kindred__serving_path", "/srv", "kindred__serving: {path: ...}", marks=pytest.mark.slow),
        pytest.param("kindred__training", "when_due", "kindred__train: when_due", marks=pytest.mark.slow),
        pytest.param(
            "kindred__retrain",
            {"drift": 0},
            "kindred__training: {age_days: ..., new_events_share: ..., drift: ...}",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_old_variable_stops_the_build_with_its_new_name(tmp_path_factory, old, value, new):
    folder = tmp_path_factory.getbasetemp() / "old_variables"
    folder.mkdir(exist_ok=True)
    database = folder / "none.duckdb"
    result = run_dbt("build", "--select", "folds", target=folder / "target", database=database, settings={old: value})
    assert result.returncode != 0
    name = "kindred__training: when_due" if old == "kindred__training" else old
    assert f"{name} is now {new} (docs/upgrading.md)" in result.text
