"""What the dbt model `withdrawals` does: take people who refuse out of every kept release, gates or no gates."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from kindred.publishing import folder as serving
from kindred.publishing.tables import TABLES
from kindred.run import current
from kindred.settings import fill
from kindred.warehouse import Relation, Session, is_snowflake, read_table, report_progress, write_table

SCHEMA = pa.schema(
    [("store", pa.string()), ("release_id", pa.string()), ("n_lists", pa.int64()), ("n_identities", pa.int64())]
    + [("withdrawn_at", pa.timestamp("us"))]
)
# {table of a release: which of its rows are of the refused}
IS_REFUSED = "in (select identity_id from {refused})"
OF_REFUSED = {"lists": f"user_id {IS_REFUSED}", "identities": f"user_id {IS_REFUSED} or identity_id {IS_REFUSED}"}


def withdraw(dbt: Any, session: Session, refused_ids: Relation, given: Mapping[str, Any], as_of: str) -> Any:
    """Take the people of refused_ids out of what apps read or can go back to; a replay takes nobody out.

    given: the variable kindred__serving. Returns a row per release that had some of them.
    Errors: RuntimeError where another build publishes, or the folder or server can't be written.
    """
    rows: list[tuple[str, str, int, int]] = []
    store = fill("serving", given)["store"]
    folder = serving.serving_folder(current("serving_path"), current("database"))
    if as_of or store == "none":
        pass
    elif is_snowflake(session):
        rows = list(from_warehouse(session, f"{dbt.this.database}.{dbt.this.schema}", refused_ids))
    else:
        ids = read_table(refused_ids, ["identity_id"])["identity_id"].to_pylist()
        if ids and store == "postgres":
            rows = list(from_postgres(os.environ.get("KINDRED_POSTGRES", ""), ids))
        elif ids and folder and folder.exists():
            rows = list(from_folder(folder, ids))
    for store, release_id, n_lists, _ in rows:
        report_progress(f"withdrawals: {n_lists} people who refuse are out of release {release_id} ({store})")
    now = datetime.now(UTC).replace(tzinfo=None)
    found = [dict(zip(SCHEMA.names, (*row, now), strict=True)) for row in rows]
    return write_table(session, SCHEMA, [pa.RecordBatch.from_pylist(found, schema=SCHEMA)] if found else [])


def from_folder(folder: Path, ids: Sequence[str]) -> Iterator[tuple[str, str, int, int]]:
    """Write each release again that has some of these people, without them, and put it in the place of the other.

    A file that is read is never changed: readers that have it open go on, and the store opens the new one at its next
    read. Deleted rows are overwritten with zeros, so that no copy of them is left in the file.
    """
    with serving.locked(folder):
        for path in sorted((folder / "releases").glob("*.sqlite")):
            if not any(count_refused(path, ids).values()):
                continue
            temporary = path.with_name(f".{path.stem}.tmp")
            try:
                shutil.copyfile(path, temporary)
                with opened(temporary.as_posix(), ids) as connection:
                    for pragma in ("secure_delete = on", "journal_mode = off", "synchronous = off"):
                        connection.execute(f"pragma {pragma}").fetchall()
                    removed = {
                        table: connection.execute(f"delete from {table} where {where}").rowcount
                        for table, where in refused_rows(connection).items()
                    }
                    if "n_lists" in {row[1] for row in connection.execute("pragma table_info(release)")}:
                        connection.execute("update release set n_lists = (select count(*) from lists)")
                serving.sync(temporary)
                os.replace(temporary, path)
                serving.sync(path.parent)
            except (OSError, sqlite3.Error) as error:
                temporary.unlink(missing_ok=True)
                raise RuntimeError(
                    f"people who refuse can't be taken out of {path}: {error}. See that the folder can be written and "
                    "has space for one more release, and build again"
                ) from error
            yield "sqlite", path.stem, removed.get("lists", 0), removed.get("identities", 0)


@contextlib.contextmanager
def opened(database: str, ids: Sequence[str]) -> Iterator[sqlite3.Connection]:
    """A connection with the temporary table `refused` of these ids."""
    with contextlib.closing(sqlite3.connect(database, uri=True, isolation_level=None)) as connection:
        connection.execute("pragma temp_store = memory")
        connection.execute("create temp table refused (identity_id text primary key) without rowid")
        connection.executemany("insert into refused values (?)", ((one,) for one in ids))
        yield connection


def refused_rows(connection: sqlite3.Connection) -> dict[str, str]:
    """{table of this release: condition}; a release of an earlier version lacks identities."""
    tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    return {table: where.format(refused="refused") for table, where in OF_REFUSED.items() if table in tables}


def count_refused(path: Path, ids: Sequence[str]) -> dict[str, int]:
    """How many rows of each table of a release are of these people; none of a file that is no whole release."""
    try:
        with opened(f"{path.resolve().as_uri()}?mode=ro", ids) as connection:
            return {
                table: connection.execute(f"select count(*) from {table} where {where}").fetchone()[0]
                for table, where in refused_rows(connection).items()
            }
    except sqlite3.Error:
        return {}


def from_postgres(address: str, ids: Sequence[str]) -> Iterator[tuple[str, str, int, int]]:
    """Delete these people from the tables that apps read; PostgreSQL frees the space when it cleans up by itself."""
    import psycopg

    from kindred.publishing.postgres import POSTGRES_SCHEMA, read_served

    try:
        with psycopg.connect(address, connect_timeout=10, application_name="kindred") as opened_connection:
            connection: Any = opened_connection
            connection.execute(f"set search_path = {POSTGRES_SCHEMA}")
            served = read_served(connection)
            if not served:
                return
            connection.execute("create temp table refused (identity_id text primary key)")
            with connection.cursor().copy("copy refused from stdin") as copy:
                for one in ids:
                    copy.write_row((one,))
            removed = {}
            for table, where in OF_REFUSED.items():
                [is_there] = connection.execute("select to_regclass(%s) is not null", [table]).fetchone()
                delete = f"delete from {table} where {where.format(refused='refused')}"
                removed[table] = connection.execute(delete).rowcount if is_there else 0
            if any(removed.values()):
                yield "postgres", served["release_id"], removed["lists"], removed["identities"]
    except psycopg.Error as error:
        raise RuntimeError(
            f"people who refuse can't be taken out of PostgreSQL: {' '.join(str(error).split())}. Mend it, build again"
        ) from error


def from_warehouse(session: Session, schema: str, refused_ids: Relation) -> Iterator[tuple[str, str, int, int]]:
    """Delete these people from the tables published_*, of all releases that are kept there."""
    removed = {}
    for table, where in OF_REFUSED.items():
        columns = ", ".join(f"{column} varchar" for column in ("run_id", *TABLES[table]))
        session.sql(f"create table if not exists {schema}.published_{table} ({columns})").collect()
        delete = f"delete from {schema}.published_{table} where {where.format(refused=refused_ids.table_name)}"
        removed[table] = int(session.sql(delete).collect()[0][0])
    if any(removed.values()):
        yield "warehouse", "all", removed["lists"], removed["identities"]
