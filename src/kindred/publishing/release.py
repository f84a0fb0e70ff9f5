"""What the dbt model `releases` does: publish the lists that the gates let pass, or say why nothing is published."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kindred.publishing.folder import read_release, release_path, serving_folder, write_served
from kindred.publishing.snowflake import create_published, publish_warehouse
from kindred.publishing.tables import SEARCHED, TABLES, complete, refuse_empty
from kindred.run import current
from kindred.settings import fill
from kindred.texts import packed
from kindred.warehouse import (
    Relation,
    Session,
    count_rows,
    is_snowflake,
    previous_rows,
    read_folds,
    read_table,
    report_progress,
    write_table,
)

# The columns of `releases`.
TEXTS = ("release_id", "run_id", "store", "location", "overridden_gates", "hold", "measures")
COUNTS = ("n_lists", "n_items", "bytes")
TIMES = ("as_of", "generated_at", "published_at")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in TEXTS]
    + [(name, pa.int64()) for name in COUNTS]
    + [("seconds", pa.float64())]
    + [(name, pa.timestamp("us")) for name in TIMES]
)
GATE_COLUMNS = (
    "run_id",
    "gate",
    "is_passed",
    "is_overridden",
    "explanation",
    "measure",
    "generated_at",
    "evaluated_at",
)
# What publish_gates of an earlier version lacks.
LATER_GATE_COLUMNS = ("standard_error", "first_at", "compared_run_id", "compared_release_id")


@dataclass(frozen=True)
class Settings:
    """What publication depends on. serving_path and database: '' = not given."""

    store: str
    serving_path: str
    kept_releases: int
    expires_after_hours: float
    as_of: str
    database: str
    # people, or segments: then no table of a release has a row about a person.
    lists_for: str = "people"

    @classmethod
    def of(
        cls, serving: Mapping[str, Any], lists: Mapping[str, Any], as_of: str, privacy: Mapping[str, Any]
    ) -> Settings:
        """Of the groups as they were given, and of what is true of this run alone."""
        filled = fill("serving", serving)
        return cls(
            store=filled["store"],
            serving_path=current("serving_path"),
            kept_releases=filled["kept_releases"],
            expires_after_hours=fill("lists", lists)["expires_after_hours"],
            as_of=as_of,
            database=current("database"),
            lists_for=fill("privacy", privacy)["lists_for"],
        )


# Gates ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evaluation:
    """What the gates found of one run; `rows` are its newest rows of publish_gates as dicts."""

    run_id: str
    generated_at: datetime.datetime
    evaluated_at: datetime.datetime
    rows: Sequence[Mapping[str, Any]]

    def measures(self) -> list[dict[str, Any]]:
        """What the next build's gates compare with, by gate."""
        measured = sorted(self.rows, key=lambda row: str(row["gate"]))
        return [
            {name: row.get(name) for name in ("gate", "measure", "standard_error")}
            | {"first_at": None if row.get("first_at") is None else str(row["first_at"])}
            for row in measured
        ]

    def admit(self, served: Mapping[str, Any] | None, rollback: Mapping[str, Any] | None) -> None:
        """Raises RuntimeError where the gates didn't compare with what apps read, or somebody holds publication.

        served: the row of the release that apps read, rollback: what rollback.json says; None where there is none.
        """
        if rollback and rollback["is_held"]:
            is_overridden = any(row["gate"] == "rollback_hold" and row["is_overridden"] for row in self.rows)
            if not is_overridden or str(self.evaluated_at) < rollback["at"]:
                raise RuntimeError(
                    f"nothing is published: {rollback['by']} went back to release {rollback['serves']} at "
                    f"{rollback['at']} and holds publication ({rollback['reason'] or 'no reason given'}). End the hold "
                    "with `kindred resume` (on Snowflake `dbt run-operation resume`) and build again"
                )
        if not served or served["run_id"] == self.run_id:
            return
        release_id, run_id = (
            next((row[name] for row in self.rows if row.get(name)), None)
            for name in ("compared_release_id", "compared_run_id")
        )
        # publish_gates of an earlier version knows the run alone.
        if (release_id or run_id) != (served["release_id"] if release_id else served["run_id"]):
            raise RuntimeError(
                f"nothing is published: apps read release {served['release_id']}, and the gates compared these lists "
                f"with {release_id or run_id or 'no release'}. Another build published in between, or this warehouse "
                "doesn't know the release: build again with `dbt build --select publish_gates+`, which compares with it"
            )


def read_gates(publish_gates: Relation) -> list[dict[str, Any]]:
    """All rows of publish_gates as dicts."""
    found = {name.strip('"').lower() for name in publish_gates.columns}
    names = [*GATE_COLUMNS, *(name for name in LATER_GATE_COLUMNS if name in found)]
    rows: list[dict[str, Any]] = read_table(publish_gates, names).to_pylist()
    return rows


def overridden_gates(gates: Sequence[Mapping[str, Any]], run_id: str) -> str:
    return ", ".join(sorted(row["gate"] for row in gates if row["run_id"] == run_id and row["is_overridden"]))


def newest_evaluation(gates: Sequence[Mapping[str, Any]]) -> Evaluation:
    """Raises RuntimeError where a gate stopped its run or there is none."""
    if not gates:
        raise RuntimeError("nothing is published: publish_gates has evaluated no run")
    newest = max(row["evaluated_at"] for row in gates)
    rows = [row for row in gates if row["evaluated_at"] == newest]
    stopped = [row for row in rows if not row["is_passed"] and not row["is_overridden"]]
    if stopped:
        reasons = "; ".join(f"{row['gate']}: {row['explanation']}" for row in stopped)
        raise RuntimeError(f"nothing is published: {reasons}")
    return Evaluation(rows[0]["run_id"], rows[0]["generated_at"], newest, rows)


def refuse_other_lists(lists: Relation, column: str, release_id: str, run_id: str) -> None:
    """Raises RuntimeError where there are no lists, or others than those of the run that the gates evaluated.

    column: of the lists, which begins with their run: list_id of people's lists, run_id of segments'.
    """
    found = [row[column] for row in read_table(lists.limit(1), [column]).to_pylist()]
    refuse_empty(release_id, len(found))
    if found[0][:8] != run_id[:8]:
        table = "release_lists" if column == "list_id" else "fallback_recommendations"
        raise RuntimeError(
            f"the gates evaluated other lists than those in {table}: run {run_id[:8]}, not {found[0][:8]}. "
            "One of the two wasn't built, or another build, which began later, came between: build again"
        )


# The model ------------------------------------------------------------------------------------------------------------


def batches_of(relation: Relation, columns: Mapping[str, str]) -> Iterator[Any]:
    """The rows of a DuckDB relation by rising key, read when they are asked for.

    A vector, which the warehouse has as JSON, is packed: a third of the size, and read without parsing.
    """
    names = ["cast(vector as float[]) as vector" if name == "vector" else name for name in columns]
    batches = relation.select(", ".join(names)).order(next(iter(columns))).to_arrow_reader(2_048)
    yield from map(with_packed_vectors, batches) if "vector" in columns else batches


def with_packed_vectors(batch: Any) -> Any:
    vectors = batch.column("vector")
    lengths = pc.list_value_length(vectors).to_pylist()
    numbers, end, texts = vectors.flatten().to_numpy().astype("<f2"), 0, []
    for length in lengths:
        texts.append(None if length is None else packed(numbers[end : end + length]))
        end += length or 0
    return batch.set_column(batch.schema.get_field_index("vector"), "vector", pa.array(texts, pa.string()))


def missing_row(folder: Path, gates: Sequence[Mapping[str, Any]], known: set[str]) -> list[dict[str, Any]]:
    """The row of what apps read, where `known` release_ids lack it: a build was killed when its link had moved."""
    link = folder / "current.sqlite"
    release = read_release(link)
    if not release or release["release_id"] in known:
        return []
    path = release_path(folder, release["release_id"])
    row = {name: release.get(name) for name in ("release_id", "run_id", "n_lists", "n_items", "measures")}
    row |= {name: datetime.datetime.fromisoformat(release[name]) for name in ("as_of", "generated_at")}
    moved_at = datetime.datetime.fromtimestamp(link.lstat().st_mtime, datetime.UTC).replace(tzinfo=None)
    row |= {"store": "sqlite", "location": str(path), "overridden_gates": overridden_gates(gates, release["run_id"])}
    return [row | {"bytes": link.stat().st_size, "published_at": moved_at}]


def reason_for_nothing(settings: Settings, folds: Relation, has_place: bool) -> str | None:
    """Why this build publishes nothing, None where it does."""
    obstacles = {
        "a replay of another day (kindred__as_of) is not for apps": bool(settings.as_of),
        "the fold live isn't built (kindred__folds)": "live" not in read_folds(folds),
        "kindred__serving has the store none": settings.store == "none",
        "there is no DuckDB file to keep releases beside: name a folder, kindred__serving: {path: ...}": not has_place,
    }
    return next((reason for reason, is_met in obstacles.items() if is_met), None)


def publish(
    dbt: Any,
    session: Session,
    relations: Mapping[str, Relation],
    publish_gates: Relation,
    folds: Relation,
    settings: Settings,
    segment_lists: Relation,
) -> Any:
    """Publish `relations`, {name of TABLES: its relation}, and return the new rows of `releases`.

    segment_lists: fallback_recommendations, which are the release's lists where people have none.

    Errors: RuntimeError, with what apps read left as it was, where there are no lists, a gate stopped them, the gates
    compared with something else than what apps read, somebody holds publication, another build publishes at the same
    time, what is served was made later, or the store can't be written.
    """
    folder = serving_folder(settings.serving_path, settings.database)
    schema = f"{dbt.this.database}.{dbt.this.schema}"
    if is_snowflake(session):
        relations = {name: relation for name, relation in relations.items() if name not in SEARCHED}
        create_published(session, schema, relations)
    reason = reason_for_nothing(settings, folds, bool(folder) or is_snowflake(session))
    if reason:
        report_progress(f"releases: nothing is published: {reason}")
        return write_table(session, SCHEMA, [])

    gates = read_gates(publish_gates)
    evaluation = newest_evaluation(gates)
    generated_at, run_id = evaluation.generated_at, evaluation.run_id
    as_of = read_table(folds, ["as_of"], "fold = 'live'")["as_of"][0].as_py()
    release: dict[str, Any] = {
        "release_id": f"{generated_at:%Y%m%dT%H%M%S}-{run_id[:8]}",
        "run_id": run_id,
        "as_of": str(as_of),
        "generated_at": str(generated_at),
        "expires_at": str(generated_at + datetime.timedelta(hours=settings.expires_after_hours)),
        "measures": json.dumps(evaluation.measures()),
        "lists_for": settings.lists_for,
    }
    listed = (relations["lists"], "list_id") if settings.lists_for == "people" else (segment_lists, "run_id")
    refuse_other_lists(*listed, release["release_id"], run_id)
    known = pa.schema([SCHEMA.field(name) for name in ("release_id", "run_id", "published_at", "hold")])
    previous = previous_rows(dbt, session, known)
    earlier = [] if previous is None else read_table(previous, known.names).to_pylist()
    rows = []
    n_bytes = None
    began = time.monotonic()
    if is_snowflake(session):
        store, location = "warehouse", f"{schema}, tables published_*"
        newest_first = sorted(earlier, key=lambda row: (row["published_at"], row["release_id"]), reverse=True)
        served = next(iter(newest_first), None)
        evaluation.admit(served, json.loads(served["hold"]) if served and served["hold"] else None)
        # What is read until this run's row is there stays in any case.
        kept_runs = [row["run_id"] for row in newest_first][: max(1, settings.kept_releases - 1)]
        publish_warehouse(session, schema, relations, run_id, kept_runs)
        release = complete(release, {name: count_rows(relations[name]) for name in ("lists", "segments", "items")})
    else:
        store = settings.store
        tables = {name: batches_of(relations[name], TABLES[name]) for name in TABLES}
        assert folder is not None
        if store == "sqlite":
            from kindred.publishing.sqlite import publish_sqlite

            rows = missing_row(folder, gates, {row["release_id"] for row in earlier})
            path, release = publish_sqlite(folder, tables, release, settings.kept_releases, evaluation.admit)
            n_bytes, location = path.stat().st_size, str(path)
        else:
            location, n_bytes, release = load_postgres(tables, release, evaluation, folder)
    seconds = time.monotonic() - began
    report_progress(f"releases: {release['release_id']} published to {location} in {seconds:.1f} s")
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    row = release | {"store": store, "location": location, "overridden_gates": overridden_gates(gates, run_id)}
    row |= {"as_of": as_of, "generated_at": generated_at, "published_at": now, "seconds": seconds, "bytes": n_bytes}
    return write_table(session, SCHEMA, [pa.RecordBatch.from_pylist([*rows, row], schema=SCHEMA)])


def load_postgres(
    tables: Mapping[str, Any], release: dict[str, Any], evaluation: Evaluation, folder: Path
) -> tuple[str, int, dict[str, Any]]:
    """Publish to PostgreSQL and write served.json, by which gates know what apps read: (location, bytes, release)."""
    from kindred.publishing.postgres import publish_postgres, server_address

    def tell_gates(served: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_served(folder, served)

    def admit(served: dict[str, Any] | None, rollback: dict[str, Any] | None) -> None:
        try:
            evaluation.admit(served, rollback)
        except RuntimeError:
            if served:
                tell_gates(served)
            raise

    location, n_bytes, written = publish_postgres(server_address(), tables, release, admit)
    tell_gates(written)
    return location, n_bytes, written
