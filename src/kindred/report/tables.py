"""kindred's tables in the warehouse, read only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from kindred.built import BuiltTables
from kindred.connection import as_dicts
from kindred.publishing.folder import serving_folder
from kindred.report.cells import SMALLEST_CELL, Row


class Tables:
    """The tables of a project. One that was not built, or a column that an older build lacks, is empty.

    Errors: RuntimeError where a build writes the DuckDB file at this moment, or there is none.
    """

    def __init__(self, connection: BuiltTables):
        self.connection = connection
        self.columns: dict[str, set[str]] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[Tables]:
        with self.connection.connected():
            self.look()
            yield self

    def look(self) -> None:
        """Which columns the tables have that were built."""
        places = self.connection.places
        names = {tuple(part.lower() for part in place): name for name, place in places.items()}
        for database, schema in sorted({place[:2] for place in places.values()}):
            catalog = f"{database}." if self.connection.kind == "snowflake" else ""
            for table, column in self.connection.rows(
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
        return as_dicts(columns, self.connection.rows(sql))

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
