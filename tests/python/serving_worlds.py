"""Random releases for the tests, written by hand, and what a list made of them must be, in plain Python."""

import contextlib
import csv
import hashlib
import json
import os
import random
import sqlite3
from collections import defaultdict

from conftest import REPOSITORY

from kindred.serving import Filters
from kindred.serving.store import EVERYTHING

OLD, NEW = "20260101T000000-aaaaaaaa", "20260102T000000-bbbbbbbb"
# What a session list is made of: n_steps, n_neighbors, decay, session_share, list_share.
SETTINGS = (5, 25, 0.7, 0.7, 0.3)
# Ids are any text, also where they are keys of a JSON object.
ITEMS = [f"i{number:03d}" for number in range(58)] + ['7" screen', "\\ü"]
CATEGORIES = ["tea", "books", "sport", None]
SEGMENTS = ["", "DE", "FR"]
# The sentences that come with kindred.
REASON_TEXTS = list(csv.DictReader((REPOSITORY / "seeds/config/reason_texts.csv").open(encoding="utf-8")))
# A release as the contract has it; the first column is the key.
TABLES = {
    "lists": "user_id text, list_id text, segment text, activity text, items text, history text, "
    "excluded text, policy text, eligible_for text",
    "list_rules": "user_id text, rules text",
    "identities": "identity_id text, user_id text",
    "items": "item_id text, popular_rank bigint, title text, category text, brand text, price double precision, "
    "is_available boolean, is_recommendable boolean, eligibility text",
    "item_texts": "item_id text, description text, attributes text, vector text",
    "text_encoder": "text_encoder text, weights text",
    "neighbors": "item_id text, neighbors text",
    "item_pages": "item_id text, similar_items text, bundles text",
    "segments": "segment text, fallback text, trending text, excluded text, excluded_if_unknown text",
    "generators": "generator text, reason text",
    "reason_texts": "text_id text, language text, reason text, text_with_item text, text_alone text",
    "session_settings": "n_steps bigint, n_neighbors bigint, decay double precision, session_share double precision, "
    "list_share double precision, case_insensitive_ids boolean, has_eligibility boolean",
    "arms": "arm_id text, experiment_id text, context text, arm text, kind text, unit text, is_by_item boolean, "
    "is_control boolean, share double precision, from_key text, to_key text, layer text, layer_from_key text, "
    "layer_to_key text, salt text, policy text, value text, min_price double precision, max_price double precision, "
    "starts_at text, ends_at text",
    "item_arms": "item_id text, arms text",
    "release": "release_id text, run_id text, as_of text, generated_at text, expires_at text, n_lists bigint, "
    "n_items bigint, measures text",
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
        generator = lambda: ["als", draw.choice([None, *ITEMS]), draw.choice([1.0, 0.05])]  # noqa: E731
        listed = some(draw.choice([3, 20]), generator, without=kept_away[segment])
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
    # Other ids of people who have a list.
    devices = {"phone": "u1", "tablet": "u1", "handy-ü": "u3"}
    world = {"lists": people, "items": items, "neighbors": neighbors, "item_pages": pages, "segments": segments}
    return world | {"identities": {device: user for device, user in devices.items() if user in people}}


def with_conditions(world, seed):
    """Put half of the items under conditions that each person meets or not; published lists keep them."""
    draw = random.Random(seed)
    sets = ['["adults"]', '["adults","club \\"7\\""]', '["ü\'"]']
    public = {row[0] for one in world["segments"].values() for row in [*one["fallback"], *one["trending"]]}
    for item in sorted(world["items"].keys() - public):
        world["items"][item]["eligibility"] = draw.choice(["", *sets])
    for one in world["lists"].values():
        needed = {world["items"][row[0]].get("eligibility", "") for row in one["items"]} - {""}
        one["eligible_for"] = sorted(needed | set(draw.sample(sets, draw.randrange(2))))
        # With short lists not everybody needs everything.
        if draw.random() < 0.6:
            one["eligible_for"] = draw.sample(sets, draw.randrange(3))
            kept = [row for row in one["items"] if may_see(world, one, row[0])]
            one["items"] = kept
    return world | {"has_eligibility": True}


def may_see(world, person, item):
    """Whether a person (a row of lists, or what stands for somebody unknown) meets the conditions of an item."""
    eligibility = world["items"].get(item, {}).get("eligibility", "")
    return not eligibility or eligibility in person.get("eligible_for", [])


def arm_of(experiment_id, arm, from_key="00000000", to_key="g", **given):
    """A row of `arms`; without more said, of an experiment on everybody that has no end."""
    row = {
        "arm_id": f"{experiment_id}|{arm}|{given.get('context', '')}",
        **{"experiment_id": experiment_id, "context": "", "arm": arm, "kind": "offer", "unit": "user"},
        **{
            "is_by_item": False,
            "is_control": False,
            "share": 0.5,
            "from_key": from_key,
            "to_key": to_key,
            "layer": experiment_id,
        },
        **{"layer_from_key": "00000000", "layer_to_key": "g", "salt": experiment_id, "policy": None, "value": None},
        **{"min_price": None, "max_price": None, "starts_at": "2026-01-01 00:00:00", "ends_at": None},
    }
    assert given.keys() <= row.keys()
    return row | given


def key_of(text):
    return hashlib.md5(text.encode()).hexdigest()[:8]


def with_holdout(world):
    """The world with a holdout of half of all people, whose lists are those for everyone."""
    world["arms"] = [
        arm_of("quiet", "held", "00000000", "80000000", kind="holdout", is_control=True),
        arm_of("quiet", "rest", "80000000", "g", kind="holdout"),
        # Over, and not begun: nobody is in it.
        arm_of("past", "held", kind="holdout", is_control=True, ends_at="2026-01-02 00:00:00"),
        arm_of("future", "held", kind="holdout", is_control=True, starts_at="2999-01-01 00:00:00"),
    ]
    for user, person in world["lists"].items():
        if is_held_out(world, user):
            person["policy"] = "holdout"
            person["items"] = [[*row, None, 1.0] for row in world["segments"][""]["fallback"]]
    return world


def is_held_out(world, user):
    return bool(world.get("arms") and user and key_of(f"holdout|quiet|{user}") < "80000000")


def write_release(
    folder, world, release_id="20260101T000000-abcd1234", link=True, settings=SETTINGS, ignores_case=True
):
    """Write a release as the model `releases` does, and let the link name it. Returns the file."""
    path = folder / "releases" / f"{release_id}.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    rows = {
        "lists": [
            (user, f"{release_id[16:24]}-p-{user:0>16}", one["segment"], one.get("activity", ""))
            + tuple(json.dumps(one[name]) for name in ("items", "history", "excluded"))
            + (one.get("policy", "main"), json.dumps(one.get("eligible_for", [])))
            for user, one in world["lists"].items()
        ],
        "items": [
            (item, one.get("popular_rank"), one["title"], one["category"], one["brand"], one["price"])
            + (one["is_available"], one["is_recommendable"], one.get("eligibility", ""))
            for item, one in world["items"].items()
        ],
        "item_texts": [
            (item, *(one.get(name) for name in ("description", "attributes", "vector")))
            for item, one in world["items"].items()
            if one["is_recommendable"]
        ],
        "text_encoder": world.get("text_encoder", []),
        "neighbors": [(item, json.dumps(dict(pairs))) for item, pairs in world["neighbors"].items()],
        "item_pages": [
            (item, json.dumps(one["similar_items"]), json.dumps(one["bundles"]))
            for item, one in world["item_pages"].items()
        ],
        "segments": [
            (name, *(json.dumps(one[key]) for key in ("fallback", "trending", "excluded", "excluded_if_unknown")))
            for name, one in world["segments"].items()
        ],
        "list_rules": [(user, json.dumps(one["rules"])) for user, one in world["lists"].items() if one.get("rules")],
        "identities": list(world["identities"].items()),
        "session_settings": [(*settings, ignores_case, world.get("has_eligibility", False))],
        "reason_texts": [
            (f"{text['language']}|{text['reason']}", text["language"], text["reason"])
            + (text["text_with_item"] or None, text["text_alone"])
            for text in world.get("reason_texts", REASON_TEXTS)
        ],
        "arms": [tuple(arm.values()) for arm in world.get("arms", [])],
        "item_arms": [(item, json.dumps(arms)) for item, arms in world.get("item_arms", {}).items()],
        "generators": [("als", "your_history"), ("neighbors", "your_history"), ("popular", "popular")],
    }
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for name, columns in TABLES.items():
            connection.execute(f"create table {name} ({columns}, primary key ({columns.split()[0]})) without rowid")
            n_columns = columns.count(",") + 1
            connection.executemany(f"insert into {name} values ({', '.join('?' * n_columns)})", rows.get(name, []))
        release = (release_id, release_id[16:], "2026-01-01", "2026-01-01", "2026-01-03")
        connection.execute(
            "insert into release values (?, ?, ?, ?, ?, ?, ?, '[]')", (*release, len(rows["lists"]), len(rows["items"]))
        )
        connection.commit()
    if link:
        move_link(folder, release_id)
    return path


def move_link(folder, release_id):
    temporary = folder / ".current.tmp"
    temporary.symlink_to(f"releases/{release_id}.sqlite")
    os.replace(temporary, folder / "current.sqlite")


def old_shape(path):
    """Make of a release one of before version 0.1.0, and one that has no rules for people who aren't known."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in (
            "create table sources (source text primary key, reason text) without rowid",
            "insert into sources select * from generators",
            "drop table generators",
            "drop table session_settings",
            "drop table identities",
            "drop table list_rules",
            "drop table reason_texts",
            "drop table arms",
            "drop table item_arms",
            "drop table item_texts",
            "drop table text_encoder",
            "alter table lists drop column policy",
            "alter table lists drop column activity",
            "alter table segments drop column excluded_if_unknown",
            "alter table items drop column brand",
            "alter table items drop column eligibility",
            "alter table lists drop column eligible_for",
            "drop table item_pages",
            "alter table release drop column measures",
            "alter table release drop column n_items",
        ):
            connection.execute(statement)
        connection.commit()
        connection.execute("vacuum")


def expected_list(world, user, session, n, filters, exclude, segment, only=None, settings=SETTINGS):
    """The definition, in plain Python: [(item, tier, score, because_item_id), ...]."""
    n_steps, _, decay, session_share, list_share = settings
    unknown = {"segment": "", "items": [], "history": [], "excluded": []}
    user = world["identities"].get(user, user)
    person = world["lists"].get(user, unknown)
    segment = person["segment"] or segment or ""
    if is_held_out(world, user):
        # What everybody gets, from nothing that is known of anybody.
        person, segment, session = unknown, "", []
    newest_first = list(dict.fromkeys(reversed(session)))
    rules = world["segments"].get(segment, {"excluded": []})["excluded"]
    barred = {*newest_first, *person["excluded"], *exclude, *rules}
    if user not in world["lists"] and not is_held_out(world, user):
        for name in {segment, ""} & world["segments"].keys():
            barred |= {*world["segments"][name]["excluded_if_unknown"]}

    def near(leads, without):
        shares = defaultdict(dict)
        for step, lead in enumerate(leads[:n_steps]):
            for item, score in world["neighbors"].get(lead, []):
                if item not in without:
                    shares[item][lead] = decay**step * score
        highest = max((sum(by_lead.values()) for by_lead in shares.values()), default=1)
        # The first of the largest shares is that of the newest.
        largest = {item: max(by_lead, key=lambda lead: int(1e9 * by_lead[lead])) for item, by_lead in shares.items()}
        return {item: sum(by_lead.values()) / highest for item, by_lead in shares.items()}, largest

    by_tier = []
    if only is not None and is_held_out(world, user):
        by_tier.append([(item, 0.0, None) for item in only])
    if newest_first:
        votes, largest = near(newest_first, newest_first)
        places = {row[0]: 1 - place / len(person["items"]) for place, row in enumerate(person["items"])}
        because = {row[0]: row[3] for row in person["items"]} | {
            item: largest[item]
            for item in votes
            if item not in places or session_share * votes[item] >= list_share * places[item]
        }
        scores = {
            item: round(session_share * votes.get(item, 0) + list_share * places.get(item, 0), 9)
            for item in {*votes, *places}
        }
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
            is_given = only is None or item in only
            if facts and filters.fit(facts) and item not in barred and is_given and may_see(world, person, item):
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
        draw.choice([None, "nobody", "u0", "u1", "u2", "u3", "phone", "handy-ü"]),
        session,
        draw.choice([1, 5, 20, 70]),
        filters,
        exclude,
        segment,
    )
