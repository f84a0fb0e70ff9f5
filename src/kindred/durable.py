"""Files that are there whole or not at all, and locks that go with their process. Standard library alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def lock(path: Path, busy: str) -> Iterator[None]:
    """Hold a lock file. Errors: RuntimeError with the message `busy` where another process holds it."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(busy) from None
        yield


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes, ending: str = "tmp") -> None:
    """Write a file so that nobody ever sees a part of it, and that it is there after a loss of power.

    ending: of the hidden file beside it that a killed process leaves.
    """
    aside = path.with_name(f".{path.name}.{ending}")
    aside.write_bytes(content)
    sync(aside)
    os.replace(aside, path)
    sync(path.parent)
