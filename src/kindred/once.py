"""What several models of one run read: read once, kept in bounded memory."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from kindred.run import CURRENT
from kindred.warehouse import Relation, name_of_table

# Of all that is kept: the histories and the weights of 100 million interactions are 2.2 GB.
MAX_BYTES = 5 * 2**29

Value = TypeVar("Value")
Maker = TypeVar("Maker")


def one_per_process(name: str, make: Callable[[], Maker]) -> Maker:
    """The one object of that name in this process, made at the first call: also for copies of the package's modules.

    Snowflake's table functions are pickled with the modules that they use, so that no module may hold a lock.
    """
    key = f"kindred_{name}"
    made: Maker = sys.__dict__[key] if key in sys.__dict__ else sys.__dict__.setdefault(key, make())
    return made


class Entry:
    """A value that one thread reads while others who want it wait."""

    def __init__(self) -> None:
        self.lock, self.n_bytes = threading.Lock(), 0
        self.value: Any = None


class Kept:
    """What was read in the run `run_id`, the longest unused first."""

    def __init__(self) -> None:
        self.lock, self.run_id, self.entries = threading.Lock(), "", OrderedDict[Hashable, Entry]()

    def entry(self, run_id: str, key: Hashable) -> Entry:
        """The entry of a key; those of another run are dropped, whose tables may have had other rows."""
        with self.lock:
            if run_id != self.run_id:
                self.run_id = run_id
                self.entries.clear()
            entry = self.entries.setdefault(key, Entry())
            self.entries.move_to_end(key)
            return entry

    def make_room(self, max_bytes: int) -> None:
        """Drop what was unused for longest until no more than so many bytes are kept."""
        with self.lock:
            n_bytes = sum(entry.n_bytes for entry in self.entries.values())
            while n_bytes > max_bytes:
                n_bytes -= self.entries.popitem(last=False)[1].n_bytes


def read_once(
    relation: Relation,
    kind: Hashable,
    read: Callable[[], Value],
    size: Callable[[Value], int],
    max_bytes: int = MAX_BYTES,
) -> Value:
    """What `read` makes of a relation; where the relation is a whole table, the same object for all models of a run.

    kind: which of the things that are made of the table. size: the bytes of what was made. Nobody may change it. A
    table that is read again in a run has the same rows: dbt builds it once.
    """
    run_id, table = CURRENT.get("run_id"), name_of_table(relation)
    if not run_id or table is None:
        return read()
    kept = one_per_process("once", Kept)
    entry = kept.entry(run_id, (CURRENT.get("database"), table, kind))
    with entry.lock:
        if entry.value is None:
            entry.value = read()
            entry.n_bytes = size(entry.value)
    value: Value = entry.value
    kept.make_room(max_bytes)
    return value
