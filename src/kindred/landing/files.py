"""Files of messages: Kafka Connect's, and those that `kindred land kafka` writes beside or instead of them.

    <folder>/topics/<topic>/partition=<p>/<topic>+<p>+<first offset, 10 digits>.json[.gz]    Kafka Connect's
    ...                                                                       .jsonl[.gz]    kindred's own

A line of a .json file is the value of a message; its offset is the file's first offset plus the number of lines before
it. A line of a .jsonl file is {"offset": ..., "timestamp": milliseconds or null, "payload": text or null}: offsets may
have gaps, and a value that is no JSON or no text at all is kept as it can be.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kindred.durable import write_whole

NAME = re.compile(r"(?P<topic>[A-Za-z0-9._-]+)\+(?P<partition>\d+)\+(?P<offset>\d+)\.(?P<kind>jsonl?)(?P<gzip>\.gz)?")
# The end of the name of a file that isn't whole yet.
PART = "part"
# Before a payload that was no UTF-8, so that it is no JSON either: what its letters were can't be known.
NOT_UTF8 = "not UTF-8: "


class Message(NamedTuple):
    """offset: place in the partition. timestamp: milliseconds since 1970 or None. payload: None = a tombstone."""

    offset: int
    timestamp: int | None
    payload: str | None


@dataclass(frozen=True)
class LandedFile:
    """A file of messages by its name."""

    path: Path
    topic: str
    partition: int
    first_offset: int
    is_own: bool

    def read(self) -> list[Message]:
        """The messages, by their offsets. Errors: ValueError for a line of a .jsonl file that is none of its lines."""
        content = self.path.read_bytes()
        lines = (gzip.decompress(content) if self.path.suffix == ".gz" else content).split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        if not self.is_own:
            return [Message(self.first_offset + place, None, decode(line) or None) for place, line in enumerate(lines)]
        found = []
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                found.append(Message(int(row["offset"]), row["timestamp"], row["payload"]))
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f"{self.path} is damaged in line {number}: delete the file and land again") from error
        return found

    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def bury(self, is_to_go: Callable[[str | None], bool]) -> int:
        """Make tombstones of the messages whose payload is to go; returns how many. Offsets stay as they are."""
        messages = self.read()
        gone = {message.offset for message in messages if is_to_go(message.payload)}
        if gone:
            kept = [m._replace(payload=None) if m.offset in gone else m for m in messages]
            lines = [line_of(m) if self.is_own else m.payload or "" for m in kept]
            content = "".join(f"{line}\n" for line in lines).encode()
            write_whole(self.path, gzip.compress(content) if self.path.suffix == ".gz" else content, PART)
        return len(gone)


def landed_file(path: Path) -> LandedFile | None:
    """What a file's name says; None for a file of another name."""
    found = NAME.fullmatch(path.name)
    if not found:
        return None
    return LandedFile(path, found["topic"], int(found["partition"]), int(found["offset"]), found["kind"] == "jsonl")


def find_files(folder: Path) -> tuple[list[LandedFile], list[Path]]:
    """(files of messages by topic, partition and first offset; other files) of a folder and the folders in it.

    Hidden files are neither: they aren't whole yet.
    """
    found, others = [], []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        one = landed_file(path)
        if one:
            found.append(one)
        else:
            others.append(path)
    return sorted(found, key=lambda one: (one.topic, one.partition, one.first_offset, str(one.path))), others


def next_offsets(folder: Path) -> dict[tuple[str, int], int]:
    """{(topic, partition): the offset after the last that a file of the folder has}."""
    newest: dict[tuple[str, int], LandedFile] = {}
    for one in find_files(folder)[0]:
        newest[one.topic, one.partition] = one
    return {
        key: messages[-1].offset + 1 if (messages := one.read()) else one.first_offset for key, one in newest.items()
    }


def decode(value: bytes | None) -> str | None:
    """A message's value as text; None for a tombstone."""
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return NOT_UTF8 + value.decode("utf-8", errors="replace")


def line_of(message: Message) -> str:
    row: dict[str, Any] = {"offset": message.offset, "timestamp": message.timestamp, "payload": message.payload}
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


class Writer:
    """Messages of one partition, written as whole files of about max_bytes."""

    def __init__(self, folder: Path, topic: str, partition: int, max_bytes: int) -> None:
        self.folder = folder / "topics" / topic / f"partition={partition}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name, self.max_bytes = f"{topic}+{partition}", max_bytes
        self.lines: list[str] = []
        self.n_bytes, self.first_offset = 0, 0
        self.n_messages, self.n_files = 0, 0

    def add(self, message: Message) -> None:
        if not self.lines:
            self.first_offset = message.offset
        line = line_of(message)
        self.lines.append(line)
        self.n_messages += 1
        self.n_bytes += len(line)
        if self.n_bytes >= self.max_bytes:
            self.finish()

    def finish(self) -> None:
        if self.lines:
            content = "".join(f"{line}\n" for line in self.lines).encode()
            write_whole(self.folder / f"{self.name}+{self.first_offset:010}.jsonl", content, PART)
            self.n_files += 1
        self.lines, self.n_bytes = [], 0


def missing(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The gaps between ranges (first, last) of offsets, as such ranges."""
    known = None
    for first, last in sorted(ranges):
        if known is not None and first > known + 1:
            yield known + 1, first - 1
        known = last if known is None else max(known, last)
