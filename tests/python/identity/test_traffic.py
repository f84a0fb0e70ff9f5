"""A shop of which two fifths of the events are of bots, staff and tests, against the same shop without them."""

import random
from datetime import datetime, timedelta

import crawleruseragents
import duckdb
import pytest
from conftest import Shop
from fake_useragent import FakeUserAgent

BROWSERS = sorted({row["useragent"] for row in FakeUserAgent().data_browsers})
# Programs that send events for a shop, such as a server that reports its orders, use these libraries too.
CRAWLERS = sorted(
    {
        user_agent
        for row in crawleruseragents.CRAWLER_USER_AGENTS_DATA
        if "http-library" not in row.get("tags", [])
        for user_agent in row["instances"]
    }
)
PHONE = (
    "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/87.0 Mobile Safari/537.36"
)
RULES = """
    select * from seed_rules
    union all
    select 'own_hosts', 'internal', 'host', '%.shop.test'
    union all
    select 'office', 'internal', 'ip_address', '198.51.100.0/28'
"""
SELECT = ("+traffic_report", "+item_totals", "+person_events")


def crawl(name, n_events, draw, pause, **cells):
    """Views of random items by a visitor who never logs in; `pause` draws the seconds until the next one."""
    moment, events = datetime(2026, 4, 2), []
    for number in range(n_events):
        moment += timedelta(seconds=pause())
        events.append(
            {"event_id": f"{name}.{number}", "anonymous_id": name, "event_type": "view", "occurred_at": moment}
            | {"item_id": draw.choice(ITEMS), "user_agent": draw.choice(BROWSERS)}
            | cells
        )
    return events


ITEMS: list[str] = []


def bots(n_visitors, n_events, draw):
    """Six kinds of bots in turn, as many events of each."""
    found, size = [], n_events // n_visitors
    for number in range(n_visitors):
        name, kind = f"bot{number}", number % 6
        if kind == 0:
            pause, cells = (
                (lambda: draw.expovariate(1 / 300)),
                {"user_agent": "Examplebot/2.1"},
            )
        elif kind == 1:
            pause, cells = (
                (lambda: draw.expovariate(1 / 300)),
                {"user_agent": "Mozilla/5.0 (X11) HeadlessChrome/120.0 Safari"},
            )
        elif kind == 2:
            pause, cells = (lambda: draw.uniform(0.1, 0.9)), {}
        elif kind == 3:
            pause, cells = (lambda: 11), {}
        elif kind == 4:
            pause, cells = (lambda: draw.uniform(30, 90)), {}
        else:
            pause, cells = (lambda: draw.expovariate(1 / 60)), {"user_agent": "Shopspider/1.0"}
        events = crawl(name, size, draw, pause, **cells)
        # A crawler without cookies is a new visitor with each page.
        found += [event | {"anonymous_id": event["event_id"]} for event in events] if kind == 5 else events
    return found


@pytest.fixture(scope="module")
def worlds(sample_shop, tmp_path_factory):
    """(shop with bots, staff and tests; the same shop without them): 1 % of the visitors cause 40 % of the events."""
    folder = tmp_path_factory.mktemp("traffic")
    draw = random.Random(5)
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        tables = {name: connection.sql(f"from sample_{name}").to_arrow_table() for name in ("items", "users")}
        rules = connection.sql(RULES.replace("seed_rules", "traffic_rules")).to_arrow_table()
        people = connection.sql("select * exclude (traffic_rule, traffic) from events").to_arrow_table().to_pylist()
        ITEMS[:] = sorted(
            row["item_id"] for row in connection.sql("select item_id from items").to_arrow_table().to_pylist()
        )
    agents = {
        person: draw.choice([*BROWSERS, PHONE]) for person in sorted({row["anonymous_id"] or "" for row in people})
    }
    for row in people:
        row |= {
            "user_agent": agents[row["anonymous_id"] or ""],
            "host": "www.shop.example",
            "ip_address": "203.0.113.9",
        }
    visitors = {row["anonymous_id"] or row["user_id"] for row in people}
    others = bots(len(visitors) // 100, len(people) * 2 // 3, draw)
    own = [
        *crawl("staging", 20, draw, lambda: 60, host="Staging.shop.test", user_id=None),
        *crawl("office", 20, draw, lambda: 60, ip_address="198.51.100.14"),
        *crawl("flagged", 20, draw, lambda: 60, traffic="Internal"),
        *crawl("tester", 20, draw, lambda: 60, user_id="qa+test@shop.example"),
    ]
    # A member who is quick with the mouse, once: for somebody to look at.
    hasty = crawl("hasty", 300, draw, lambda: draw.uniform(0.1, 0.9), user_id="hasty")
    settings = {"tables": {"traffic_rules": "raw.traffic_rules"}}
    found = []
    for name, events in [("with", [*people, *hasty, *others, *own]), ("without", [*people, *hasty])]:
        keys = dict.fromkeys(key for event in [*people[:1], *own] for key in event)
        rows = [dict.fromkeys(keys) | event for event in events]
        shop = Shop(folder / name, folder / "targets").load(events=rows, traffic_rules=rules, **tables)
        found.append(shop.build("--select", *SELECT, **settings))
    found[0].n_bots, found[0].n_people = len(others), len(visitors)
    return found


@pytest.mark.slow
def test_bots_are_found_and_people_are_not_lost(worlds):
    shop, clean = worlds
    assert 0.38 < shop.n_bots / shop.value("select count(*) from events") < 0.42
    left = shop.value("select count(*) from person_events where user_id like 'bot%'")
    assert left <= 0.01 * shop.n_bots
    assert shop.value("select count(*) from identities where identity_id like 'bot%' and traffic is null") == 0
    lost = set(clean.column("select distinct user_id from person_events"))
    lost -= set(shop.column("select distinct user_id from person_events"))
    assert len(lost) <= 0.001 * shop.n_people
    # All bots of this world are found, so what is counted is what was counted before they came.
    assert shop.query("from item_totals order by all") == clean.query("from item_totals order by all")


@pytest.mark.slow
def test_every_rule_is_reported(worlds):
    rows = worlds[0].query("select rule_id, traffic, is_left_out, n_events, n_people from traffic_report")
    report = {
        (rule, is_left_out): (traffic, n_events, n_people) for rule, traffic, is_left_out, n_events, n_people in rows
    }
    assert report["own_hosts", True] == ("internal", 20, 1)
    assert report["office", True] == ("internal", 20, 1)
    assert report["tracker_internal", True] == ("internal", 20, 1)
    assert report["id_plus_test_mail", True] == ("test", 20, 1)
    assert report["events_per_minute", False] == ("bot", 300, 1)
    assert {rule for rule, is_left_out in report if is_left_out} == {
        "own_hosts", "office", "tracker_internal", "id_plus_test_mail", "events_per_minute", "constant_pace",
        "around_the_clock", "ua_headless", "ua_spider", "ua_ends_in_bot",
    }  # fmt: skip
    n_left_out = sum(n_events for (_, is_left_out), (_, n_events, _) in report.items() if is_left_out)
    shop = worlds[0]
    assert n_left_out == shop.n_bots + 80
    share = shop.value("select sum(share) from traffic_report where is_left_out")
    assert share == pytest.approx(n_left_out / shop.value("select count(*) from events"))


@pytest.mark.slow
def test_no_address_of_a_customer_is_kept(worlds):
    assert worlds[0].column("select value from traffic_values where field = 'ip_address'") == ["198.51.100.14"]
    assert worlds[0].value("select count(*) from traffic_values where value = 'www.shop.example'") == 0


def test_user_agents_of_an_independent_list(tmp_path):
    """Nine of ten kinds of crawlers, none of the browsers that people have, and no phone that is called Cubot."""
    agents = [*CRAWLERS, *BROWSERS, PHONE]
    events = [
        {"event_id": str(number), "anonymous_id": str(number), "event_type": "view", "item_id": "i"}
        | {"occurred_at": datetime(2026, 5, 1), "user_agent": user_agent}
        for number, user_agent in enumerate(agents)
    ]
    shop = Shop(tmp_path).load(events=events).build("--select", "+traffic_values")
    found = set(shop.column("select value from traffic_values"))
    assert len(CRAWLERS) > 2000 and len(BROWSERS) > 800
    assert not found & {*BROWSERS, PHONE}
    assert len(found & {*CRAWLERS}) / len(CRAWLERS) > 0.86
