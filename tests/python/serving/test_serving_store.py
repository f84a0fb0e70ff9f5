"""Lists made at the moment of a request: against plain Python on random releases, through publications and faults."""

import contextlib
import json
import os
import random
import re
import sqlite3
import threading
from collections import defaultdict

import pytest

from serving.store import EVERYTHING, FILL_UP, RECOMMEND, Filters, NoRelease, ReleaseGone, Store

# Ids are any text, also where they are keys of a JSON object.
ITEMS = [f"i{number:03d}" for number in range(58)] + ['7" screen', "\\ü"]
CATEGORIES = ["tea", "books", "sport", None]
SEGMENTS = ["", "DE", "FR"]
# A release as the contract has it; the first column is the key.
TABLES = {
    "lists": "user_id text, list_id text, segment text, items text, history text, excluded text",
    "items": "item_id text, popular_rank bigint, title text, category text, brand text, price double precision, "
    "is_available boolean, is_recommendable boolean",
    "neighbors": "item_id text, neighbors text",
    "item_pages": "item_id text, similar_items text, bundles text",
    "segments": "segment text, fallback text, trending text, excluded text, excluded_if_unknown text",
    "sources": "source text, reason text",
    "release": "release_id text, run_id text, as_of text, generated_at text, expires_at text, n_lists bigint, "
    "n_items bigint",
}


def random_world(seed, n_items=60, n_people=12):
    """The tables of a release as {table: {key: values}}; what stands in lists and neighbors can be recommended."""
    draw = random.Random(seed)
    items = {}
    for item in ITEMS[:n_items]:
        is_available = draw.random() < 0.9
        items[item] = {
            "title": f"Title of {item}",
            "category": draw.choice(CATEGORIES),
            "brand": None,
            "price": draw.choice([None, 5.0, 10.0, 20.0]),
            "is_available": is_available,
            "is_recommendable": is_available and draw.random() < 0.9,
        }
    good = [item for item in items if items[item]["is_recommendable"]]
    for rank, item in enumerate(draw.sample(good, len(good)), start=1):
        items[item]["popular_rank"] = rank
    # Round scores make ties.
    score = lambda: draw.choice([0.1, 0.25, 0.5, 0.8, round(draw.random(), 9)])  # noqa: E731
    neighbors = {
        item: sorted(
            ([other, score()] for other in draw.sample(good, draw.randrange(1, 12)) if other != item),
            key=lambda pair: (-pair[1], pair[0]),
        )
        for item in items
        if draw.random() < 0.8
    }

    def some(n, extra, without=()):
        drawn = draw.sample([item for item in good if item not in without], n)
        return [[item, round(1 / (place + 1), 6), *extra()] for place, item in enumerate(drawn)]

    kept_away = {name: draw.sample(good, 2) if name else [] for name in SEGMENTS}

    people = {}
    for number in range(n_people):
        segment = draw.choice(SEGMENTS)
        source = lambda: ["als", draw.choice([None, *ITEMS]), draw.choice([1.0, 0.05])]  # noqa: E731
        listed = some(draw.choice([3, 20]), source, without=kept_away[segment])
        unlisted = [item for item in items if item not in [row[0] for row in listed]]
        people[f"u{number}"] = {
            "segment": segment,
            "items": listed,
            "history": draw.sample(list(items), draw.randrange(0, 10)),
            "excluded": draw.sample(unlisted, draw.randrange(0, 15)),
        }
    segments = {
        name: {
            "fallback": some(5, lambda: ["popular"]),
            "trending": some(3, list, without=kept_away[name]),
            "excluded": kept_away[name],
            "excluded_if_unknown": draw.sample(good, 2),
        }
        for name in SEGMENTS
    }
    pages = {
        item: {"similar_items": some(4, lambda: ["content"]), "bundles": [[good[0], 2.0, 15.0, None, 0.01]]}
        for item in draw.sample(list(items), 20)
    }
    return {"lists": people, "items": items, "neighbors": neighbors, "item_pages": pages, "segments": segments}


def write_release(folder, world, release_id="20260101T000000-abcd1234", link=True):
    """Write a release as releases does, and let the link name it. Returns the file."""
    path = folder / "releases" / f"{release_id}.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    rows = {
        "lists": [
            (user, f"{release_id[16:24]}-p-{user:0>16}", one["segment"])
            + tuple(json.dumps(one[name]) for name in ("items", "history", "excluded"))
            for user, one in world["lists"].items()
        ],
        "items": [
            (item, one.get("popular_rank"), one["title"], one["category"], one["brand"], one["price"])
            + (one["is_available"], one["is_recommendable"])
            for item, one in world["items"].items()
        ],
        "neighbors": [(item, json.dumps(dict(pairs))) for item, pairs in world["neighbors"].items()],
        "item_pages": [
            (item, json.dumps(one["similar_items"]), json.dumps(one["bundles"]))
            for item, one in world["item_pages"].items()
        ],
        "segments": [
            (name, *(json.dumps(one[key]) for key in ("fallback", "trending", "excluded", "excluded_if_unknown")))
            for name, one in world["segments"].items()
        ],
        "sources": [("als", "your_history"), ("neighbors", "your_history"), ("popular", "popular")],
    }
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for name, columns in TABLES.items():
            connection.execute(f"create table {name} ({columns}, primary key ({columns.split()[0]})) without rowid")
            n_columns = columns.count(",") + 1
            connection.executemany(f"insert into {name} values ({', '.join('?' * n_columns)})", rows.get(name, []))
        release = (release_id, release_id[16:], "2026-01-01", "2026-01-01", "2026-01-03")
        connection.execute(
            "insert into release values (?, ?, ?, ?, ?, ?, ?)", (*release, len(rows["lists"]), len(rows["items"]))
        )
        connection.commit()
    if link:
        move_link(folder, release_id)
    return path


def move_link(folder, release_id):
    temporary = folder / ".current.tmp"
    temporary.symlink_to(f"releases/{release_id}.sqlite")
    os.replace(temporary, folder / "current.sqlite")


def expected_list(world, user, session, n, filters, exclude, segment, only=None):
    """The definition, in plain Python: [(item, tier, score, because_item_id), ...]."""
    unknown = {"segment": "", "items": [], "history": [], "excluded": []}
    person = world["lists"].get(user, unknown)
    segment = person["segment"] or segment or ""
    newest_first = list(dict.fromkeys(reversed(session)))
    rules = world["segments"].get(segment, {"excluded": []})["excluded"]
    barred = {*newest_first, *person["excluded"], *exclude, *rules}
    if user not in world["lists"]:
        for name in {segment, ""} & world["segments"].keys():
            barred |= {*world["segments"][name]["excluded_if_unknown"]}

    def near(leads, without):
        shares = defaultdict(dict)
        for step, lead in enumerate(leads[:5]):
            for item, score in world["neighbors"].get(lead, []):
                if item not in without:
                    shares[item][lead] = 0.7**step * score
        highest = max((sum(by_lead.values()) for by_lead in shares.values()), default=1)
        # The first of the largest shares is that of the newest.
        largest = {item: max(by_lead, key=lambda lead: int(1e9 * by_lead[lead])) for item, by_lead in shares.items()}
        return {item: sum(by_lead.values()) / highest for item, by_lead in shares.items()}, largest

    by_tier = []
    if newest_first:
        votes, largest = near(newest_first, newest_first)
        places = {row[0]: 1 - place / len(person["items"]) for place, row in enumerate(person["items"])}
        because = {row[0]: row[3] for row in person["items"]} | {
            item: largest[item] for item in votes if item not in places or 0.7 * votes[item] >= 0.3 * places[item]
        }
        scores = {item: round(0.7 * votes.get(item, 0) + 0.3 * places.get(item, 0), 9) for item in {*votes, *places}}
        best = sorted(scores, key=lambda item: (-scores[item], item))
        by_tier.append([(item, scores[item], because[item]) for item in best])
    else:
        by_tier.append([(row[0], row[1], row[3]) for row in person["items"]])
    votes, largest = near(person["history"], ())
    scores = {item: round(vote, 9) for item, vote in votes.items()}
    by_tier.append([(item, scores[item], largest[item]) for item in sorted(scores, key=lambda i: (-scores[i], i))])
    for name in (segment, ""):
        by_tier.append([(row[0], row[1], None) for row in world["segments"].get(name, {"fallback": []})["fallback"]])
    popular = [item for item, one in world["items"].items() if one.get("popular_rank")]
    if only is None:
        by_tier.append([(i, 0.0, None) for i in sorted(popular, key=lambda item: world["items"][item]["popular_rank"])])

    chosen = {}
    for tier, rows in enumerate(by_tier, start=1):
        for item, score, because in rows:
            facts = world["items"].get(item)
            if facts and filters.fit(facts) and item not in barred and (only is None or item in only):
                chosen.setdefault(item, (item, tier, score, because))
    return list(chosen.values())[:n]


def random_question(draw):
    session = draw.choices([*ITEMS, "unknown", "'; drop table items; --"], k=draw.choice([0, 0, 1, 3, 8, 30]))
    filters = EVERYTHING
    if draw.random() < 0.5:
        categories = draw.choice([None, ("tea",), ("books", "sport"), ("nothing",), ()])
        low, high = draw.choice([None, 6.0, 10.0]), draw.choice([None, 10.0])
        filters = Filters(categories, low, high, draw.random() < 0.7)
    exclude = draw.sample(ITEMS, draw.choice([0, 0, 4]))
    segment = draw.choice([None, "DE", "nowhere"])
    return (
        draw.choice([None, "nobody", "u0", "u1", "u2", "u3"]),
        session,
        draw.choice([1, 5, 20, 70]),
        filters,
        exclude,
        segment,
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shop_serving"


@pytest.mark.parametrize("seed", range(8))
def test_lists_equal_the_definition(folder, seed):
    world = random_world(seed)
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

OLD, NEW = "20260101T000000-aaaaaaaa", "20260102T000000-bbbbbbbb"


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
    monkeypatch.setattr("serving.store.RETRY_SECONDS", 0)
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
    monkeypatch.setattr("serving.store.RETRY_SECONDS", 0)
    path = write_release(folder, random_world(2), NEW)
    assert served.release()["release_id"] == NEW
    whole = path.read_bytes()
    overwrite(path, whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert served.recommend("u5")["release_id"] == OLD
    overwrite(path, whole)
    assert served.recommend("u5")["release_id"] == OLD
    monkeypatch.setattr("serving.store.MENDED_SECONDS", 0)
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
    # What is kept from the cold is kept from whoever isn't known, in every segment or in one.
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
def test_no_limit_makes_newer_sqlite_compile_the_statement_anew(statement):
    assert re.findall(r"limit :n", statement) and not re.findall(r"limit :\w+ *$", statement, flags=re.MULTILINE)
