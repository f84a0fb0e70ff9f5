"""Who is who by what trackers themselves say: aliases, Mixpanel's mapping, and the addresses of Shopify's customers."""

from datetime import datetime
from hashlib import sha256

import pytest
from tracked_shop import build, write

AT = datetime(2026, 5, 1, 10)
ANN = "email:" + sha256(b"ann@example.com").hexdigest()


@pytest.mark.slow
def test_links_of_trackers(tmp_path):
    viewed = {"timestamp": AT, "received_at": AT, "product_id": "p1"}
    web = {
        "product_viewed": [
            viewed | {"id": "s1", "anonymous_id": "cookie", "user_id": None},
            viewed | {"id": "s2", "anonymous_id": None, "user_id": "123"},
        ],
        "aliases": [{"previous_id": "cookie", "user_id": "123", "timestamp": AT, "received_at": AT}],
    }
    mixpanel = {
        "mp_master_event": [
            {"event_name": "Product Viewed", "distinct_id": "$device:d1", "device_id": "d1", "user_id": None}
            | {"time": AT, "insert_id": "m1", "properties": '{"product_id": "p1"}'},
            {"event_name": "Product Viewed", "distinct_id": "m-user", "device_id": None, "user_id": "m-user"}
            | {"time": AT, "insert_id": "m2", "properties": '{"product_id": "p1"}'},
        ],
        "mp_identity_mappings_data_view": [{"distinct_id": "$device:d1", "resolved_distinct_id": "m-user"}],
    }
    amplitude = {
        "event": [
            {"event_type": "Product Viewed", "event_time": AT, "server_upload_time": AT, "uuid": "a1"}
            | {
                "device_id": "a-device",
                "user_id": None,
                "amplitude_id": 123,
                "event_properties": '{"product_id": "p1"}',
            }
        ]
    }
    orders = [
        {"id": "o1", "customer_id": "c1", "email": "ann@example.com"},
        {"id": "o2", "customer_id": None, "email": " Ann@Example.com "},
        {"id": "o3", "customer_id": None, "email": None},
    ]
    state = {"processed_at": AT, "created_at": AT, "financial_status": "paid", "cancelled_at": None, "test": False}
    shopify = {
        "order": [one | state for one in orders],
        "order_line": [
            {"id": f"l{one['id']}", "order_id": one["id"], "product_id": "p1", "price": 5, "quantity": 1}
            for one in orders
        ],
        "customer": [{"id": "c1", "email": "Ann@example.com", "created_at": AT}],
    }
    trackers = {"segment": web, "mixpanel": mixpanel, "amplitude": amplitude, "shopify": shopify}
    for name, tables in trackers.items():
        write(tmp_path / "shop.duckdb", f"raw_{name}", tables)
    made = ["+identities", "+rejected_events"]
    shop = build(tmp_path, {name: f"raw_{name}" for name in trackers}, made, identity={"email": True})
    people = dict(shop.query("select identity_id, user_id from identities"))
    # Amplitude's own guess at a person is no id, though somebody else is 123.
    assert people == {"cookie": "123", "123": "123", "d1": "m-user", "m-user": "m-user", "a-device": "a-device"} | {
        "c1": "c1",
        ANN: "c1",
    }
    # A guest without an address is nobody, not one with all others.
    assert shop.query("select rejection_reason, count(*) from rejected_events group by all") == [("missing_person", 1)]
    # Somebody asks to be forgotten by a cookie: of all rows of that person nothing is left but that they came.
    requests = [{"identity_id": " cookie"}]
    write(tmp_path / "shop.duckdb", "raw", {"requests": requests})
    asked = {"inputs": {"erasures": "raw.requests"}, "identity": {"email": True}}
    build(
        tmp_path, {name: f"raw_{name}" for name in trackers}, [*made, "tracker_report", "forgotten_arrivals"], **asked
    )
    report = {(source, fate): n for source, fate, n in shop.query("from tracker_report")}
    assert report == {
        ("segment", "forgotten"): 2,
        ("mixpanel", "used"): 2,
        ("amplitude", "used"): 1,
        ("shopify", "used"): 2,
        ("shopify", "rejected"): 1,
    }
    assert sorted(shop.query("from forgotten_arrivals")) == [("identity_links", 1), ("segment", 2)]
    assert sorted(shop.column("select identity_id from identities")) == sorted([ANN, "a-device", "c1", "d1", "m-user"])
    left = (
        "select count(*) from tracker_rows where user_id = '123' or anonymous_id = 'cookie' or row_id in ('s1', 's2')"
    )
    assert shop.value(left) == 0 and shop.value("select count(*) from tracker_rows where source = 'segment'") == 2
