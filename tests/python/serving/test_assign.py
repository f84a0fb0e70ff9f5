"""Who is in which arm: 10,000 ids have the same arms in SQL, in the store, over HTTP and on a device."""

import asyncio
import contextlib
import hashlib
import json
import math
import random
import shutil
import sqlite3
import subprocess
import time

import duckdb
import pandas as pd
import pytest
from conftest import REPOSITORY, run_dbt
from scipy import stats
from serving_worlds import arm_of, key_of, old_shape, random_world, with_holdout, write_release

from kindred.publishing.tables import TABLES
from kindred.serving import Store
from kindred.serving.arms import Arms, unit_key

EXAMPLE = REPOSITORY / "examples/on_device/assign.mjs"
# Two hundred of them aren't ASCII, some outside of the first 65,536 characters.
IDS = [f"u{number:05d}" for number in range(9_800)] + [f"Zoë-{number} 😀 Łódź" for number in range(200)]
FACTS = ("experiment_id", "kind", "arm", "is_control", "policy", "value", "min_price", "max_price", "price", "context")
FACTS += ("share", "key")
# Of two people in three the release knows the context.
SEGMENTS, ACTIVITIES = ("", "DE", "FR"), ("cold", "warm", "hot")
PEOPLE = {
    user: {"segment": SEGMENTS[place // 3 % 3], "activity": ACTIVITIES[place // 9 % 3]}
    for place, user in enumerate(IDS)
    if place % 3
}
GERMAN = "segment=DE|activity=hot"
# In this context an experiment has no two arms.
FRENCH = "segment=FR|activity=warm"


def key_at(share):
    """The key at which a share ends, by the definition."""
    return "g" if share >= 1 else format(math.floor(share * 2**32), "08x")


def arms_of(experiment_id, shares, **given):
    """Rows of `arms`, split in the order of shares {arm: share}."""
    rows, reach = [], 0.0
    for arm, share in shares.items():
        fields = {"share": share} | given | {"value": arm}
        rows.append(arm_of(experiment_id, arm, key_at(reach), key_at(round(reach + share, 12)), **fields))
        reach += share
    return rows


ARMS = [
    *arms_of("quiet", {"held": 0.05, "rest": 0.95}, kind="holdout"),
    *arms_of("second", {"held": 0.1, "rest": 0.9}, kind="holdout"),
    *arms_of("home", {"a": 0.5, "b": 0.3, "c": 0.2}, kind="lists", layer="lists", layer_to_key=key_at(0.6)),
    *arms_of("basket", {"a": 0.5, "b": 0.5}, kind="lists", layer="lists", layer_from_key=key_at(0.6)),
    *arms_of("gift", {"none": 0.7, "ten": 0.3}, salt="2026a"),
    *arms_of("gift", {"none": 0.2, "ten": 0.8}, salt="2026a", context="DE|warm"),
    *arms_of("price", {"1": 0.5, "0.9": 0.5}, kind="price", unit="item", is_by_item=True, max_price=9.5),
    *arms_of("image", {"i1": 0.25, "i2": 0.75}, kind="choice", unit="user_item", is_by_item=True),
    # Shares that follow the results, by context, of what differs between items.
    *arms_of("fits", {"old": 0.5, "new": 0.3, "third": 0.2}, kind="choice", is_by_item=True),
    *arms_of("fits", {"old": 0.1, "new": 0.9, "third": 0.0}, kind="choice", is_by_item=True, context=GERMAN),
    *arms_of("fits", {"old": 0.0, "new": 0.0, "third": 0.0}, kind="choice", is_by_item=True, context=FRENCH),
    *arms_of("over", {"a": 1.0}, ends_at="2026-01-02 00:00:00"),
    *arms_of("later", {"a": 1.0}, starts_at="2999-01-01 00:00:00"),
]
for arm in ARMS:
    arm["is_control"] = arm["arm"] in ("held", "a", "none", "1", "i1")
    if not arm["share"]:
        arm["from_key"] = arm["to_key"] = "g"


def of_item(experiment_id, shares, context="", prices=None):
    """Entries of `item_arms` of one item."""
    return [
        [experiment_id, context, arm["arm"], f"its {arm['arm']}", (prices or {}).get(arm["arm"])]
        + [arm["share"], arm["from_key"], arm["to_key"]]
        for arm in arms_of(experiment_id, shares)
    ]


# The second item may not be in all arms, others in none.
ITEM_ARMS = {
    "i001": of_item("price", {"1": 0.5, "0.9": 0.5}, prices={"1": 10.0, "0.9": 9.0})
    + of_item("image", {"i1": 0.25, "i2": 0.75})
    + of_item("fits", {"old": 0.5, "new": 0.3, "third": 0.2})
    + of_item("fits", {"old": 0.1, "new": 0.9}, context=GERMAN),
    "i002": of_item("fits", {"new": 0.6, "third": 0.4}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assign") / "shop_serving"
    world = random_world(1) | {"arms": ARMS, "item_arms": ITEM_ARMS}
    nothing = {"items": [], "history": [], "excluded": []}
    world["lists"] |= {user: person | nothing for user, person in PEOPLE.items()}
    write_release(folder, world)
    return folder


@pytest.fixture(scope="module")
def store(folder):
    return Store(folder)


def expected(user, item=None, context=None):
    """The definition, in plain Python: {experiment_id: (arm, share, key, value, price)}."""
    found = {}
    if context is None:
        person = PEOPLE.get(user)
        context = f"segment={person['segment']}|activity={person['activity']}" if person else ""

    def arm(experiment_id, unit, prefix, context=""):
        own = [row for row in ARMS if row["experiment_id"] == experiment_id]
        key = key_of(f"{prefix}|{own[0]['salt']}|{unit}")
        if context not in {row["context"] for row in own}:
            context = ""
        rows = [(row["arm"], row["share"], row["from_key"], row["to_key"], row["value"], None) for row in own
                if row["context"] == context]  # fmt: skip
        if own[0]["is_by_item"] and item:
            rows = [(entry[2], *entry[5:], entry[3], entry[4]) for entry in ITEM_ARMS.get(item, [])
                    if entry[:2] == [experiment_id, context]]  # fmt: skip
        for name, share, from_key, to_key, value, price in rows:
            if from_key <= key < to_key:
                return name, share, key, value, price
        return None

    if user:
        for holdout in ("quiet", "second"):
            found[holdout] = arm(holdout, user, "holdout")
            if found[holdout][0] == "held":
                return found
        layered = "home" if key_of(f"layer|lists|{user}") < key_at(0.6) else "basket"
        found[layered] = arm(layered, user, layered)
        found["gift"] = arm("gift", user, "gift", context)
        found["fits"] = arm("fits", user, "fits", context)
    if item:
        found["price"] = arm("price", item, "price")
    if user and item:
        found["image"] = arm("image", f"{user}|{item}", "image")
    return {name: own for name, own in found.items() if own}


def short(assigned):
    return {name: (arm["arm"], arm["share"], arm["key"], arm["value"], arm["price"]) for name, arm in assigned.items()}


def test_golden_keys():
    """EXPERIMENTS_REFERENCE.md, section 7."""
    golden = {"home_ranker|2026a|u0338": "f9a9a221", "home_ranker|2026a|u0001": "7fc51c82"}
    golden |= {"layer|lists|u0338": "9f1211b7", "home_ranker|2026a|Zoë": "8d646534", "a|b": "d0726241"}
    assert {text: unit_key(text) for text in golden} == golden


def test_store(store):
    for unit in IDS:
        assert short(store.assign(unit)) == expected(unit), unit
        assert short(store.assign(unit, item_id="i002")) == expected(unit, "i002"), unit
    held = [unit for unit in IDS if "gift" not in store.assign(unit)]
    assert 0.12 < len(held) / len(IDS) < 0.17
    assert {len(store.assign(unit)) for unit in held} == {1, 2}


def test_store__items_contexts_one_experiment_and_other_ids(store):
    for unit in IDS[:500]:
        assert short(store.assign(unit, "DE|warm", item_id="i001")) == expected(unit, "i001", "DE|warm")
        # A context that the experiment has no shares of.
        assert short(store.assign(unit, "AT|cold", item_id="i001")) == expected(unit, "i001", "AT|cold")
        assert short(store.assign(unit, experiment_id="gift")) == {
            name: arm for name, arm in expected(unit).items() if name == "gift"
        }
    assert short(store.assign(None, item_id="i001")) == expected(None, "i001")
    assert store.assign(None) == store.assign("") == store.assign(" ") == {}
    assert store.assign("u1", experiment_id="nothing") == {}
    # A device is its person, in any spelling.
    assert store.assign("phone") == store.assign("u1") == store.assign(" u1\u200b")
    assert store.assignments("phone")["unit"] == "u1"
    [price] = store.assign(None, item_id="i001").values()
    assert price["kind"] == "price" and price["max_price"] == 9.5 and price["policy"] is None


def test_store__arms_of_an_item(store):
    """What no two arms are left for is in none; without an item the arm is that of items which may be in all."""
    wanted = {"price": 0, "image": 0, "fits": 0}
    for unit in IDS[:2000]:
        found = {item: store.assign(unit, item_id=item) for item in ("i001", "i002", "i003", None)}
        if "gift" not in found[None]:
            continue
        assert {"price", "image"}.isdisjoint(found["i002"]) and {*wanted}.isdisjoint(found["i003"])
        is_known = unit in PEOPLE
        context = "segment={segment}|activity={activity}".format(**PEOPLE[unit]) if is_known else ""
        assert ("fits" in found[None]) == ("fits" in found["i001"]) == (context != FRENCH)
        if context == FRENCH:
            assert store.assign(unit, "")["fits"]["context"] == ""
            continue
        of_all, own = found[None]["fits"], found["i001"]["fits"]
        assert own == of_all | {"value": f"its {of_all['arm']}"}
        assert own["context"] == (GERMAN if context == GERMAN else "")
        # Of the second item this context has no arms.
        assert ("fits" in found["i002"]) == (context != GERMAN)
        for name in wanted:
            wanted[name] += name in found["i001"]
        assert found["i001"]["price"]["price"] in (9.0, 10.0) and own["price"] is None
    assert min(wanted.values()) > 1000


def test_explain__with_the_arm_of_the_persons_context(tmp_path):
    world = random_world(1)
    world["lists"]["u1"] |= {"segment": "DE", "activity": "hot", "policy": "bold"}
    world["arms"] = [arm_of("e", "a", kind="lists"), arm_of("e", "b", kind="lists", policy="bold", context=GERMAN)]
    write_release(tmp_path, world)
    assert Store(tmp_path).explain("u1")["experiments"]["e"]["arm"] == "b"


def test_store__starts_and_ends_by_its_clock(store, monkeypatch):
    assert {"over", "later"}.isdisjoint(store.assign("u00007"))
    second = 1_767_312_000  # 2026-01-02 00:00:00 UTC
    for now, names in ((second - 0.5, {"over"}), (second, set()), (32_472_144_000, {"later"})):
        monkeypatch.setattr("kindred.serving.store.time.time", lambda now=now: now)
        assert store.assign("u00007").keys() & {"over", "later"} == names


def test_a_release_without_arms_has_no_experiments(tmp_path):
    path = write_release(tmp_path, random_world(1))
    assert Store(tmp_path).assign("u1", item_id="i001") == {}
    old_shape(path)
    store = Store(tmp_path)
    assert store.assign("u1", item_id="i001") == {}
    assert store.recommend("u1")["policy"] == store.rerank("u1", ["i001"])["policy"] == "main"
    assert not store.reader(store.follow()).has_arms


async def answers(app, paths):
    """What the application answers, without the test client, which takes ten times as long as the application."""
    found = []
    for path in paths:
        sent = []

        async def receive():
            return {"type": "http.request", "body": b""}

        async def send(message, sent=sent):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
        scope |= {"headers": [], "http_version": "1.1", "scheme": "http", "server": ("test", 80), "root_path": ""}
        await app(scope, receive, send)
        assert sent[0]["status"] == 200, sent
        found.append(json.loads(sent[1]["body"]))
    return found


def test_http(folder):
    pytest.importorskip("fastapi", reason="pip install -r requirements-serving.txt")
    from starlette.testclient import TestClient

    from kindred.serving.api import create_app

    app = create_app(folder)
    for unit, answer in zip(IDS, asyncio.run(answers(app, [f"/assign/{unit}" for unit in IDS])), strict=True):
        assert short(answer["experiments"]) == expected(unit), unit
    client = TestClient(app)
    asked = {"context": "DE|warm", "item_id": "i001"}
    assert short(client.get("/assign/u1", params=asked).json()["experiments"]) == expected("u1", "i001", "DE|warm")
    for unit in IDS[:40]:
        for item in ITEM_ARMS:
            for asked in ({"item_id": item}, {"item_id": item, "context": ""}, {"item_id": item, "context": GERMAN}):
                found = client.get(f"/assign/{unit}", params=asked).json()["experiments"]
                assert short(found) == expected(unit, item, asked.get("context")), (unit, asked)
    asked = {"experiment": "gift"}
    assert client.get("/assign/phone", params=asked).json() == {
        "release_id": "20260101T000000-abcd1234",
        "unit": "u1",
        "experiments": Store(folder).assign("u1", experiment_id="gift"),
    }
    # Experiments start and end while a release is served.
    answer = client.get("/assign/u1")
    assert answer.headers["cache-control"] == "no-store" and "etag" not in answer.headers
    refused = client.get("/assign/u1?experiments=gift")
    assert refused.status_code == 422
    assert "known are: context, experiment, item_id, release" in refused.json()["detail"][0]["msg"]


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_javascript(tmp_path):
    contexts = {user: "segment={segment}|activity={activity}".format(**person) for user, person in PEOPLE.items()}
    given = {"arms": ARMS, "ids": IDS, "contexts": contexts}
    (tmp_path / "arms.json").write_text(json.dumps(given), encoding="utf-8")
    (tmp_path / "item_arms.json").write_text(json.dumps({"item_arms": ITEM_ARMS}), encoding="utf-8")
    script = f"""
        import {{ assign, md5 }} from "{EXAMPLE.as_uri()}";
        import {{ readFileSync }} from "node:fs";
        const {{ arms, ids, contexts }} = JSON.parse(readFileSync("{tmp_path}/arms.json", "utf8"));
        const itemArms = JSON.parse(readFileSync("{tmp_path}/item_arms.json", "utf8")).item_arms;
        const both = assign(arms, "u1", {{ itemId: "i001", itemArms, context: "DE|warm" }});
        const others = [both, assign(arms, null, {{ itemId: "i001", itemArms }})];
        const asked = (id, itemId) => assign(arms, id, {{ itemId, itemArms, context: contexts[id] ?? "" }});
        const texts = ids.slice(-300).map((id, place) => md5(id.repeat(place % 9)));
        const found = [null, "i001", "i002"].map((item) => ids.map((id) => asked(id, item)));
        console.log(JSON.stringify([found, others, texts]));
    """
    (tmp_path / "all.mjs").write_text(script, encoding="utf-8")
    printed = subprocess.run(["node", str(tmp_path / "all.mjs")], capture_output=True, text=True, check=True).stdout
    found, others, texts = json.loads(printed)
    for item, answers_of_item in zip((None, "i001", "i002"), found, strict=True):
        assert [short(assigned) for assigned in answers_of_item] == [expected(unit, item) for unit in IDS]
    assert [short(assigned) for assigned in others] == [expected("u1", "i001", "DE|warm"), expected(None, "i001")]
    wanted = [(unit * (place % 9)).encode() for place, unit in enumerate(IDS[-300:])]
    assert texts == [hashlib.md5(text).hexdigest() for text in wanted]
    command = ["node", str(EXAMPLE), str(tmp_path), "u1", "i001"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert short(json.loads(printed)) == expected("u1", "i001")


@pytest.fixture(scope="module")
def warehouse(folder, tmp_path_factory):
    """A DuckDB file with the functions over the same release."""
    place = tmp_path_factory.mktemp("functions")
    database = place / "shop.duckdb"
    with (
        contextlib.closing(sqlite3.connect(folder / "current.sqlite")) as release,
        duckdb.connect(database) as connection,
    ):
        for table, kinds in TABLES.items():
            rows = pd.read_sql(f"select * from {table}", release)  # noqa: F841, DuckDB finds it by name
            columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
            connection.execute(f"create table release_{table} ({columns})")
            connection.execute(f"insert into release_{table} select * from rows")
    result = run_dbt("build", "--select", "assign_arms", target=place / "target", database=database)
    assert result.returncode == 0, result.output
    return database


def test_sql(warehouse, store):
    with duckdb.connect(warehouse, read_only=True) as connection:
        ids = pd.DataFrame({"id": IDS})  # noqa: F841, DuckDB finds it by name
        for item in (None, "i001", "i002"):
            query = "select id, arms.* from ids cross join assign_arms(ids.id, item_id => ?) as arms"
            found = {}
            for unit, *row in connection.execute(query, [item]).fetchall():
                found.setdefault(unit, {})[row[0]] = dict(zip(FACTS[1:], row[1:], strict=True))
            for unit in IDS:
                assert found[unit] == store.assign(unit, item_id=item)
        draw = random.Random(1)
        questions = [
            (None, None, None),
            (" u1\u200b", None, " i001"),
            ("phone", "DE|warm", "i001"),
            (None, "x", "i002"),
        ]
        questions += [
            (draw.choice(IDS), draw.choice([None, "", GERMAN, FRENCH, "AT"]), draw.choice(["i001", "i002", "i9", None]))
            for _ in range(60)
        ]
        for unit, context, item in questions:
            rows = connection.execute("select * from assign_arms(?, ?, ?)", [unit, context, item]).fetchall()
            found = {row[0]: dict(zip(FACTS[1:], row[1:], strict=True)) for row in rows}
            assert found == store.assign(unit, context, item_id=item), (unit, context, item)


def test_who_is_held_out__in_the_store(tmp_path):
    """The list for everyone, and nothing personal: no session, no history, no segment, the order as given."""
    world = with_holdout(random_world(3))
    write_release(tmp_path, world)
    store = Store(tmp_path)
    held = [user for user, person in world["lists"].items() if person.get("policy") == "holdout"]
    others = sorted(world["lists"].keys() - set(held))
    strangers = [f"visitor{number}" for number in range(40)]
    held_strangers = [one for one in strangers if key_of(f"holdout|quiet|{one}") < "80000000"]
    assert held and others and held_strangers and len(held_strangers) < 40
    everyone = [row[0] for row in world["segments"][""]["fallback"]]

    def items(answer):
        return [item["item_id"] for item in answer["items"]]

    for user in [*held, *held_strangers]:
        for question in ({}, {"session": ["i001", "i002"]}, {"segment": "DE"}):
            found = store.recommend(user, n=5, **question)
            assert (found["policy"], items(found)) == ("holdout", everyone), (user, question)
        longer = store.recommend(user, n=40, session=["i001"])
        assert items(longer)[:5] == everyone and len(longer["items"]) == len(set(items(longer))) > 30
        assert {item["generator"] for item in longer["items"][5:]} == {"popular"}
        given = [*random.Random(user).sample(list(world["items"]), 20), "unknown"]
        found = store.rerank(user, given, session=["i001"], segment="DE")
        may = [item for item in given if world["items"].get(item, {}).get("is_recommendable")]
        assert found["policy"] == "holdout"
        assert items(found) == may + [item for item in given if item not in may]
        assert {item["generator"] for item in found["items"]} == {"as_given"}
        without = store.recommend(user, n=5, exclude=everyone[:2])
        assert items(without)[:3] == everyone[2:] and not {*everyone[:2]} & {*items(without)}
    # A published list keeps its id, one that was made at request time has a new one.
    assert store.recommend(held[0], n=5)["list_id"] == f"abcd1234-p-{held[0]:0>16}"
    assert store.recommend(held[0], ["i001"], n=5)["list_id"] == f"abcd1234-p-{held[0]:0>16}"
    assert store.recommend(held[0], n=40)["list_id"].startswith("abcd1234-h-")
    for user in [*others, *(set(strangers) - set(held_strangers)), None]:
        for question in ({}, {"session": ["i001", "i002"]}):
            assert store.recommend(user, n=5, **question)["policy"] == "main"
    # What isn't personal stays.
    assert store.similar_items("i001", user_id=held[0])["policy"] == "main"


def test_keys_are_uniform_and_independent():
    """20 experiments on 10,000 ids: each fills ten buckets evenly, and no two know of each other."""
    places = [
        [int(key_of(f"e{number}|e{number}|{unit}")[:4], 16) * 10 // 65536 for unit in IDS] for number in range(20)
    ]
    uniform = [stats.chisquare([place.count(bucket) for bucket in range(10)]).pvalue for place in places]
    independent = []
    for one, other in zip(places, places[1:], strict=False):
        table = pd.crosstab(pd.Series(one), pd.Series(other))
        independent.append(stats.chi2_contingency(table).pvalue)
    assert min(uniform) > 0.001 and min(independent) > 0.001
    # A layer and the arms of an experiment in it, too.
    layers = [int(key_of(f"layer|lists|{unit}")[:4], 16) * 10 // 65536 for unit in IDS]
    assert stats.chi2_contingency(pd.crosstab(pd.Series(layers), pd.Series(places[0]))).pvalue > 0.001


def test_a_key_at_a_border_is_the_next_arms():
    border = key_of("e|e|anna")
    arms = Arms([arm_of("e", "a", "00000000", border), arm_of("e", "b", border, "g")])
    assert arms.assign("anna", None, "", time.time())["e"]["arm"] == "b"


def test_an_arm_that_widens_moves_the_units_at_its_border_alone():
    def arms(shares):
        return Arms(arms_of("e", shares))

    before, after = arms({"a": 0.5, "b": 0.3, "c": 0.2}), arms({"a": 0.6, "b": 0.2, "c": 0.2})
    moved = set()
    for unit in IDS:
        (was,), (now,) = (one.assign(unit, None, "", time.time()).values() for one in (before, after))
        if was["arm"] != now["arm"]:
            moved.add((was["arm"], now["arm"]))
            assert key_at(0.5) <= was["key"] < key_at(0.6)
        assert was["key"] == now["key"]
    assert moved == {("b", "a")}
