"""Publication, gates and rollback on Snowflake, played by an emulator (conftest.py, `snowflake`)."""

import json

import duckdb
import pytest
from conftest import run_dbt

from kindred.publishing.tables import TABLES

pytestmark = pytest.mark.snowflake


@pytest.fixture
def schema_s3(snowflake, monkeypatch):
    """A schema of its own, for dbt and the session too: the emulator looks for functions in the session's alone."""
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "S3")
    cursor = snowflake.cursor()
    cursor.execute("create or replace schema s3")
    cursor.execute("use schema s3")
    yield cursor
    cursor.execute("use schema s1")


READ_BY_GATES = ["data_health", "drift", "generators", "checked_policies", "item_rules", "people_for_item", "buy_again"]


@pytest.mark.slow
def test_what_is_read_changes_when_the_gates_are_passed_and_when_somebody_goes_back(
    sample_shop, snowflake, schema_s3, tmp_path
):
    """DuckDB's sample shop as if it had been built and published there, and a next run whose lists nobody may see."""
    from snowflake.connector.pandas_tools import write_pandas

    cursor = schema_s3
    tables = ["recommendations", "item_features", "person_events", "event_counts", "recommendation_log", "folds"]
    tables = {
        name: f"select * from {name}"
        for name in [*tables, "evaluation_metrics", "gates", "publish_gates", "traffic_report", *READ_BY_GATES]
    }
    tables["serving_releases"] = "select * exclude (measures) replace (null::double as bytes) from releases"
    for name in TABLES:
        tables[f"release_{name}"] = f"select * from release_{name}"
        tables[f"published_{name}"] = f"select (select run_id from releases) as run_id, * from release_{name}"
    # As a version before 0.1.0 published: other names, no settings of session lists, no policies and experiments.
    del tables["published_session_settings"], tables["published_arms"], tables["published_item_arms"]
    del tables["published_list_rules"], tables["published_reason_texts"]
    tables["published_lists"] = f"select * exclude (policy, activity) from ({tables['published_lists']})"
    generators = tables.pop("published_generators")
    tables["published_sources"] = f"select run_id, generator as source, reason from ({generators})"
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        for name, select in tables.items():
            rows = connection.sql(select)
            columns = ", ".join(f"{column} {kind}" for column, kind in zip(rows.columns, rows.types, strict=True))
            cursor.execute(f"create table s3.{name} ({columns})")
            # As text: pandas and the emulator have different ideas of what a timestamp is.
            frame = rows.select("columns(*)::varchar").df()
            write_pandas(snowflake, frame.rename(columns=str.upper), name.upper(), schema="S3")

    def dbt(*arguments, **settings):
        settings = {f"kindred__{name}": value for name, value in settings.items()}
        arguments = [*arguments, "--target", "snowflake"]
        return run_dbt(*arguments, target=tmp_path, database=tmp_path / "unused.duckdb", settings=settings)

    def publish(**settings):
        return dbt("build", "--select", "publish_gates", "releases", **settings)

    def done(result):
        assert result.returncode == 0, result.output
        return result.text

    def shown():
        arguments = f"'{user}', null, 5, " + ", ".join(["null"] * 7)
        rows = cursor.execute(f"select item_id from table(s3.recommend_items({arguments})) order by rank")
        return [item for (item,) in rows.fetchall()]

    [(user, first)] = cursor.execute("select min(user_id), min(run_id) from s3.recommendations").fetchall()
    # A build that publishes nothing makes what the functions need.
    done(dbt("run", "--select", "releases", as_of="2026-05-01"))
    for name in ("generators", "session_settings"):
        columns = ", ".join(TABLES[name])
        adopted = cursor.execute(f"select {columns} from s3.published_{name} where run_id = '{first}' order by 1")
        assert adopted.fetchall() == cursor.execute(f"select {columns} from s3.release_{name} order by 1").fetchall()
    done(dbt("build", "--select", "resource_type:function"))
    good = shown()
    assert len(good) == 5

    bad = good[-1]
    cursor.execute("update s3.recommendations set run_id = 'badbadba-0000', item_id = item_id || 'x'")
    cursor.execute("update s3.recommendations set generated_at = dateadd(day, 1, generated_at)")
    entries = json.dumps([[bad, 1, "popular", None, 1]])
    cursor.execute(f"update s3.release_lists set list_id = 'badbadba-p-0', items = '{entries}'")
    result = publish()
    assert result.returncode != 0
    assert "kindred: gate changed_lists stopped publication" in result.output, result.output
    assert shown() == good
    done(publish(override_gates=["changed_lists"]))
    assert shown()[0] == bad

    [(measures,)] = cursor.execute("select measures from s3.releases where run_id = 'badbadba-0000'").fetchall()
    measured = {one["gate"]: one for one in json.loads(measures)}
    assert measured["people"]["measure"] > 1000 and measured["quality"]["standard_error"] > 0

    [(old,), (new,)] = cursor.execute("select release_id from s3.releases order by 1").fetchall()
    said = done(dbt("run-operation", "roll_back", "--args", '{reason: "it\'s odd"}'))
    assert f"apps read {old} now, before {new}" in said
    assert shown() == good
    result = publish(override_gates=["changed_lists"])
    assert result.returncode != 0 and f"went back from release {new} to {old}" in result.text
    assert "it's odd" in result.text and "`dbt run-operation resume` ends the hold" in result.text
    newest = "select compared_run_id from s3.publish_gates qualify evaluated_at = max(evaluated_at) over () limit 1"
    assert cursor.execute(newest).fetchall() == [(first,)]
    listed = done(dbt("run-operation", "show_releases"))
    assert f"* {old}" in listed and f" {new}" in listed
    result = dbt("run-operation", "roll_back")
    assert result.returncode != 0
    assert f"there is no release before the current one; there are {old}, {new}" in result.text
    done(dbt("run-operation", "resume"))
    done(publish(override_gates=["changed_lists"]))
    assert shown()[0] == bad

    # Who refuses leaves all releases that are kept there.
    others = cursor.execute(f"select count(*) from s3.published_lists where user_id <> '{user}'").fetchall()
    cursor.execute("create table s3.identities (identity_id varchar, user_id varchar)")
    cursor.execute(f"insert into s3.identities values ('{user}', '{user}'), ('{user}-phone', '{user}')")
    columns = "user_id varchar, purpose varchar, is_granted boolean, valid_to timestamp"
    cursor.execute(f"create table s3.consent_history ({columns})")
    cursor.execute(f"insert into s3.consent_history select '{user}', 'personalization', false, null")
    # So does who is forgotten and not erased yet, of whom only hashes are known.
    other = f"select min(user_id) from s3.published_lists where user_id <> '{user}'"
    [(forgotten,)] = cursor.execute(other).fetchall()
    columns = "id_hash varchar, request_id varchar, is_named boolean, requested_at timestamp, forgotten_at timestamp"
    cursor.execute(f"create table s3.forgotten_ids ({columns}, erased_at timestamp)")
    cursor.execute("create table s3.forgotten_key as select 'key' as hash_key")
    hashed = f"select sha2('key{forgotten}', 256), 'r', true, current_timestamp(), current_timestamp(), null"
    cursor.execute(f"insert into s3.forgotten_ids {hashed}")
    done(dbt("run", "--select", "refused_ids", "withdrawals"))
    assert cursor.execute("select store, n_lists from s3.withdrawals").fetchall() == [("warehouse", 4)]
    gone = f"select count(*) from s3.published_lists where user_id in ('{user}', '{forgotten}')"
    assert cursor.execute(gone).fetchall() == [(0,)]
    assert cursor.execute("select count(*) from s3.published_lists").fetchall() == [(others[0][0] - 2,)]
