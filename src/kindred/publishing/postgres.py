"""A release as the tables of one PostgreSQL schema, which are swapped in one transaction."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kindred.publishing.tables import (
    RELEASE,
    TABLES,
    Admit,
    Tables,
    complete,
    create_table,
    refuse_older,
    row_values,
    rows_of,
)

POSTGRES_SCHEMA = "kindred_serving"


def server_address() -> str:
    """The server's address, from the environment. Errors: RuntimeError where it isn't set."""
    address = os.environ.get("KINDRED_POSTGRES")
    if not address:
        raise RuntimeError("kindred__serving has the store postgres: set KINDRED_POSTGRES to the server's address")
    return address


def begin(connection: Any) -> None:
    """Work in the schema alone, until the transaction ends, or with autocommit until the connection is closed.

    What builds left behind that died between their steps is dropped.
    Errors: RuntimeError where another build is at work.
    """
    connection.execute(f"set search_path = {POSTGRES_SCHEMA}")
    lock = "pg_try_advisory_lock" if connection.autocommit else "pg_try_advisory_xact_lock"
    [is_alone] = connection.execute(f"select {lock}(hashtext('kindred_serving'))").fetchone()
    if not is_alone:
        raise RuntimeError("another build is publishing to this PostgreSQL: try again when it is done")
    for suffix in ("_new", "_old"):
        drop_tables(connection, suffix)


def drop_tables(connection: Any, suffix: str) -> None:
    """Drop a release's tables whose names end so."""
    connection.execute("drop table if exists " + ", ".join(name + suffix for name in (*TABLES, "release")))


def swap_tables(connection: Any, names: Sequence[str]) -> None:
    """Rename all tables in one transaction; readers meet all old or all new ones."""
    import psycopg

    for attempt in range(5):
        try:
            with connection.transaction():
                # Readers queue behind a rename that waits, so it waits for a moment only and tries again.
                connection.execute("set local lock_timeout = '500ms'")
                for name in names:
                    connection.execute(f"alter table if exists {name} rename to {name}_old")
                    connection.execute(f"alter table {name}_new rename to {name}")
            return
        except psycopg.errors.LockNotAvailable:
            if attempt == 4:
                raise
            time.sleep(1)


def read_served(connection: Any) -> dict[str, Any] | None:
    """The row of the release that apps read; a release of before version 0.1.0 has fewer columns."""
    if not connection.execute("select to_regclass('release')").fetchone()[0]:
        return None
    cursor = connection.execute("select * from release")
    row = cursor.fetchone()
    return dict(zip([column.name for column in cursor.description], row, strict=True)) if row else None


def publish_postgres(
    address: str, tables: Tables, release: Mapping[str, Any], admit: Admit | None = None
) -> tuple[str, int, dict[str, Any]]:
    """Load the tables into PostgreSQL and swap them in. Returns (location, bytes, the release row).

    admit(what apps read, None) raises where this release may not take its place.
    """
    try:
        import psycopg
    except ImportError:
        raise RuntimeError(
            "kindred__serving has the store postgres, which needs psycopg: pip install 'kindred[postgres]'"
        ) from None
    names = [*tables, "release"]
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=10, application_name="kindred") as opened:
            connection: Any = opened
            connection.execute(f"create schema if not exists {POSTGRES_SCHEMA}")
            begin(connection)
            counts = {}
            served = read_served(connection)
            refuse_older(release, served)
            if admit:
                admit(served, None)
            for name, batches in tables.items():
                connection.execute(create_table(f"{name}_new", TABLES[name]))
                counts[name] = 0
                with connection.cursor().copy(f"copy {name}_new from stdin") as copy:
                    for batch in batches:
                        for row in rows_of(batch):
                            copy.write_row(row)
                        counts[name] += batch.num_rows
                connection.execute(f"analyze {name}_new")
            written = complete(release, counts)
            connection.execute(create_table("release_new", RELEASE))
            places = ", ".join(["%s"] * len(RELEASE))
            connection.execute(f"insert into release_new values ({places})", row_values(written))
            swap_tables(connection, names)
            drop_tables(connection, "_old")
            sizes = " + ".join(f"pg_total_relation_size('{name}')" for name in names)
            [n_bytes] = connection.execute(f"select {sizes}").fetchone()
            location = f"{connection.info.host or 'localhost'}/{connection.info.dbname}, schema {POSTGRES_SCHEMA}"
            return location, n_bytes, written
    except psycopg.Error as error:
        raise RuntimeError(
            f"release {release['release_id']} can't be loaded into PostgreSQL: {' '.join(str(error).split())}. What "
            "apps read is as it was; what was loaded goes with the next build"
        ) from error
