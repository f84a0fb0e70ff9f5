"""recipes/: each is built as its page says and keeps its promise."""

import re
from pathlib import Path

import duckdb
import pytest
from conftest import REPOSITORY, copy_package, run_dbt, slowly

from recipes import run

RECIPES = run.names()


def build(name, folder, target="duckdb", schema="main"):
    """Build a recipe in a copy of the repository; returns (its project, the DuckDB file, its world)."""
    project = copy_package(folder / "kindred", f"recipes/{name}") / "recipes" / name
    recipe = run.load(name)
    world = recipe.make_world()
    run.write_tables(world, project)
    paths = {"project": project, "target": folder / "target", "database": folder / f"{name}.duckdb"}
    # kindred's own profile, under the recipe's name: it has both warehouses.
    profiles = folder / "profiles"
    profiles.mkdir()
    text = (REPOSITORY / "profiles.yml").read_text(encoding="utf-8")
    (profiles / "profiles.yml").write_text(text.replace("\nkindred:\n", f"\n{name}:\n"), encoding="utf-8")
    environment = {"KINDRED_WORLD": str(project / "world"), "SNOWFLAKE_SCHEMA": schema}
    for command in recipe.commands:
        result = run_dbt(*command, "--target", target, writes=True, profiles=profiles, environment=environment, **paths)
        assert result.returncode == 0, result.output
    return project, paths["database"], world, result.output


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_keeps_its_promise(name, tmp_path):
    _, database, world, output = build(name, tmp_path)
    assert re.search(r"Done\. PASS=\d+ WARN=0 ERROR=0 SKIP=0 ", output)
    recipe = run.load(name)
    with duckdb.connect(database, read_only=True) as connection:

        def ask(sql):
            return connection.execute(sql).fetchall()

        assert recipe.keep(ask, world.truths)
        assert len(recipe.extract(ask)) > 10


# CI builds one recipe there, the one that builds once.
@pytest.mark.snowflake
@pytest.mark.parametrize("name", ["commerce", *slowly(*(name for name in RECIPES if name != "commerce"))])
def test_a_recipe_keeps_its_promise_on_snowflake(name, tmp_path, snowflake):
    from snowflake.connector.pandas_tools import write_pandas

    cursor = snowflake.cursor()
    for statement in ("create schema if not exists raw", "create schema if not exists recipe"):
        cursor.execute(statement)
    recipe = run.load(name)
    cursor.execute("use schema raw")
    for table, rows in recipe.make_world().tables.items():
        frame = rows.to_pandas()
        frame.columns = [column.upper() for column in frame.columns]
        write_pandas(snowflake, frame, table.upper(), auto_create_table=True, overwrite=True, use_logical_type=True)
    _, _, world, _ = build(name, tmp_path, "snowflake", "recipe")
    cursor.execute("use schema recipe")

    def ask(sql):
        # Snowflake calls a table function as table(...).
        called = r"from ((?:rerank_items|recommend_items|autoplay)\(.*?\)) "
        return cursor.execute(re.sub(called, r"from table(\1) ", sql)).fetchall()

    assert recipe.keep(ask, world.truths)


@pytest.mark.parametrize("name", RECIPES)
def test_a_world_is_the_same_on_every_run(name):
    recipe = run.load(name)
    first, second = recipe.make_world(), recipe.make_world()
    assert first.truths == second.truths
    assert {table: rows.to_pylist() for table, rows in first.tables.items()} == {
        table: rows.to_pylist() for table, rows in second.tables.items()
    }


@pytest.mark.parametrize("name", RECIPES)
def test_a_page_says_in_ten_lines_what_a_recipe_is(name):
    lines = Path(REPOSITORY, "recipes", name, "README.md").read_text(encoding="utf-8").split("\n")
    head = "\n".join(lines[:10])
    for word in ("**In:**", "**Out:**", "**Promise:**", "**Not for:**"):
        assert word in head
    assert re.search(r"\d ± [\d.]", head), "the promise has no figure with its standard error"
    assert f"[{name}]({name}/README.md)" in Path(REPOSITORY, "recipes/README.md").read_text(encoding="utf-8")


def test_a_name_that_no_recipe_has():
    with pytest.raises(ValueError, match="there is no recipe 'comerce': choose one of .*commerce"):
        run.load("comerce")
