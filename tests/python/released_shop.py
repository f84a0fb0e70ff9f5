"""A copy of the sample shop with its first release, for tests of what comes after."""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

from conftest import Shop

from kindred.publishing import folder as publishing


def shop_copy(sample_shop, folder):
    """A copy of the sample shop with its first release."""
    shop = Shop(folder)
    shutil.copy(sample_shop.database, shop.database)
    shop.folder = publishing.serving_folder("", str(shop.database))
    shutil.copytree(publishing.serving_folder("", str(sample_shop.database)), shop.folder, symlinks=True)
    for name in ("recommendations", "evaluation_metrics", "event_counts", "person_events", "release_lists"):
        shop.run(f"create table good_{name} as from {name}")
    return shop


def current(shop):
    return Path(os.readlink(shop.folder / "current.sqlite")).stem


def keep_releases(folder, n):
    """Copy the served release under older ids, so that n releases are kept."""
    served = publishing.current_id(folder)
    for number in range(1, n):
        older = f"2026010{number}T000000-abcdef0{number}"
        path = publishing.release_path(folder, older)
        shutil.copy(publishing.release_path(folder, served), path)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("update release set release_id = ?", [older])
            connection.commit()
