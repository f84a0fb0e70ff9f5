"""Orders: what a line is worth, other currencies, whole orders that come back, and orders that come twice."""

import json
from datetime import datetime

import pytest
from tracked_shop import build, write

AT = datetime(2026, 5, 1, 10)


def order(number, currency, products, at=AT, **more):
    row = {"id": f"m{number}", "user_id": "u1", "anonymous_id": None, "timestamp": at, "received_at": at}
    return row | {"order_id": f"#O{number}", "currency": currency, "products": json.dumps(products)} | more


def test_values_currencies_and_returns(tmp_path):
    lines = [{"product_id": "a", "price": 10, "quantity": 2, "discount": 1}, {"product_id": "b", "price": "5.5"}]
    tables = {
        "order_completed": [
            order(1, "EUR", lines),
            order(2, "usd", lines[:1]),
            order(3, "GBP", lines[:1]),
            # A page that was loaded again sends the order under a new id.
            order(1, "EUR", lines, at=AT.replace(hour=12), id="m1-again"),
        ],
        "order_refunded": [order(1, None, [], at=AT.replace(day=5), id="r1"), order(9, None, [], id="r9")],
    }
    write(tmp_path / "shop.duckdb", "web", tables)
    write(tmp_path / "shop.duckdb", "money", {"rates": [{"currency": "USD", "day": AT.date(), "rate": 0.5}]})
    settings = {"trackers": {"segment": "web"}, "tracker_options": {"currency": "EUR", "rates": "money.rates"}}
    shop = build(tmp_path, select=["+events", "+input_problems", "+tracker_report", "unmapped_events"], **settings)
    found = shop.query("select event_type, order_id, item_id, quantity, value, occurred_at from events order by all")
    later = AT.replace(day=5)
    assert found == [
        ("purchase", "#O1", "a", 2, 19, AT),
        ("purchase", "#O1", "b", 1, 5.5, AT),
        ("purchase", "#O2", "a", 2, 9.5, AT),
        ("purchase", "#O3", "a", 2, None, AT),
        ("return", "#O1", "a", 2, 19, later),
        ("return", "#O1", "b", 1, 5.5, later),
    ]
    assert shop.query("select problem, rejected_text, n_rows from input_problems") == [("currency_unknown", "GBP", 1)]
    assert shop.query("select event_name, reason, n_rows from unmapped_events") == [
        ("order_refunded", "return_without_lines", 1)
    ]
    # Without a tracker, as in the sample shop, the models are disabled, and so are their unit tests.
    models = ("tracker_rows", "tracker_lines", "compared_rows", "tracker_fates")
    tested = shop.dbt("test", "--select", *(f"{model},test_type:unit" for model in models), **settings)
    assert tested.returncode == 0, tested.output
    assert all(f"PASS {model}::" in tested.output for model in models), tested.output
    assert dict(shop.query("select fate, n_rows from tracker_report")) == {"used": 4, "duplicate": 1, "unmapped": 1}


@pytest.mark.slow
def test_shopify__what_is_no_purchase_and_pieces_that_were_cancelled(tmp_path):
    """Seven reasons to count nothing; of the three pieces of the good order one was cancelled and one given back."""
    orders = [
        {"id": name, "customer_id": None if name == "guest" else "c1", "email": " Ann@Example.com ", "processed_at": AT}
        | {"created_at": AT, "cancelled_at": AT if name == "cancelled" else None, "test": name == "test"}
        | {"financial_status": "voided" if name == "voided" else "paid", "_fivetran_deleted": name == "deleted"}
        for name in ("good", "guest", "cancelled", "test", "voided", "deleted")
    ]
    line = {"product_id": "p", "price": 10.0, "quantity": 3, "total_discount": 3.0, "gift_card": False}
    lines = [{"id": f"l-{one['id']}", "order_id": one["id"]} | line for one in orders]
    lines += [
        {"id": "l-card", "order_id": "good"} | line | {"gift_card": True},
        {"id": "l-tip", "order_id": "good"} | line | {"product_id": None},
        {"id": "l-lost", "order_id": "nowhere"} | line,
    ]
    refunds = [
        {"id": f"f-{kind}", "order_line_id": "l-good", "refund_id": "r", "quantity": 1, "restock_type": kind}
        for kind in ("cancel", "return")
    ]
    tables = {"order": orders, "order_line": lines, "order_line_refund": refunds}
    tables |= {"refund": [{"id": "r", "created_at": AT.replace(day=9), "processed_at": None}]}
    write(tmp_path / "shop.duckdb", "shop_a", tables)
    shop = build(tmp_path, {"shopify": "shop_a"})
    found = shop.query("select event_type, order_id, quantity, value, occurred_at from events order by all")
    assert found == [
        ("purchase", "good", 2, 18, AT),
        ("purchase", "guest", 3, 27, AT),
        ("return", "good", 1, 9, AT.replace(day=9)),
    ]
    [guest] = shop.column("select user_id from events where order_id = 'guest'")
    assert guest.startswith("email:") and "ann" not in guest
    reasons = dict(shop.query("select reason, sum(n_rows) from unmapped_events group by all"))
    names = ("cancelled", "test_order", "not_paid", "deleted", "gift_card", "no_product", "missing_order")
    assert reasons == dict.fromkeys(names, 1) | {"cancelled": 2}
