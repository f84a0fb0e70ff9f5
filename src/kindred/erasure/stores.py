"""What lies outside the warehouse's tables: kept releases, PostgreSQL, and what dbt left on disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kindred.publishing.withdraw import COLUMNS, Leaving, count_leaving, from_folder, from_postgres

# What dbt writes and can write again: texts of models and, of a run, its arguments and variables as they were given.
ARTIFACTS = (
    "compiled",
    "run",
    "run_results.json",
    "manifest.json",
    "graph.gpickle",
    "graph_summary.json",
    "sources.json",
)

# `make hourly` has a folder of its own in dbt's target folder: settings that differ would make dbt parse all again.
HOURLY = "hourly"

# (store, what, rows deleted, rows left or None where they can't be searched)
Found = tuple[str, str, int, int | None]


def erase_releases(folder: Path, leaving: Leaving) -> Iterator[Found]:
    """Write the kept releases again without these people, and search them all again."""
    n_deleted = {release_id: n + m for _, release_id, n, m in from_folder(folder, leaving)}
    for path in sorted((folder / "releases").glob("*.sqlite")):
        n_left = sum(count_leaving(path, leaving.ids_in(path)).values())
        yield "sqlite", path.stem, n_deleted.get(path.stem, 0), n_left


def erase_postgres(address: str, leaving: Leaving) -> Iterator[Found]:
    """Delete these people from PostgreSQL and write its tables again, so that no bytes of the rows are left in them."""
    import psycopg

    from kindred.publishing.postgres import POSTGRES_SCHEMA

    n_deleted = sum(n + m for _, _, n, m in from_postgres(address, leaving))
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=10, application_name="kindred") as opened:
            connection: Any = opened
            n_left = 0
            for table, columns in COLUMNS.items():
                name = f"{POSTGRES_SCHEMA}.{table}"
                if connection.execute("select to_regclass(%s) is not null", [name]).fetchone()[0]:
                    connection.execute(f"vacuum full {name}")
                    where = " or ".join(f"{column} = any(%(ids)s)" for column in columns)
                    found = connection.execute(f"select count(*) from {name} where {where}", {"ids": list(leaving.ids)})
                    n_left += found.fetchone()[0]
    except psycopg.Error as error:
        raise RuntimeError(f"PostgreSQL can't be cleaned: {' '.join(str(error).split())}. Run this again") from error
    yield "postgres", POSTGRES_SCHEMA, n_deleted, n_left


def erase_artifacts(target: Path, logs: Path, temporary: Path | None) -> Iterator[Found]:
    """Delete what dbt rendered and logged, and what a killed process left of DuckDB's temporary files."""
    # Two of the folders may be one.
    paths = {target: [folder / name for folder in (target, target / HOURLY) for name in ARTIFACTS]}
    paths.setdefault(logs, []).extend(logs.glob("dbt.log*"))
    if temporary:
        paths.setdefault(temporary, []).extend(temporary.glob("duckdb_temp_*"))
    for folder, artifacts in paths.items():
        there = [path for path in artifacts if path.exists()]
        for path in there:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield "files", str(folder), len(there), sum(path.exists() for path in artifacts)
