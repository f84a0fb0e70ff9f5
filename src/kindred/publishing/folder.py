"""The serving folder: its releases, the link `current.sqlite` that apps follow, rollback and resumption.

A release is written beside the others, synced and renamed; then the link is replaced, which the file system does at
once or not at all. Standard library alone.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kindred.durable import lock, sync, write_whole


def serving_folder(serving_path: str, database: str | None) -> Path | None:
    """Where releases live: the given path, else beside the DuckDB file; None where there is no file."""
    if serving_path:
        return Path(serving_path)
    if not database or database == ":memory:" or database.startswith("md:"):
        return None
    return Path(database).with_name(Path(database).stem + "_serving")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One publication or rollback at a time; the lock goes with the process that holds it, however that ends."""
    (folder / "releases").mkdir(parents=True, exist_ok=True)
    with lock(folder / "lock", f"another build or rollback is at work in {folder}: try again when it is done"):
        yield


def release_path(folder: Path, release_id: str) -> Path:
    return folder / "releases" / f"{release_id}.sqlite"


def read_release(path: Path) -> dict[str, Any] | None:
    """The release row of a file as a dict; None where there is no file or it isn't a whole release."""
    import sqlite3

    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute("select * from release")
            return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    except (sqlite3.Error, OSError, TypeError):  # TypeError: no row
        return None


def current_id(folder: Path) -> str | None:
    """The release_id that the link names, whether that file exists or not; None where there is no link."""
    link = folder / "current.sqlite"
    return Path(os.readlink(link)).stem if link.is_symlink() else None


def move_link(folder: Path, release_id: str) -> None:
    """Let apps read this release from now on; the caller syncs the folder."""
    temporary = folder / ".current.tmp"
    temporary.unlink(missing_ok=True)
    os.symlink(f"releases/{release_id}.sqlite", temporary)
    try:
        os.replace(temporary, folder / "current.sqlite")
    except OSError:
        temporary.unlink()
        raise


def list_releases(folder: Path) -> list[dict[str, Any]]:
    """The whole releases of a folder as dicts, newest first."""
    paths = sorted((folder / "releases").glob("*.sqlite"), reverse=True)
    return [release for release in map(read_release, paths) if release]


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file, None where there is no file."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    except FileNotFoundError:
        return None


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps(values).encode())


def read_rollback(folder: Path) -> dict[str, Any] | None:
    """What the last rollback left behind, until a publication ends it: serves, from, by, at, reason, is_held."""
    return read_json(folder / "rollback.json")


def write_served(folder: Path, release: Mapping[str, Any]) -> None:
    """Write served.json, by which the next build's gates know what apps read: they can't open the release.

    measures: what the gates measured of this release, [{gate, measure, standard_error, first_at}, ...]; [] for a
    release of before version 0.1.0, which has none.
    """
    served = {name: release[name] for name in ("release_id", "run_id", "generated_at")}
    write_json(folder / "served.json", served | {"measures": json.loads(release.get("measures") or "[]")})


def serve(folder: Path, release_id: str) -> None:
    """Let apps read this release.

    served.json comes first: what a build that is killed between the two leaves, the next one finishes.
    """
    served = folder / "served.json"
    before = served.read_bytes() if served.exists() else None
    release = read_release(release_path(folder, release_id))
    if release is None:
        raise OSError(f"{release_path(folder, release_id)} can't be read")
    write_served(folder, release)
    try:
        move_link(folder, release_id)
    except BaseException:
        if current_id(folder) != release_id:
            served.unlink() if before is None else served.write_bytes(before)
        raise


def finish_move(folder: Path) -> None:
    """Move the link where the process was killed that had written served.json and was about to; needs the lock.

    The gates compare with the release that served.json names, so that is the one to serve.
    """
    served = read_json(folder / "served.json")
    if served and served["release_id"] != current_id(folder):
        # Where PostgreSQL serves, the folder has no such file.
        if read_release(release_path(folder, served["release_id"])):
            move_link(folder, served["release_id"])


def roll_back(folder: Path, release_id: str | None, by: str, reason: str) -> tuple[str | None, str]:
    """Serve an older release and hold all publications; release_id None: the one before. Returns (from, to)."""
    with locked(folder):
        current = current_id(folder)
        releases = [str(release["release_id"]) for release in list_releases(folder)]
        if release_id is None:
            release_id = next((name for name in releases if not current or name < current), None)
        if release_id is None or release_id not in releases:
            wanted = "release before it" if release_id is None else f"release {release_id}"
            raise RuntimeError(f"{folder} has no {wanted}; there are {', '.join(releases) or 'none'}")
        at = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
        rollback = {"serves": release_id, "from": current, "by": by, "at": at, "reason": reason, "is_held": True}
        # The hold first: a link that was moved without one would be undone by the next build.
        write_json(folder / "rollback.json", rollback)
        serve(folder, release_id)
        sync(folder)
        return current, release_id


def resume(folder: Path) -> dict[str, Any] | None:
    """End the hold: the next build publishes. Returns the rollback that was held, or None."""
    with locked(folder):
        rollback = read_rollback(folder)
        if not rollback or not rollback["is_held"]:
            return None
        write_json(folder / "rollback.json", rollback | {"is_held": False})
        return rollback
