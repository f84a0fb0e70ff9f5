"""What consumers read is described and checked: tables, columns, functions, exposures and the shared column docs."""

import json
import re
import shutil

import duckdb
import pytest
from conftest import REPOSITORY, run_dbt

# Tables of a model or of its reasons, which docs/outputs.md doesn't show one by one.
ALSO_READ = {"explanations", "rankers"}
# Rejected events have any id or none; problems belong to inputs; the log has its own test; training_policy has one row.
WITHOUT_KEY = {"logged_places", "rejected_events", "input_problems", "recommendation_log", "training_policy"}
WITHOUT_KEY |= {"checked_reason_texts"}  # a row may lack what it is told by, and is a problem then


@pytest.fixture(scope="module")
def manifest(sample_shop):
    return json.loads((sample_shop.database.parent / "target" / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def nodes(manifest):
    """{name: model or seed} of kindred."""
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")}


@pytest.fixture(scope="module")
def checked(manifest):
    """{name of a model or seed: the arguments of its test well_formed}"""
    return {
        node["attached_node"].split(".")[-1]: node["test_metadata"]["kwargs"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "well_formed"
    }


@pytest.fixture(scope="module")
def consumer_tables(nodes):
    page = (REPOSITORY / "docs" / "outputs.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\*\*`(\w+)`\*\*", page)) | {name for name in nodes if name.startswith("release")}
    assert len(shown) > 25, "docs/outputs.md shows each table as **`name`**"
    assert shown - set(nodes) == set(), "docs/outputs.md shows tables that no model makes"
    return shown | ALSO_READ


def test_models_seeds_and_functions_are_described(manifest, nodes):
    functions = {function["name"]: function for function in manifest.get("functions", {}).values()}
    assert functions
    assert [name for name, node in (nodes | functions).items() if not node["description"].strip()] == []
    arguments = {
        f"{name}.{argument['name']}": argument["description"]
        for name, function in functions.items()
        for argument in function["arguments"]
    }
    assert [name for name, description in arguments.items() if not (description or "").strip()] == []


def test_columns_are_those_of_the_table_and_described(sample_shop, nodes):
    tables = {}
    for table, column in sample_shop.query("select table_name, column_name from information_schema.columns"):
        tables.setdefault(table, set()).add(column)
    problems = {}
    for name, node in nodes.items():
        described = {column for column, entry in node["columns"].items() if entry["description"].strip()}
        if node["config"]["materialized"] == "ephemeral":
            continue
        if tables[name] != described:
            problems[name] = {"not described": tables[name] - described, "not there": described - tables[name]}
    assert problems == {}


def test_consumer_tables_keep_a_contract_and_a_key(consumer_tables, nodes, checked):
    loose = {
        name
        for name in consumer_tables
        if not nodes[name]["config"]["contract"]["enforced"] and not checked.get(name, {}).get("contract")
    }
    assert loose == set()
    without_key = {name for name in consumer_tables if not checked.get(name, {}).get("key")}
    assert without_key == WITHOUT_KEY & consumer_tables


def test_python_models_keep_a_contract(nodes, checked):
    python_models = {name for name, node in nodes.items() if node.get("language") == "python"}
    assert len(python_models) > 10
    assert {name for name in python_models if not checked.get(name, {}).get("contract")} == set()


def test_exposures_say_what_reads_what(manifest):
    exposures = {exposure["name"]: exposure for exposure in manifest["exposures"].values()}
    assert {"app", "sql_functions", "device_export"} <= set(exposures)
    for name, exposure in exposures.items():
        assert exposure["owner"]["name"] and exposure["maturity"] and exposure["description"].strip(), name
        assert exposure["depends_on"]["nodes"], name


def test_no_column_doc_is_unused(manifest):
    written = {block["name"] for block in manifest["docs"].values() if block["package_name"] == "kindred"}
    used = set()
    for folder in ("models", "python_models", "seeds", "functions"):
        for path in (REPOSITORY / folder).rglob("*.yml"):
            used |= set(re.findall(r"doc\('(\w+)'\)", path.read_text(encoding="utf-8")))
    assert written - used == set()
    assert used - written == set()


def test_a_broken_table_fails_its_tests(sample_shop, tmp_path):
    """Each kind of fault that the test well_formed is about, in a copy of the sample shop's tables."""
    database = tmp_path / "broken.duckdb"
    shutil.copy(sample_shop.database, database)
    with duckdb.connect(database) as connection:
        for statement in (
            "alter table item_neighbors drop column score",
            "alter table als_user_factors alter column factors type double[]",
            "alter table session_candidates add column extra varchar",
            "alter table rankers add column of_an_earlier_version varchar",
            "update als_item_factors set alpha = null where rowid = 0",
            "update explanations set because_item_id = 'nowhere' where rowid = 0",
            "update recommendations set reason = 'no_reason' where rowid = 0",
            "update user_features set price_affinity = 1.5 where rowid = 0",
            "update generators set weight = null where rowid = 0",
            "insert into item_content_neighbors select * from item_content_neighbors limit 1",
        ):
            connection.execute(statement)
    broken = ["item_neighbors", "als_user_factors", "als_item_factors", "explanations", "recommendations"]
    broken += ["item_content_neighbors", "session_candidates", "user_features", "generators"]
    # Novelty, in bits, may be above 1, and an incremental table may have columns of an earlier version.
    sound = ["evaluation_metrics", "rankers", "tuning_trials", "similar_items"]
    select = [f"{table},test_name:well_formed" for table in broken + sound]
    result = run_dbt("test", "--select", *select, target=tmp_path / "target", database=database, writes=True)
    assert "item_neighbors: column score is missing" in result.text
    assert "als_user_factors: column factors is DOUBLE[], not FLOAT[]" in result.text
    assert "session_candidates: column extra isn't in the YAML" in result.text
    assert "als_item_factors: column alpha has nulls" in result.text
    run = json.loads((tmp_path / "target" / "run_results.json").read_text(encoding="utf-8"))
    failed = {row["unique_id"].split(".")[2] for row in run["results"] if row["status"] == "fail"}
    assert failed == {f"well_formed_{table}" for table in broken}
    assert "error" not in {row["status"] for row in run["results"]}
