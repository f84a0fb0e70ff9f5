{#- dbt appends this macro to every compiled Python model (it is empty in dbt itself): what our Python models share, the
    two edges where they meet a warehouse first of all. A model file can't import a sibling, least of all inside an
    installed package or a Snowflake procedure, so the source stands here, once; tests/python/test_python_helpers.py
    tests it. -#}
{% macro py_script_comment() %}
{{ kindred.python_helpers() }}
{% endmacro %}

{% macro python_helpers() %}{% raw %}
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
    """A data frame as Snowflake hands it over, with our column names, as a pyarrow.Table in our types."""
    import json

    import pyarrow as pa

    if "factors" in frame:
        frame = frame.assign(factors=[json.loads(value) for value in frame["factors"]])
    types = {"factors": pa.list_(pa.float32()), "weight": pa.float64()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in frame.columns])
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)


def read_folds(folds):
    """The names of the folds to build, sorted."""
    return sorted(read_table(folds, ["fold"])["fold"].to_pylist())


def write_table(session, schema, batches):
    """What `model()` returns: an iterable of pyarrow.RecordBatch of `schema`, streamed on DuckDB."""
    import pyarrow as pa

    if not is_snowflake(session):
        return pa.RecordBatchReader.from_batches(schema, batches)
    frame = pa.Table.from_batches(list(batches), schema=schema).to_pandas()
    frame.columns = [name.upper() for name in frame.columns]
    return session.create_dataframe(frame)


def stage_table(session, table, name):
    """Snowflake: put a pyarrow.Table on the session's stage; returns its path, to be imported by a table function."""
    import io

    import pyarrow as pa

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

    import pyarrow as pa

    with pa.OSFile(os.path.join(sys._xoptions["snowflake_import_directory"], name)) as file:
        return pa.ipc.open_file(file).read_all()


def register_table_function(session, compute, columns, schema, path, packages):
    """Snowflake: a table function that runs `compute` on the rows of each partition, wherever a node is free.

    `compute` takes a pandas.DataFrame of texts with the given columns and returns one of the pyarrow `schema`; it may
    read the staged file at `path`.
    """
    import inspect

    import pandas as pd
    import pyarrow as pa
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


def encode_ids(column, ids=None):
    """Positions of a pyarrow column's values, int32, among `ids`, by default the column's own values in sorted order.

    Returns (ids, positions); a value that isn't among the given ids has position -1.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pa.chunked_array(column).dictionary_encode().unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    values = encoded.dictionary
    if ids is None:
        ids = values.take(pc.sort_indices(values))
    positions = pc.index_in(values, value_set=ids).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    if len(positions) == 0:
        return ids, positions
    return ids, positions[encoded.indices.to_numpy(zero_copy_only=False)]


def read_confidences(interactions, fold, alpha):
    """A fold's interactions as (user ids, item ids, CSR matrix of users x items of 32-bit signed confidences).

    The confidence is 1 + alpha * |weight|, negative where the preference is 0. Ids are sorted: the same rows give the
    same matrix in whatever order the warehouse hands them over.
    """
    import numpy as np
    from scipy.sparse import coo_matrix

    table = read_table(interactions, ["user_id", "item_id", "weight"], f"fold = '{fold}' and weight <> 0")
    users, user_positions = encode_ids(table["user_id"])
    items, item_positions = encode_ids(table["item_id"])
    weights = table["weight"].to_numpy()
    confidences = np.copysign(1 + alpha * np.abs(weights), weights).astype(np.float32)
    matrix = coo_matrix((confidences, (user_positions, item_positions)), shape=(len(users), len(items))).tocsr()
    matrix.sort_indices()
    return users, items, matrix


def read_factors(relation, id_column, fold, condition=None):
    """A fold's vectors, in the order of their ids: (ids, array of n_ids x n_factors of 32-bit floats)."""
    condition = f"fold = '{fold}'" + (f" and {condition}" if condition else "")
    return unpack_factors(read_table(relation, [id_column, "factors"], condition), id_column)


def unpack_factors(table, id_column):
    """The vectors of a pyarrow.Table in the order of their ids: (ids, array of n_ids x n_factors of 32-bit floats)."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if table.num_rows == 0:
        return pa.array([], pa.string()), np.empty((0, 0), dtype=np.float32)
    table = table.take(pc.sort_indices(table[id_column]))
    # A copy: implicit wants memory that it could write to.
    vectors = pc.list_flatten(table["factors"]).to_numpy().astype(np.float32, copy=True)
    return table[id_column].combine_chunks(), vectors.reshape(table.num_rows, -1)


def vector_column(vectors):
    """An array of n x n_factors as a pyarrow list column of n rows."""
    import numpy as np
    import pyarrow as pa

    offsets = np.arange(0, vectors.size + 1, vectors.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, np.ascontiguousarray(vectors).ravel())
{% endraw %}{% endmacro %}
