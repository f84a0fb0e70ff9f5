{#- Where a Python model meets a warehouse: reading, writing, table functions, progress. -#}
{% macro python_edges() %}{% raw %}
import functools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_matrix, csr_matrix, diags, vstack


def is_snowflake(session):
    """True in a Snowpark session, False on a DuckDB connection."""
    return type(session).__module__.startswith("snowflake.")


def read_table(relation, columns, condition=None):
    """A dbt.ref() as a pyarrow.Table of `columns` (lower case), restricted to rows that meet the SQL `condition`.

    Lists of floats are 32-bit on both warehouses (Snowflake hands arrays over as JSON).
    """
    if condition:
        relation = relation.filter(condition)
    if hasattr(relation, "fetchnumpy"):
        return relation.select(", ".join(columns)).to_arrow_table()
    frame = relation.select(*columns).to_pandas()
    frame.columns = columns
    return frame_to_table(frame)


def frame_to_table(frame):
    """A data frame as Snowflake hands it over, with our column names, as a pyarrow.Table in our types.

    Numbers are 64-bit floats, whatever Snowflake makes of them; factors come as JSON.
    """
    import json

    import pandas as pd

    if "factors" in frame:
        vectors = [json.loads(value) for value in frame["factors"]]
        frame = frame.assign(factors=pd.Series(vectors, index=frame.index, dtype=object))

    def type_of(name):
        values = frame[name].dropna()
        if name == "factors":
            return pa.list_(pa.float32())
        if name in ("weight", "score", "rank") or pd.api.types.is_numeric_dtype(values) and values.dtype != bool:
            return pa.float64()
        if name in ("last_at", "as_of", "learned_until") or pd.api.types.is_datetime64_any_dtype(values):
            return pa.timestamp("us")
        return pa.bool_() if len(values) and isinstance(values.iloc[0], (bool, np.bool_)) else pa.string()

    schema = pa.schema([(name, type_of(name)) for name in frame.columns])
    decimals = [name for name in frame.columns if schema.field(name).type == pa.float64()]
    return pa.Table.from_pandas(frame.astype(dict.fromkeys(decimals, float)), schema=schema, preserve_index=False)


def read_folds(folds):
    """The names of the folds to build, sorted."""
    return sorted(read_table(folds, ["fold"])["fold"].to_pylist())


def write_table(session, schema, batches, *kept):
    """What `model()` returns: an iterable of pyarrow.RecordBatch of `schema`, streamed on DuckDB.

    kept: relations of the same columns (or None) whose rows are written too; they never pass through here.
    """
    kept = [relation for relation in kept if relation is not None]
    if not is_snowflake(session):
        rows = pa.RecordBatchReader.from_batches(schema, batches)
        if not kept:
            return rows
        return functools.reduce(lambda above, below: above.union(below), [session.from_arrow(rows), *kept])
    table = pa.Table.from_batches(list(batches), schema=schema).rename_columns([name.upper() for name in schema.names])
    frames = [session.create_dataframe(table.to_pandas()), *kept] if table.num_rows else kept
    if frames:
        return project(functools.reduce(lambda above, below: above.union_all(below), frames), *schema.names)
    # A frame without rows says nothing of its types.
    from snowflake.snowpark.types import DoubleType, LongType, StringType, StructField, StructType, TimestampType

    types = {pa.int64(): LongType(), pa.float64(): DoubleType(), pa.timestamp("us"): TimestampType()}
    fields = [StructField(name.upper(), types.get(schema.field(name).type, StringType())) for name in schema.names]
    return session.create_dataframe([], schema=StructType(fields))


def stage_table(session, table, name):
    """Snowflake: put a pyarrow.Table on the session's stage; returns its path, to be imported by a table function."""
    import io

    file = io.BytesIO()
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    file.seek(0)
    path = f"{session.get_session_stage()}/{name}"
    session.file.put_stream(file, path, auto_compress=False, overwrite=True)
    return path


def read_staged_table(name):
    """Snowflake: the pyarrow.Table that `stage_table` put there, inside a table function that imports it."""
    import os
    import sys

    with pa.OSFile(os.path.join(sys._xoptions["snowflake_import_directory"], name)) as file:
        return pa.ipc.open_file(file).read_all()


def register_table_function(session, compute, columns, schema, path, packages):
    """Snowflake: a table function that runs `compute` on the rows of each partition, wherever a node is free.

    `compute` takes a pandas.DataFrame of texts with the given columns and returns one of the pyarrow `schema`; it may
    read the staged file at `path`.
    """
    import inspect

    import pandas as pd
    from snowflake.snowpark.types import FloatType, LongType, PandasDataFrameType, StringType

    # The nodes can't import this module: what belongs to __main__ is sent to them by value.
    for function in list(globals().values()):
        if inspect.isfunction(function) and function.__module__ == __name__:
            function.__module__ = "__main__"

    class TableFunction:
        def end_partition(self, rows):
            rows.columns = columns
            return compute(rows)

    TableFunction.end_partition._sf_vectorized_input = pd.DataFrame
    types = {pa.string(): StringType(), pa.int64(): LongType(), pa.float64(): FloatType()}
    return session.udtf.register(
        TableFunction,
        input_types=[PandasDataFrameType([StringType() for _ in columns])],
        output_schema=PandasDataFrameType([types[t] for t in schema.types], [name.upper() for name in schema.names]),
        imports=[path],
        packages=packages,
    )


def report_progress(text):
    """A line in the build's output (Snowflake keeps a procedure's output to itself)."""
    import time

    print(time.strftime("%H:%M:%S  ") + text, flush=True)
{% endraw %}{% endmacro %}
