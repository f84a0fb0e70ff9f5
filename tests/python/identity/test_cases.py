"""Worked cases of who is who, all in one shop: each has ids of its own, `<case>.<id>`, and its answer beside it."""

import itertools

import pytest
from conftest import Shop

MADE = ["--select", "+identified_events", "+identity_problems", "+rejected_events", "+input_problems"]
BLOCKED = ["null", "NULL", " undefined ", "[object Object]", "None", "0", "-1", "00000000-0000-0000-0000-000000000000"]
BLOCKED += ["anonymous"]
ODD = ["x" * 10_000, 'it\'s "quoted"', "\U0001f600", "blank at the end "]


class Case:
    """Rows of the inputs; times are minutes of one day. An id is the case's own unless it begins with `=`."""

    def __init__(self):
        self.events, self.links, self.users, self.consents = [], [], [], []
        self.name = ""

    def id(self, text):
        return text and (text[1:] if text.startswith("=") else f"{self.name}.{text}")

    def event(self, minute, user, device, session=None, item="i1", day=1):
        self.events.append(
            {
                "event_id": f"{self.name}-{len(self.events)}",
                "user_id": self.id(user),
                "anonymous_id": self.id(device),
                "session_id": self.id(session),
                "event_type": "view",
                "item_id": item,
                "occurred_at": f"2026-05-{day:02} {minute // 60:02}:{minute % 60:02}:00",
            }
        )

    def link(self, left, right, kind="alias"):
        self.links.append({"left_id": self.id(left), "right_id": self.id(right), "kind": kind})

    def chain(self, names):
        for left, right in itertools.pairwise(names):
            self.link(left, right)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    case = Case()

    def begin(name):
        case.name = name

    begin("c01")
    case.event(1, None, "a", "S1", "i1")
    case.event(2, "u", "a", "S1", "i2")
    begin("c02")
    case.event(1, None, "a", "S1", "i1")
    case.event(2, "u", "a", "S1", "i2")
    case.event(500, None, "a", "S2", "i3")
    for number, order in enumerate(itertools.permutations([(1, "u", "a"), (2, "u", "b"), (3, None, "b")])):
        begin(f"c04_{number}")
        for minute, user, device in order:
            case.event(minute, user, device)
    begin("c05")
    case.event(1, None, "d", "S1", "i1")
    case.event(2, "u", "d", "S1", "i2")
    case.event(100, None, "d", "S2", "i3")
    case.event(101, "v", "d", "S2", "i4")
    case.event(200, None, "d", "S3", "i5")
    begin("c06")
    for minute, user in enumerate([None, "u", None, "v", None], start=1):
        case.event(minute, user, "d", "S", f"i{minute}")
    begin("c07")
    for number in range(6):
        case.event(number, f"u{number}", "k", f"S{number}")
    for number in range(40):
        case.event(100 + number, None, "k", f"T{number}")
    begin("c08")
    for number in range(5):
        case.event(number, f"u{number}", "d", f"S{number}")
    case.event(100, None, "d", "T")
    begin("c09")
    for number, blocked in enumerate(BLOCKED, start=1):
        case.event(number, f"={blocked}", f"a{number}")
    begin("c10")
    case.event(1, "=null", "=")
    begin("c11")
    for minute, name in enumerate(["nullable", "guesthouse", "0815"]):
        case.event(minute, f"={name}", f"a{minute}")
    for number, order in enumerate(itertools.permutations([("u1", "u2"), ("u3", "u4"), ("u2", "u3")])):
        begin(f"c12_{number}")
        for minute, user in enumerate(["u2", "u1", "u3", "u4"]):
            case.event(minute, user, None)
        for left, right in order:
            case.link(*((left, right) if number % 2 else (right, left)))
    begin("c13")
    case.event(1, "u1", None)
    case.event(2, "u2", None)
    for left, right in [("u1", "u2"), ("u2", "u1"), ("u1", "u1"), ("u1", "u2")]:
        case.link(left, right)
    begin("c14")
    case.event(1, "u2", None)
    case.event(1, "u1", None)
    case.link("u1", "u2")
    begin("c15")
    for minute, user in enumerate(["u1", "u2", "u3", "u4"], start=10):
        case.event(minute, user, None)
    case.event(1, "u4", None)
    case.chain(["u1", "u2", "u3", "u4"])
    begin("c16")
    case.link("a", "b")
    case.event(1, "u", "a")
    case.event(2, None, "b")
    begin("c17")
    case.link("a", "b")
    case.event(1, "u", "a", "S1")
    case.event(2, "v", "b", "S2")
    case.event(3, None, "b", "S3")
    begin("c18")
    case.event(1, "u1", None)
    case.users += [{"user_id": "c18.u2", "created_at": "2026-04-01"}, {"user_id": "c18.u1", "created_at": "2026-05-02"}]
    case.link("u1", "u2")
    begin("c19")
    for number in range(51):
        case.event(number, "q", f"d{number}")
        case.event(number + 60, None, f"d{number}")
    begin("c20")
    for name in ("c1", "c2"):
        case.event(1, name, None)
        case.link(name, "mail", "email")
    for number in range(40):
        case.event(1, f"w{number}", None)
        case.link(f"w{number}", "info", "email")
    for name, n in (("c21_long", 101), ("c21", 100)):
        begin(name)
        for number in range(n):
            case.event(number, f"u{number:03}", None)
        case.chain([f"u{number:03}" for number in range(n)])
    begin("c23")
    case.event(1, None, "a", "S1", "i1")
    case.event(2, "u", "a", "S1", "i2", day=9)
    begin("c24")
    for name in ("u", "tie"):
        case.event(10, name, f"{name}_phone")
        case.event(11, None, f"{name}_phone")
    for name, moment, is_granted in [
        ("u", "00:00", False), ("u_phone", "05:00", True), ("tie", "05:00", True), ("tie_phone", "05:00", False)
    ]:  # fmt: skip
        answer = {"purpose": "personalization", "is_granted": is_granted, "updated_at": f"2026-05-01 {moment}"}
        case.consents.append({"user_id": f"c24.{name}"} | answer)
    begin("c26")
    for minute, odd in enumerate(ODD):
        case.event(minute, f"={odd}", f"a{minute}")
        case.event(minute + 10, None, f"a{minute}")
    shop = Shop(tmp_path_factory.mktemp("cases"))
    shop.load(events=case.events, identity_links=case.links, users=case.users, consents=case.consents)
    shop.case = case
    return shop.build(*MADE, identity={"email": True})


def people(shop, case):
    """{device or user id: person} of a case, without its prefix."""
    rows = shop.query(f"select identity_id, user_id from identities where starts_with(identity_id, '{case}.')")
    strip = len(case) + 1
    return {identity[strip:]: user and user[strip:] for identity, user in rows}


def items(shop, case):
    """{person: items in the order of time}"""
    rows = shop.query(f"""
        select user_id, list(item_id order by occurred_at, event_id) from identified_events
        where starts_with(event_id, '{case}-') group by all
    """)
    return {user[len(case) + 1 :]: found for user, found in rows}


def problem(shop, name):
    return shop.query(f"""
        select entity_id, n_rows from identity_problems
        where problem = '{name}'
        order by all
    """)


def test_a_login_gives_a_device_and_its_past_to_the_person(shop):
    assert people(shop, "c01") == {"u": "u", "a": "u"} and items(shop, "c01") == {"u": ["i1", "i2"]}


def test_what_follows_a_logout_is_the_persons_too(shop):
    assert items(shop, "c02") == {"u": ["i1", "i2", "i3"]}


def test_two_devices_in_any_order_of_arrival(shop):
    for number in range(6):
        assert people(shop, f"c04_{number}") == {"u": "u", "a": "u", "b": "u"}
        assert items(shop, f"c04_{number}") == {"u": ["i1"] * 3}


def test_a_shared_device_with_sessions_of_their_own(shop):
    assert items(shop, "c05") == {"u": ["i1", "i2"], "v": ["i3", "i4"], "d": ["i5"]}
    assert people(shop, "c05") == {"u": "u", "v": "v", "d": "d"}


def test_a_shared_device_in_one_session(shop):
    assert items(shop, "c06") == {"u": ["i1", "i2", "i3"], "v": ["i4", "i5"]}


def test_a_hubs_events_are_nobodys(shop):
    assert items(shop, "c07") == {f"u{number}": ["i1"] for number in range(6)}
    assert shop.query("select link, user_id from identities where identity_id = 'c07.k'") == [("hub", None)]
    assert problem(shop, "hub_device") == [("c07.k", 40)]


def test_the_limit_of_people_is_inclusive(shop):
    assert shop.value("select link from identities where identity_id = 'c08.d'") == "shared"
    assert people(shop, "c08")["d"] == "d"


def test_blocked_ids_are_nobody(shop):
    assert people(shop, "c09") == {f"a{number}": f"a{number}" for number in range(1, 10)}
    assert set(shop.column("select distinct link from identities where starts_with(identity_id, 'c09')")) == {"own"}
    counted = shop.query("select sum(n_rows) from input_problems where problem = 'blocked_user_id'")
    assert counted == [(len(BLOCKED) + 1,)]


def test_an_event_with_blocked_ids_alone_is_rejected_as_such(shop):
    rejected = shop.query("select split_part(event_id, '-', 1), rejection_reason from rejected_events")
    assert rejected == [("c10", "blocked_identity")]


def test_a_name_that_contains_a_blocked_word_is_one(shop):
    names = ["0815", "guesthouse", "nullable"]
    assert shop.column(f"select identity_id from identities where identity_id in {tuple(names)} order by 1") == names


def test_links_in_any_order_name_the_oldest(shop):
    for number in range(6):
        assert people(shop, f"c12_{number}") == dict.fromkeys(["u1", "u2", "u3", "u4"], "u2")


def test_circles_and_repeats(shop):
    assert people(shop, "c13") == {"u1": "u1", "u2": "u1"}


def test_of_one_age_the_smaller_id_is_the_person(shop):
    assert people(shop, "c14") == {"u1": "u1", "u2": "u1"}


def test_an_older_event_makes_another_id_the_oldest(shop):
    assert people(shop, "c15") == dict.fromkeys(["u1", "u2", "u3", "u4"], "u4")


def test_linked_devices_follow_a_login_on_one(shop):
    assert people(shop, "c16") == {"u": "u", "a": "u", "b": "u"}


def test_linked_devices_of_two_people_are_shared(shop):
    found = people(shop, "c17")
    assert found["u"] == "u" and found["v"] == "v" and found["a"] == found["b"] == "b"
    assert set(shop.column("select link from identities where identity_id in ('c17.a', 'c17.b')")) == {"shared"}


def test_an_account_may_be_older_than_events(shop):
    assert people(shop, "c18") == {"u1": "u2", "u2": "u2"}


def test_a_shared_account_claims_no_device(shop):
    assert people(shop, "c19") == {"q": "q"} | {f"d{number}": f"d{number}" for number in range(51)}
    assert problem(shop, "shared_account") == [("c19.q", 51)]


def test_an_address_joins_few_and_not_many(shop):
    found = people(shop, "c20")
    assert found["c1"] == found["c2"] == "c1"
    assert all(found[f"w{number}"] == f"w{number}" for number in range(40))
    assert problem(shop, "dropped_email") == [("c20.info", 40)]


def test_a_group_above_the_limit_is_dissolved(shop):
    assert set(people(shop, "c21").values()) == {"u000"}
    assert len(set(people(shop, "c21_long").values())) == 101
    assert problem(shop, "dissolved_group") == [("c21_long.u000", 101)]
    result = shop.dbt("test", "--select", "few_are_dissolved_identities_", identity={"email": True})
    assert result.returncode != 0 and "identity_links join 101 of" in result.text
    assert "kindred__identity: {max_ids_per_person: ...}" in result.text


def test_the_newest_answer_of_all_ids_counts(shop):
    refused = shop.column(
        "select identity_id from identities where not is_consented and starts_with(identity_id, 'c24')"
    )
    assert sorted(refused) == ["c24.tie", "c24.tie_phone"]


def test_odd_ids_are_kept_as_they_are(shop):
    found = shop.column("select user_id from identities where starts_with(identity_id, 'c26.a') order by identity_id")
    assert found == [odd.strip() for odd in ODD]


# The last: it builds the shop again.
@pytest.mark.slow
def test_a_replay_knows_no_later_login(shop):
    """And an address joins nobody where e-mail isn't allowed, and a link that was taken back joins nobody any more."""
    gone = [row for row in shop.case.links if (row["left_id"], row["right_id"]) != ("c15.u2", "c15.u3")]
    shop.load(identity_links=gone).build(*MADE, as_of="2026-05-05")
    assert people(shop, "c23") == {"a": "a"} and items(shop, "c23") == {"a": ["i1"]}
    found = people(shop, "c20")
    assert found["c1"] == "c1" and found["c2"] == "c2" and problem(shop, "dropped_email") == []
    assert people(shop, "c15") == {"u1": "u1", "u2": "u1", "u3": "u4", "u4": "u4"}
