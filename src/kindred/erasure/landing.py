"""The landing area of streams: messages of people who leave become tombstones, in the table and in the files.

A message isn't taken away: its offset says that it was landed, so that a second copy of the file doesn't bring it back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from kindred.connection import quoted
from kindred.erasure.stores import Found
from kindred.erasure.warehouse import ALONE, DISTINCT_LENGTH, PLACE, Relation, Warehouse
from kindred.ids import id_hash, normal_id
from kindred.landing.files import find_files
from kindred.landing.tables import stream_schemas
from kindred.publishing.withdraw import Leaving

# Where a message names its person, in the columns of events and in calls of Segment's libraries.
KEYS = ("user_id", "userId", "anonymous_id", "anonymousId")


def erase_landing(warehouse: Warehouse, leaving: Leaving) -> Iterator[Found]:
    """Erase these people from the tables of `kindred land` and from the folders that these were loaded from."""
    for schema in stream_schemas(warehouse):
        if {"landed_events", "landed_files"} <= warehouse.tables_of(schema):
            events = f"{schema}.landed_events"
            where = f"payload is not null and ({names_somebody(warehouse, schema)})"
            n_gone = int(warehouse.value(f"select count(*) from {events} where {where}"))
            if n_gone:
                warehouse.change(f"update {events} set payload = null where {where}")
            yield warehouse.kind, events, n_gone, int(warehouse.value(f"select count(*) from {events} where {where}"))
            for (folder,) in warehouse.rows(f"select distinct folder from {schema}.landed_files order by folder"):
                yield erase_folder(warehouse, schema, Path(folder), leaving)


def names_somebody(warehouse: Warehouse, schema: str) -> str:
    """The SQL condition of the payloads that name one of these people."""
    parts = [
        f"{warehouse.id_hash(warehouse.sql('normal_id', text=warehouse.sql('json_text', column='payload', key=key)))}"
        f" in ({warehouse.select_pending()})"
        for key in KEYS
    ]
    *database, name = schema.split(".")
    place = database[0] if database else str(warehouse.value("select current_database()"))
    table = Relation(place, name, "landed_events", True, "kindred", ("payload",))
    return " or ".join([*parts, warehouse.condition(table)])


def erase_folder(warehouse: Warehouse, schema: str, folder: Path, leaving: Leaving) -> Found:
    """Write the files of a folder again without these people, and their new sizes into the ledger."""
    case_insensitive = warehouse.setting("identity")["case_insensitive_ids"]
    distinct = [re.escape(one) for one in leaving.ids if len(one) >= DISTINCT_LENGTH]
    alone = re.compile(ALONE.replace(PLACE, f"(?:{'|'.join(distinct)})")) if distinct else None
    ids = set(leaving.ids)

    def is_theirs(payload: str | None) -> bool:
        if payload is None:
            return False
        if alone and alone.search(payload):
            return True
        try:
            message = json.loads(payload)
        except ValueError:
            return False
        values = [str(message[key]) for key in KEYS if message.get(key)] if isinstance(message, dict) else []
        normal = [one for value in values if (one := normal_id(value, case_insensitive))]
        return any(one in ids or id_hash(leaving.key, one) in leaving.hashes for one in normal)

    n_gone = n_left = 0
    for one in find_files(folder)[0] if folder.is_dir() else []:
        changed = one.bury(is_theirs)
        if changed:
            n_gone += changed
            n_left += sum(is_theirs(message.payload) for message in one.read())
            warehouse.change(
                f"update {schema}.landed_files set bytes = {one.path.stat().st_size}, sha256 = '{one.sha256()}'"
                f" where folder = '{quoted(folder)}' and file = '{quoted(one.path.relative_to(folder).as_posix())}'"
            )
    return "files", str(folder), n_gone, n_left
