"""The world of the recipe commerce: half of kindred's sample shop, in the tables that a shop's own systems would write.

Grown onto it: what products cost, among them two loss leaders that are often bought together; clubs and ages of
customers, which many don't tell; mails of the last two weeks, up to the cap and beyond it; who would buy the campaign's
product on being told of it; and in May a test of prices, with what customers then bought. The same rows on every run.
"""

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.serving.arms import unit_key
from recipes.run import World

SAMPLE = Path(__file__).resolve().parents[2] / "seeds/sample"
# Sold together, and both barely above cost: the pair is below any sensible floor.
LOSS_LEADERS = ("Gooseneck Pour-Over Kettle Matt Black", "Coffee Scale with Timer")
LEADERS_MARKUP = 1.03
CLUBS = {"silver": 0.25, "gold": 0.10}
SHARE_WITHOUT_AGE = 0.30
# What the campaign is about, and how probably somebody buys it who is told of it: people of its taste, and others.
CAMPAIGN_PRODUCT = "Ceramic Coffee Dripper White"
BUYS_IF_TOLD = {True: 0.40, False: 0.03}
END = datetime(2026, 6, 1)
# The price test, as shop_experiments.csv and shop_arms.csv have it: {arm: (the key at which it ends, factor)}. A
# customer sees so many of the products that may be in all arms, half of them of the own taste if there are any.
TEST, TESTED, TEST_FROM, TEST_DAYS = "coffee_prices", "Coffee & Tea", datetime(2026, 5, 1), 16
ARMS = {"as_it_is": ("80000000", 1.0), "lower": ("c0000000", 0.7), "higher": ("g", 1.1)}
LOWEST_PRICE, HIGHEST_PRICE, MARGIN_FLOOR = 5, 60, 0.1
N_SHOWN = 4
# How probably a product is bought within the days at its usual price, by whether it is of the customer's taste, and how
# that falls with the price.
BUYS_AT_USUAL_PRICE, ELASTICITY, BOUGHT_WITHIN = {True: 0.20, False: 0.05}, 2.0, 13
N_MAILS = 4  # at most, of the last two weeks


def read(name: str) -> list[dict[str, str | None]]:
    """The rows of a table of the sample shop; empty fields are None."""
    with open(SAMPLE / f"sample_{name}.csv", encoding="utf-8", newline="") as file:
        return [{column: value or None for column, value in row.items()} for row in csv.DictReader(file)]


def number(text: str | None) -> float | None:
    return float(text) if text else None


def time_of(text: str | None) -> datetime | None:
    """The time that a text says; None for the sample's planted bad ones, of which this shop has none."""
    try:
        return datetime.fromisoformat(text or "")
    except ValueError:
        return None


def make_products(rng: np.random.Generator) -> list[dict[str, Any]]:
    products = []
    for item in read("items"):
        price, margin = float(item["price"] or 0), float(item["margin"] or 0)
        cost = price / LEADERS_MARKUP if item["title"] in LOSS_LEADERS else price - margin
        product = {"sku": item["item_id"], "name": item["title"], "description": item["description"]}
        product |= {"department": item["category"], "brand": item["brand"], "price": price, "cost": round(cost, 2)}
        product |= {"is_on_sale": item["is_available"] == "true", "listed_at": time_of(item["created_at"])}
        products.append(product | {"details": item["attributes"]})
    return products


def make_customers(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Every second customer of the sample shop."""
    customers = []
    for user in read("users")[::2]:
        club = str(rng.choice([*CLUBS, ""], p=[*CLUBS.values(), 1 - sum(CLUBS.values())]))
        age = int(rng.integers(15, 80))
        customer = {"customer_no": user["user_id"], "registered_at": time_of(user["created_at"])}
        customer |= {"country": user["country"], "club": club or None}
        customers.append(customer | {"age": None if rng.random() < SHARE_WITHOUT_AGE else age})
    return customers


def make_events(customers: set[str | None], devices: set[str | None]) -> tuple[list[dict], list[dict]]:
    """(page events, order lines) of these customers, and of the devices on which they aren't logged in."""
    pages, lines = [], []
    for event in read("events"):
        moment, what = time_of(event["occurred_at"]), event["event_type"]
        is_theirs = event["user_id"] in customers or (event["user_id"] is None and event["anonymous_id"] in devices)
        if not is_theirs or moment is None or event["event_id"] is None:
            continue
        row: dict[str, Any] = {"customer_no": event["user_id"], "visitor": event["anonymous_id"]}
        row |= {"visit": event["session_id"], "sku": event["item_id"]}
        if what in ("purchase", "return"):
            row |= {"line_id": event["event_id"], "order_no": event["order_id"], "ordered_at": moment}
            row |= {"pieces": number(event["quantity"]), "line_total": number(event["value"])}
            lines.append(row | {"is_return": what == "return"})
        else:
            row |= {"page_event_id": event["event_id"], "what": what, "happened_at": moment}
            row |= {"amount": number(event["value"]), "shown_list": event["list_id"]}
            place = number(event["position"])
            pages.append(row | {"place": None if place is None else int(place), "search_words": event["query"]})
    return pages, lines


def make_mails(rng: np.random.Generator, customers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    mails = []
    for customer in customers:
        for _ in range(int(rng.integers(N_MAILS + 1))):
            moment = END - timedelta(seconds=int(rng.integers(3600, 14 * 86400)))
            mails.append({"customer_no": customer["customer_no"], "sent_at": moment})
    return [mail | {"mail_id": f"m{number:05d}"} for number, mail in enumerate(mails, start=1)]


def allowed_prices(product: dict[str, Any]) -> dict[str, float]:
    """{arm: the product's price in it}, of arms that the shop's bounds and floor allow."""
    prices = {arm: round(product["price"] * factor, 1) for arm, (_, factor) in ARMS.items() if factor != 1}
    floor = product["cost"] * (1 + MARGIN_FLOOR)
    return {"as_it_is": product["price"]} | {
        arm: price for arm, price in prices.items() if max(floor, LOWEST_PRICE) <= price <= HIGHEST_PRICE
    }


@dataclass
class PriceTest:
    """What was shown at which price, what was bought, and what each arm does to a pair of customer and product."""

    shown: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    # {arm: what it adds to the margin, or revenue, of a pair, over the usual price; one number for each pair}
    margins: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    revenues: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def show(self, rng: np.random.Generator, person: str, product: dict[str, Any], is_own_taste: bool) -> None:
        prices, usual = allowed_prices(product), product["price"]
        chances = {
            arm: BUYS_AT_USUAL_PRICE[is_own_taste] * (price / usual) ** -ELASTICITY for arm, price in prices.items()
        }
        for arm, price in prices.items():
            margin = chances[arm] * (price - product["cost"]) - chances["as_it_is"] * (usual - product["cost"])
            self.margins[arm].append(margin)
            self.revenues[arm].append(chances[arm] * price - chances["as_it_is"] * usual)
        key = unit_key(f"{TEST}|{TEST}|{person}|{product['sku']}")
        arm = next(arm for arm, (ends, _) in ARMS.items() if key < ends)
        moment = TEST_FROM + timedelta(seconds=int(rng.integers(TEST_DAYS * 86400)))
        number = f"{len(self.shown) + 1:05d}"
        row: dict[str, Any] = {"shown_id": f"p{number}", "customer_no": person, "sku": product["sku"]}
        self.shown.append(row | {"test": TEST, "arm": arm, "price": prices[arm], "shown_at": moment})
        if rng.random() < chances[arm]:
            row = {"customer_no": person, "visitor": None, "visit": f"v{number}", "sku": product["sku"]}
            row |= {"line_id": f"l{number}", "order_no": f"o{number}", "pieces": 1.0, "line_total": prices[arm]}
            row |= {"ordered_at": moment + timedelta(seconds=int(rng.integers(60, BOUGHT_WITHIN * 86400)))}
            self.lines.append(row | {"is_return": False})


def make_price_test(
    rng: np.random.Generator,
    people: list[str],
    products: list[dict[str, Any]],
    tastes: dict[tuple[str, str], str],
    refilled: set[tuple[str, str]],
) -> PriceTest:
    """Nobody is shown the own refill, whose rhythm is planted already."""
    test = PriceTest()
    tested = [
        product for product in products if product["department"] == TESTED and len(allowed_prices(product)) == len(ARMS)
    ]
    for person in people:
        others = [product for product in tested if (person, product["sku"]) not in refilled]
        own = [p for p in others if tastes["item_taste", p["sku"]] == tastes.get(("user_taste", person))]
        liked = [own[index] for index in rng.permutation(len(own))[: N_SHOWN // 2]]
        rest = [product for product in others if product not in liked]
        for product in [*liked, *(rest[index] for index in rng.permutation(len(rest))[: N_SHOWN - len(liked)])]:
            test.show(rng, person, product, product in own)
    return test


def make_world() -> World:
    rng = np.random.default_rng(20261130)
    products, customers = make_products(rng), make_customers(rng)
    truths = read("truths")
    kept = {customer["customer_no"] for customer in customers}
    devices = {row["other_id"] for row in truths if row["kind"] == "same_person" and row["entity_id"] in kept}
    refilled = {
        (row["entity_id"], row["other_id"])
        for row in truths
        if row["kind"] == "repurchase" and row["entity_id"] in kept
    }
    pages, lines = make_events(kept, devices)
    permissions = [
        {
            "customer_no": row["user_id"],
            "topic": row["purpose"],
            "is_allowed": row["is_granted"] == "true",
            "answered_at": time_of(row["updated_at"]),
        }
        for row in read("consents")
        if row["user_id"] in kept
    ]
    tables = {"page_events": pages, "order_lines": lines, "products": products, "customers": customers}
    mails = make_mails(rng, customers)
    tastes = {(row["kind"], row["entity_id"]): row["value"] for row in truths}
    test = make_price_test(np.random.default_rng(20261201), sorted(kept), products, tastes, refilled)
    lines += test.lines
    tables |= {"permissions": permissions, "mails": mails, "prices_shown": test.shown}
    skus = {product["name"]: product["sku"] for product in products}
    taste = tastes["item_taste", skus[CAMPAIGN_PRODUCT]]
    would_buy = {
        person: bool(rng.random() < BUYS_IF_TOLD[tastes.get(("user_taste", person)) == taste])
        for person in sorted(kept)
    }
    return World(
        tables={name: pa.Table.from_pylist(rows) for name, rows in tables.items()},
        truths={
            "mailed": [mail["customer_no"] for mail in mails],
            "would_buy": would_buy,
            "campaign_item": skus[CAMPAIGN_PRODUCT],
            "customers": {customer["customer_no"]: customer for customer in customers},
            "loss_leaders": [skus[title] for title in LOSS_LEADERS],
            "taste_of_person": {row["entity_id"]: row["value"] for row in truths if row["kind"] == "user_taste"},
            "taste_of_item": {row["entity_id"]: row["value"] for row in truths if row["kind"] == "item_taste"},
            "refilled": refilled,
            "prices": {
                (product["sku"], arm): price
                for product in products
                if product["department"] == TESTED
                for arm, price in allowed_prices(product).items()
            },
            # {(metric, arm): what the arm adds to it, of the mean pair of customer and product that was shown}
            "price_effects": {
                (metric, arm): float(np.mean(effects[arm]))
                for metric, effects in (("margin", test.margins), ("revenue", test.revenues))
                for arm in ("lower", "higher")
            },
        },
    )
