"""What the dbt model `withdrawals` does: take people who refuse or are forgotten out of every kept release, gates or no
gates. `kindred forget` does the same with the people that it erases."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from kindred.ids import id_hash
from kindred.publishing import folder as serving
from kindred.publishing.tables import TABLES
from kindred.run import current
from kindred.settings import fill
from kindred.warehouse import Relation, Session, is_snowflake, read_table, report_progress, write_table

SCHEMA = pa.schema(
    [("store", pa.string()), ("release_id", pa.string()), ("n_lists", pa.int64()), ("n_identities", pa.int64())]
    + [("withdrawn_at", pa.timestamp("us"))]
)
# {table of a release: the columns that name people}, and which of its rows are of people who leave.
LEAVES = "in (select identity_id from {leaving})"
COLUMNS = {"lists": ("user_id",), "list_rules": ("user_id",), "identities": ("user_id", "identity_id")}
OF_LEAVING = {table: " or ".join(f"{column} {LEAVES}" for column in names) for table, names in COLUMNS.items()}


@dataclass(frozen=True)
class Leaving:
    """Who leaves the releases: ids as they are, and ids of which only the keyed hashes are left (forgotten_ids).

    is_everyone: all people leave, where nobody is to have a list (lists_for of kindred__privacy).
    """

    ids: Sequence[str] = ()
    hashes: frozenset[str] = frozenset()
    key: str = ""
    is_everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.ids or self.hashes or self.is_everyone)

    def ids_in(self, path: Path) -> list[str]:
        """The ids to look for in a release: all that are known, and those of the release whose hashes these are."""
        there = ids_of(path) if self.hashes or self.is_everyone else []
        if self.is_everyone:
            return there
        return [*self.ids, *(one for one in there if id_hash(self.key, one) in self.hashes)]


def withdraw(
    dbt: Any,
    session: Session,
    refused_ids: Relation,
    forgotten_ids: Relation,
    forgotten_key: Relation,
    given: Mapping[str, Any],
    as_of: str,
    privacy: Mapping[str, Any],
) -> Any:
    """Take people out of what apps read or can go back to: who refuses, and who is forgotten and not erased yet.

    Where nobody is to have a list, everybody leaves. A replay takes nobody out. given, privacy: the variables
    kindred__serving and kindred__privacy. Returns a row per release that had some of them.
    Errors: RuntimeError where another build publishes, or the folder or server can't be written.
    """
    rows: list[tuple[str, str, int, int]] = []
    store = fill("serving", given)["store"]
    is_everyone = fill("privacy", privacy)["lists_for"] == "segments"
    folder = serving.serving_folder(current("serving_path"), current("database"))
    if not as_of and store != "none":
        pending = read_table(forgotten_ids, ["id_hash"], "erased_at is null")["id_hash"].to_pylist()
        key = read_table(forgotten_key, ["hash_key"])["hash_key"][0].as_py()
        if is_snowflake(session):
            hashes = forgotten_ids.table_name if pending else None
            schema = f"{dbt.this.database}.{dbt.this.schema}"
            rows = list(from_warehouse(session, schema, refused_ids.table_name, hashes, key, is_everyone))
        else:
            ids = read_table(refused_ids, ["identity_id"])["identity_id"].to_pylist()
            leaving = Leaving(ids, frozenset(pending), key, is_everyone)
            if leaving and store == "postgres":
                from kindred.publishing.postgres import server_address

                rows = list(from_postgres(server_address(), leaving))
            elif leaving and folder and folder.exists():
                rows = list(from_folder(folder, leaving))
    who = "people (lists_for: segments)" if is_everyone else "people who refuse or are forgotten"
    for store, release_id, n_lists, _ in rows:
        report_progress(f"withdrawals: {n_lists} {who} are out of release {release_id} ({store})")
    now = datetime.now(UTC).replace(tzinfo=None)
    found = [dict(zip(SCHEMA.names, (*row, now), strict=True)) for row in rows]
    return write_table(session, SCHEMA, [pa.RecordBatch.from_pylist(found, schema=SCHEMA)] if found else [])


def from_folder(folder: Path, leaving: Leaving) -> Iterator[tuple[str, str, int, int]]:
    """Write each release again that has some of these people, without them, and put it in the place of the other.

    A file that is read is never changed: readers that have it open go on, and the store opens the new one at its next
    read. The new file is written from the rows that stay: where SQLite splits a page, it leaves copies of rows behind
    in the page's free space, which deletion doesn't reach.
    """
    with serving.locked(folder):
        # What a process left behind that was killed has all of their rows.
        for leftover in (folder / "releases").glob(".*.tmp*"):
            leftover.unlink()
        for path in sorted((folder / "releases").glob("*.sqlite")):
            ids = leaving.ids_in(path)
            if not any(count_leaving(path, ids).values()):
                continue
            copy, temporary = (path.with_name(f".{path.stem}.tmp{suffix}") for suffix in ("-copy", ""))
            try:
                shutil.copyfile(path, copy)
                with opened(copy.as_posix(), ids) as connection:
                    for pragma in ("journal_mode = off", "synchronous = off"):
                        connection.execute(f"pragma {pragma}").fetchall()
                    removed = {
                        table: connection.execute(f"delete from {table} where {where}").rowcount
                        for table, where in rows_of_leaving(connection).items()
                    }
                    if "n_lists" in {row[1] for row in connection.execute("pragma table_info(release)")}:
                        connection.execute("update release set n_lists = (select count(*) from lists)")
                    connection.execute("vacuum into ?", [temporary.as_posix()])
                copy.unlink()
                serving.sync(temporary)
                os.replace(temporary, path)
                serving.sync(path.parent)
            except (OSError, sqlite3.Error) as error:
                for leftover in (copy, temporary):
                    leftover.unlink(missing_ok=True)
                raise RuntimeError(
                    f"people who refuse or are forgotten can't be taken out of {path}: {error}. See that the folder "
                    "can be written and has space for two more releases, and run this again"
                ) from error
            yield "sqlite", path.stem, removed.get("lists", 0), removed.get("identities", 0)


@contextlib.contextmanager
def opened(database: str, ids: Iterable[str]) -> Iterator[sqlite3.Connection]:
    """A connection with the temporary table `leaving` of these ids."""
    with contextlib.closing(sqlite3.connect(database, uri=True, isolation_level=None)) as connection:
        connection.execute("pragma temp_store = memory")
        connection.execute("create temp table leaving (identity_id text primary key) without rowid")
        connection.executemany("insert or ignore into leaving values (?)", ((one,) for one in ids))
        yield connection


def rows_of_leaving(connection: sqlite3.Connection) -> dict[str, str]:
    """{table of this release: condition}; a release of an earlier version lacks identities."""
    tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    return {table: where.format(leaving="leaving") for table, where in OF_LEAVING.items() if table in tables}


def count_leaving(path: Path, ids: Sequence[str]) -> dict[str, int]:
    """How many rows of each table of a release are of these people; none of a file that is no whole release."""
    try:
        with opened(f"{path.resolve().as_uri()}?mode=ro", ids) as connection:
            return {
                table: connection.execute(f"select count(*) from {table} where {where}").fetchone()[0]
                for table, where in rows_of_leaving(connection).items()
            }
    except sqlite3.Error:
        return {}


def ids_of(path: Path) -> list[str]:
    """All ids of people that a release has; none of a file that is no whole release."""
    try:
        with opened(f"{path.resolve().as_uri()}?mode=ro", ()) as connection:
            found: set[str] = set()
            for table in rows_of_leaving(connection):
                for column in COLUMNS[table]:
                    found.update(one for (one,) in connection.execute(f"select {column} from {table}"))
            return list(found)
    except sqlite3.Error:
        return []


def from_postgres(address: str, leaving: Leaving) -> Iterator[tuple[str, str, int, int]]:
    """Delete these people from the tables that apps read, and drop the tables that a killed build left behind.

    PostgreSQL frees the space of deleted rows when it cleans up by itself.
    """
    import psycopg

    from kindred.publishing.postgres import begin, read_served

    try:
        with psycopg.connect(address, connect_timeout=10, application_name="kindred") as opened_connection:
            connection: Any = opened_connection
            begin(connection)
            served = read_served(connection)
            if not served:
                return
            connection.execute("create temp table leaving (identity_id text primary key)")
            with connection.cursor().copy("copy leaving from stdin") as copy:
                for one in leaving.ids:
                    copy.write_row((one,))
            tables = [
                table
                for table in OF_LEAVING
                if connection.execute("select to_regclass(%s) is not null", [table]).fetchone()[0]
            ]
            for table in tables if leaving.hashes else ():
                for column in COLUMNS[table]:
                    connection.execute(
                        f"insert into leaving select distinct {column} from {table}"
                        f" where encode(sha256(convert_to(%s || {column}, 'UTF8')), 'hex') = any(%s)"
                        " on conflict do nothing",
                        [leaving.key, list(leaving.hashes)],
                    )
            removed = dict.fromkeys(OF_LEAVING, 0)
            for table in tables:
                where = "true" if leaving.is_everyone else OF_LEAVING[table].format(leaving="leaving")
                removed[table] = connection.execute(f"delete from {table} where {where}").rowcount
            if any(removed.values()):
                if "n_lists" in served:
                    connection.execute("update release set n_lists = (select count(*) from lists)")
                yield "postgres", served["release_id"], removed["lists"], removed["identities"]
    except psycopg.Error as error:
        raise RuntimeError(
            f"people who refuse or are forgotten can't be taken out of PostgreSQL: {' '.join(str(error).split())}. "
            "Mend it, run this again"
        ) from error


def from_warehouse(
    session: Session, schema: str, refused_ids: str, forgotten_ids: str | None, key: str, is_everyone: bool
) -> Iterator[tuple[str, str, int, int]]:
    """Delete these people from the tables published_*, of all kept releases. forgotten_ids: None = no one."""
    removed = {}
    for table, where in OF_LEAVING.items():
        columns = ", ".join(f"{column} varchar" for column in ("run_id", *TABLES[table]))
        session.sql(f"create table if not exists {schema}.published_{table} ({columns})").collect()
        conditions = ["true"] if is_everyone else [where.format(leaving=refused_ids)]
        for column in COLUMNS[table] if forgotten_ids else ():
            hashes = f"select id_hash from {forgotten_ids} where erased_at is null"
            conditions.append(f"sha2(concat('{key}', {column}), 256) in ({hashes})")
        delete = f"delete from {schema}.published_{table} where {' or '.join(conditions)}"
        removed[table] = int(session.sql(delete).collect()[0][0])
    if any(removed.values()):
        yield "warehouse", "all", removed["lists"], removed["identities"]
