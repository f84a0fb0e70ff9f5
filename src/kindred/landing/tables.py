"""Load files of messages into the warehouse: each file once, each offset once, each file in one transaction.

landed_files   the ledger: one row per file, with what it held
landed_events  one row per message: topic, partition, offset, received_at, file, payload
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kindred.connection import Connection, quoted
from kindred.landing.files import LandedFile, find_files, missing

LEDGER = {
    "folder": "varchar", "file": "varchar", "topic": "varchar", "partition": "integer", "bytes": "bigint",
    "sha256": "varchar", "first_offset": "bigint", "last_offset": "bigint", "n_rows": "bigint", "n_known": "bigint",
    "landed_at": "timestamp",
}  # fmt: skip
EVENTS = {
    "topic": "varchar", "partition": "integer", "offset": "bigint", "received_at": "timestamp", "file": "varchar",
    "payload": "varchar",
}  # fmt: skip


@dataclass
class Landing:
    """What was loaded, and what is worth a look."""

    n_files: int = 0
    n_rows: int = 0
    n_known: int = 0
    n_skipped: int = 0
    others: list[Path] = field(default_factory=list)
    gaps: list[tuple[str, int, int, int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        lines = [
            f"{self.n_rows:,} messages of {self.n_files:,} files were landed"
            + (f", {self.n_known:,} were there already" if self.n_known else "")
            + (f"; {self.n_skipped:,} files are known" if self.n_skipped else "")
        ]
        lines += [
            f"{topic}/{partition}: offsets {first:,} to {last:,} never came: markers of transactions, compaction, or a"
            " file that is missing"
            for topic, partition, first, last in self.gaps
        ]
        if self.others:
            lines.append(
                f"{len(self.others):,} files have other names than <topic>+<partition>+<offset>.json and are left"
                f" alone, such as {self.others[0]}"
            )
        return lines + self.problems


class Tables:
    """The two tables of a schema, on an open connection to DuckDB."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self.connection, self.schema = connection, schema

    def make(self) -> None:
        self.connection.change(f"create schema if not exists {self.schema}")
        for table, columns in (("landed_files", LEDGER), ("landed_events", EVENTS)):
            fields = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            self.connection.change(f"create table if not exists {self.schema}.{table} ({fields})")

    def next_offsets(self) -> dict[tuple[str, int], int]:
        """{(topic, partition): the offset after the last that was landed}."""
        rows = self.connection.rows(
            f'select topic, "partition", max(last_offset) from {self.schema}.landed_files where n_rows > 0 group by all'
        )
        return {(topic, partition): last + 1 for topic, partition, last in rows}

    def load(self, folder: Path) -> Landing:
        """Load the files of a folder that the ledger doesn't have. A file that can't be read stops no other."""
        landing = Landing()
        files, landing.others = find_files(folder)
        ledger = {
            file: (n_bytes, sha256, landed_at)
            for file, n_bytes, sha256, landed_at in self.connection.rows(
                f"select file, bytes, sha256, landed_at from {self.schema}.landed_files"
                f" where folder = '{quoted(folder.resolve())}'"
            )
        }
        for one in files:
            name = one.path.relative_to(folder).as_posix()
            try:
                if name in ledger:
                    landing.n_skipped += 1
                    check_unchanged(one, *ledger[name])
                    continue
                n_rows, n_known = self.load_file(folder, name, one)
            except (ValueError, OSError) as error:
                landing.problems.append(f"NOT LANDED: {error}")
                continue
            landing.n_files, landing.n_rows = landing.n_files + 1, landing.n_rows + n_rows - n_known
            landing.n_known += n_known
        landing.gaps = list(self.gaps())
        return landing

    def load_file(self, folder: Path, name: str, one: LandedFile) -> tuple[int, int]:
        """Add a file's messages and its row of the ledger; returns (messages, those that were there already)."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        messages = one.read()
        landed_at = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        stat = one.path.stat()
        arrived = datetime.fromtimestamp(stat.st_mtime, UTC).replace(tzinfo=None)
        times = [
            arrived if m.timestamp is None else datetime.fromtimestamp(m.timestamp / 1000, UTC).replace(tzinfo=None)
            for m in messages
        ]
        columns = [[m.offset for m in messages], times, [m.payload for m in messages]]
        types = [pa.int64(), pa.timestamp("us"), pa.string()]
        arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
        rows = pa.table(arrays, names=["offset", "received_at", "payload"])
        first, last = (
            (messages[0].offset, messages[-1].offset) if messages else (one.first_offset, one.first_offset - 1)
        )
        same = f"topic = '{one.topic}' and \"partition\" = {one.partition}"
        events, where = f"{self.schema}.landed_events", f'{same} and "offset" between {first} and {last}'
        change = self.connection.change
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "rows.parquet"
            pq.write_table(rows, path)
            change("begin")
            try:
                n_known = int(self.connection.value(f'select count(distinct "offset") from {events} where {where}'))
                known = f' where "offset" not in (select "offset" from {events} where {where})' if n_known else ""
                change(
                    f'insert into {events} (topic, "partition", "offset", received_at, file, payload)'
                    f" select '{one.topic}', {one.partition}, \"offset\", received_at, '{quoted(name)}', payload"
                    f" from read_parquet('{quoted(path)}'){known}"
                )
                change(
                    f"insert into {self.schema}.landed_files values ('{quoted(folder.resolve())}', '{quoted(name)}',"
                    f" '{one.topic}', {one.partition}, {stat.st_size}, '{one.sha256()}', {first}, {last},"
                    f" {len(messages)}, {n_known}, '{landed_at}')"
                )
                change("commit")
            except BaseException:
                change("rollback")
                raise
        return len(messages), n_known

    def gaps(self) -> Iterator[tuple[str, int, int, int]]:
        """(topic, partition, first, last) of offsets that no file has, between those that some have."""
        ranges: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for topic, partition, first, last in self.connection.rows(
            f'select topic, "partition", first_offset, last_offset from {self.schema}.landed_files where n_rows > 0'
        ):
            ranges.setdefault((topic, partition), []).append((first, last))
        for (topic, partition), known in sorted(ranges.items()):
            for first, last in missing(known):
                yield topic, partition, first, last


def check_unchanged(one: LandedFile, n_bytes: int, sha256: str, landed_at: datetime) -> None:
    """Errors: ValueError for a file that was landed with another content. One that is older isn't read again."""
    stat = one.path.stat()
    is_older = stat.st_mtime < landed_at.replace(tzinfo=UTC).timestamp()
    if stat.st_size != n_bytes or (not is_older and one.sha256() != sha256):
        raise ValueError(
            f"{one.path} was landed with another content: files of messages are never changed. If it is another"
            " file, give it the name of its own first offset"
        )


def stream_schemas(connection: Connection) -> list[str]:
    """The schemas that kindred__trackers names for streams."""
    named = connection.setting("trackers")["stream"]
    return [named] if named and isinstance(named, str) else list(named)


def landing_schema(connection: Connection, given: str | None) -> str:
    """The schema of the tables: the given one, or that of kindred__trackers, stream. Errors: RuntimeError without."""
    if connection.kind != "duckdb":
        raise RuntimeError(
            f"`kindred land` loads files into DuckDB. On {connection.kind} let the Kafka connector or Snowpipe write"
            " the tables, and name their schema in kindred__trackers: {stream: ...}"
        )
    schema = given or next(iter(stream_schemas(connection)), None)
    if not schema:
        raise RuntimeError("give --schema, or name one for dbt too: kindred__trackers: {stream: landing}")
    return schema


def open_tables(schema: str | None, options: Sequence[str]) -> Tables:
    """The tables of the dbt project in the working directory; nothing is connected yet. Errors: RuntimeError."""
    connection = Connection(options)
    return Tables(connection, landing_schema(connection, schema))


def land(folder: Path, tables: Tables) -> Landing:
    """Load a folder into the warehouse. Errors: RuntimeError where it is none."""
    if not folder.is_dir():
        raise RuntimeError(f"{folder} is no folder: give --folder that of the files, such as landing")
    with tables.connection.connected():
        tables.make()
        return tables.load(folder)


def landed_offsets(tables: Tables) -> dict[tuple[str, int], int]:
    """What the warehouse has of each partition, by its ledger. Nothing stays connected: others may build meanwhile."""
    with tables.connection.connected():
        tables.make()
        return tables.next_offsets()
