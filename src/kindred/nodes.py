"""Work on people, spread over the nodes of a Snowflake warehouse.

A Python model of Snowflake is a procedure, which runs on one node. What is made of each person alone goes through a
table function instead: SQL hands it the people's rows in partitions of whole people, wherever a node is free, and what
is the same for all people travels as a file that each process maps into its memory. No procedure holds all people.
"""

from __future__ import annotations

import functools
import mmap
import os
import pickle
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from kindred.once import one_per_process
from kindred.warehouse import VARIANT, Relation, Session, frame_to_table, project, read_table, snowpark_types

# Arrays of a staged file begin at multiples of so many bytes.
ALIGNMENT = 64
# (fold, {name: the rows of a partition's people}, what was staged) -> rows
Compute = Callable[[str, Mapping[str, pa.Table], Any], Iterable[pa.RecordBatch]]


def write_staged(value: Any, file: Any) -> None:
    """Write a value so that `read_staged` can map its arrays: the pickled value, the arrays' bytes, where each is."""
    import cloudpickle  # type: ignore[import-untyped]

    import kindred

    # The nodes can't import this package: its functions and classes are sent to them by value.
    cloudpickle.register_pickle_by_value(kindred)
    arrays: list[pickle.PickleBuffer] = []
    pickled = cloudpickle.dumps(value, protocol=5, buffer_callback=arrays.append)
    places = []
    for content in [pickled, *(array.raw() for array in arrays)]:
        file.write(b"\0" * (-file.tell() % ALIGNMENT))
        start = file.tell()
        file.write(content)
        places.append((start, file.tell()))
    ending = pickle.dumps(places)
    file.write(ending + len(ending).to_bytes(8, "little"))


def read_staged(path: str) -> Any:
    """What `write_staged` wrote; arrays can't be written to, and are read from the file when they are used."""
    with open(path, "rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    length = int.from_bytes(content[-8:], "little")
    (start, end), *places = pickle.loads(content[-8 - length : -8])
    return pickle.loads(content[start:end], buffers=[content[first:last] for first, last in places])


def stage(session: Session, value: Any) -> str:
    """Snowflake: put a value on the session's stage; returns its path, to be imported by a table function."""
    path = f"{session.get_session_stage()}/{uuid.uuid4().hex}"
    with tempfile.TemporaryFile() as file:
        write_staged(value, file)
        file.seek(0)
        session.file.put_stream(file, path, auto_compress=False, overwrite=True)
    return path


def staged(name: str) -> Any:
    """Snowflake: what `stage` put there, inside a table function that imports it; read once in a process."""
    folder = sys._xoptions["snowflake_import_directory"]
    return one_per_process(f"staged_{name}", lambda: read_staged(os.path.join(str(folder), name)))


def union_of(people: Mapping[str, Relation]) -> tuple[Relation, dict[str, pa.DataType]]:
    """The rows of several relations as one, and the types of its columns; what a relation lacks is null.

    people: relations by names, which the column `relation` has. Columns of one name are of one type. Lists become JSON
    texts.
    """
    own = {name: snowpark_types(relation) for name, relation in people.items()}
    types = {column: kind for columns in own.values() for column, kind in columns.items()}
    relations = []
    for name, relation in people.items():
        expressions = [f"'{name}' as relation"]
        for column, kind in types.items():
            is_list = kind == VARIANT or pa.types.is_list(kind)
            value = (f"to_json({column})" if is_list else column) if column in own[name] else "null"
            expressions.append(f"cast({value} as {sql_type(kind)}) as {column}")
        relations.append(project(relation, *expressions))
    return functools.reduce(lambda above, below: above.union_all(below), relations), types


def sql_type(kind: pa.DataType) -> str:
    """The type in which a column goes to a table function."""
    return {pa.float64(): "double", pa.bool_(): "boolean", pa.timestamp("us"): "timestamp_ntz"}.get(kind, "varchar")


def spread(
    session: Session,
    people: Mapping[str, Relation],
    compute: Compute,
    shared: Iterable[tuple[str, Any]],
    schema: pa.Schema,
    packages: Sequence[str],
    people_per_partition: int,
) -> Relation:
    """Snowflake: the rows that `compute` makes of people, in partitions of whole people of one fold.

    people: relations with a fold and a user_id, by names, columns of one name being of one type. compute takes the
    fold, the rows of a partition by the same names, and what is shared by the people of the fold. shared: that for each
    fold, taken one at a time; a fold without has no rows.
    """
    import pandas as pd
    from snowflake.snowpark import types as kinds

    rows, types = union_of(people)
    n_people = int(read_table(project(rows, "count(distinct user_id) as n"), ["n"])["n"][0].as_py())
    paths = {fold: stage(session, value) for fold, value in shared}
    files = {fold: path.rsplit("/", 1)[1] for fold, path in paths.items()}
    columns = ["relation", *types]
    own = {relation: list(snowpark_types(people[relation])) for relation in people}

    class TableFunction:
        # Snowpark reads a handler's annotations and refuses Any.
        def end_partition(self, rows):  # type: ignore[no-untyped-def]
            rows.columns = columns
            fold = rows["fold"].iloc[0]
            tables = {
                relation: frame_to_table(rows[rows["relation"] == relation][names], {n: types[n] for n in names})
                for relation, names in own.items()
            }
            made = compute(fold, tables, staged(files[fold])) if fold in files else []
            return pa.Table.from_batches(made, schema=schema).to_pandas()

    TableFunction.end_partition._sf_vectorized_input = pd.DataFrame  # type: ignore[attr-defined]
    to_kinds = {
        "varchar": kinds.StringType(),
        "double": kinds.FloatType(),
        "boolean": kinds.BooleanType(),
        "timestamp_ntz": kinds.TimestampType(kinds.TimestampTimeZone.NTZ),
    }
    of_output = {pa.string(): kinds.StringType(), pa.int64(): kinds.LongType(), pa.float64(): kinds.FloatType()}
    function = session.udtf.register(
        TableFunction,
        input_types=[
            kinds.PandasDataFrameType([kinds.StringType(), *(to_kinds[sql_type(kind)] for kind in types.values())])
        ],
        output_schema=kinds.PandasDataFrameType(
            [of_output[kind] for kind in schema.types], [name.upper() for name in schema.names]
        ),
        imports=list(paths.values()),
        packages=list(packages),
    )
    bucket = f"mod(abs(hash(user_id)), {1 + n_people // people_per_partition}) as bucket"
    return project(rows, *columns, bucket).select(function(*columns).over(partition_by=["fold", "bucket"]))
