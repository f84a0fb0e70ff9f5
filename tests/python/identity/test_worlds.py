"""Random worlds of ids against a definition in plain Python, and the same data in every order of arrival."""

import random
from collections import defaultdict
from datetime import datetime, timedelta

import pytest
from conftest import Shop

N_WORLDS = 1000
AS_OF = datetime(2026, 5, 15)
LIMITS = {
    "email": True,
    "max_ids_per_person": 6,
    "max_users_per_device": 2,
    "max_devices_per_user": 3,
    "max_users_per_email": 2,
}
GAP = timedelta(minutes=30)


def random_world(draw, name):
    """(events, links, users) of some 50 ids; a few events and links are of after AS_OF."""

    def moment():
        return AS_OF - timedelta(seconds=draw.choice([0, 60, 600, 1200, 1500, 4000, 9000])) * draw.choice(
            [-1, *[1] * 9]
        )

    users = [f"{name}.u{number:02}" for number in range(draw.randint(2, 20))]
    devices = [f"{name}.d{number:02}" for number in range(draw.randint(1, 25))]
    others = [f"{name}.x{number}" for number in range(3)]
    events = [
        {
            "event_id": f"{name}.e{number}",
            "user_id": draw.choice([None, None, draw.choice(users[:3]), draw.choice(users), "null"]),
            "anonymous_id": draw.choice([None, *devices[:4] * 3, *devices, *users[:2]]),
            "session_id": draw.choice([None, None, "s1", "s2"]),
            "event_type": "view",
            "item_id": "i1",
            "occurred_at": moment(),
        }
        for number in range(draw.randint(5, 60))
    ]
    ids = [*users, *devices, *others]
    n_links = draw.choice([0, 1, 4, 10])
    links = [
        {
            "left_id": draw.choice(ids),
            "right_id": draw.choice(ids),
            "kind": "alias",
            "linked_at": draw.choice([None, moment()]),
        }
        for _ in range(n_links)
    ]
    links += [
        {"left_id": draw.choice(users), "right_id": f"{name}.mail{draw.randrange(3)}"}
        | {"kind": "email", "linked_at": None}
        for _ in range(draw.choice([0, 3, 8]))
    ]
    known = [{"user_id": user, "created_at": draw.choice([None, moment()])} for user in users if draw.random() < 0.3]
    return events, links, known


def components(edges):
    """{id: the set of ids that edges join it with}, by union-find."""
    parent = {}

    def find(one):
        parent.setdefault(one, one)
        while parent[one] != one:
            one = parent[one]
        return one

    for left, right in edges:
        parent[find(left)] = find(right)
    groups = defaultdict(set)
    for one in list(parent):
        groups[find(one)].add(one)
    return {one: group for group in groups.values() for one in group}


def expected_people(events, links, known):
    """{event_id: person, None = nobody's} of the events before AS_OF: the definition, in plain Python."""
    events = [event | {"user_id": event["user_id"] if event["user_id"] != "null" else None} for event in events]
    events = [e for e in events if e["occurred_at"] < AS_OF and (e["user_id"] or e["anonymous_id"])]
    links = [link for link in links if link["linked_at"] is None or link["linked_at"] < AS_OF]
    pairs = defaultdict(list)
    for link in links:
        pairs[link["kind"]].append((link["left_id"], link["right_id"]))
    by_alias = components(pairs["alias"])
    owners = defaultdict(set)
    for owner, address in pairs["email"]:
        owners[address].add(min(by_alias.get(owner, {owner})))
    kept = [pair for pair in pairs["email"] if len(owners[pair[1]]) <= LIMITS["max_users_per_email"]]
    groups = components(pairs["alias"] + kept)
    limit = LIMITS["max_ids_per_person"]
    group = lambda one: groups[one] if one in groups and len(groups[one]) <= limit else None  # noqa: E731

    # User ids, and the oldest of a group.
    first_seen = {}
    for one in [(e["user_id"], e["occurred_at"]) for e in events if e["user_id"]] + [
        (row["user_id"], row["created_at"]) for row in known if row["created_at"] is None or row["created_at"] < AS_OF
    ]:
        earliest = [moment for moment in (first_seen.get(one[0]), one[1]) if moment]
        first_seen[one[0]] = min(earliest, default=None)
    age = lambda user: (first_seen[user] is None, first_seen[user] or AS_OF, user)  # noqa: E731
    person = {u: min((o for o in group(u) or {u} if o in first_seen), key=age, default=u) for u in first_seen}

    # Devices, and who claims them.
    logins = {(e["user_id"], e["anonymous_id"]) for e in events if e["user_id"] and e["anonymous_id"]}
    n_devices = defaultdict(int)
    for user, device in logins:
        n_devices[user] += user != device
    accounts = {user for user, n in n_devices.items() if n > LIMITS["max_devices_per_user"]}
    devices = {e["anonymous_id"] for e in events if e["anonymous_id"]} | {o for o in groups if group(o)}
    devices -= set(first_seen)
    owner = {d: next((person[o] for o in sorted(group(d) or ()) if o in first_seen), None) for d in devices}
    unit = {d: frozenset(group(d)) & devices if group(d) and not owner[d] else frozenset({d}) for d in devices}
    claims = defaultdict(set)
    for device in devices:
        claims[unit[device]] |= {owner[device]} - {None}
    for user, device in logins:
        if device in devices and user not in accounts:
            claims[unit[device]].add(person[user])
    seen = {}
    for e in events:
        if not e["user_id"]:
            seen[e["anonymous_id"]] = min(seen.get(e["anonymous_id"], AS_OF), e["occurred_at"])
    own = {d: min(unit[d], key=lambda one: (one not in seen, seen.get(one, AS_OF), one)) for d in devices}

    found, on_shared = {}, defaultdict(list)
    for e in events:
        device = e["anonymous_id"]
        if e["user_id"]:
            found[e["event_id"]] = person[e["user_id"]]
        elif device not in devices:
            found[e["event_id"]] = person[device]
        elif len(claims[unit[device]]) == 1:
            found[e["event_id"]] = min(claims[unit[device]])
        elif len(claims[unit[device]]) <= LIMITS["max_users_per_device"]:
            found[e["event_id"]] = own[device]
        else:
            found[e["event_id"]] = None
        if device in devices and len(claims[unit[device]]) > 1:
            on_shared[device].append(e)

    # Shared devices, session by session.
    for happened in on_shared.values():
        sessions, last = defaultdict(list), None
        for e in sorted(happened, key=lambda e: e["occurred_at"]):
            if e["session_id"]:
                sessions[e["session_id"]].append(e)
            else:
                number = len(sessions) if last is None or e["occurred_at"] - last[0] > GAP else last[1]
                last = (e["occurred_at"], number)
                sessions[number].append(e)
        for session in sessions.values():
            login = lambda e: e["user_id"] and e["user_id"] not in accounts  # noqa: E731
            order = [(e["occurred_at"], person[e["user_id"]]) for e in session if login(e)]
            for e in session:
                if not e["user_id"] and order:
                    found[e["event_id"]] = max((o for o in order if o[0] <= e["occurred_at"]), default=min(order))[1]
    return found


@pytest.fixture(scope="module")
def worlds():
    draw = random.Random(7)
    return [random_world(draw, f"w{number:03}") for number in range(N_WORLDS)]


def load(shop, events, links, known):
    shop.load(events=events, identity_links=links, users=known)
    return shop.build("--select", "+identified_events", identity=LIMITS, as_of=str(AS_OF))


def test_random_worlds_equal_the_definition(worlds, tmp_path):
    shop = Shop(tmp_path)
    load(shop, *([row for world in worlds for row in world[place]] for place in range(3)))
    rows = dict(shop.query(f"select event_id, user_id from identified_events where occurred_at < '{AS_OF}'"))
    expected = {}
    for world in worlds:
        expected |= expected_people(*world)
    wrong = {event: (rows.get(event), person) for event, person in expected.items() if rows.get(event) != person}
    assert not wrong
    assert {*rows} == {event for event, person in expected.items() if person}
    links = shop.counts("identities", "link")
    assert min(links[link] for link in ("own", "linked", "login", "shared", "hub")) > 100
    kinds = shop.counts("identity_groups", "fate")
    assert min(kinds[kind] for kind in ("joined", "dissolved", "dropped_email")) > 100
