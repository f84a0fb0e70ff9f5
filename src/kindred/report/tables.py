"""kindred's tables in the warehouse, read only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kindred.connection import Connection, as_dicts
from kindred.publishing.folder import serving_folder
from kindred.report.cells import SMALLEST_CELL, Row


class Tables:
    """The tables of a project. One that was not built, or a column that an older build lacks, is empty.

    The DuckDB file is opened read-only, Snowflake through dbt's own connection. Errors: RuntimeError where a build
    writes the DuckDB file at this moment, or there is none.
    """

    def __init__(self, connection: Connection):
        self.connection = connection
        self.columns: dict[str, set[str]] = {}
        self.file: Any = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Tables]:
        path = self.connection.database_file
        if path is None:
            with self.connection.connected():
                self.look()
                yield self
            return
        self.connection.disconnect()
        with contextlib.closing(open_read_only(path)) as self.file:
            self.look()
            yield self

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.file.execute(sql).fetchall() if self.file else self.connection.rows(sql)
        return found

    def look(self) -> None:
        """Which columns the tables have that were built."""
        nodes = [
            node
            for node in self.connection.manifest.nodes.values()
            if node.resource_type in ("model", "seed") and node.package_name == "kindred"
        ]
        names = {(node.database, node.schema, node.alias): node.name for node in nodes}
        names = {tuple(part.lower() for part in place): name for place, name in names.items()}
        for database, schema in sorted({(node.database, node.schema) for node in nodes}):
            catalog = f"{database}." if self.connection.kind == "snowflake" else ""
            for table, column in self.query(
                f"select table_name, column_name from {catalog}information_schema.columns"
                f" where upper(table_schema) = upper('{schema}') and upper(table_catalog) = upper('{database}')"
            ):
                name = names.get((database.lower(), schema.lower(), table.lower()))
                if name:
                    self.columns.setdefault(name, set()).add(column.lower())

    def has(self, table: str) -> bool:
        return table in self.columns

    def rows(self, table: str, columns: Sequence[str], rest: str = "") -> list[Row]:
        """Rows as dicts; [] where the table was not built, None in columns that it lacks."""
        if not self.has(table):
            return []
        shown = [name if name in self.columns[table] else f"null as {name}" for name in columns]
        return self.select(f"select {', '.join(shown)} from {self.connection.name(table)} {rest}", columns)

    def select(self, sql: str, columns: Sequence[str]) -> list[Row]:
        """The rows of a statement as dicts of these names."""
        return as_dicts(columns, self.query(sql))

    @property
    def smallest_cell(self) -> int:
        """The fewest people that a shown figure rests on."""
        return max(SMALLEST_CELL, int(self.connection.setting("privacy")["min_people"]))

    @property
    def alpha(self) -> float:
        """1 - the level of intervals."""
        return float(self.connection.setting("experiments")["alpha"])

    def folder(self, given: str) -> Path:
        """The serving folder, by the order in which builds look for it. given: KINDRED_SERVING_PATH."""
        path = given or str(self.connection.setting("serving")["path"] or "")
        found = serving_folder(path, str(self.connection.database_file or "kindred.duckdb"))
        assert found is not None
        return found


def open_read_only(path: Path) -> Any:
    """A DuckDB file. Errors: RuntimeError where a writer has it, or there is none."""
    import duckdb

    if not path.exists():
        raise RuntimeError(f"there is no {path}: run `dbt build` first")
    try:
        return duckdb.connect(str(path), read_only=True)
    except duckdb.IOException as error:
        raise RuntimeError(
            f"{path} can't be read while another process writes it: try again after it: {error}"
        ) from error
