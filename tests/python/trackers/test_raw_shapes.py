"""The sample shop in each tracker's raw tables gives the shop's own events: all that the tracker can carry, 0 extra."""

from collections import Counter

import duckdb
import pytest
from tracked_shop import build, write

from kindred.sample.raw_shapes import SHAPES, grouped, spec_tables

COLUMNS = ("event_type", "user_id", "anonymous_id", "item_id", "occurred_at", "quantity", "value", "order_id", "list_id")
COLUMNS += ("position", "query")
MONEY = ("purchase", "return")


@pytest.fixture(scope="module")
def truth(sample_shop):
    """(usable events, {item_id: item}, users) of the sample shop, as dicts."""

    def rows(sql):
        with duckdb.connect(sample_shop.database, read_only=True) as connection:
            return connection.execute(sql).to_arrow_table().to_pylist()

    events = rows("select * from events order by event_id")
    items = {row["item_id"]: row for row in rows("select * from items")}
    return events, items, rows("select user_id, created_at, country from users")


def comparable(row, carried):
    """An event as a tracker carries it, for comparison."""
    kept = {name: row[name] for name in COLUMNS}
    money = row["event_type"] in MONEY
    kept["value"] = round(row["value"], 6) if row["value"] is not None and (money or row["event_type"] == "rate") else None
    kept["quantity"] = (row["quantity"] or 1.0) if money else row["quantity"]
    return tuple(kept[name] if name in carried else None for name in COLUMNS)


# What a shape can't carry of an event.
LACKS = {
    "shopify": {"anonymous_id", "list_id", "position", "query"},
    "shopify_graphql": {"anonymous_id", "list_id", "position", "query"},
}


@pytest.mark.parametrize("shape", list(SHAPES))
def test_a_rendered_shop_gives_its_own_events(truth, tmp_path, shape):
    events, items, users = truth
    tracker, render, types = SHAPES[shape]
    tables = render(events, items, users)
    write(tmp_path / "shop.duckdb", "raw_tracker", tables)
    shop = build(tmp_path, {tracker: "raw_tracker"})
    carried = set(COLUMNS) - LACKS.get(shape, set())
    expected = [row for row in events if row["event_type"] in types]
    if tracker == "shopify":
        bought = {(row["order_id"], row["item_id"]) for row in events if row["event_type"] == "purchase"}
        expected = [row for row in expected if row["order_id"] and (row["order_id"], row["item_id"]) in bought]
    with duckdb.connect(shop.database, read_only=True) as connection:
        found = connection.execute("select * from events").to_arrow_table().to_pylist()
    assert len(found) == len(expected)
    missing = Counter(comparable(row, carried) for row in expected)
    missing.subtract(comparable(row, carried) for row in found)
    assert {row: n for row, n in missing.items() if n} == {}
    if tracker not in ("shopify",):
        sessions = {(row["session_id"] or "").split(".")[-1].lstrip("s0") for row in found}
        assert sessions == {(row["session_id"] or "").lstrip("s0") for row in expected}


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
    n_orders = len({row["order_id"] for row in events if row["event_type"] == "purchase" and row["order_id"]})
    assert shop.value("select count(distinct order_id) from events where event_type = 'purchase'") == n_orders
    assert ("shopify", "used") not in report
    assert shop.value("select sum(n_rows) from unmapped_events where reason = 'also_in_segment'") == sum(
        n for (source, fate), n in report.items() if (source, fate) == ("shopify", "seen_elsewhere")
    )
    n_grouped = len(grouped(events, SHAPES["segment"][2]))
    assert report["segment", "used"] + report.get(("segment", "rejected"), 0) == n_grouped
