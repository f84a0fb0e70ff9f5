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
WITHOUT_KEY = {"rejected_events", "input_problems", "recommendation_log", "training_policy"}


@pytest.fixture(scope="module")
def manifest(sample_shop):
    return json.loads((sample_shop.database.parent / "target" / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def nodes(manifest):
    """{name: model or seed} of kindred."""
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")}


@pytest.fixture(scope="module")
def tests_of(manifest):
    """{name of a model: names of the generic tests on it}"""
    found = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node"):
            found.setdefault(node["attached_node"].split(".")[-1], set()).add(node["test_metadata"]["name"])
    return found


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


def test_consumer_tables_keep_a_contract_and_a_key(consumer_tables, nodes, tests_of):
    loose = {
        name
        for name in consumer_tables
        if not nodes[name]["config"]["contract"]["enforced"] and "keeps_contract" not in tests_of.get(name, ())
    }
    assert loose == set()
    without_key = {name for name in consumer_tables if "primary_key" not in tests_of.get(name, ())}
    assert without_key - WITHOUT_KEY == set()


def test_python_models_keep_a_contract(nodes, tests_of):
    python_models = {name for name, node in nodes.items() if node.get("language") == "python"}
    assert len(python_models) > 10
    assert {name for name in python_models if "keeps_contract" not in tests_of.get(name, ())} == set()


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
    """Each kind of fault that contract, key and known values are about, in a copy of the sample shop's tables."""
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
            "insert into item_content_neighbors select * from item_content_neighbors limit 1",
        ):
            connection.execute(statement)
    tables = ["item_neighbors", "als_user_factors", "rankers", "als_item_factors", "explanations", "recommendations"]
    tables += ["item_content_neighbors", "session_candidates", "tuning_trials", "similar_items"]
    names = ["keeps_contract", "known_values", "primary_key"]
    select = [f"{table},test_name:{name}" for table in tables for name in names]
    result = run_dbt("test", "--select", *select, target=tmp_path / "target", database=database)
    assert "item_neighbors: column score is missing" in result.text
    assert "als_user_factors: column factors is DOUBLE[], not FLOAT[]" in result.text
    assert "session_candidates: column extra isn't in the YAML" in result.text
    assert "als_item_factors: column alpha has nulls" in result.text
    run = json.loads((tmp_path / "target" / "run_results.json").read_text(encoding="utf-8"))
    failed = {row["unique_id"].split(".")[2] for row in run["results"] if row["status"] == "fail"}
    assert {name for name in failed if name.startswith("keeps_contract")} == {
        "keeps_contract_item_neighbors_",
        "keeps_contract_als_user_factors_",
        "keeps_contract_session_candidates_",
        "keeps_contract_als_item_factors_",
    }
    assert {name for name in failed if name.startswith("known_values")} == {
        "known_values_explanations",
        "known_values_recommendations",
    }
    assert [name for name in failed if name.startswith("primary_key_item_content")] and len(failed) == 7
    assert "error" not in {row["status"] for row in run["results"]}
