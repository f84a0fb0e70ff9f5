"""Messages of a stream: the columns of events, track calls, and what is no message at all."""

import json
from datetime import datetime

import pytest
from tracked_shop import build, write

AT = datetime(2026, 5, 1, 10)


def test_each_kind_of_message(tmp_path):
    view = {
        "event_id": "e1",
        "event_type": "view",
        "user_id": "u1",
        "item_id": "a",
        "occurred_at": "2026-05-01T10:00:00Z",
    }
    call = {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m1",
        "anonymousId": "d1",
        "timestamp": "2026-05-01T12:00:00+02:00",
        "properties": {
            "order_id": "O1",
            "products": [{"product_id": "a", "price": 3, "quantity": 2}, {"product_id": "b"}],
        },
    }
    payloads = [json.dumps(view), json.dumps(view), json.dumps(call), '{"event_type": "view"', "", None, '"text"', "[]"]
    rows = [
        {"topic": "t", "partition": 0, "offset": offset, "received_at": AT, "payload": payload}
        for offset, payload in enumerate(payloads)
    ]
    write(tmp_path / "shop.duckdb", "landing", {"landed_events": rows})
    shop = build(tmp_path, {"stream": "landing"})
    found = shop.query("select event_type, user_id, anonymous_id, item_id, occurred_at, value from events order by all")
    assert found == [
        ("purchase", None, "d1", "a", AT, 6),
        ("purchase", None, "d1", "b", AT, None),
        ("view", "u1", None, "a", AT, None),
    ]
    assert dict(shop.query("select fate, n_rows from tracker_report")) == {"used": 2, "duplicate": 1, "unmapped": 5}
    reasons = dict(shop.query("select reason, sum(n_rows) from unmapped_events group by all"))
    assert reasons["invalid_payload"] == 3 and sum(reasons.values()) == 5


@pytest.mark.slow
def test_tables_of_snowflakes_kafka_connector(tmp_path):
    """One table a topic, with what was sent and where it stood."""
    view = {"event_type": "view", "user_id": "u1", "item_id": "a", "occurred_at": "2026-05-01T10:00:00Z"}
    about = {"topic": "shop.web", "partition": 2, "CreateTime": 1777629600000}
    rows = [
        {"record_content": json.dumps(content), "record_metadata": json.dumps(about | {"offset": offset})}
        for offset, content in enumerate([view, view | {"item_id": "b"}])
    ]
    write(tmp_path / "shop.duckdb", "streams", {"shop_web": rows, "other": [{"a": 1}]})
    shop = build(tmp_path, {"stream": "streams"})
    assert shop.query("select event_id, item_id from events order by all") == [
        ("stream:shop.web-2-0", "a"),
        ("stream:shop.web-2-1", "b"),
    ]
    assert shop.query("select distinct received_at from tracker_rows") == [(AT,)]
