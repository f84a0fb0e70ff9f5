"""The steps of `kindred forget` and `kindred unforget`.

Each step can be done again, and a run that was killed is finished by the next one, with or without new ids: whom it was
to forget stands in forgotten_ids until the proof has found nothing.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kindred.erasure.landing import erase_landing
from kindred.erasure.requests import Note, read_ids
from kindred.erasure.stores import Found, Leaving, erase_artifacts, erase_postgres, erase_releases
from kindred.erasure.warehouse import DISTINCT_LENGTH, Relation, Warehouse
from kindred.ids import id_hash
from kindred.publishing.folder import serving_folder
from kindred.publishing.postgres import server_address

# They take the requests of the input `erasures`, and make the tables where they aren't there yet; the seed is of ids
# that are nobody's.
MODELS = [f"kindred.erasure.{name}" for name in ("forgotten_key", "forgotten_ids", "forget_log")]
MODELS += ["kindred.config.blocked_ids"]


@dataclass
class Report:
    """What was erased, what was found afterwards, and what nobody but the shop can erase."""

    request_id: str
    n_given: int = 0
    n_ids: int = 0
    unknown: int = 0
    short: int = 0
    found: list[Found] = field(default_factory=list)
    upstream: list[tuple[str, int]] = field(default_factory=list)
    strangers: list[tuple[str, int]] = field(default_factory=list)
    compacted: tuple[int, int] | None = None
    still_open: list[str] = field(default_factory=list)

    @property
    def left(self) -> list[Found]:
        return [one for one in self.found if one[3]]

    @property
    def is_proved(self) -> bool:
        return not self.left and not self.strangers

    def lines(self) -> list[str]:
        """The report as text; it names no id."""
        if not self.n_ids:
            return ["all these ids are forgotten already" if self.n_given else "nobody waits to be forgotten"]
        n_places = len([one for one in self.found if one[2]])
        lines = [
            f"request {self.request_id}: {self.n_ids:,} ids are forgotten; {sum(one[2] for one in self.found):,} rows"
            f" or files were deleted in {n_places} of {len(self.found)} places that were searched"
        ]
        if self.unknown:
            lines.append(
                f"{self.unknown:,} of the given ids were known nowhere; they are kept out from now on all the same"
            )
        if self.short:
            lines.append(
                f"{self.short:,} ids have fewer than {DISTINCT_LENGTH} characters: they were searched in the columns"
                " that name people, not within other texts"
            )
        lines += [f"  {n_deleted:>8,}  {store}  {what}" for store, what, n_deleted, _ in self.found if n_deleted]
        if self.compacted:
            lines.append(
                f"the DuckDB file was written again: {self.compacted[0]:,} bytes before, {self.compacted[1]:,} now"
            )
        if self.is_proved:
            lines.append("proof: nothing is left in any table, view or release of kindred; see forget_log")
        for store, what, _, n_left in self.left:
            lines.append(f"NOT ERASED: {n_left:,} rows are left in {store} {what}: run `kindred forget` again")
        for name, n_rows in self.strangers:
            lines.append(
                f"NOT ERASED: {n_rows:,} rows are in {name}, which kindred did not make: delete them there, or drop"
                " it, and run `kindred forget` again"
            )
        lines.append("still to do, as kindred can't:")
        lines += [f"  your own {name} has {n_rows:,} rows of these people" for name, n_rows in self.upstream]
        lines += [f"  {text}" for text in self.still_open]
        return lines


def forget(source: str | None, options: Sequence[str]) -> Report:
    """Forget the people of the ids in `source` (a file, '-' = standard input, None = none) and of the input erasures.

    options: dbt's own, such as --target. Errors: RuntimeError, which says what to do; everything done until then holds.
    """
    warehouse = Warehouse(options, MODELS)
    report = Report(str(uuid.uuid4()))
    beside = warehouse.database_file or Path(".kindred")
    note = Note(beside.with_name(beside.name + ".forgetting"))
    with warehouse.connected():
        key = warehouse.key()
        given = given_ids(warehouse, source) if source else []
        report.n_given = len(given)
        warehouse.add_hashes({id_hash(key, one) for one in given}, report.request_id, is_named=True)
        relations = warehouse.relations()
        warehouse.close_over_people(find(relations, "identities"), report.request_id)
        hashes = warehouse.pending()
        report.n_ids = len(hashes)
        if not hashes:
            note.remove()
            return report
        # Of a run that was killed the ids may stand here alone.
        noted = [one for one in [*note.read(), *given] if id_hash(key, one) in hashes]
        folder = release_folder(warehouse)
        known = warehouse.find_people(relations, noted)
        ids = sorted({*known, *noted})
        note.write(ids)
        report.unknown = len(set(given) - set(known))
        report.short = sum(len(one) < DISTINCT_LENGTH for one in ids)
        leaving = Leaving(ids, frozenset(hashes), key)

        warehouse.close_the_door(relations)
        deleted = {
            relation: warehouse.delete(relation)
            for relation in relations
            if relation.owner == "kindred" and relation.is_table and relation.name.lower() != "forgotten_ids"
        }
        report.found += erase_outside(warehouse, leaving, folder)
    report.compacted = warehouse.compact()
    with warehouse.connected():
        warehouse.find_people(relations, ids)
        prove(warehouse, relations, deleted, report)
        report.still_open = what_stays_open(warehouse, folder)
        warehouse.log(report.request_id, report.found)
        if report.is_proved:
            warehouse.set_erased()
    if report.is_proved:
        note.remove()
    return report


def given_ids(warehouse: Warehouse, source: str) -> list[str]:
    return read_ids(source, warehouse.setting("identity")["case_insensitive_ids"])


def find(relations: Iterable[Relation], name: str) -> Relation | None:
    return next((one for one in relations if one.owner == "kindred" and one.name.lower() == name), None)


def release_folder(warehouse: Warehouse) -> Path | None:
    """Where this project's builds publish, None where that is no folder here."""
    path = os.environ.get("KINDRED_SERVING_PATH") or warehouse.setting("serving")["path"]
    database = warehouse.database_file
    folder = serving_folder(path, str(database) if database else None)
    return folder if folder and folder.is_dir() else None


def erase_outside(warehouse: Warehouse, leaving: Leaving, folder: Path | None) -> list[Found]:
    found = list(erase_landing(warehouse, leaving))
    if folder:
        found += erase_releases(folder, leaving)
    if warehouse.setting("serving")["store"] == "postgres":
        found += erase_postgres(server_address(), leaving)
    temporary = warehouse.credential("config_options").get("temp_directory")
    found += erase_artifacts(*warehouse.artifact_folders, Path(temporary) if temporary else None)
    return found


def prove(warehouse: Warehouse, relations: Sequence[Relation], deleted: dict[Relation, int], report: Report) -> None:
    """Search every table and view of kindred's schemas again and put what is there into the report."""
    for relation in relations:
        n_rows = warehouse.count(relation)
        if relation.owner == "kindred":
            report.found.append((warehouse.kind, relation.short_name, deleted.get(relation, 0), n_rows))
        elif n_rows:
            places = report.upstream if relation.owner == "inputs" else report.strangers
            places.append((relation.short_name, n_rows))


def what_stays_open(warehouse: Warehouse, folder: Path | None) -> list[str]:
    texts = [
        "the tables that kindred__inputs or kindred__trackers name, wherever they are: erase there, too; what is sent"
        " again is kept out and counted in forgotten_arrivals",
        "item factors, neighbours and rankers learned from these people, until the next training: `dbt build` trains",
        "backups, exports that you made, and everybody who got lists or audiences from you",
    ]
    if warehouse.kind == "snowflake":
        texts.append(
            "Snowflake keeps deleted rows for Time Travel and, of permanent tables, seven more days in Fail-safe; its"
            " history of statements has no id from here"
        )
    if warehouse.setting("serving")["store"] == "postgres":
        texts.append("PostgreSQL's write-ahead log and its backups, until they are recycled")
    if folder:
        texts.append("a program that has an old release open, until it reads again")
    return texts


def unforget(source: str, options: Sequence[str]) -> int:
    """Take ids back into kindred from the next build on; returns how many of them were forgotten."""
    warehouse = Warehouse(options, MODELS)
    with warehouse.connected():
        key = warehouse.key()
        n_rows = warehouse.remove_hashes(sorted(id_hash(key, one) for one in given_ids(warehouse, source)))
        warehouse.log(str(uuid.uuid4()), [(warehouse.kind, "forgotten_ids", n_rows, None)])
    return n_rows
