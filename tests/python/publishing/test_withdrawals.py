"""People who refuse leave every release that is kept, at the next build, whatever the gates say."""

import contextlib
import json
import random
import shutil
import sqlite3

import pytest
from conftest import Shop
from released_shop import keep_releases

from kindred.publishing.folder import current_id
from kindred.publishing.withdraw import Leaving, from_folder
from kindred.serving import Store

MADE = ["--select", "+withdrawals", "+identities"]


@pytest.fixture
def shop(sample_shop, tmp_path):
    """The sample shop with three releases, of which the last is served."""
    shop = Shop(tmp_path)
    shutil.copy(sample_shop.database, shop.database)
    folder = sample_shop.database.with_name("shop_serving")
    shop.folder = tmp_path / "shop_serving"
    shutil.copytree(folder, shop.folder, symlinks=True)
    shop.served = current_id(shop.folder)
    keep_releases(shop.folder, 3)
    return shop


def refuse(shop, user, moment="2026-05-31 23:30:00"):
    """Let somebody refuse, in the sample's consents."""
    shop.run(f"""
        create or replace table more_consents as
        from sample_consents
        union all by name
        select
            '{user}' as user_id, 'personalization' as purpose, false as is_granted, timestamp '{moment}' as updated_at
    """)
    tables = {name: f"main.sample_{name}" for name in ("events", "items", "users")}
    return {"inputs": tables | {"consents": "main.more_consents"}}


def files_with(shop, text):
    return [path.stem for path in (shop.folder / "releases").glob("*.sqlite") if text.encode() in path.read_bytes()]


def test_who_refuses_leaves_every_kept_release(shop):
    [(user, device)] = shop.query("""
        select user_id, identity_id from identities
        where link = 'login' and user_id in (select user_id from recommendations) order by all limit 1
    """)
    [similar] = [other for other in shop.column("select user_id from recommendations order by 1") if other != user][:1]
    store = Store(shop.folder)
    before = store.recommend(similar)["items"]
    assert store.recommend(device)["list_id"] == store.recommend(user)["list_id"]
    assert "-p-" in store.recommend(user)["list_id"]
    assert len(files_with(shop, f"{user}")) == 3
    n_lists = store.release()["n_lists"]
    # The person refuses by the device.
    settings = refuse(shop, device)
    shop.build(*MADE, **settings)
    n_devices = shop.value(f"select count(*) - 1 from identities where user_id = '{user}'")
    assert shop.query("select store, n_lists, n_identities from withdrawals") == [("sqlite", 1, n_devices)] * 3
    # A store that has the files open sees it at its next call, whatever id and release it asks for.
    for release_id in (None, "20260101T000000-abcdef01", shop.served):
        for one in (user, device):
            assert "-p-" not in store.recommend(one, release_id=release_id)["list_id"]
    assert store.release()["n_lists"] == n_lists - 1 and store.release()["release_id"] == shop.served
    assert store.recommend(similar)["items"] == before
    assert files_with(shop, device) == files_with(shop, user) == []
    with contextlib.closing(sqlite3.connect(shop.folder / "current.sqlite")) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert connection.execute("select count(*) from lists where user_id = ?", [user]).fetchall() == [(0,)]
    # Once is enough.
    shop.build(*MADE, **settings)
    assert shop.value("select count(*) from withdrawals") == 0


def test_no_byte_is_left_of_many_who_leave_at_once(sample_shop, tmp_path):
    """SQLite moves rows as others are deleted, and leaves copies of them that no statement sees."""
    source = sample_shop.database.with_name("shop_serving")
    users = sample_shop.column("select user_id from release_lists order by 1")
    draw = random.Random(1)
    for number in range(20):
        folder = tmp_path / str(number)
        shutil.copytree(source, folder, symlinks=True)
        [path] = (folder / "releases").glob("*.sqlite")
        leaving = draw.sample(users, 25)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            asked = "select user_id || list_id from lists where user_id in (select value from json_each(?))"
            begun = [text.encode() for (text,) in connection.execute(asked, [json.dumps(leaving)])]
        assert len(begun) == 25 and all(text in path.read_bytes() for text in begun)
        assert [row[2] for row in from_folder(folder, Leaving(leaving))] == [25]
        written = path.read_bytes()
        assert [text for text in begun if text in written] == []
        assert [one.name for one in path.parent.iterdir()] == [path.name]
        shutil.rmtree(folder)


@pytest.mark.slow
def test_a_replay_takes_nobody_out(shop):
    user = shop.value("select min(user_id) from recommendations")
    shop.build(*MADE, **refuse(shop, user, "2026-05-01 00:00:00"), as_of="2026-05-15")
    assert shop.value("select count(*) from withdrawals") == 0
    assert "-p-" in Store(shop.folder).recommend(user)["list_id"]


@pytest.mark.slow
def test_another_publication_is_not_met_half_way(shop):
    import fcntl

    settings = refuse(shop, shop.value("select min(user_id) from recommendations"))
    with open(shop.folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = shop.dbt("run", *MADE, **settings)
    assert result.returncode != 0 and "another build or rollback is at work" in result.text
