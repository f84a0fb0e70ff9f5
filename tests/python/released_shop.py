"""A copy of the sample shop with its first release, for tests of what comes after."""

import os
import shutil
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
