"""The warehouse's tables as the explanation reads them: rows as dicts, and relations for the ranker's own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from kindred.built import Warehouse
from kindred.connection import as_dicts, quoted
from kindred.warehouse import parsed_lists

Row = dict[str, Any]
# Columns that are text even where every value is null.
TEXTS = frozenset(
    ("user_id", "item_id", "generator", "category", "brand", "top_category", "top_brand", "kind", "model", "policy")
    + ("generators", "ranker", "neighbor_id", "settings", "weights")
)


def text(value: str) -> str:
    """A literal. A backslash is itself on DuckDB and escapes what follows on Snowflake, so none stands in it."""
    literal = f"'{quoted(value)}'"
    return "(" + literal.replace("\\", "' || chr(92) || '") + ")" if "\\" in literal else literal


def read(warehouse: Warehouse, model: str, columns: str, rest: str = "") -> list[Row]:
    """Rows of one of kindred's tables, as dicts. columns: names with blanks between them."""
    names = columns.split()
    sql = f"select {', '.join(names)} from {warehouse.name(model)} {rest}"
    return as_dicts(names, warehouse.rows(sql))


@dataclass(frozen=True)
class Fetched:
    """Some rows of a table, with what `kindred.warehouse.read_table` asks of a relation."""

    warehouse: Warehouse
    model: str
    conditions: tuple[str, ...] = ()
    columns: str = "*"

    def filter(self, condition: str) -> Fetched:
        return replace(self, conditions=(*self.conditions, condition))

    def select(self, columns: str) -> Fetched:
        return replace(self, columns=columns)

    def fetchnumpy(self) -> Any:
        raise NotImplementedError("read_table takes this relation for DuckDB's by this name alone")

    def to_arrow_table(self) -> pa.Table:
        names = self.columns.split(", ")
        where = " and ".join(f"({condition})" for condition in self.conditions) or "true"
        rows = read(self.warehouse, self.model, " ".join(names), f"where {where}")
        return pa.table({name: column([row[name] for row in rows], name) for name in names})


def column(values: Sequence[Any], name: str) -> pa.ChunkedArray:
    """Numbers are 64-bit floats, as nothing tells whole ones from others where dbt reads them.

    Vectors are lists of 32-bit floats.
    """
    if name == "factors":
        return pa.chunked_array([pa.array(parsed_lists(values), pa.list_(pa.float32()))])
    kind = pa.string() if name in TEXTS else pa.timestamp("us") if name == "last_at" else None
    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
        kind = kind or pa.float64()
    return pa.chunked_array([pa.array(values, kind)])
