"""Where a Python model meets a warehouse: reading, writing, progress.

The only module beside `nodes` that knows DuckDB from Snowflake. A relation is what `dbt.ref()` gives: a DuckDB
relation or a Snowpark data frame; a session is a DuckDB connection or a Snowpark session.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

Relation = Any
Session = Any
# The type of a column of which Snowflake doesn't say what it holds.
VARIANT = pa.null()
ROWS_PER_BATCH = 1_000_000


def is_snowflake(session: Session) -> bool:
    """True in a Snowpark session, False on a DuckDB connection."""
    return type(session).__module__.startswith("snowflake.")


# Reading --------------------------------------------------------------------------------------------------------------


def read_table(relation: Relation, columns: Sequence[str], condition: str | None = None) -> pa.Table:
    """A dbt.ref() as a pyarrow.Table of `columns` (lower case), restricted to rows that meet the SQL `condition`.

    Lists of floats are 32-bit on both warehouses (Snowflake hands arrays over as JSON).
    """
    if condition:
        relation = relation.filter(condition)
    if hasattr(relation, "fetchnumpy"):
        return relation.select(", ".join(columns)).to_arrow_table()
    types = snowpark_types(relation)
    frame = relation.select(*columns).to_pandas()
    frame.columns = list(columns)
    return frame_to_table(frame, {name: types[name] for name in columns if name in types})


def read_batches(relation: Relation, columns: Sequence[str], condition: str) -> Iterator[pa.RecordBatch]:
    """`read_table` in parts, for tables with a row per event: on DuckDB ROWS_PER_BATCH rows at a time."""
    if hasattr(relation, "to_arrow_reader"):
        yield from relation.filter(condition).select(", ".join(columns)).to_arrow_reader(ROWS_PER_BATCH)
    else:
        yield from read_table(relation, columns, condition).to_batches()


def name_of_table(relation: Relation) -> str | None:
    """The name of the table whose rows a relation has, all of them and nothing else; None where it isn't known.

    It is known of what `dbt.ref()` gives on DuckDB. On Snowflake each model runs in a process of its own.
    """
    query = relation.sql_query() if hasattr(relation, "sql_query") else ""
    found = re.fullmatch(r'\s*select \* from ((?:"[^"]+"\.)*"[^"]+")\s*', query)
    return found[1] if found else None


def snowpark_types(relation: Relation) -> dict[str, pa.DataType]:
    """The pyarrow type of each column of a Snowpark data frame, by its lower-case name; numbers are 64-bit floats."""
    from snowflake.snowpark import types

    kinds = {
        types.StringType: pa.string(),
        types.BooleanType: pa.bool_(),
        types.TimestampType: pa.timestamp("us"),
        types.ArrayType: pa.list_(pa.float32()),
        types.VariantType: VARIANT,
    }
    found = {}
    for field in relation.schema.fields:
        kind = next((kind for base, kind in kinds.items() if isinstance(field.datatype, base)), pa.float64())
        found[field.name.strip('"').lower()] = kind
    return found


def variant_type(values: Iterable[Any]) -> pa.DataType:
    """What a VARIANT column holds: lists of floats, which come as JSON arrays, or texts."""
    first = next((value for value in values if isinstance(value, str)), "")
    return pa.list_(pa.float32()) if first.startswith("[") else pa.string()


def parsed_lists(values: Iterable[Any]) -> list[Any]:
    """Lists, which Snowflake hands over as JSON texts and DuckDB as lists; nulls stay nulls."""
    return [json.loads(value) if isinstance(value, str) else value for value in values]


def frame_to_table(frame: Any, types: dict[str, pa.DataType]) -> pa.Table:
    """A data frame as Snowflake hands it over as a pyarrow.Table of the given types; lists come as JSON texts."""
    import pandas as pd

    types = {name: variant_type(frame[name]) if kind == VARIANT else kind for name, kind in types.items()}
    for name, kind in types.items():
        if pa.types.is_list(kind):
            values = pd.Series(parsed_lists(frame[name]), index=frame.index, dtype=object)
            frame = frame.assign(**{name: values})
        elif kind == pa.float64():
            frame = frame.assign(**{name: frame[name].astype(float)})
    schema = pa.schema([(name, types[name]) for name in frame.columns])
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)


def read_folds(folds: Relation) -> list[str]:
    """The names of the folds to build, sorted."""
    return sorted(read_table(folds, ["fold"])["fold"].to_pylist())


def count_rows(relation: Relation) -> int:
    """How many rows a relation has."""
    return int(read_table(project(relation, "count(*) as n"), ["n"])["n"][0].as_py())


# Relations of SQL expressions -----------------------------------------------------------------------------------------


def project(relation: Relation, *expressions: str) -> Relation:
    """A relation of SQL expressions over another."""
    if hasattr(relation, "select_expr"):
        return relation.select_expr(*expressions)
    return relation.select(", ".join(expressions))


def matching(rows: Relation, others: Relation, columns: Sequence[str], anti: bool = False) -> Relation:
    """The rows of a relation that agree with some row of another in `columns`; anti: those that don't."""
    kind = "anti" if anti else "semi"
    if hasattr(rows, "select_expr"):
        return rows.join(others, list(columns), f"left{kind}")
    condition = " and ".join(f"mine.{name} = theirs.{name}" for name in columns)
    return rows.set_alias("mine").join(others.set_alias("theirs"), condition, how=kind)


def settle(relation: Relation) -> Relation:
    """A relation that doesn't read its tables again: on Snowflake they may be replaced by what is written from it.

    dbt writes a new DuckDB table beside the old one, which can be read until then.
    """
    return relation.cache_result() if hasattr(relation, "cache_result") else relation


# Writing --------------------------------------------------------------------------------------------------------------


def write_table(session: Session, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *kept: Relation | None) -> Any:
    """What `model()` returns: an iterable of pyarrow.RecordBatch of `schema`, streamed on DuckDB.

    kept: relations of the same columns (or None) whose rows are written too; they never pass through here.
    """
    relations = [relation for relation in kept if relation is not None]
    if not is_snowflake(session):
        rows = pa.RecordBatchReader.from_batches(schema, batches)
        if not relations:
            return rows
        return functools.reduce(lambda above, below: above.union(below), [session.from_arrow(rows), *relations])
    table = pa.Table.from_batches(list(batches), schema=schema).rename_columns([name.upper() for name in schema.names])
    if table.num_rows:
        import pandas as pd

        # A whole number that may be null stays one: pandas' own kind would make fractions of them.
        frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        frames = [session.create_dataframe(frame), *relations]
    else:
        frames = relations
    if frames:
        return project(functools.reduce(lambda above, below: above.union_all(below), frames), *schema.names)
    # A frame without rows says nothing of its types.
    from snowflake.snowpark import types as kinds
    from snowflake.snowpark.types import StringType, StructField, StructType

    types = {pa.int64(): kinds.LongType(), pa.float64(): kinds.DoubleType(), pa.bool_(): kinds.BooleanType()}
    types[pa.timestamp("us")] = kinds.TimestampType()
    fields = [StructField(name.upper(), types.get(schema.field(name).type, StringType())) for name in schema.names]
    return session.create_dataframe([], schema=StructType(fields))


def previous_rows(dbt: Any, session: Session, schema: pa.Schema) -> Relation | None:
    """What this model wrote in an earlier build, as a relation of the columns of `schema`; None without such a table.

    The door to state of Python models, as the macro `previous` is that of SQL models.
    """
    this = dbt.this
    catalog = f"{this.database}.information_schema" if is_snowflake(session) else "information_schema"
    columns = session.sql(
        f"select column_name from {catalog}.columns where upper(table_catalog) = upper('{this.database}')"
        f" and upper(table_schema) = upper('{this.schema}') and upper(table_name) = upper('{this.identifier}')"
    )
    found = {name.lower() for name in read_table(columns, ["column_name"])["column_name"].to_pylist()}
    # An earlier version may have written others.
    return session.sql(f"select {', '.join(schema.names)} from {this}") if found >= set(schema.names) else None


def report_progress(text: str) -> None:
    """A line in the build's output (Snowflake keeps a procedure's output to itself)."""
    print(time.strftime("%H:%M:%S  ") + text, flush=True)


def as_doubles(column: Any) -> np.ndarray:
    """A pyarrow column of numbers as 64-bit floats."""
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))


def as_microseconds(column: Any) -> np.ndarray:
    """A pyarrow column of moments as microseconds since 1970, 64-bit whole numbers."""
    return np.asarray(column.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy(zero_copy_only=False))


def as_floats(column: Any) -> np.ndarray:
    """A pyarrow column of numbers, truth values or nulls as 32-bit floats, nan where null."""
    return column.cast(pa.float32()).to_numpy(zero_copy_only=False).astype(np.float32)
