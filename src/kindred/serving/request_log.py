"""One line of JSON for each request, for the table `service_levels`: how fast lists come, and how many are empty.

A line says nothing of who asked. `answered_at` is UTC, `release` the release that answered or null, `endpoint` the
first part of the path, `ms` the time to answer in milliseconds:

    {"answered_at": "2026-05-01T06:00:00.123Z", "release": "20260501T055001-1f0a2b3c", "endpoint": "/session",
     "status": 200, "ms": 0.71, "is_empty": false}

Where a shop's own function writes reasons, a line of /explain has also `reasons`, what became of its sentences.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson

# Environment variable with the folder of the files; not given = nothing is written.
FOLDER = "KINDRED_REQUEST_LOG"
DAY = 86_400
KEPT_DAYS = 7


class RequestLog:
    """Files `requests-<UTC day>-<process>.jsonl` in a folder; those of more than KEPT_DAYS ago are deleted.

    Each process has files of its own and writes each line at once, in one call: a process that is killed loses none,
    and no line is in pieces.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.day = -1
        self.file = -1
        folder.mkdir(parents=True, exist_ok=True)

    def write(
        self,
        endpoint: str,
        status: int,
        seconds: float,
        release_id: str | None,
        is_empty: bool,
        reasons: Mapping[str, int] | None = None,
    ) -> None:
        """Add a line. A full disk costs the line, not the answer. reasons: None = there is no writer of reasons."""
        now = time.time()
        line = {
            "answered_at": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")[:23] + "Z",
            "release": release_id,
            "endpoint": endpoint,
            "status": status,
            "ms": round(seconds * 1000, 3),
            "is_empty": is_empty,
        } | ({} if reasons is None else {"reasons": reasons})
        with contextlib.suppress(OSError):
            if now // DAY != self.day:
                self.rotate(int(now // DAY))
            os.write(self.file, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def rotate(self, day: int) -> None:
        if self.file >= 0:
            os.close(self.file)
            self.file = -1
        path = self.folder / f"requests-{day_name(day)}-{os.getpid()}.jsonl"
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.day = day
        oldest = f"requests-{day_name(day - KEPT_DAYS)}"
        for old in self.folder.glob("requests-????-??-??-*.jsonl"):
            if old.name < oldest:
                old.unlink(missing_ok=True)


def day_name(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")
