"""Where the command line, the service and builds look for releases, and what is said where there is nothing to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, run_dbt
from serving_worlds import NEW, OLD, old_shape, random_world, write_release

from kindred import cli
from kindred.publishing import settings
from kindred.publishing.folder import serving_folder as builds_folder


@pytest.mark.parametrize(
    ("database", "path", "folder"),
    [
        ("kindred.duckdb", "", "kindred_serving"),
        ("/data/a.b/shop.v2.duckdb", "", "/data/a.b/shop.v2_serving"),
        (":memory:", "", ""),
        ("md:shop", "", ""),
        (":memory:", "/srv/lists", "/srv/lists"),
    ],
)
def test_where_builds_publish(database, path, folder):
    assert str(builds_folder(path, database) or "") == folder


def test_readers_look_where_builds_publish(tmp_path, monkeypatch):
    """The environment first, then the project's kindred__serving, then beside the DuckDB file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KINDRED_SERVING_PATH", raising=False)
    monkeypatch.setenv("KINDRED_DUCKDB_PATH", "data/shop.v2.duckdb")
    assert settings.serving_folder() == Path("data/shop.v2_serving")
    group = {"kindred__serving": {"path": "of the project"}}
    for variables in (group, {"kindred": group}):
        (tmp_path / "dbt_project.yml").write_text(json.dumps({"vars": variables}), encoding="utf-8")
        assert settings.serving_folder() == Path("of the project")
    monkeypatch.setenv("KINDRED_SERVING_PATH", str(tmp_path / "lists"))
    assert settings.serving_folder() == tmp_path / "lists"
    with pytest.raises(SystemExit, match="lists is no folder: nothing was published there yet"):
        cli.main(["releases"])


def test_postgres_has_nothing_to_go_back_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    variables = {"kindred": {"kindred__serving": {"store": "postgres"}}}
    (tmp_path / "dbt_project.yml").write_text(json.dumps({"vars": variables}), encoding="utf-8")
    for command in ("releases", "rollback", "resume"):
        with pytest.raises(SystemExit, match="kindred__serving has the store postgres, which keeps the last release"):
            cli.main([command])


def test_a_release_of_an_earlier_version_is_listed_and_gone_back_to(tmp_path, capsys):
    for release_id in (OLD, NEW):
        write_release(tmp_path, random_world(1), release_id)
    old_shape(tmp_path / "releases" / f"{OLD}.sqlite")
    cli.main(["releases", "--folder", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  as of")[0][:26] for line in lines] == [f"* {NEW}", f"  {OLD}"]
    cli.main(["rollback", "--folder", str(tmp_path)])
    served = json.loads((tmp_path / "served.json").read_text(encoding="utf-8"))
    assert served["release_id"] == OLD and served["measures"] == []


def test_serving_names_what_is_to_be_installed(tmp_path):
    """A Python without the extra `serve`."""
    program = "import sys; sys.modules['orjson'] = None; from kindred import cli; cli.main(['serve'])"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY / "src", capture_output=True, text=True)
    assert done.returncode == 1 and "orjson is missing: pip install 'kindred[serve]'" in done.stderr


@pytest.mark.slow
def test_export_is_dbts(sample_shop, tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("DBT_PROFILES_DIR", str(REPOSITORY))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("KINDRED_DUCKDB_PATH", str(sample_shop.database))
    cli.main(["export", str(tmp_path / "a folder")])
    names = {path.name for path in (tmp_path / "a folder").iterdir()}
    assert names >= {"neighbors.parquet", "session_settings.parquet", "session.json"}
    monkeypatch.setenv("KINDRED_DUCKDB_PATH", str(tmp_path / "empty.duckdb"))
    with pytest.raises(SystemExit, match="after `dbt build`"):
        cli.main(["export", str(tmp_path / "nothing")])


def test_dbt_names_the_command_that_goes_back(sample_shop, tmp_path):
    arguments = ["run-operation", "roll_back"]
    result = run_dbt(*arguments, target=tmp_path / "target", database=sample_shop.database)
    assert result.returncode != 0 and "`kindred rollback`" in result.text
