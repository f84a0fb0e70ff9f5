"""Lists made at the moment of a request: against plain Python on random releases, through publications and faults."""

import contextlib
import os
import random
import re
import sqlite3
import subprocess
import sys
import threading

import pytest
from conftest import REPOSITORY
from serving_worlds import (
    ITEMS,
    NEW,
    OLD,
    expected_list,
    may_see,
    move_link,
    old_shape,
    random_question,
    random_world,
    with_conditions,
    with_holdout,
    write_release,
)

from kindred.serving import Filters, NoRelease, ReleaseGone, Store
from kindred.serving.store import EVERYTHING, FILL_UP, RECOMMEND


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shop_serving"


@pytest.mark.parametrize("seed", range(12))
def test_lists_equal_the_definition(folder, seed):
    """From seed 8 on, half of the items are under conditions."""
    world = random_world(seed) if seed < 8 else with_conditions(random_world(seed), seed)
    write_release(folder, world)
    store, draw = Store(folder), random.Random(seed)
    kinds = set()
    for _ in range(120):
        user, session, n, filters, exclude, segment = question = random_question(draw)
        found = store.recommend(user, session, n, filters, exclude, segment)
        expected = expected_list(world, user, session, n, filters, exclude, segment)
        assert [row["item_id"] for row in found["items"]] == [row[0] for row in expected], question
        assert [row["score"] for row in found["items"]] == pytest.approx([row[2] for row in expected], abs=2e-9)
        assert [row["because_item_id"] for row in found["items"]] == [row[3] for row in expected], question
        assert [row["rank"] for row in found["items"]] == list(range(1, len(expected) + 1))
        kinds.add(found["list_id"].split("-")[1])
    assert kinds >= {"s", "f"}


def test_what_a_session_list_is_made_of_is_read_from_the_release(folder):
    world, draw, n_changed = random_world(3), random.Random(3), 0
    settings = (2, 25, 0.4, 0.35, 0.65)
    write_release(folder, world, OLD)
    write_release(folder, world, NEW, settings=settings)
    store = Store(folder)
    for _ in range(60):
        user, session, n, filters, exclude, segment = question = random_question(draw)
        found = store.recommend(*question)["items"]
        expected = expected_list(world, user, session, n, filters, exclude, segment, settings=settings)
        assert [row["item_id"] for row in found] == [row[0] for row in expected], question
        n_changed += found != store.recommend(*question, release_id=OLD)["items"]
    assert n_changed > 20


def items_of(answer):
    return [(row["item_id"], row["because_item_id"]) for row in answer["items"]]


def test_ids_and_segments_are_met_in_any_spelling(folder):
    """Blanks, invisible characters, decimals of a number, letters in two pieces, and the case of an e-mail address."""
    world = random_world(2)
    person = dict(world["lists"]["u0"], segment="")
    world["lists"] |= {"ann@example.com": person, "1000": person, "m\u00fcller": person}
    world["segments"]["FR"]["fallback"] = [["i001", 1.0, "popular"]]
    write_release(folder, world)
    store = Store(folder)
    for user in (" Ann@Example.COM\n", "1000.0", "mu\u0308ller", "\u200b1000"):
        assert items_of(store.recommend(user)) == items_of(store.recommend("1000")) != items_of(store.recommend("x"))
        assert store.history(user)["items"] == store.history("1000")["items"] != []
    lead = next(item for item in world["neighbors"] if item in world["item_pages"] and item.isalnum())
    odd = f" {lead}\u00a0"
    assert items_of(store.recommend(session=[odd, " "])) == items_of(store.recommend(session=[lead]))
    for question in (store.similar_items, store.bundles):
        assert items_of(question(odd)) == items_of(question(lead))
    shown = items_of(store.recommend(segment="FR\t"))
    assert shown == items_of(store.recommend(segment="FR")) != items_of(store.recommend(segment="fr"))
    assert store.trending("FR\t")["items"] == store.trending("FR")["items"] != []
    first = shown[0][0]
    assert first not in [item for item, _ in items_of(store.recommend(segment="FR", exclude=[f"{first} "]))]
    # What is put into order keeps the app's own spelling, of two spellings the first.
    ranked = [item for item, _ in items_of(store.rerank("1000 ", [odd, "i002 ", lead, "i003"]))]
    assert sorted(ranked) == sorted([odd, "i002 ", "i003"])
    assert [item.strip() for item in ranked] == [
        item for item, _ in items_of(store.rerank("1000", [lead, "i002", "i003"]))
    ]


def test_any_id_of_a_person_gives_what_the_person_has(folder):
    world = random_world(2)
    world["lists"]["u1"] |= {"items": [[item, 0.5, "als", None, 1.0] for item in ITEMS[:20]], "segment": "FR"}
    write_release(folder, world)
    store = Store(folder)
    for device in ("phone", " tablet\u200b"):
        assert store.recommend(device, n=5)["list_id"] == store.recommend("u1", n=5)["list_id"]
        assert store.history(device)["items"] == store.history("u1")["items"] != []
        for ask in (
            lambda user: store.recommend(user, ["i001"]),
            lambda user: store.recommend(user, n=5, exclude=ITEMS[:2]),
            lambda user: store.rerank(user, ITEMS[:30]),
            lambda user: store.similar_items("i001", user_id=user),
            lambda user: store.bundles("i001", user_id=user),
        ):
            assert items_of(ask(device)) == items_of(ask("u1"))
        assert items_of(store.recommend(device)) != items_of(store.recommend("nobody"))
    # A device of nobody who has a list is an unknown visitor's.
    assert items_of(store.recommend("no device")) == items_of(store.recommend("nobody"))


def test_case_of_addresses_counts_where_the_release_says_so(folder):
    world = random_world(2)
    world["lists"]["Ann@example.com"] = world["lists"]["u0"]
    write_release(folder, world, ignores_case=False)
    store = Store(folder)
    assert store.history("Ann@example.com ")["items"] == store.history("u0")["items"] != []
    assert store.history("ann@example.com")["items"] == []


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("hold_out", [False, True])
def test_nothing_shows_what_a_person_is_not_eligible_for(folder, seed, hold_out):
    """Everybody and every visitor, by every door, with every item as the session, the page and the given item."""
    world = with_conditions(random_world(seed), seed)
    world = with_holdout(world) if hold_out else world
    write_release(folder, world)
    store = Store(folder)
    n_shown = n_conditioned = 0
    for user in [None, "nobody", *world["lists"], *world["identities"]]:
        own = world["identities"].get(user, user)
        person = world["lists"].get(own, {})
        answers = [store.recommend(user, n=99), store.recommend(user, n=99, segment="DE"), store.trending("DE", n=99)]
        answers += [store.recommend(user, n=99, filters=Filters(in_stock=False)), store.rerank(user, ITEMS)]
        answers += [store.recommend(user, [item], n=99) for item in ITEMS]
        answers += [store.similar_items(item, n=99, user_id=user) for item in ITEMS]
        answers += [store.bundles(item, user_id=user) for item in ITEMS]
        for answer in answers:
            shown = [row["item_id"] for row in answer["items"]]
            assert [item for item in shown if not may_see(world, person, item)] == []
            n_shown += len(shown)
            n_conditioned += sum(bool(world["items"][item].get("eligibility")) for item in shown)
        assert {row["item_id"] for row in store.rerank(user, ITEMS)["items"]} >= {
            item for item in ITEMS if item not in world["items"] or not world["items"][item].get("eligibility")
        }
    assert n_conditioned > n_shown / 50


@pytest.mark.parametrize("seed", range(3))
def test_rerank_keeps_every_item_in_the_order_of_the_definition(folder, seed):
    world = random_world(seed)
    write_release(folder, world)
    store, draw = Store(folder), random.Random(seed)
    for _ in range(60):
        user, session, _, _, _, segment = random_question(draw)
        given = draw.sample([*ITEMS, "unknown"], 15)
        found = [row["item_id"] for row in store.rerank(user, given, session, segment)["items"]]
        best = [row[0] for row in expected_list(world, user, session, 99, EVERYTHING, (), segment, only=given)]
        assert found == best + [item for item in given if item not in best]


@pytest.mark.parametrize("categories", [("Tea",), (" tea ", "TEA"), ("tea", "Böoks")])
def test_categories_in_any_case_and_those_that_nobody_has(folder, categories):
    world = random_world(1)
    world["items"]["i001"]["category"] = "Tea"
    write_release(folder, world)
    store = Store(folder)
    names = store.categories()["categories"]
    assert names == ["Tea", "books", "sport", "tea"]
    found = store.recommend("u1", ["i002"], n=60, filters=Filters(categories), with_facts=True)
    both = store.recommend("u1", ["i002"], n=60, filters=Filters(("tea", "Tea")), with_facts=True)
    assert found["items"] == both["items"] and {row["category"] for row in found["items"]} == {"tea", "Tea"}
    assert found.get("unknown_categories") == (["Böoks"] if "Böoks" in categories else None)
    for page in (store.trending(filters=Filters(categories)), store.similar_items("i001", filters=Filters(categories))):
        assert page.get("unknown_categories") == found.get("unknown_categories")
        assert {row["item_id"] for row in page["items"]} <= {row["item_id"] for row in both["items"]} | {"i002"}


def test_a_text_is_no_list_of_categories():
    with pytest.raises(TypeError, match="tuple of names"):
        Filters("tea")


def test_a_release_of_an_earlier_version_gives_what_it_has(folder):
    world = random_world(1) | {"identities": {}}
    for one in world["segments"].values():
        one["excluded_if_unknown"] = []
    world["item_pages"] = {}
    write_release(folder, world, NEW)
    old_shape(write_release(folder, world, OLD))
    store, draw = Store(folder), random.Random(1)
    assert store.release()["release_id"] == OLD and store.release()["n_items"] is None

    def ask(release_id):
        answers = [store.recommend(*random_question(draw), with_facts=True, release_id=release_id) for _ in range(40)]
        answers.append(store.rerank("u1", ITEMS[:20], ["i001"], with_facts=True, release_id=release_id))
        answers.append(store.similar_items("i001", with_facts=True, release_id=release_id))
        answers.append(store.bundles("i001", release_id=release_id))
        answers.append(store.trending("DE", release_id=release_id))
        answers.append(store.history("u1", release_id=release_id))
        return [[{**item, "brand": None} for item in answer["items"]] for answer in answers]

    in_old = ask(OLD)
    draw.seed(1)
    assert in_old == ask(NEW) and sum(map(len, in_old)) > 300
    assert store.people()["people"] and store.categories()["categories"]


def test_the_standard_library_is_enough():
    """A machine that only reads releases installs nothing: no third-party module is imported."""
    program = """
import sys
before = set(sys.modules)
from kindred.serving import Filters, NoRelease, ReleaseGone, Store
import kindred.cli
others = {name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names) - {"kindred"}
sys.exit(f"imported: {others}" if others else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY / "src", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_paging_and_facts(folder):
    world = random_world(1)
    write_release(folder, world)
    store = Store(folder)
    whole = store.recommend("u1", ["i003"], n=30, with_facts=True)
    page = store.recommend("u1", ["i003"], n=10, offset=20, with_facts=True)
    assert page["items"] == whole["items"][20:]
    row = page["items"][0]
    assert row["title"] == world["items"][row["item_id"]]["title"]


def test_published_list_keeps_its_id_and_its_chances(folder):
    world = random_world(1)
    [user] = [user for user, one in world["lists"].items() if len(one["items"]) == 20][:1]
    write_release(folder, world)
    found = Store(folder).recommend(user, n=20)
    assert found["list_id"] == f"abcd1234-p-{user:0>16}"
    assert [row["propensity"] for row in found["items"]] == [row[4] for row in world["lists"][user]["items"]]
    mixed = Store(folder).recommend(user, n=20, session=["i001"])
    chances = {row[0]: row[4] for row in world["lists"][user]["items"]}
    assert all(row["propensity"] == chances.get(row["item_id"], 1.0) for row in mixed["items"])


def test_item_pages_and_trending(folder):
    world = random_world(2)
    write_release(folder, world)
    store = Store(folder)
    item, page = next(iter(world["item_pages"].items()))
    found = [row["item_id"] for row in store.similar_items(item, n=20)["items"]]
    similar = [row[0] for row in page["similar_items"]]
    assert (
        found[: len(similar)] == similar and len(found) == len(set(found)) == 20 and item not in found[len(similar) :]
    )
    assert len(store.similar_items("unknown", n=20)["items"]) == 20
    assert store.similar_items(item, n=1, exclude=similar[:1])["items"][0]["item_id"] == similar[1]
    [bundle] = store.bundles(item)["items"]
    assert (bundle["lift"], bundle["set_price"], bundle["support"]) == (2.0, 15.0, 0.01)
    assert store.bundles("unknown")["items"] == []
    trending = [row[0] for row in world["segments"]["DE"]["trending"]]
    assert [row["item_id"] for row in store.trending("DE")["items"]] == trending
    everyone = [row[0] for row in world["segments"][""]["trending"]]
    assert [row["item_id"] for row in store.trending("nowhere")["items"]] == everyone
    assert [one["item_id"] for one in store.history("u1")["items"]] == world["lists"]["u1"]["history"]


def test_a_text_is_no_session(folder):
    write_release(folder, random_world(1))
    with pytest.raises(TypeError, match="lists of item ids"):
        Store(folder).recommend("u1", session="i001")


# Publications and faults


@pytest.fixture
def served(folder):
    """A store that has served OLD."""
    write_release(folder, random_world(1), OLD)
    store = Store(folder)
    assert store.release()["release_id"] == OLD
    return store


def test_follows_a_new_release_in_every_thread(served, folder):
    in_thread = []
    steps = [threading.Event(), threading.Event()]

    def ask():
        in_thread.append(served.recommend("u1")["release_id"])
        steps[0].set()
        steps[1].wait(10)
        in_thread.append(served.recommend("u1")["release_id"])

    thread = threading.Thread(target=ask)
    thread.start()
    steps[0].wait(10)
    write_release(folder, random_world(2), NEW)
    assert served.recommend("u1")["release_id"] == NEW
    steps[1].set()
    thread.join()
    assert in_thread == [OLD, NEW]


def test_pages_of_an_older_release_stay(served, folder):
    first = served.recommend("u1", ["i001"], n=40)
    write_release(folder, random_world(2), NEW)
    assert served.recommend("u1", ["i001"], n=20, offset=20, release_id=OLD)["items"] == first["items"][20:]
    (folder / "releases" / f"{OLD}.sqlite").unlink()
    with pytest.raises(ReleaseGone, match="not kept"):
        Store(folder).recommend("u1", release_id=OLD)
    for name in ("../../etc/passwd", "", "x" * 100):
        with pytest.raises(ReleaseGone, match="not the id"):
            served.recommend("u1", release_id=name)


def test_rollback_of_the_link_is_followed(served, folder):
    write_release(folder, random_world(2), NEW)
    assert served.release()["release_id"] == NEW
    move_link(folder, OLD)
    assert served.release()["release_id"] == OLD


def cut_off(path):
    os.truncate(path, path.stat().st_size - 4096)


def overwrite(path):
    path.write_bytes(os.urandom(path.stat().st_size))


def drop(table):
    def break_it(path):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute(f"drop table {table}")
            connection.commit()

    return break_it


def empty_release_row(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("delete from release")
        connection.commit()


def no_bytes(path):
    os.truncate(path, 0)


FAULTS = [os.unlink, cut_off, no_bytes, overwrite, drop("lists"), drop("release"), empty_release_row]


@pytest.mark.parametrize("break_it", FAULTS, ids=lambda fault: fault.__name__)
def test_a_bad_new_release_changes_nothing(served, folder, break_it, monkeypatch):
    monkeypatch.setattr("kindred.serving.store.RETRY_SECONDS", 0)
    path = write_release(folder, random_world(2), NEW, link=False)
    break_it(path)
    move_link(folder, NEW)
    assert served.recommend("u1", ["i001"])["release_id"] == OLD
    # One that starts now takes the newest that is whole, and so does a thread that has nothing open.
    assert Store(folder).recommend("u1")["release_id"] == OLD
    # It is looked at again: a publication may have been repaired.
    write_release(folder, random_world(2), NEW)
    assert served.recommend("u1", ["i001"])["release_id"] == NEW


@pytest.mark.parametrize("what", ["gone", "folder", "file", "loop"])
def test_a_wrong_link_changes_nothing(served, folder, what):
    link = folder / "current.sqlite"
    link.unlink()
    if what == "folder":
        link.mkdir()
    elif what == "file":
        link.write_text("current")
    elif what == "loop":
        link.symlink_to("current.sqlite")
    assert served.recommend("u1")["release_id"] == OLD
    assert Store(folder).recommend("u1")["release_id"] == OLD


def overwrite(path, content):
    """Under those who have the file open."""
    with open(path, "r+b") as file:
        file.write(content)


def test_a_file_damaged_under_the_reader_is_left_for_the_last_good_one(served, folder):
    path = write_release(folder, random_world(2), NEW)
    assert served.release()["release_id"] == NEW
    whole = path.read_bytes()
    overwrite(path, whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert served.recommend("u5", ["i001", "i002"])["release_id"] == OLD


@pytest.mark.parametrize("question", ["history", "people", "pinned"])
def test_damage_is_met_by_whatever_asks_first(served, folder, question):
    path = write_release(folder, random_world(2), NEW)
    assert served.release()["release_id"] == NEW
    whole = path.read_bytes()
    overwrite(path, whole[:4096] + b"\xff" * (len(whole) - 4096))
    if question == "pinned":
        with pytest.raises(ReleaseGone):
            served.recommend("u5", release_id=NEW)
    else:
        found = served.history("u5") if question == "history" else served.people()
        assert found["release_id"] == OLD
    assert served.recommend("u5")["release_id"] == OLD


def test_a_mended_release_is_served_again(served, folder, monkeypatch):
    monkeypatch.setattr("kindred.serving.store.RETRY_SECONDS", 0)
    path = write_release(folder, random_world(2), NEW)
    assert served.release()["release_id"] == NEW
    whole = path.read_bytes()
    overwrite(path, whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert served.recommend("u5")["release_id"] == OLD
    overwrite(path, whole)
    assert served.recommend("u5")["release_id"] == OLD
    monkeypatch.setattr("kindred.serving.store.MENDED_SECONDS", 0)
    assert served.recommend("u5")["release_id"] == NEW


def test_what_a_segment_or_person_may_not_be_shown_is_on_no_page(folder):
    world = random_world(1)
    item = next(iter(world["item_pages"]))
    page = world["item_pages"][item]
    kept_away = page["similar_items"][0][0]
    bundled = page["bundles"][0][0]
    world["segments"]["DE"]["excluded"] = [kept_away, bundled]
    world["segments"]["DE"]["trending"] = []
    world["segments"][""]["trending"] = [[kept_away, 0.5], [item, 0.4]]
    world["lists"]["u1"] |= {"segment": "DE", "excluded": []}
    world["lists"]["u2"] |= {"segment": "", "excluded": [kept_away]}
    write_release(folder, world)
    store = Store(folder)

    def shown(found):
        return [one["item_id"] for one in found["items"]]

    assert kept_away in shown(store.similar_items(item)) and bundled in shown(store.bundles(item))
    assert kept_away in shown(store.trending()) and kept_away not in shown(store.trending("DE"))
    for whom in ({"segment": "DE"}, {"user_id": "u1"}, {"user_id": "u1", "segment": "FR"}):
        seen = shown(store.similar_items(item, **whom)) + shown(store.bundles(item, **whom))
        assert not {kept_away, bundled} & set(seen)
    assert kept_away not in shown(store.similar_items(item, user_id="u2"))
    # What is kept from the cold is kept from unknown people, in every segment or in one.
    for name, whom in (("", {"segment": "FR"}), ("", {}), ("FR", {"segment": "FR"})):
        world = random_world(1)
        for one in world["segments"].values():
            one |= {"excluded": [], "excluded_if_unknown": []}
        world["segments"][name] |= {"excluded_if_unknown": [bundled]}
        write_release(folder, world)
        store = Store(folder)
        assert bundled not in shown(store.bundles(item, **whom)) + shown(store.recommend(n=60, **whom))
        assert bundled in shown(store.bundles(item, user_id="u1", **whom))
        assert bundled in shown(store.bundles(item, segment="DE")) or name == ""


def test_list_ids_tell_kinds_apart(folder):
    """A person's list that is filtered or longer than the published one is still no session's."""
    write_release(folder, random_world(1))
    store = Store(folder)
    kind = lambda found: found["list_id"].split("-")[1]  # noqa: E731
    assert kind(store.recommend("u1", n=2)) == "p"
    assert kind(store.recommend("u1", n=2, filters=Filters(price_max=15.0))) == "m"
    assert kind(store.recommend("u1", ["i001"])) == "s"
    assert kind(store.recommend("nobody")) == "f"


def test_nothing_published_says_what_to_do(folder):
    with pytest.raises(NoRelease, match="dbt build"):
        Store(folder).recommend("u1")
    write_release(folder, random_world(1))
    assert Store(folder).recommend("u1")["items"]


def test_readers_during_publications_see_whole_lists(folder):
    """Each release is of its own world: a list that mixes two would equal neither."""
    worlds = {f"202601{day:02d}T000000-{day:08d}": random_world(day) for day in range(1, 7)}
    names = list(worlds)
    write_release(folder, worlds[names[0]], names[0])
    for name in names[1:]:
        write_release(folder, worlds[name], name, link=False)
    store, stop, problems, n_reads = Store(folder), threading.Event(), [], []

    def read():
        newest, count = "", 0
        while not stop.is_set():
            found = store.recommend("u1", ["i001"], n=5)
            expected = expected_list(worlds[found["release_id"]], "u1", ["i001"], 5, EVERYTHING, (), None)
            if [row["item_id"] for row in found["items"]] != [row[0] for row in expected]:
                problems.append(found)
            if found["release_id"] < newest:
                problems.append(("backwards", newest, found["release_id"]))
            newest, count = found["release_id"], count + 1
        n_reads.append(count)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for name in names[1:]:
        move_link(folder, name)
        stop.wait(0.2)
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == [] and min(n_reads) > 10


class Recording:
    """A connection that keeps the texts of the statements that it is given."""

    def __init__(self, connection):
        self.connection, self.texts = connection, []

    def execute(self, text, parameters=()):
        self.texts.append(text)
        return self.connection.execute(text, parameters)


def test_statements_hold_no_text_from_outside(tmp_path):
    write_release(tmp_path, random_world(1))
    store = Store(tmp_path)
    reader = store.reader(store.follow())
    reader.connection = Recording(reader.connection)
    needle = "needle' or 1=1 --"
    filters = Filters(categories=(needle,), price_min=0.1234567, price_max=0.7654321)
    store.recommend(needle, [needle], 7, filters, [needle], needle, 1, True)
    store.recommend(needle, [], 7, EVERYTHING, [], needle, 0, True)
    store.rerank(needle, [needle], [needle], needle, True)
    store.similar_items(needle, 7, filters, [needle], True, None, needle, needle)
    store.bundles(needle, 7, filters, [needle], True, None, needle, needle)
    store.trending(needle, 7, filters, [needle], True)
    store.history(needle)
    assert len(reader.connection.texts) > 7
    assert not any(word in text for text in reader.connection.texts for word in ("needle", "1234567", "7654321"))


@pytest.mark.parametrize("statement", [RECOMMEND, FILL_UP], ids=["recommend", "fill_up"])
def test_no_limit_makes_newer_sqlite_compile_the_statement_again(statement):
    assert re.findall(r"limit :n", statement) and not re.findall(r"limit :\w+ *$", statement, flags=re.MULTILINE)
