"""The benchmark's check of reads: it sees what unsafe publications do to readers, and nothing where they are safe."""

import os
import shutil
import sqlite3
import sys
import time

import duckdb
import pytest
from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

import serving_readers  # noqa: E402
import serving_world  # noqa: E402

from kindred.publishing import folder as publishing  # noqa: E402
from kindred.publishing.sqlite import publish_sqlite  # noqa: E402

N_PEOPLE = 30_000  # more than a reader keeps in memory
N_READERS = 2


@pytest.fixture(scope="module")
def world():
    with duckdb.connect() as connection:
        serving_world.make_world(connection, N_PEOPLE, 500)
        yield connection


@pytest.fixture
def publish(world, tmp_path):
    def publish(version):
        release = serving_world.make_version(world, version)
        return publish_sqlite(tmp_path, serving_world.release_tables(world), release, 5)[0]

    return publish


def read_during(work, folder):
    found = serving_readers.read_during(work, folder, N_PEOPLE, N_READERS, None)
    assert len(found["seconds"]) > 500
    return found


def change(path, *statements):
    """Write a file that readers have open."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = off")
    for statement in statements:
        connection.execute(statement)
        time.sleep(0.3)
    connection.close()


def test_safe_publications_show_nothing(publish, tmp_path):
    publish(1)
    found = read_during(lambda: [publish(version) for version in range(2, 6)], tmp_path)
    assert found["faults"] == dict.fromkeys(serving_readers.FAULTS, 0)
    assert found["n_releases"] >= 4


def test_lists_that_are_changed_in_place_are_torn(publish, tmp_path):
    path = publish(1)
    found = read_during(
        lambda: change(path, "update lists set items = replace(items, 'als-1', 'als-2'), list_id = '00000002-p-0'"),
        tmp_path,
    )
    assert found["faults"]["torn"] > 0


def test_lists_that_are_deleted_and_inserted_are_empty_in_between(publish, tmp_path):
    path = publish(1)
    copy = shutil.copy(path, tmp_path / "copy")
    # So few of each page that SQLite leaves the others where they are.
    statements = [
        f"attach '{copy}' as copy",
        "delete from lists where user_id like '%3' or user_id like '%7'",
        "insert into lists select * from copy.lists where user_id like '%3' or user_id like '%7'",
    ]
    found = read_during(lambda: change(path, *statements), tmp_path)
    assert found["faults"]["empty"] > 0


def test_a_link_that_moves_before_the_file_is_complete_shows_empty_lists(publish, tmp_path):
    publish(1)
    path = publish(2)
    complete = shutil.copy(path, tmp_path / "complete")
    change(path, "delete from lists where user_id > 'u0010000'")
    publishing.move_link(tmp_path, serving_world.release_of(1)["release_id"])

    def work():
        publishing.move_link(tmp_path, path.stem)
        time.sleep(0.5)
        os.replace(complete, path)

    assert read_during(work, tmp_path)["faults"]["empty"] > 0


def test_a_link_that_moves_back_is_seen(publish, tmp_path):
    for version in (1, 2):
        publish(version)

    def work():
        publishing.move_link(tmp_path, serving_world.release_of(1)["release_id"])
        time.sleep(0.3)

    found = read_during(work, tmp_path)
    assert found["faults"]["backwards"] > 0 and found["faults"]["torn"] == 0
