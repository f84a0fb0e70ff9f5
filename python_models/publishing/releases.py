"""The release: the served tables as one file (or tables of PostgreSQL or Snowflake) that apps read while builds go on.

Grain: one row per release_id that was published.
Columns: release_id, run_id of the lists, store: sqlite, postgres or warehouse, location, overridden_gates: names with
commas, n_lists, n_items, bytes, seconds, hold: JSON, Snowflake's rollback.json, as_of, generated_at, published_at: UTC.
Errors: RuntimeError, with what apps read left as it was, where a gate stopped the lists, another build publishes at the
same time, what is served was made later, or the store can't be written.

Method: a release is written beside the others, synced and renamed; then the link `current.sqlite` is replaced, which
the file system does at once or not at all. serving/releases.py loads this module for `list`, `rollback` and `resume`.
"""

import contextlib
import datetime
import json
import os
import time
from itertools import chain
from pathlib import Path

# The tables of a release, without the `served_` of the models they come from; the first column is the key.
TABLES = {
    "lists": {name: "text" for name in ("user_id", "list_id", "segment", "items", "history", "excluded")},
    "items": {"item_id": "text", "popular_rank": "bigint", "title": "text", "category": "text", "brand": "text"}
    | {"price": "double precision", "is_available": "boolean", "is_recommendable": "boolean"},
    "neighbors": {"item_id": "text", "neighbors": "text"},
    "item_pages": {"item_id": "text", "similar_items": "text", "bundles": "text"},
    "segments": {name: "text" for name in ("segment", "fallback", "trending", "excluded", "excluded_if_unknown")},
    "sources": {"source": "text", "reason": "text"},
}
RELEASE = {name: "text" for name in ("release_id", "run_id", "as_of", "generated_at", "expires_at")}
RELEASE |= {"n_lists": "bigint", "n_items": "bigint"}
POSTGRES_SCHEMA = "kindred_serving"
# Rows of one insert into SQLite: what a statement costs beside its rows is paid once for all of them.
N_ROWS_AT_ONCE = 8


def create_table(name, columns, suffix=""):
    """The SQL that makes a table of a release; the first column is its primary key."""
    key = next(iter(columns))
    types = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    return f"create table {name} ({types}, primary key ({key})){suffix}"


def rows_of(batch):
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


# The folder -----------------------------------------------------------------------------------------------------------


def serving_folder(serving_path, database):
    """Where releases live: kindred__serving_path, else beside the DuckDB file; None where there is no file."""
    if serving_path:
        return Path(serving_path)
    if not database or database == ":memory:" or database.startswith("md:"):
        return None
    return Path(database).with_name(Path(database).stem + "_serving")


@contextlib.contextmanager
def locked(folder):
    """One publication or rollback at a time; the lock goes with the process that holds it, however that ends."""
    import fcntl

    (folder / "releases").mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"another build or rollback is at work in {folder}: try again when it is done") from None
        yield


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def release_path(folder, release_id):
    return folder / "releases" / f"{release_id}.sqlite"


def read_release(path):
    """The release row of a file as a dict; None where there is no file or it isn't a whole release."""
    import sqlite3

    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute("select * from release")
            return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    except (sqlite3.Error, OSError, TypeError):  # TypeError: no row
        return None


def current_id(folder):
    """The release_id that the link names, whether that file exists or not; None where there is no link."""
    link = folder / "current.sqlite"
    return Path(os.readlink(link)).stem if link.is_symlink() else None


def move_link(folder, release_id):
    """Let apps read this release from now on; whoever calls syncs the folder."""
    temporary = folder / ".current.tmp"
    temporary.unlink(missing_ok=True)
    os.symlink(f"releases/{release_id}.sqlite", temporary)
    try:
        os.replace(temporary, folder / "current.sqlite")
    except OSError:
        temporary.unlink()
        raise


def list_releases(folder):
    """The whole releases of a folder as dicts, newest first."""
    paths = sorted((folder / "releases").glob("*.sqlite"), reverse=True)
    return [release for release in map(read_release, paths) if release]


def read_rollback(folder):
    """What the last rollback left behind, until a publication ends it: serves, from, by, at, reason, is_held."""
    try:
        return json.loads((folder / "rollback.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def write_json(path, values):
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(values), encoding="utf-8")
    sync(temporary)
    os.replace(temporary, path)
    sync(path.parent)


def serve(folder, release_id, measures=()):
    """Let apps read this release. served.json tells the next build's gates of it, which can't follow a link and may not
    find it in releases: the build may be killed before its row is there.
    """
    served = folder / "served.json"
    before = served.read_bytes() if served.exists() else None
    release = read_release(release_path(folder, release_id))
    told = {name: release[name] for name in ("release_id", "run_id", "generated_at")}
    write_json(served, told | {"measures": list(measures)})
    try:
        move_link(folder, release_id)
    except OSError:
        served.unlink() if before is None else served.write_bytes(before)
        raise


def roll_back(folder, release_id, by, reason):
    """Serve an older release and hold all publications; release_id None: the one before. Returns (from, to)."""
    with locked(folder):
        current = current_id(folder)
        releases = [release["release_id"] for release in list_releases(folder)]
        if release_id is None:
            release_id = next((name for name in releases if not current or name < current), None)
        if release_id not in releases:
            wanted = "a release before it" if release_id is None else release_id
            raise RuntimeError(f"{folder} has no {wanted}; there are {', '.join(releases) or 'none'}")
        at = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
        rollback = {"serves": release_id, "from": current, "by": by, "at": at, "reason": reason, "is_held": True}
        # The hold first: a link that was moved without one would be undone by the next build.
        write_json(folder / "rollback.json", rollback)
        serve(folder, release_id)
        sync(folder)
        return current, release_id


def resume(folder):
    """End the hold: the next build publishes. Returns the rollback that was held, or None."""
    with locked(folder):
        rollback = read_rollback(folder)
        if not rollback or not rollback["is_held"]:
            return None
        write_json(folder / "rollback.json", rollback | {"is_held": False})
        return rollback


# SQLite ---------------------------------------------------------------------------------------------------------------


def write_sqlite(path, tables, release):
    """Write a release into a new file. tables: {name: pyarrow.RecordBatches, sorted by key}. Returns rows by table."""
    import sqlite3

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
        release |= {"n_lists": counts["lists"], "n_items": counts["items"]}
        connection.execute(create_table("release", RELEASE, " without rowid"))
        connection.execute(
            f"insert into release values ({', '.join('?' * len(RELEASE))})", [release[name] for name in RELEASE]
        )
        connection.execute("commit")
    return counts


def refuse_older(release, current):
    if current and current["generated_at"] > release["generated_at"]:
        raise RuntimeError(
            f"release {current['release_id']}, which apps read, was made at {current['generated_at']}, later than "
            f"these lists ({release['generated_at']}): another build was faster or a clock is wrong. Build again"
        )


def publish_sqlite(folder, tables, release, n_kept):
    """Publish into a folder and keep the newest n_kept releases. Returns the file's path."""
    import sqlite3

    release_id = release["release_id"]
    path = release_path(folder, release_id)
    temporary = path.with_name(f".{release_id}.tmp")
    try:
        with locked(folder):
            for leftover in path.parent.glob(".*.tmp*"):
                leftover.unlink()
            refuse_older(release, read_release(folder / "current.sqlite"))
            try:
                write_sqlite(temporary, tables, release)
                sync(temporary)
                os.replace(temporary, path)
                sync(path.parent)
                # Whoever let these lists pass meant them to take the place of what was rolled back to.
                (folder / "rollback.json").unlink(missing_ok=True)
                serve(folder, release_id, release["measures"])
            except BaseException:
                temporary.unlink(missing_ok=True)
                if current_id(folder) != release_id:
                    path.unlink(missing_ok=True)
                raise
            # Apps read it: what fails from here on is no failure of the publication.
            try:
                sync(folder)
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
    return path


# PostgreSQL -----------------------------------------------------------------------------------------------------------


def swap_tables(connection, names):
    """Rename all tables in one transaction; whoever reads them meets all old or all new ones."""
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


def publish_postgres(address, tables, release):
    """Load the tables into PostgreSQL and swap them in. Returns (location, bytes)."""
    try:
        import psycopg
    except ImportError:
        raise RuntimeError("kindred__serving_store is postgres: pip install -r requirements-serving.txt") from None
    names = [*tables, "release"]

    def drop(connection, suffix):
        connection.execute("drop table if exists " + ", ".join(name + suffix for name in names))

    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=10, application_name="kindred") as connection:
            connection.execute(f"create schema if not exists {POSTGRES_SCHEMA}")
            connection.execute(f"set search_path = {POSTGRES_SCHEMA}")
            [is_alone] = connection.execute("select pg_try_advisory_lock(hashtext('kindred_serving'))").fetchone()
            if not is_alone:
                raise RuntimeError("another build is publishing to this PostgreSQL: try again when it is done")
            # What builds left behind that died between their steps.
            drop(connection, "_new")
            drop(connection, "_old")
            counts = {}
            if connection.execute("select to_regclass('release')").fetchone()[0]:
                for name, made in connection.execute("select release_id, generated_at from release").fetchall():
                    refuse_older(release, {"release_id": name, "generated_at": made})
            for name, batches in tables.items():
                connection.execute(create_table(f"{name}_new", TABLES[name]))
                counts[name] = 0
                with connection.cursor().copy(f"copy {name}_new from stdin") as copy:
                    for batch in batches:
                        for row in rows_of(batch):
                            copy.write_row(row)
                        counts[name] += batch.num_rows
                connection.execute(f"analyze {name}_new")
            release |= {"n_lists": counts["lists"], "n_items": counts["items"]}
            connection.execute(create_table("release_new", RELEASE))
            places = ", ".join(["%s"] * len(RELEASE))
            connection.execute(f"insert into release_new values ({places})", [release[name] for name in RELEASE])
            swap_tables(connection, names)
            drop(connection, "_old")
            sizes = " + ".join(f"pg_total_relation_size('{name}')" for name in names)
            [n_bytes] = connection.execute(f"select {sizes}").fetchone()
            location = f"{connection.info.host or 'localhost'}/{connection.info.dbname}, schema {POSTGRES_SCHEMA}"
            return location, n_bytes
    except psycopg.Error as error:
        raise RuntimeError(
            f"release {release['release_id']} can't be loaded into PostgreSQL: {' '.join(str(error).split())}. What "
            "apps read is as it was; what was loaded goes with the next build"
        ) from error


# Snowflake ------------------------------------------------------------------------------------------------------------


def create_published(session, schema, relations):
    """The tables published_*, which the functions need to be there even where nothing was published yet."""
    for name, relation in relations.items():
        select = f"select cast('' as varchar) as run_id, {', '.join(TABLES[name])} from {relation.table_name} limit 0"
        session.sql(f"create table if not exists {schema}.published_{name} as {select}").collect()


def publish_warehouse(session, schema, relations, run_id, kept_runs):
    """Add a run's rows to those of kept_runs, all tables at once; they are read when releases has its row."""
    kept = ", ".join(f"'{kept}'" for kept in kept_runs if kept != run_id) or "''"
    session.sql("begin").collect()
    try:
        for name, relation in relations.items():
            table, columns = f"{schema}.published_{name}", ", ".join(TABLES[name])
            session.sql(f"delete from {table} where run_id not in ({kept})").collect()
            session.sql(
                f"insert into {table} (run_id, {columns}) select '{run_id}', {columns} from {relation.table_name}"
            ).collect()
    except BaseException:
        session.sql("rollback").collect()
        raise
    session.sql("commit").collect()


# The model ------------------------------------------------------------------------------------------------------------


def overridden_gates(rows, run_id):
    return ", ".join(sorted(row["gate"] for row in rows if row["run_id"] == run_id and row["is_overridden"]))


def judged_run(rows):
    """(run_id, generated_at, names of overridden gates) of the newest judgement; rows: publish_gates as dicts."""
    rows = [row for row in rows if row["evaluated_at"] == max(row["evaluated_at"] for row in rows)]
    stopped = [row for row in rows if not row["is_passed"] and not row["is_overridden"]]
    if stopped or not rows:
        reasons = "; ".join(f"{row['gate']}: {row['explanation']}" for row in stopped)
        raise RuntimeError(f"nothing is published: {reasons or 'publish_gates has judged no run'}")
    run_id = rows[0]["run_id"]
    return run_id, rows[0]["generated_at"], overridden_gates(rows, run_id)


def missing_row(folder, gates, known):
    """The row of what apps read, where `known` release_ids lack it: a build was killed when its link had moved."""
    link = folder / "current.sqlite"
    release = read_release(link)
    if not release or release["release_id"] in known:
        return []
    path = release_path(folder, release["release_id"])
    row = {name: release[name] for name in ("release_id", "run_id", "n_lists", "n_items")}
    row |= {name: datetime.datetime.fromisoformat(release[name]) for name in ("as_of", "generated_at")}
    row |= {"store": "sqlite", "location": str(path), "overridden_gates": overridden_gates(gates, release["run_id"])}
    moved_at = datetime.datetime.fromtimestamp(link.lstat().st_mtime, datetime.UTC).replace(tzinfo=None)
    return [row | {"bytes": link.stat().st_size, "published_at": moved_at}]


def batches_of(relation, columns):
    """The rows of a DuckDB relation by rising key, read when they are asked for."""
    yield from relation.select(", ".join(columns)).order(next(iter(columns))).to_arrow_reader(2_048)


def model(dbt, session):
    import pyarrow as pa

    from kindred import settings
    from kindred.run import current
    from kindred.warehouse import is_snowflake, previous_rows, read_folds, read_table, report_progress, write_table

    given_serving = dbt.config.meta_get("serving")
    given_lists = dbt.config.meta_get("lists")
    replayed = dbt.config.meta_get("as_of")
    serving, serving_path, database = (
        settings.fill("serving", given_serving),
        current("serving_path"),
        current("database"),
    )
    store, n_kept = serving["store"], serving["kept_releases"]
    expires_after_hours = settings.fill("lists", given_lists)["expires_after_hours"]
    publish_gates = dbt.ref("publish_gates")
    folds = dbt.ref("folds")
    lists = dbt.ref("release_lists")
    items = dbt.ref("release_items")
    neighbors = dbt.ref("release_neighbors")
    item_pages = dbt.ref("release_item_pages")
    segments = dbt.ref("release_segments")
    sources = dbt.ref("release_generators")
    relations = dict(zip(TABLES, (lists, items, neighbors, item_pages, segments, sources), strict=True))

    texts = ["release_id", "run_id", "store", "location", "overridden_gates", "hold", "measures"]
    fields = [(name, pa.string()) for name in texts] + [(name, pa.int64()) for name in ("n_lists", "n_items", "bytes")]
    times = [(name, pa.timestamp("us")) for name in ("as_of", "generated_at", "published_at")]
    schema = pa.schema([*fields, ("seconds", pa.float64()), *times])
    folder = serving_folder(serving_path, database)
    warehouse_schema = f"{dbt.this.database}.{dbt.this.schema}"
    if is_snowflake(session):
        create_published(session, warehouse_schema, relations)
    obstacles = {
        "a replay of another day (kindred__as_of) is not for apps": replayed,
        "the fold live isn't built (kindred__folds)": "live" not in read_folds(folds),
        "kindred__serving_store is none": store == "none",
        "there is no DuckDB file to publish beside; kindred__serving_path names a folder": (
            store == "sqlite" and not folder and not is_snowflake(session)
        ),
    }
    for reason in [reason for reason, is_met in obstacles.items() if is_met]:
        report_progress(f"releases: nothing is published: {reason}")
        return write_table(session, schema, [])

    columns = ["run_id", "gate", "is_passed", "is_overridden", "explanation", "generated_at", "evaluated_at"]
    columns += ["measure", "standard_error", "first_at"]
    gates = read_table(publish_gates, columns).to_pylist()
    run_id, generated_at, overridden = judged_run(gates)
    measures = [
        {name: row[name] for name in ("gate", "measure", "standard_error")} | {"first_at": str(row["first_at"])}
        for row in sorted(gates, key=lambda row: row["gate"])
        if row["run_id"] == run_id
    ]
    known = [schema.field(name) for name in ("release_id", "run_id", "published_at")]
    earlier = previous_rows(dbt, session, pa.schema(known))
    earlier = [] if earlier is None else read_table(earlier, [field.name for field in known]).to_pylist()
    missing = []
    as_of = read_table(folds, ["as_of"], "fold = 'live'")["as_of"][0].as_py()
    release = {
        "release_id": f"{generated_at:%Y%m%dT%H%M%S}-{run_id[:8]}",
        "run_id": run_id,
        "as_of": str(as_of),
        "generated_at": str(generated_at),
        "expires_at": str(generated_at + datetime.timedelta(hours=expires_after_hours)),
        "measures": measures,
    }
    for row in read_table(lists.limit(1), ["list_id"]).to_pylist():
        if row["list_id"][:8] != run_id[:8]:
            raise RuntimeError(
                f"the gates judged other lists than those in release_lists: run {run_id[:8]}, not {row['list_id'][:8]}. "
                "One of the two wasn't built, or another build, which began later, came between: build again"
            )
    began = time.monotonic()
    if is_snowflake(session):
        store, location, n_bytes = "warehouse", f"{warehouse_schema}, tables published_*", None
        newest_first = sorted(earlier, key=lambda row: row["published_at"], reverse=True)
        # What is read until this run's row is there stays in any case.
        kept_runs = [row["run_id"] for row in newest_first][: max(1, n_kept - 1)]
        publish_warehouse(session, warehouse_schema, relations, run_id, kept_runs)
        release |= {"n_lists": lists.count(), "n_items": items.count()}
    else:
        tables = {name: batches_of(relations[name], TABLES[name]) for name in TABLES}
        if store == "sqlite":
            missing = missing_row(folder, gates, {row["release_id"] for row in earlier})
            location = publish_sqlite(folder, tables, release, n_kept)
            n_bytes, location = location.stat().st_size, str(location)
        elif "KINDRED_POSTGRES" not in os.environ:
            raise RuntimeError("kindred__serving_store is postgres: set KINDRED_POSTGRES to the server's address")
        else:
            location, n_bytes = publish_postgres(os.environ["KINDRED_POSTGRES"], tables, release)
    seconds = time.monotonic() - began
    report_progress(f"releases: {release['release_id']} published to {location} in {seconds:.1f} s")
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    row = release | {"store": store, "location": location, "overridden_gates": overridden, "bytes": n_bytes}
    row |= {"as_of": as_of, "generated_at": generated_at, "published_at": now, "seconds": seconds}
    row["measures"] = json.dumps(measures)
    return write_table(session, schema, [pa.RecordBatch.from_pylist([*missing, row], schema=schema)])
