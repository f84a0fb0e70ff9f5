"""A release as one SQLite file in the serving folder."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from kindred.publishing import folder as serving
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
from kindred.warehouse import report_progress

# Rows of one insert: what a statement costs beside its rows is paid once for all of them.
N_ROWS_AT_ONCE = 8


def write_sqlite(path: Path, tables: Tables, release: Mapping[str, Any]) -> dict[str, Any]:
    """Write a release into a new file and return its row. tables: {name: pyarrow.RecordBatches, sorted by key}."""
    counts = {}
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # A file that nobody reads yet needs no journal: what goes wrong is thrown away as a whole. Rows come by rising
        # key, so no full page is needed again; the fewer are kept, the longer they stay in the processor's cache.
        for pragma in ("page_size = 16384", "journal_mode = off", "synchronous = off", "cache_size = -2048"):
            connection.execute(f"pragma {pragma}")
        connection.execute("begin")
        for name, batches in tables.items():
            connection.execute(create_table(name, TABLES[name], " without rowid"))
            row = f"({', '.join('?' * len(TABLES[name]))})"
            insert = f"insert into {name} values "
            counts[name] = 0
            for batch in batches:
                rows = list(rows_of(batch))
                end = len(rows) // N_ROWS_AT_ONCE * N_ROWS_AT_ONCE
                groups = (rows[start : start + N_ROWS_AT_ONCE] for start in range(0, end, N_ROWS_AT_ONCE))
                together = insert + ", ".join([row] * N_ROWS_AT_ONCE)
                connection.executemany(together, (tuple(chain.from_iterable(group)) for group in groups))
                connection.executemany(insert + row, rows[end:])
                counts[name] += batch.num_rows
        if connection.total_changes != sum(counts.values()):
            raise RuntimeError(f"{path} has {connection.total_changes} rows where {counts} were written")
        written = complete(release, counts)
        connection.execute(create_table("release", RELEASE, " without rowid"))
        connection.execute(f"insert into release values ({', '.join('?' * len(RELEASE))})", row_values(written))
        # A service of before version 0.1.0 asks for this table, and would go on with an older release without it.
        connection.execute("create view sources as select generator as source, reason from generators")
        connection.execute("commit")
    return written


def publish_sqlite(
    folder: Path, tables: Tables, release: Mapping[str, Any], n_kept: int, admit: Admit | None = None
) -> tuple[Path, dict[str, Any]]:
    """Publish into a folder and keep the newest n_kept releases. Returns the file's path and the release row.

    admit(what apps read, the rollback or None) raises where this release may not take its place.
    """
    release_id = release["release_id"]
    path = serving.release_path(folder, release_id)
    temporary = path.with_name(f".{release_id}.tmp")
    try:
        with serving.locked(folder):
            for leftover in path.parent.glob(".*.tmp*"):
                leftover.unlink()
            serving.finish_move(folder)
            # Readers go on with the newest whole release where the link is broken.
            served = serving.read_release(folder / "current.sqlite") or next(iter(serving.list_releases(folder)), None)
            refuse_older(release, served)
            if admit:
                try:
                    admit(served, serving.read_rollback(folder))
                except RuntimeError:
                    # So that the next build's gates compare with what apps read.
                    if served:
                        serving.write_served(folder, served)
                    raise
            try:
                written = write_sqlite(temporary, tables, release)
                serving.sync(temporary)
                os.replace(temporary, path)
                serving.sync(path.parent)
                # These lists were admitted: they end a rollback.
                (folder / "rollback.json").unlink(missing_ok=True)
                serving.serve(folder, release_id)
            except BaseException:
                temporary.unlink(missing_ok=True)
                if serving.current_id(folder) != release_id:
                    path.unlink(missing_ok=True)
                raise
            # Apps read it: what fails from here on is no failure of the publication.
            try:
                serving.sync(folder)
                for old in sorted(path.parent.glob("*.sqlite"), reverse=True)[n_kept:]:
                    if old != path:
                        old.unlink()
            except OSError as error:
                report_progress(f"releases: {release_id} is published, but {folder} isn't tidied up: {error}")
    except (OSError, sqlite3.Error) as error:
        raise RuntimeError(
            f"release {release_id} can't be written to {folder}: {error}. What apps read is as it was; see that the "
            "folder can be written, has space for one more release, and current.sqlite isn't a folder"
        ) from error
    return path, written
