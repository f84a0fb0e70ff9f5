"""Run a recipe: make its world, build it with all data tests, measure its promise and print an extract.

    python recipes/run.py commerce

Everything is written into the recipe's folder: raw tables into world/, tables into <recipe>.duckdb.
"""

import argparse
import gc
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

RECIPES = Path(__file__).resolve().parent
BUILD = ("build", "--exclude-resource-type", "unit_test")

# A select whose rows come back as tuples, on whatever warehouse the recipe was built.
Ask = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class World:
    """What an industry's systems hold, and what was planted in it.

    tables: {name of the raw table: its rows}. truths: what the promise may read and models may not.
    """

    tables: dict[str, pa.Table]
    truths: dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A recipe by what its files world.py and promise.py give.

    compared: options of dbt build for what the promise compares with, built beforehand; empty where there is nothing.
    options: options of dbt build for the recipe itself, such as the variables of its world; mostly empty.
    """

    make_world: Callable[[], World]
    keep: Callable[[Ask, dict[str, Any]], Sequence[str]]
    extract: Callable[[Ask], Sequence[str]]
    compared: Sequence[str]
    options: Sequence[str]

    @property
    def commands(self) -> list[list[str]]:
        """The commands of dbt that build the recipe."""
        before = [[*BUILD, *self.compared]] if self.compared else []
        return [["deps"], *before, [*BUILD, *self.options]]


def title(name: str) -> list[str]:
    """The lines of an extract that begin a part of it."""
    return ["", name, "-" * len(name)]


def first_places(ask: Ask, person: str, n: int = 5) -> list[str]:
    """The lines of an extract that have the first places of a person's list, with the sentence beside each."""
    rows = ask(f"""
        select
            recommendations.rank,
            items.title,
            items.category,
            coalesce(replace(texts.text_with_item, '{{item}}', because.title), texts.text_alone)
        from recommendations
        inner join items
            on recommendations.item_id = items.item_id
        left join items as because
            on recommendations.because_item_id = because.item_id
        inner join release_reason_texts as texts
            on recommendations.reason = texts.reason
                and texts.language = 'en'
        where recommendations.user_id = '{person}'
        order by recommendations.rank
        limit {n}
    """)
    return ["{} {:32.32} {:16.16} {}".format(*row) for row in rows]


def names() -> list[str]:
    return sorted(path.parent.name for path in RECIPES.glob("*/world.py"))


def load(name: str) -> Recipe:
    """The recipe of this name. Errors: ValueError for a name that no folder has."""
    if name not in names():
        raise ValueError(f"there is no recipe '{name}': choose one of {', '.join(names())}")
    if str(RECIPES.parent) not in sys.path:
        sys.path.insert(0, str(RECIPES.parent))
    world, promise = (importlib.import_module(f"recipes.{name}.{part}") for part in ("world", "promise"))
    compared, options = (getattr(promise, part, ()) for part in ("COMPARED", "OPTIONS"))
    return Recipe(world.make_world, promise.keep, promise.extract, compared, options)


def write_tables(world: World, project: Path) -> None:
    """Write the raw tables where the sources of the project read them on DuckDB."""
    (project / "world").mkdir(exist_ok=True)
    for name, table in world.tables.items():
        pq.write_table(table, project / "world" / f"{name}.parquet")


def dbt(*arguments: str, manifest: Any = None) -> Any:
    """The result of a command of dbt. Errors: RuntimeError where it fails; dbt has said why."""
    # Importing it takes seconds: what is wrong with the arguments is said before.
    from dbt.cli.main import dbtRunner

    outcome = dbtRunner(manifest=manifest).invoke(["--quiet", *arguments])
    if not outcome.success:
        raise RuntimeError(f"dbt {arguments[0]} failed") from outcome.exception
    return outcome.result


def build(recipe: Recipe) -> None:
    """Build a recipe in the current folder. Errors: RuntimeError where a command of dbt fails; dbt has said why.

    dbt reads a project again for other variables, a third of a build's time: this process reads it while another one
    builds what is compared with.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    os.environ |= {"DBT_PROFILES_DIR": ".", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_LOG_LEVEL_FILE": "info"}
    # What dbt makes it keeps: looking for garbage takes a fifth of the build.
    gc.disable()
    dbt("deps")
    before = None
    if recipe.compared:
        command = [str(Path(sys.executable).with_name("dbt")), "--quiet", *BUILD, *recipe.compared]
        before = subprocess.Popen([*command, "--target-path", "target/compared"])
    # It is read with the variables of the build, or dbt would read it again.
    manifest = dbt("parse", *recipe.options)
    if before and before.wait():
        raise RuntimeError("dbt build of what is compared with failed")
    dbt(*BUILD, *recipe.options, manifest=manifest)
    # dbt leaves the file open until its process ends.
    DuckDBConnectionManager.close_all_connections()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", choices=names())
    name = parser.parse_args().recipe
    recipe, project, began = load(name), RECIPES / name, time.perf_counter()
    world = recipe.make_world()
    write_tables(world, project)
    print(f"building the recipe {name}, about a minute; {name}/logs/dbt.log has every step", flush=True)
    os.chdir(project)
    build(recipe)
    with duckdb.connect(f"{name}.duckdb", read_only=True) as connection:

        def ask(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        lines = [*recipe.extract(ask), "", "The promise holds:", *recipe.keep(ask, world.truths)]
    print("\n".join(lines))
    print(f"{time.perf_counter() - began:.0f} seconds")


if __name__ == "__main__":
    main()
