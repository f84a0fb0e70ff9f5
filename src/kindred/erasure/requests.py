"""Whom to forget: ids from a file or standard input, and the note by which a killed run goes on."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kindred.ids import normal_id

MAX_IDS = 1_000_000


def read_ids(source: str, case_insensitive: bool) -> list[str]:
    """The ids of a file, or of standard input where source is '-', one a line, in normal form and each once.

    Errors: RuntimeError for a line without an id, no line or too many lines; OSError for a file that can't be read.
    """
    text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    place = "standard input" if source == "-" else source
    lines = text.splitlines()
    ids = [normal_id(line, case_insensitive) for line in lines]
    empty = [str(number) for number, one in enumerate(ids, start=1) if one is None]
    if empty:
        raise RuntimeError(f"{place} has no id in line {', '.join(empty[:5])}: give one id a line, and no empty line")
    if not ids:
        raise RuntimeError(f"{place} is empty: give one id a line")
    if len(ids) > MAX_IDS:
        raise RuntimeError(f"{place} has {len(ids):,} ids: at most {MAX_IDS:,} at once, split the file")
    return list(dict.fromkeys(one for one in ids if one))


@dataclass(frozen=True)
class Note:
    """The ids of a run that isn't done, in a file that its user alone can read; the last step removes it.

    Without it a run that was killed could not search for ids that it has deleted from the tables.
    """

    path: Path

    def read(self) -> list[str]:
        try:
            found: list[str] = json.loads(self.path.read_text(encoding="utf-8"))
            return found
        except (FileNotFoundError, json.JSONDecodeError):
            return []

    def write(self, ids: Iterable[str]) -> None:
        temporary = self.path.with_name(self.path.name + ".tmp")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(sorted(ids), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)

    def remove(self) -> None:
        for path in (self.path, self.path.with_name(self.path.name + ".tmp")):
            path.unlink(missing_ok=True)
