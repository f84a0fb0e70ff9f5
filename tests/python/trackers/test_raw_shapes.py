"""The sample shop in each tracker's raw tables gives the shop's own events: all that the tracker can carry, 0 extra."""

import zlib
from collections import Counter

import duckdb
import pytest
from conftest import NO_TESTS, run_dbt
from tracked_shop import TABLES, build, write, write_snowflake

from kindred.sample.raw_shapes import SHAPES, grouped, spec_tables

COLUMNS = (
    "event_type",
    "user_id",
    "anonymous_id",
    "item_id",
    "occurred_at",
    "quantity",
    "value",
    "order_id",
    "list_id",
)
COLUMNS += ("position", "query", "traffic")
MONEY = ("purchase", "return")
# What a shape can't carry of an event.
LACKS = dict.fromkeys(("shopify", "shopify_graphql"), {"anonymous_id", "list_id", "position", "query", "traffic"})
# What some visitors' events say of their traffic, and what it is.
SIGNS = {
    "user_agent": ("Examplebot/2.1", "bot"),
    "host": ("staging.shop.test", "internal"),
    "ip_address": ("198.51.100.14", "internal"),
    "traffic": ("internal", "internal"),
}
# GA4 has neither user agents nor addresses, Segment's specification no word for traffic.
UNSEEN = dict.fromkeys(("ga4", "ga4_fivetran"), {"user_agent", "ip_address"})
UNSEEN |= dict.fromkeys(("segment", "rudderstack"), {"traffic"})
RULES = " union all ".join(
    f"select '{rule}' as rule_id, '{traffic}' as traffic, '{field}' as field, '{pattern}' as pattern"
    for rule, traffic, field, pattern in [
        ("bots", "bot", "user_agent", "%bot %"),
        ("own_hosts", "internal", "host", "%.shop.test"),
        ("office", "internal", "ip_address", "198.51.100.0/28"),
        ("own", "internal", "traffic", "internal"),
        ("robots", "bot", "traffic", "bot"),
    ]
)
TRACKERS = {}
for _shape, (_tracker, *_) in SHAPES.items():
    TRACKERS.setdefault(_tracker, []).append(f"raw_{_shape}")


@pytest.fixture(scope="module")
def truth(sample_shop):
    """(usable events, {item_id: item}, users) of the sample shop, as dicts."""

    def rows(sql):
        with duckdb.connect(sample_shop.database, read_only=True) as connection:
            return connection.sql(sql).to_arrow_table().to_pylist()

    events = rows("select * exclude (traffic, traffic_rule) from events order by occurred_at, event_id")
    for row in events:
        number = zlib.crc32((row["anonymous_id"] or row["user_id"]).encode()) % 40
        row |= {name: value if number == place else None for place, (name, (value, _)) in enumerate(SIGNS.items())}
    items = {row["item_id"]: row for row in rows("select * from items")}
    return events, items, rows("select user_id, created_at, country from users")


def of_shape(shape, rows):
    """The rows with ids of their own, so that each shape's people and orders are told apart in one warehouse."""
    names = ("event_id", "user_id", "anonymous_id", "order_id")
    return [row | {name: row[name] and f"{shape}:{row[name]}" for name in names if name in row} for row in rows]


def carried(shape, events):
    """The events of which a shape has rows."""
    tracker, _, types = SHAPES[shape]
    kept = [row for row in events if row["event_type"] in types]
    if tracker == "shopify":
        bought = {(row["order_id"], row["item_id"]) for row in events if row["event_type"] == "purchase"}
        kept = [row for row in kept if row["order_id"] and (row["order_id"], row["item_id"]) in bought]
    return [row | {"traffic": traffic(shape, row)} for row in of_shape(shape, kept)]


def traffic(shape, row):
    """What kindred should make of what the shape's raw rows say of an event's traffic."""
    for name, (_, found) in SIGNS.items():
        if row[name] is not None and name not in UNSEEN.get(shape, ()):
            return "bot" if name == "traffic" and shape.startswith("snowplow") else found
    return None


def comparable(row, shape):
    """An event as a tracker carries it, for comparison."""
    kept = {name: None if name in LACKS.get(shape, ()) else row[name] for name in COLUMNS}
    is_money = row["event_type"] in MONEY
    has_value = row["value"] is not None and (is_money or row["event_type"] == "rate")
    kept["value"] = round(row["value"], 6) if has_value else None
    kept["quantity"] = (row["quantity"] or 1.0) if is_money else row["quantity"]
    return tuple(kept.values())


def differences(shape, events, found):
    """{event: how often it is missing}; below 0 = it is there too often."""
    own = [row for row in found if (row["user_id"] or row["anonymous_id"]).startswith(f"{shape}:")]
    missing = Counter(comparable(row, shape) for row in carried(shape, events))
    missing.subtract(comparable(row, shape) for row in own)
    return {row: n for row, n in missing.items() if n}


@pytest.fixture(scope="module")
def tracked(truth, tmp_path_factory):
    """One DuckDB file with every shape in a schema of its own, and its events."""
    events, items, users = truth
    folder = tmp_path_factory.mktemp("tracked")
    for shape, (_, render, _types) in SHAPES.items():
        write(folder / "shop.duckdb", f"raw_{shape}", render(of_shape(shape, events), items, of_shape(shape, users)))
    with duckdb.connect(folder / "shop.duckdb") as connection:
        connection.execute(f"create table raw_segment.traffic_rules as {RULES}")
    shop = build(folder, TRACKERS, tables={"traffic_rules": "raw_segment.traffic_rules"})
    with duckdb.connect(shop.database, read_only=True) as connection:
        shop.found = connection.sql("select * from events").to_arrow_table().to_pylist()
    return shop


@pytest.mark.parametrize("shape", list(SHAPES))
def test_a_rendered_shop_gives_its_own_events(truth, tracked, shape):
    events, _, _ = truth
    assert len(carried(shape, events)) > 2000
    assert differences(shape, events, tracked.found) == {}


def test_nothing_is_extra(truth, tracked):
    assert len(tracked.found) == sum(len(carried(shape, truth[0])) for shape in SHAPES)
    assert tracked.value("select count(*) from rejected_events") == 0


def test_signs_of_traffic_are_seen(truth, tracked):
    """Each kind in events of every shape that carries it, so that the comparison above compares something."""
    expected = Counter(row["traffic"] for shape in SHAPES for row in carried(shape, truth[0]) if shape not in LACKS)
    assert expected["bot"] > 1000 and expected["internal"] > 3000
    assert Counter(row["traffic_rule"] for row in tracked.found).keys() == {
        "bots", "own_hosts", "office", "own", "robots", None,
    }  # fmt: skip


def test_sessions_stay_apart(truth, tracked):
    """As many visits as the shop has, whatever the trackers call them."""
    events = truth[0]
    for shape, (tracker, *_) in SHAPES.items():
        if tracker != "shopify":
            own = [row for row in tracked.found if (row["user_id"] or row["anonymous_id"]).startswith(f"{shape}:")]
            expected = {(row["session_id"], row["user_id"] or row["anonymous_id"]) for row in carried(shape, events)}
            found = {(row["session_id"], row["user_id"] or row["anonymous_id"]) for row in own}
            assert len(found) == len(expected), shape


def test_items_and_users_are_the_catalogues(truth, tracked):
    _, items, users = truth
    rows = tracked.query("select item_id, title, category, brand, price, is_available from tracked_items")
    facts = ("title", "category", "brand", "price", "is_available")
    assert {row[0]: row[1:] for row in rows} == {
        item_id: tuple(row[name] for name in facts) for item_id, row in items.items()
    }
    named = set(tracked.column("select user_id from tracked_users"))
    assert named == {f"{shape}:{row['user_id']}" for shape in ("segment", "rudderstack", *LACKS) for row in users}


def test_every_raw_row_is_accounted_for(truth, tmp_path):
    """Segment with rows sent twice, and Shopify, which has the same orders."""
    events, items, users = truth
    tables = spec_tables(events, items, users)
    n_raw = sum(len(rows) for name, rows in tables.items() if name not in ("tracks", "users"))
    again = [row | {"received_at": row["received_at"].replace(year=2027)} for row in tables["product_viewed"][:300]]
    tables["product_viewed"] += again
    write(tmp_path / "shop.duckdb", "web", tables)
    write(tmp_path / "shop.duckdb", "shop_a", SHAPES["shopify"][1](events, items, users))
    shop = build(tmp_path, {"segment": "web", "shopify": "shop_a"})
    report = {(source, fate): n for source, fate, n in shop.query("from tracker_report")}
    assert sum(n for (source, _), n in report.items() if source == "segment") == n_raw + len(again)
    assert report["segment", "duplicate"] == len(again)
    assert report["segment", "unmapped"] == len(tables["pages"]) + len(tables["identifies"])
    assert report["segment", "used"] == len(grouped(events, SHAPES["segment"][2]))
    # An order that both have counts for the first.
    n_orders = len({row["order_id"] for row in events if row["event_type"] == "purchase" and row["order_id"]})
    assert shop.value("select count(distinct order_id) from events where event_type = 'purchase'") == n_orders
    assert ("shopify", "used") not in report
    assert shop.value("select sum(n_rows) from unmapped_events where reason = 'also_in_segment'") == sum(
        n for (source, fate), n in report.items() if (source, fate) == ("shopify", "seen_elsewhere")
    )


@pytest.mark.snowflake
def test_snowflake_gives_the_same_events(truth, snowflake, tmp_path):
    """All shapes in one build on the emulator, of some of the events."""
    events, items, users = truth
    some = [row for row in events if row["order_id"]][:150] + events[:1500]
    some = list({row["event_id"]: row for row in some}.values())
    cursor = snowflake.cursor()
    cursor.execute("create schema if not exists tracked")
    for shape, (_, render, _types) in SHAPES.items():
        write_snowflake(snowflake, f"raw_{shape}", render(of_shape(shape, some), items, of_shape(shape, users[:50])))
    cursor.execute("use schema tracked")
    cursor.execute(f"create table tracked.traffic_rules as {RULES}")
    settings = {"kindred__trackers": TRACKERS, "kindred__tables": {"traffic_rules": "tracked.traffic_rules"}}
    result = run_dbt(
        *("build", *NO_TESTS, "--select", *TABLES, "--target", "snowflake"),
        target=tmp_path / "target",
        database=tmp_path / "none.duckdb",
        settings=settings,
        environment={"SNOWFLAKE_SCHEMA": "tracked"},
    )
    assert result.returncode == 0, result.output
    cursor.execute("select * from tracked.events")
    names = [column[0].lower() for column in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for shape in SHAPES:
        assert differences(shape, some, found) == {}, shape
    assert len(found) == sum(len(carried(shape, some)) for shape in SHAPES)
