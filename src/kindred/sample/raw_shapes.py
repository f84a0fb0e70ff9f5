"""The sample shop as each tracker would have written it: raw tables whose truth is known.

    tables = render("segment", events, items, users)

`events` are rows of the input contract (dicts). What a tracker can't carry, such as a dislike, is left out; `carried`
says of which types its events are. Rows of one order or one list at one moment are one raw event with an array of
products, as a tracker sends them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]
Tables = dict[str, list[Row]]

SPEC_NAMES = {
    "view": "product_viewed",
    "impression": "product_list_viewed",
    "click": "product_clicked",
    "add_to_cart": "product_added",
    "purchase": "order_completed",
    "return": "order_refunded",
    "search": "products_searched",
    "like": "product_added_to_wishlist",
    "rate": "product_reviewed",
}
SNOWPLOW_NAMES = {
    "view": "product_view",
    "impression": "list_view",
    "click": "list_click",
    "add_to_cart": "add_to_cart",
}
SNOWPLOW_NAMES |= {"purchase": "transaction", "return": "refund", "search": "search"}
GA4_NAMES = {"view": "view_item", "impression": "view_item_list", "click": "select_item", "add_to_cart": "add_to_cart"}
GA4_NAMES |= {"purchase": "purchase", "return": "refund", "search": "search", "like": "add_to_wishlist"}
# Events that hold several products.
GROUPED = {"impression": "list_id", "purchase": "order_id", "return": "order_id"}


class RawEvent:
    """One raw event: what its rows share, and its products."""

    def __init__(self, rows: list[Row]):
        self.first, self.rows = rows[0], rows

    def __getattr__(self, name: str) -> Any:
        return self.first.get(name)

    @property
    def page(self) -> str | None:
        return f"https://{self.first['host']}:443/products" if self.first.get("host") else None

    @property
    def moment(self) -> datetime:
        occurred_at: datetime = self.first["occurred_at"]
        return occurred_at

    def products(self, items: Mapping[str, Row], names: Mapping[str, str]) -> list[Row]:
        """The products under the tracker's own names; nothing that is null."""
        found = []
        for row in self.rows:
            if row["item_id"] is None:
                continue
            facts = items.get(row["item_id"], {})
            quantity = row["quantity"] or 1
            price = row["value"] / quantity if row["value"] is not None and row["event_type"] in GROUPED else None
            values = {"item_id": row["item_id"], "name": facts.get("title"), "brand": facts.get("brand")}
            values |= {"category": facts.get("category"), "quantity": row["quantity"], "price": price}
            values |= {"position": row["position"]}
            found.append({names[key]: value for key, value in values.items() if value is not None and key in names})
        return found


def grouped(events: Iterable[Row], carried: Iterable[str]) -> list[RawEvent]:
    """Raw events of the types that are carried, in the order of their first rows."""
    together: dict[tuple[Any, ...], list[Row]] = {}
    for row in events:
        kind = row["event_type"]
        if kind not in carried:
            continue
        shared = row.get(GROUPED[kind]) if kind in GROUPED else None
        key = (kind, shared, row["user_id"], row["anonymous_id"], row["occurred_at"]) if shared else (row["event_id"],)
        together.setdefault(key, []).append(row)
    return [RawEvent(rows) for rows in together.values()]


SPEC_PRODUCT = {"item_id": "product_id", "quantity": "quantity", "price": "price", "position": "position"}
SPEC_PRODUCT |= {name: name for name in ("name", "brand", "category")}


def spec_tables(events: list[Row], items: Mapping[str, Row], users: list[Row]) -> Tables:
    """Segment's and RudderStack's warehouse schema: one table per event, `tracks`, `users`, `pages`."""
    tables: Tables = {"tracks": [], "pages": [], "identifies": []}
    for event in grouped(events, SPEC_NAMES):
        name = SPEC_NAMES[event.event_type]
        row = {
            "id": event.event_id,
            "user_id": event.user_id,
            "anonymous_id": event.anonymous_id,
            "event": name,
            "timestamp": event.moment,
            "original_timestamp": event.moment + timedelta(seconds=3),
            "received_at": event.moment + timedelta(seconds=5),
            "uuid_ts": event.moment + timedelta(hours=1),
            "context_session_id": event.session_id,
            "context_user_agent": event.user_agent,
            "context_page_url": event.page,
            "context_ip": event.ip_address,
        }
        tables["tracks"].append(dict(row))
        products = event.products(items, SPEC_PRODUCT)
        if event.event_type in GROUPED:
            row |= {"products": json.dumps(products), "list_id": event.list_id, "order_id": event.order_id}
        else:
            row |= {name: None for name in SPEC_PRODUCT.values()} | (products[0] if products else {})
            row |= {"list_id": event.list_id, "query": event.query}
            row |= {"rating": event.value if event.event_type == "rate" else None}
        tables.setdefault(name, []).append(row)
    for number, event in enumerate(grouped(events, ["view"])[:200]):
        row = {"id": f"page{number}", "user_id": event.user_id, "anonymous_id": event.anonymous_id}
        row |= {"timestamp": event.moment, "received_at": event.moment, "name": "Home"}
        tables["pages"].append(row)
        tables["identifies"].append(row | {"id": f"identify{number}"})
    tables["users"] = [
        {"id": user["user_id"], "created_at": user["created_at"], "country": user["country"]}
        | {"received_at": datetime(2026, 6, 1)}
        for user in users
    ]
    return tables


SNOWPLOW = "com_snowplowanalytics_snowplow_ecommerce_"
SNOWPLOW_PRODUCT = {"item_id": "id", "quantity": "quantity", "price": "price", "position": "position"}
SNOWPLOW_PRODUCT |= {name: name for name in ("name", "brand", "category")}


def snowplow_events(events: list[Row], items: Mapping[str, Row]) -> list[tuple[Row, Row, list[Row], Row]]:
    """(atomic event, action, products, transaction) of each raw event."""
    found = []
    for event in grouped(events, SNOWPLOW_NAMES):
        is_search = event.event_type == "search"
        atomic = {
            "event_id": event.event_id,
            "event": "struct" if is_search else "unstruct",
            "event_name": "event" if is_search else "snowplow_ecommerce_action",
            "user_id": event.user_id,
            "domain_userid": event.anonymous_id,
            "domain_sessionid": event.session_id,
            "network_userid": "00000000-0000-0000-0000-000000000000",
            "collector_tstamp": event.moment + timedelta(seconds=2),
            "derived_tstamp": event.moment,
            "se_action": "search" if is_search else None,
            "se_label": event.query if is_search else None,
            "useragent": event.user_agent,
            "page_urlhost": event.host,
            "user_ipaddress": event.ip_address,
            "contexts_com_iab_snowplow_spiders_and_robots_1": json.dumps(
                [{"spiderOrRobot": event.traffic is not None}]
            ),
        }
        action = {} if is_search else {"type": SNOWPLOW_NAMES[event.event_type], "name": event.list_id}
        products = event.products(items, SNOWPLOW_PRODUCT)
        transaction = {"transaction_id": event.order_id, "currency": "EUR"} if event.order_id else {}
        found.append((atomic, action, products, transaction))
    pings = [
        {"event_id": f"ping{number}", "event": "page_ping", "event_name": "page_ping", "user_id": None}
        | {"domain_userid": "someone", "domain_sessionid": None, "network_userid": None}
        | {"collector_tstamp": datetime(2026, 5, 1), "derived_tstamp": datetime(2026, 5, 1)}
        | {"se_action": None, "se_label": None, "useragent": None, "page_urlhost": None, "user_ipaddress": None}
        | {"contexts_com_iab_snowplow_spiders_and_robots_1": "[]"}
        for number in range(100)
    ]
    return [*found, *((ping, {}, [], {}) for ping in pings)]


def snowplow_tables(events: list[Row], items: Mapping[str, Row], users: list[Row]) -> Tables:
    """Snowplow with contexts as columns."""
    rows = []
    for atomic, action, products, transaction in snowplow_events(events, items):
        contexts = {
            f"unstruct_event_{SNOWPLOW}snowplow_ecommerce_action_1": json.dumps(action) if action else None,
            f"contexts_{SNOWPLOW}product_1": json.dumps(products),
            f"contexts_{SNOWPLOW}transaction_1_0_0": json.dumps([transaction]) if transaction else None,
        }
        rows.append(atomic | contexts)
    return {"events": rows}


def snowplow_context_tables(events: list[Row], items: Mapping[str, Row], users: list[Row]) -> Tables:
    """Snowplow with contexts as tables of their own."""
    tables: Tables = {"events": [], f"{SNOWPLOW}action_1": [], f"{SNOWPLOW}product_1": []}
    tables[f"{SNOWPLOW}transaction_1"] = []
    for atomic, action, products, transaction in snowplow_events(events, items):
        tables["events"].append(atomic)
        root = {"root_id": atomic["event_id"], "root_tstamp": atomic["collector_tstamp"]}
        if action:
            tables[f"{SNOWPLOW}action_1"].append(root | action)
        if transaction:
            tables[f"{SNOWPLOW}transaction_1"].append(root | transaction)
        for product in products:
            row = root | {name: product.get(name) for name in SNOWPLOW_PRODUCT.values()}
            tables[f"{SNOWPLOW}product_1"].append(row)
    return tables


GA4_PRODUCT = {"item_id": "item_id", "name": "item_name", "brand": "item_brand", "category": "item_category"}
GA4_PRODUCT |= {"quantity": "quantity", "price": "price", "position": "index"}


def microseconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp() * 1_000_000)


def ga4_tables(events: list[Row], items: Mapping[str, Row], users: list[Row]) -> Tables:
    """GA4's BigQuery export, one table per day, items and parameters as JSON arrays."""
    tables: Tables = {}
    for number, event in enumerate(grouped(events, GA4_NAMES)):

        def param(key: str, value: Any, kind: str = "string_value") -> list[Row]:
            empty = dict.fromkeys(("string_value", "int_value", "float_value", "double_value"))
            return [] if value is None else [{"key": key, "value": empty | {kind: value}}]

        params = param("ga_session_id", event.session_id) + param("currency", "EUR")
        params += param("search_term", event.query) + param("item_list_id", event.list_id)
        params += param("traffic_type", event.traffic) + param("page_location", event.page)
        row = {
            "event_date": f"{event.moment:%Y%m%d}",
            "event_timestamp": microseconds(event.moment),
            "event_name": GA4_NAMES[event.event_type],
            "event_params": json.dumps(params),
            "user_id": event.user_id,
            "user_pseudo_id": event.anonymous_id,
            "stream_id": "1",
            "batch_event_index": number,
            "ecommerce": json.dumps({"transaction_id": event.order_id or "(not set)"}),
            "items": json.dumps(event.products(items, GA4_PRODUCT)),
        }
        tables.setdefault(f"events_{event.moment:%Y%m}01", []).append(row)
    return tables


def ga4_fivetran_tables(events: list[Row], items: Mapping[str, Row], users: list[Row]) -> Tables:
    """GA4 in Fivetran's shape: parameters as columns, items in a table of their own."""
    tables: Tables = {"event": [], "item": []}
    for number, event in enumerate(grouped(events, GA4_NAMES)):
        tables["event"].append(
            {
                "_fivetran_id": f"f{number}",
                "_fivetran_synced": event.moment + timedelta(days=1),
                "name": GA4_NAMES[event.event_type],
                "timestamp": event.moment,
                "date": f"{event.moment:%Y-%m-%d}",
                "is_intraday": False,
                "user_id": event.user_id,
                "user_pseudo_id": event.anonymous_id,
                "stream_id": "1",
                "batch_event_index": number,
                "param_ga_session_id": event.session_id,
                "param_search_term": event.query,
                "param_item_list_id": event.list_id,
                "param_traffic_type": event.traffic,
                "param_page_location": event.page,
                "ecommerce_transaction_id": event.order_id,
            }
        )
        for product in event.products(items, GA4_PRODUCT):
            row = {"event_fivetran_id": f"f{number}"} | {name: product.get(name) for name in GA4_PRODUCT.values()}
            tables["item"].append(row)
    return tables


def properties_of(event: RawEvent, items: Mapping[str, Row]) -> Row:
    """An event's properties in one object, as Mixpanel and Amplitude keep them."""
    products = event.products(items, SPEC_PRODUCT)
    properties: Row = {"session_id": event.session_id, "list_id": event.list_id, "order_id": event.order_id}
    properties |= {"traffic": event.traffic, "user_agent": event.user_agent, "$current_url": event.page}
    properties |= {"query": event.query, "rating": event.value if event.event_type == "rate" else None}
    properties |= {"products": products} if event.event_type in GROUPED else (products[0] if products else {})
    return {name: value for name, value in properties.items() if value is not None}


def title_case(name: str) -> str:
    return name.replace("_", " ").title()


def mixpanel_tables(events: list[Row], items: Mapping[str, Row], users: list[Row]) -> Tables:
    """Mixpanel in Fivetran's shape."""
    rows = []
    for event in grouped(events, SPEC_NAMES):
        own = {"$user_id": event.user_id} if event.user_id else {}
        rows.append(
            {
                "name": title_case(SPEC_NAMES[event.event_type]),
                "time": event.moment,
                "distinct_id": event.user_id or f"$device:{event.anonymous_id}",
                "device_id": f"$device:{event.anonymous_id}" if event.anonymous_id else None,
                "insert_id": event.event_id,
                "properties": json.dumps(
                    properties_of(event, items) | own | ({"ip": event.ip_address} if event.ip_address else {})
                ),
                "_fivetran_synced": event.moment + timedelta(days=1),
            }
        )
    return {"event": rows}


def amplitude_tables(events: list[Row], items: Mapping[str, Row], users: list[Row]) -> Tables:
    """Amplitude in Fivetran's shape."""
    rows = []
    for event in grouped(events, SPEC_NAMES):
        properties = properties_of(event, items)
        session = properties.pop("session_id", None)
        rows.append(
            {
                "uuid": event.event_id,
                "event_type": title_case(SPEC_NAMES[event.event_type]),
                "event_time": event.moment,
                "server_upload_time": event.moment + timedelta(minutes=1),
                "user_id": event.user_id,
                "device_id": event.anonymous_id,
                "session_id": int(session[1:]) if session else -1,
                "event_properties": json.dumps(properties),
                "ip_address": event.ip_address,
            }
        )
    return {"event": rows}


def shopify_tables(events: list[Row], items: Mapping[str, Row], users: list[Row], graphql: bool = False) -> Tables:
    """Shopify in the shape of Fivetran's REST or GraphQL connector: orders, lines, refunds, products, customers."""
    tables: Tables = {"order": [], "order_line": [], "refund": [], "product": [], "product_variant": [], "customer": []}
    refunded = "refund_line_item" if graphql else "order_line_refund"
    tables[refunded] = []
    gid = (lambda kind, key: f"gid://shopify/{kind}/{key}") if graphql else (lambda kind, key: str(key))
    lines: dict[tuple[str, str], tuple[str, float]] = {}
    for event in grouped((row for row in events if row["order_id"]), ["purchase"]):
        tables["order"].append(
            {
                "id": gid("Order", event.order_id),
                "customer_id": gid("Customer", event.user_id),
                "email": None,
                "created_at": event.moment + timedelta(minutes=1),
                "processed_at": event.moment,
                "cancelled_at": " ",
                "test": False,
                ("display_financial_status" if graphql else "financial_status"): "PAID" if graphql else "paid",
                ("currency_code" if graphql else "currency"): "EUR",
            }
        )
        for row in event.rows:
            quantity, value = row["quantity"] or 1, row["value"] or 0.0
            lines[row["order_id"], row["item_id"]] = (row["event_id"], value / quantity)
            line: Row = {"id": gid("LineItem", row["event_id"]), "order_id": gid("Order", event.order_id)}
            line |= {"product_id": gid("Product", row["item_id"]), "quantity": str(quantity)}
            line |= {"title": items.get(row["item_id"], {}).get("title")}
            if graphql:
                line |= {"original_total_set_shop_amount": value + 1, "total_discount_set_shop_amount": 1.0}
                line |= {"is_gift_card": False}
            else:
                line |= {"price": (value + 1) / quantity, "total_discount": 1.0, "gift_card": False}
            tables["order_line"].append(line)
    for row in events:
        if row["event_type"] != "return" or (row["order_id"], row["item_id"]) not in lines:
            continue
        refund = {"id": gid("Refund", row["event_id"]), "order_id": gid("Order", row["order_id"])}
        tables["refund"].append(refund | {"created_at": row["occurred_at"], "processed_at": row["occurred_at"]})
        amount = "subtotal_set_shop_amount" if graphql else "subtotal"
        tables[refunded].append(
            {
                "id": gid("RefundLineItem", row["event_id"]),
                "refund_id": refund["id"],
                "order_line_id": gid("LineItem", lines[row["order_id"], row["item_id"]][0]),
                "quantity": f"{row['quantity'] or 1:.1f}",
                "restock_type": "return",
                amount: row["value"],
            }
        )
    for item in items.values():
        product = {"id": gid("Product", item["item_id"]), "title": item["title"], "product_type": item["category"]}
        product |= {"vendor": item["brand"], "published_at": item["created_at"], "_fivetran_deleted": False}
        tables["product"].append(product | ({"status": "ACTIVE"} if graphql else {}))
        variant = {"id": gid("ProductVariant", item["item_id"]), "product_id": product["id"], "price": item["price"]}
        variant |= {"available_for_sale": item["is_available"], "inventory_policy": "DENY"}
        tables["product_variant"].append(variant)
    tables["customer"] = [
        {"id": gid("Customer", user["user_id"]), "created_at": user["created_at"], "email": None} for user in users
    ]
    return tables


def shopify_graphql_tables(events: list[Row], items: Mapping[str, Row], users: list[Row]) -> Tables:
    return shopify_tables(events, items, users, graphql=True)


def stream_tables(events: list[Row], items: Mapping[str, Row], users: list[Row]) -> Tables:
    """Messages in the shape of the events contract, as a topic's landed rows."""
    rows = []
    for offset, row in enumerate(events):
        payload = {name: value for name, value in row.items() if value is not None and name != "properties"}
        payload |= {"occurred_at": f"{row['occurred_at']:%Y-%m-%dT%H:%M:%S.%f}"}
        if row["event_type"] in GROUPED and row["value"] is not None:
            payload |= {"price": payload.pop("value") / (row["quantity"] or 1)}
        if row["event_type"] == "rate":
            payload |= {"rating": payload.pop("value")}
        rows.append(
            {
                "topic": "events",
                "partition": offset % 3,
                "offset": offset // 3,
                "received_at": row["occurred_at"],
                "payload": json.dumps(payload),
            }
        )
    return {"landed_events": rows}


# {shape: (tracker, renderer, event types that it can carry)}
SHAPES: dict[str, tuple[str, Callable[[list[Row], Mapping[str, Row], list[Row]], Tables], set[str]]] = {
    "segment": ("segment", spec_tables, set(SPEC_NAMES)),
    "rudderstack": ("rudderstack", spec_tables, set(SPEC_NAMES)),
    "snowplow": ("snowplow", snowplow_tables, set(SNOWPLOW_NAMES)),
    "snowplow_tables": ("snowplow", snowplow_context_tables, set(SNOWPLOW_NAMES)),
    "ga4": ("ga4", ga4_tables, set(GA4_NAMES)),
    "ga4_fivetran": ("ga4", ga4_fivetran_tables, set(GA4_NAMES)),
    "mixpanel": ("mixpanel", mixpanel_tables, set(SPEC_NAMES)),
    "amplitude": ("amplitude", amplitude_tables, set(SPEC_NAMES)),
    "shopify": ("shopify", shopify_tables, {"purchase", "return"}),
    "shopify_graphql": ("shopify", shopify_graphql_tables, {"purchase", "return"}),
    "stream": ("stream", stream_tables, {*SPEC_NAMES, "dislike", "watch"}),
}
