"""Whom to forget: what a file may have, and how ids are met of which only hashes are left."""

import io
import stat

import pytest
from serving_worlds import NEW, OLD, random_world, write_release

from kindred.erasure import requests
from kindred.erasure.stores import erase_releases
from kindred.erasure.warehouse import Relation
from kindred.ids import id_hash
from kindred.publishing.withdraw import Leaving


def test_ids_are_read_in_normal_form_and_once(tmp_path, monkeypatch):
    file = tmp_path / "ids.txt"
    file.write_text("\ufeffu1\n Ann@Example.com \nann@example.com\n1000.0\n", encoding="utf-8")
    assert requests.read_ids(str(file), True) == ["u1", "ann@example.com", "1000"]
    assert requests.read_ids(str(file), False) == ["u1", "Ann@Example.com", "ann@example.com", "1000"]
    monkeypatch.setattr("sys.stdin", io.StringIO("u1\nu2\n"))
    assert requests.read_ids("-", True) == ["u1", "u2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ids.txt is empty: give one id a line"),
        ("u1\n\nu2\n \n", "ids.txt has no id in line 2, 4: give one id a line, and no empty line"),
        ("u1\nu2\nu3\nu4\n", "ids.txt has 4 ids: at most 3 at once, split the file"),
    ],
)
def test_what_is_no_list_of_ids(text, message, tmp_path, monkeypatch):
    monkeypatch.setattr(requests, "MAX_IDS", 3)
    (tmp_path / "ids.txt").write_text(text, encoding="utf-8")
    with pytest.raises(RuntimeError, match=message):
        requests.read_ids(str(tmp_path / "ids.txt"), True)


def test_the_note_is_its_users_alone_and_goes(tmp_path):
    note = requests.Note(tmp_path / "shop.duckdb.forgetting")
    assert note.read() == []
    note.write(["u2", "u1"])
    assert note.read() == ["u1", "u2"] and stat.S_IMODE(note.path.stat().st_mode) == 0o600
    note.path.write_text('["u1", ', encoding="utf-8")
    assert note.read() == []
    note.remove()
    assert list(tmp_path.iterdir()) == []


def test_releases_are_met_by_hashes(tmp_path):
    """Of somebody who was dropped at the door by an earlier build kindred has the hashes alone."""
    world = random_world(1)
    for release_id in (OLD, NEW):
        write_release(tmp_path, world, release_id)
    user = sorted(world["lists"])[0]
    # What a killed process left behind has all rows.
    leftover = tmp_path / "releases" / f".{OLD}.tmp"
    leftover.write_bytes(user.encode())
    leaving = Leaving(
        hashes=frozenset([id_hash("key", user), id_hash("key", "stranger"), id_hash("other", "u3")]), key="key"
    )
    found = list(erase_releases(tmp_path, leaving))
    assert [(store, what, n_left) for store, what, _, n_left in found] == [("sqlite", OLD, 0), ("sqlite", NEW, 0)]
    assert all(n_deleted > 0 for _, _, n_deleted, _ in found)
    assert [n for _, _, n, _ in erase_releases(tmp_path, leaving)] == [0, 0]
    assert not leftover.exists()


def test_where_people_are_named():
    """An item's id may be the same as a person's: only columns and rows that name people count for short ids."""
    columns = ("user_id", "item_id", "input", "problem", "entity_id", "rejected_text", "fate", "list_id", "title")
    relation = Relation("db", "main", "input_problems", True, "kindred", columns)
    named = dict(relation.person_columns())
    assert set(named) == {"user_id", "entity_id", "rejected_text"} and named["user_id"] == "true"
    assert "input <> 'items'" in named["entity_id"]
    assert relation.key_columns() == ["item_id", "entity_id"]
    assert relation.text_columns() == ["input", "problem", "rejected_text", "fate"]
    assert Relation("db", "main", "typed_consents", False, "kindred", ("spelling",)).person_columns() == []
