"""Where the tables of the last build are, from the files that dbt left; and when dbt is asked instead."""

import json

import duckdb
import pytest

from kindred import built
from kindred.built import Built, from_files, read_built

PROFILES = """
shop_profile:
  target: "{{ env_var('SHOP_TARGET', 'dev') }}"
  outputs:
    dev: {type: duckdb, path: "{{ env_var('SHOP_FILE', 'shop.duckdb') }}", schema: main}
    prod: {type: duckdb, path: shop.duckdb, schema: main_prod, threads: "{{ env_var('THREADS') | int }}"}
    odd: {type: duckdb, path: "{{ modules.os.getcwd() }}/shop.duckdb"}
    lake: {type: duckdb, path: shop.duckdb, extensions: [httpfs]}
    away: {type: snowflake, database: shop, schema: main}
"""


def write_manifest(folder, database="shop", schema="main_kindred", project="my_shop", **nodes):
    models = {"builds": "builds", "recommendations": "lists_of_people"} | nodes
    folder.mkdir(exist_ok=True)
    content = {
        "metadata": {"project_name": project},
        "nodes": {
            f"model.kindred.{name}": {
                "name": name, "package_name": "kindred", "resource_type": "model", "database": database,
                "schema": schema, "alias": alias, "config": {"schema": "kindred"},
            }
            for name, alias in models.items()
        },
    }  # fmt: skip
    content["nodes"]["model.my_shop.events"] = {"name": "events", "package_name": "my_shop", "resource_type": "model"}
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A consumer's project whose last build left its tables, and settings of two builds."""
    for name in ("DBT_PROFILES_DIR", "DBT_TARGET", "DBT_TARGET_PATH", "DBT_PROFILE", "DBT_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dbt_project.yml").write_text("name: my_shop\nprofile: shop_profile\n", encoding="utf-8")
    (tmp_path / "profiles.yml").write_text(PROFILES, encoding="utf-8")
    write_manifest(tmp_path / "target")
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        for schema, people in (("main_kindred", 30), ("main_prod_kindred", 50)):
            connection.execute(f"create schema {schema}")
            connection.execute(f"create table {schema}.builds (run_id text, parameters text, started_at timestamp)")
            newest = json.dumps({"kindred__privacy": {"min_people": people}, "kindred__as_of": ""})
            connection.execute(
                f"insert into {schema}.builds values ('one', '{{}}', '2026-05-01'), ('two', ?, '2026-05-02')", [newest]
            )
    return tmp_path


def test_without_dbt(project, monkeypatch):
    found = from_files([])
    assert isinstance(found, Built) and found.database_file.name == "shop.duckdb"
    assert found.name("recommendations") == "shop.main_kindred.lists_of_people"
    assert found.has("builds") and not found.has("events")
    with pytest.raises(RuntimeError, match="no table checked_experiments.*run `dbt build`"):
        found.name("checked_experiments")
    with found.connected():
        assert found.missing("builds", "recommendations") == ["recommendations"]
        assert found.setting("privacy")["min_people"] == 30
        assert found.setting("experiments")["alpha"] == 0.05
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            found.rows("create table main_kindred.mine (n int)")
    # Options and the environment as dbt has them.
    write_manifest(project / "elsewhere", schema="main_prod_kindred")
    for options in (["--target", "prod", "--target-path", "elsewhere"], ["--target-path", "elsewhere"]):
        monkeypatch.setenv("SHOP_TARGET", "prod")
        assert from_files(options).name("builds") == "shop.main_prod_kindred.builds"
    monkeypatch.setenv("DBT_TARGET_PATH", "elsewhere")
    assert from_files([]).places["builds"] == ("shop", "main_prod_kindred", "builds")


@pytest.mark.parametrize(
    "options",
    [
        ["--vars", "{}"],
        ["--target", "prod"],  # the manifest is of another schema
        ["--target", "odd"],  # dbt alone can read the profile
        ["--target", "lake"],  # dbt loads extensions
        ["--target", "away"],
        ["--target", "nowhere"],
        ["--target-path", "nowhere"],
    ],
)
def test_what_dbt_is_asked_for(project, options):
    assert from_files(options) is None


@pytest.mark.parametrize(
    "manifest",
    [
        {"database": "other"},
        {"schema": "main"},  # the table isn't there
        {"schema": "staging_kindred"},
        {"project": "another_shop"},
        {"builds": "moved"},
    ],
)
def test_a_manifest_of_something_else_is_not_believed(project, manifest):
    write_manifest(project / "target", **manifest)
    assert from_files([]) is None


def test_files_that_are_not_there_or_broken(project):
    for name, text in {"target/manifest.json": "{", "profiles.yml": "a: [", "dbt_project.yml": "name: my_shop"}.items():
        kept = (project / name).read_text(encoding="utf-8")
        (project / name).write_text(text, encoding="utf-8")
        assert from_files([]) is None, name
        (project / name).write_text(kept, encoding="utf-8")
        assert from_files([])
    (project / "shop.duckdb").unlink()
    assert from_files([]) is None


class Asked:
    """dbt's connection, as far as `read_built` looks at it."""

    kind, places = "duckdb", {"builds": ("shop", "main_kindred", "builds")}
    database_file, added = None, ()

    def __init__(self, options):
        assert options == ["--vars", "{}"]

    def has_credential(self, name):
        return name in self.added

    def disconnect(self):
        pass

    def setting(self, group):
        return {"asked": group}


def test_what_dbt_says_is_read_the_same_way(project, monkeypatch):
    monkeypatch.setattr(built, "Connection", Asked)
    assert isinstance(read_built([]), Built)
    assert isinstance(read_built(["--vars", "{}"]), Asked), "no file on this machine"
    monkeypatch.setattr(Asked, "database_file", project / "shop.duckdb")
    found = read_built(["--vars", "{}"])
    assert isinstance(found, Built) and found.setting("privacy") == {"asked": "privacy"}
    monkeypatch.setattr(Asked, "added", ("attach",))
    assert isinstance(read_built(["--vars", "{}"]), Asked), "what is attached is dbt's to attach"
