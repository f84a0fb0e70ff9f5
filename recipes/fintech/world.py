"""The world of the recipe fintech: a bank's offers, customers, what they do in its app, and their card payments.

Planted are tastes; customers of whom the income or the age is unknown; changes of what is known of a customer, some
of which count from a day far ahead; products that were given up; payments that recur; refunds and checks of a card; a
month in which some customers spend far more than usual; and frauds: amounts out of all proportion, cards that are used
far away while the customer is at home, and bursts of small payments. Sex is in no condition, and tastes and incomes
don't depend on it. The same rows on every run.
"""

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from recipes.run import World

START, APP_FROM, END = datetime(2025, 10, 1), datetime(2026, 3, 1), datetime(2026, 6, 1)
N_DAYS, N_MONTHS = (END - START).days, 8
MONTHS = [datetime(2025 + (9 + n) // 12, (9 + n) % 12 + 1, 1) for n in range(N_MONTHS + 1)]
N_CUSTOMERS = 400

# {family: [(offer, name, description)]}
OFFERS = {
    "Cards": [
        ("c01", "Everyday Card", "first credit card without a yearly fee"),
        ("c02", "Student Card", "credit card for students and apprentices"),
        ("c03", "Cashback Card", "one percent back on groceries and fuel"),
        ("c04", "Travel Card", "no fees abroad, travel cover included"),
        ("c05", "Gold Card", "higher limit, lounge access"),
        ("c06", "Platinum Card", "concierge, highest limit, travel cover"),
    ],
    "Loans": [
        ("l01", "Instalment Loan", "up to 10,000 over five years"),
        ("l02", "Car Loan", "for new and used cars"),
        ("l03", "Renovation Loan", "for kitchens, baths and roofs"),
        ("l04", "Solar Loan", "for solar panels and heat pumps"),
        ("l05", "Mortgage", "for a flat or a house of your own"),
    ],
    "Savings": [
        ("s01", "Daily Saver", "interest every month, available every day"),
        ("s02", "Youth Saver", "better interest until the age of 25"),
        ("s03", "Fixed Deposit 12", "fixed for twelve months"),
        ("s04", "Fixed Deposit 36", "fixed for three years"),
        ("s05", "Round-up Pot", "rounds up card payments and saves the rest"),
    ],
    "Insurance": [
        ("p01", "Travel Cover", "cancellation, luggage and health abroad"),
        ("p02", "Household Cover", "fire, water and theft at home"),
        ("p03", "Liability Cover", "damage done to others"),
        ("p04", "Dental Cover", "crowns, implants and cleaning"),
        ("p05", "Legal Cover", "lawyers and courts"),
    ],
    "Investment": [
        ("n01", "Index Plan", "monthly plan in a world index fund"),
        ("n02", "Green Index Plan", "monthly plan in a fund of sustainable firms"),
        ("n03", "Brokerage Account", "shares, bonds and funds of your choice"),
        ("n04", "Managed Portfolio", "five strategies, managed for you"),
    ],
}
# (share of the customers, cities by latitude and longitude)
COUNTRIES = {
    "DE": (0.55, [(52.52, 13.40), (53.55, 9.99), (48.14, 11.58), (50.94, 6.96)]),
    "AT": (0.25, [(48.21, 16.37), (47.07, 15.44)]),
    "CH": (0.20, [(47.37, 8.54), (46.95, 7.45)]),
}
TRIPS = [(41.39, 2.17), (41.90, 12.50), (51.51, -0.13), (38.72, -9.14)]
FAR = [(40.71, -74.01), (13.76, 100.50), (25.20, 55.27), (6.52, 3.38), (-23.55, -46.63)]
SEXES = {"female": 0.49, "male": 0.47, "diverse": 0.01, None: 0.03}
INCOMES = {"low": 0.25, "middle": 0.42, "high": 0.18, None: 0.15}
RISKS = {"cautious": 0.25, "balanced": 0.25, "growth": 0.15, None: 0.35}
HELD = {"salary_account": 0.7, "credit_card": 0.4, "mortgage": 0.15}
N_CHANGED, N_REFUSING = 40, 20
REPLAYED = datetime(2026, 5, 16)  # what changes in the two weeks after it isn't known to a replay of this day
N_AGELESS, N_ANNOUNCED, N_GIVEN_UP = 8, 5, 24  # customers without an age; with a version of 2099; products
N_REFUNDS, N_CHECKS, CURRENCY = 400, 150, "EUR"  # checks: entries of the amount 0
N_TASTES, VISITS_EVERY = 2, 6.0  # families that a customer likes; days
CLICKS = {True: 0.5, False: 0.1}  # on a view, by whether the family is liked
APPLIES = {True: 0.3, False: 0.05}  # after a click

# {category: (payments a month, mean of ln(amount), its spread, share without the card being present)}
CATEGORIES = {
    "groceries": (3.4, 3.4, 0.45, 0.05),
    "restaurants": (1.4, 3.1, 0.45, 0.05),
    "transport": (1.2, 2.6, 0.45, 0.3),
    "shopping": (1.0, 3.7, 0.6, 0.5),
    "health": (0.3, 3.2, 0.5, 0.1),
    "leisure": (0.5, 3.2, 0.5, 0.3),
}
N_MERCHANTS = 5  # of a category, that a customer goes to
SHARE_LARGE, LARGE = 0.004, (3.0, 6.0)  # of the payments that are right are far larger than usual
SHARE_FOLLOWED = 0.03  # by another within the hour
SHARE_ON_A_TRIP = 0.25
# Payments that recur: (merchant, category, days, amounts, share of the customers)
RECURRING = [
    ("Landlord", "rent", 30.44, (450, 1400), 0.5),
    ("Filmbox", "streaming", 30.44, (8, 18), 0.5),
    ("Fonoline", "phone", 30.44, (12, 45), 0.6),
    ("Liftgym", "sports", 30.44, (25, 60), 0.25),
    ("Greencrate", "vegetable box", 7.0, (18, 35), 0.12),
]
SHARE_ENDED, SHARE_DEARER = 0.15, 0.2
N_CANTEEN = 60  # customers who pay the same at the canteen, whenever they are there
N_UNUSUAL, UNUSUAL = 50, 8.0  # customers with an unusual month, and how often as much they spend then
FRAUDS_FROM = 3  # months after the start
N_FRAUDS = {"amount": 44, "place": 36, "burst": 8}
FRAUD = (8.0, 25.0)  # times the usual amount
BURST = 5  # payments of a burst


@dataclass
class Customer:
    """A customer, and what the world keeps of how the customer lives."""

    customer_id: str
    home: tuple[float, float]
    level: float  # of amounts, added to their logarithms
    pace: float  # of payments
    tastes: set[str]
    known: dict[str, Any]
    trip: tuple[float, float, tuple[float, float]] | None  # first and last day, and where
    merchants: dict[str, list[str]] = field(default_factory=dict)


def draw(rng: np.random.Generator, shares: dict[Any, float]) -> Any:
    values = list(shares)
    return values[int(rng.choice(len(values), p=list(shares.values())))]


def make_customers(rng: np.random.Generator) -> list[Customer]:
    customers = []
    for number in range(1, N_CUSTOMERS + 1):
        country = draw(rng, {name: share for name, (share, _) in COUNTRIES.items()})
        cities = COUNTRIES[country][1]
        latitude, longitude = cities[int(rng.integers(len(cities)))]
        known = {"age": int(rng.integers(16, 82)), "sex": draw(rng, SEXES), "country": country}
        known |= {"income_band": draw(rng, INCOMES), "risk_profile": draw(rng, RISKS)}
        known |= {product: bool(rng.random() < share) for product, share in HELD.items()}
        trip = None
        if rng.random() < SHARE_ON_A_TRIP:
            begins = float(rng.integers(10, N_DAYS - 20))
            trip = (begins, begins + float(rng.integers(4, 9)), TRIPS[int(rng.integers(len(TRIPS)))])
        customer = Customer(
            f"k{number:04d}",
            (latitude + float(rng.normal(0, 0.03)), longitude + float(rng.normal(0, 0.03))),
            level=float(rng.normal(0, 0.3)),
            pace=float(rng.uniform(0.7, 1.3)),
            tastes=set(map(str, rng.choice(list(OFFERS), size=N_TASTES, replace=False))),
            known=known,
            trip=trip,
        )
        for category in CATEGORIES:
            shops = rng.choice(40, size=N_MERCHANTS, replace=False)
            customer.merchants[category] = [f"{category.title()} {shop + 1}" for shop in shops]
        customers.append(customer)
    return customers


def make_versions(rng: np.random.Generator, customers: list[Customer]) -> list[dict[str, Any]]:
    """Versions of what is known of customers. That of the end is what `known` says."""
    changed = set(rng.choice(N_CUSTOMERS, size=N_CHANGED, replace=False).tolist())
    rows = []
    for number, customer in enumerate(customers):
        joined = START - timedelta(days=int(rng.integers(30, 2000)))
        fixed = {"customer_id": customer.customer_id, "joined_at": joined}
        facts = {name: customer.known[name] for name in ("age", "sex", "country", "income_band", "risk_profile")}
        if number in changed:
            moment = REPLAYED + timedelta(hours=int(rng.integers(14 * 24)))
            others = [band for band in INCOMES if band != facts["income_band"]]
            earlier = facts | {"income_band": others[int(rng.integers(len(others)))]}
            rows.append(fixed | earlier | {"valid_from": joined})
            rows.append(fixed | facts | {"valid_from": moment})
        else:
            rows.append(fixed | facts | {"valid_from": joined})
    return rows


def make_holdings(rng: np.random.Generator, customers: list[Customer]) -> list[dict[str, Any]]:
    """What customers hold. Half of what was given up was so after the day that is replayed; `known` has none of it."""
    rows = [
        {"customer_id": customer.customer_id, "product": product, "opened_at": START - timedelta(days=40),
         "closed_at": None}
        for customer in customers for product in HELD if customer.known[product]
    ]  # fmt: skip
    by_id = {customer.customer_id: customer for customer in customers}
    for place, index in enumerate(rng.choice(len(rows), size=N_GIVEN_UP, replace=False)):
        first, n_hours = (REPLAYED, 14 * 24) if place % 2 else (START, 200 * 24)
        rows[int(index)]["closed_at"] = first + timedelta(hours=int(rng.integers(n_hours)))
        by_id[rows[int(index)]["customer_id"]].known[rows[int(index)]["product"]] = False
    return rows


def forget_and_announce(rng: np.random.Generator, customers: list[Customer], versions: list[dict[str, Any]]) -> None:
    """Take the age from some customers' versions and from `known`; add versions that count from far ahead."""
    chosen = [customers[int(index)] for index in rng.choice(N_CUSTOMERS, size=N_AGELESS, replace=False)]
    for customer in chosen:
        customer.known["age"] = None
    ageless = {customer.customer_id for customer in chosen}
    for row in versions:
        if row["customer_id"] in ageless:
            row["age"] = None
    for index in rng.choice(len(versions), size=N_ANNOUNCED, replace=False):
        other = "low" if versions[int(index)]["income_band"] == "high" else "high"
        versions.append(versions[int(index)] | {"income_band": other, "valid_from": datetime(2099, 1, 1)})


def make_app_events(rng: np.random.Generator, customers: list[Customer]) -> list[dict[str, Any]]:
    """Views of the whole catalogue, as the app shows it to everybody, clicks and applications; one application each."""
    offers = [(offer, family) for family, found in OFFERS.items() for offer, *_ in found]
    appeal = np.clip(rng.lognormal(0, 0.3, len(offers)), 0.5, 2)
    rows: list[dict[str, Any]] = []
    for customer in customers:
        likes = np.array([family in customer.tastes for _, family in offers])
        weights = appeal * np.where(likes, 3.0, 1.0)
        applied: set[int] = set()
        moment = APP_FROM + timedelta(days=float(rng.uniform(0, VISITS_EVERY)))
        while moment < END - timedelta(hours=2):
            visit = f"{customer.customer_id}-{moment:%m%d%H%M}"
            seen = rng.choice(len(offers), size=int(rng.integers(1, 4)), replace=False, p=weights / weights.sum())
            at = moment.replace(microsecond=0)
            for index in map(int, seen):
                if index in applied:
                    continue
                row = {"customer_id": customer.customer_id, "visit_id": visit, "offer_id": offers[index][0]}
                steps = ["view"]
                if rng.random() < CLICKS[bool(likes[index])]:
                    steps.append("click")
                    if rng.random() < APPLIES[bool(likes[index])]:
                        steps.append("application")
                        applied.add(index)
                for step in steps:
                    at += timedelta(seconds=int(rng.integers(10, 90)))
                    rows.append({"app_event_id": f"a{len(rows) + 1:06d}", **row, "what": step, "happened_at": at})
            moment += timedelta(days=float(rng.exponential(VISITS_EVERY)) + 0.5)
    return rows


@dataclass
class Payments:
    """The log of card payments while it is written; `kinds` says of each what it is, for the truths alone."""

    rng: np.random.Generator
    rows: list[dict[str, Any]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def add(
        self, customer: Customer, category: str, merchant: str, amount: float, day: float, kind: str = "", **place: Any
    ) -> None:
        """One payment, at home unless `place` says where (None: the card isn't present)."""
        where = place["at"] if "at" in place else self.place(customer, day)
        row = {"customer_id": customer.customer_id, "merchant": merchant, "category": category}
        row |= {"amount": round(max(amount, 0.5), 2)}
        row |= {"latitude": None if where is None else round(where[0] + float(self.rng.normal(0, 0.02)), 4)}
        row |= {"longitude": None if where is None else round(where[1] + float(self.rng.normal(0, 0.02)), 4)}
        self.rows.append(row | {"paid_at": START + timedelta(seconds=round(day * 86400))})
        self.kinds.append(kind)

    def place(self, customer: Customer, day: float) -> tuple[float, float] | None:
        """Where the customer is; None on the days of travel, when no card is used at a till."""
        if customer.trip is None:
            return customer.home
        begins, ends, where = customer.trip
        if min(abs(day - begins), abs(day - ends)) < 0.5:
            return None
        return where if begins < day < ends else customer.home

    def hour(self) -> float:
        """A time of the day, as a part of it."""
        return float(self.rng.uniform(8, 21.5)) / 24

    def usual(self, customer: Customer, category: str, day: float, kind: str = "") -> None:
        """A payment as the customer usually makes them, and another one now and then within the hour."""
        _, size, spread, remote = CATEGORIES[category]
        amount = math.exp(size + customer.level + float(self.rng.normal(0, spread)))
        if self.rng.random() < SHARE_LARGE:
            amount *= float(self.rng.uniform(*LARGE))
        merchant = customer.merchants[category][int(self.rng.integers(N_MERCHANTS))]
        place = {"at": None} if self.rng.random() < remote else {}
        self.add(customer, category, merchant, amount, day, kind, **place)
        if self.rng.random() < SHARE_FOLLOWED and not kind:
            self.usual(customer, category, day + float(self.rng.uniform(5, 45)) / 1440)


def pay_usually(payments: Payments, customers: list[Customer]) -> None:
    rng = payments.rng
    for customer in customers:
        for category, (rate, *_) in CATEGORIES.items():
            for day in rng.integers(0, N_DAYS, size=rng.poisson(rate * customer.pace * N_MONTHS)):
                payments.usual(customer, category, float(day) + payments.hour())
    for customer in (customers[index] for index in rng.choice(N_CUSTOMERS, size=N_CANTEEN, replace=False)):
        for day in rng.choice(N_DAYS, size=int(rng.integers(8, 25)), replace=False):
            payments.add(customer, "restaurants", "Canteen", 6.9, float(day) + payments.hour(), "canteen")


def pay_regularly(payments: Payments, customers: list[Customer]) -> dict[tuple[str, str], dict[str, Any]]:
    """{(customer, merchant): its days from one payment to the next, and whether it goes on}."""
    rng, found = payments.rng, {}
    for customer in customers:
        for merchant, category, days, (low, high), share in RECURRING:
            if rng.random() >= share:
                continue
            amount = float(np.round(rng.uniform(low, high), 2))
            dearer = float(rng.uniform(60, 180)) if rng.random() < SHARE_DEARER else math.inf
            ends = float(rng.uniform(130, 180)) if rng.random() < SHARE_ENDED else N_DAYS
            due = float(rng.uniform(0, days))
            while due < ends:
                day = due + float(rng.choice([0, 0, 0, 1, 2] if days > 20 else [0, 0, 0, 1]))
                if day + 1 < N_DAYS:
                    price = amount * (1.06 if due > dearer else 1)
                    payments.add(customer, category, merchant, price, math.floor(day) + 0.2, "recurring", at=None)
                due += days
            found[customer.customer_id, merchant] = {"days": days, "goes_on": ends == N_DAYS}
    return found


def spend_unusually(payments: Payments, customers: list[Customer]) -> list[tuple[str, date, str]]:
    """[(customer, month, category)]: about eight times the usual sum."""
    rng, found = payments.rng, []
    for index in rng.choice(N_CUSTOMERS, size=N_UNUSUAL, replace=False):
        customer, category = customers[int(index)], str(rng.choice(["groceries", "restaurants", "transport"]))
        month = int(rng.integers(N_MONTHS))
        first, n_days = (MONTHS[month] - START).days, (MONTHS[month + 1] - MONTHS[month]).days
        for _ in range(round((UNUSUAL - 1) * max(CATEGORIES[category][0] * customer.pace, 1.5))):
            day = first + int(rng.integers(n_days)) + payments.hour()
            payments.usual(customer, category, day, "unusual")
        found.append((customer.customer_id, MONTHS[month].date(), category))
    return found


def defraud(payments: Payments, customers: list[Customer]) -> None:
    rng = payments.rng
    days = [(MONTHS[month] - START).days for month in range(N_MONTHS + 1)]
    first = days[FRAUDS_FROM]
    present = [
        row for row in payments.rows
        if row["latitude"] is not None and (row["paid_at"] - START).days >= first and row["paid_at"].hour < 19
    ]  # fmt: skip
    by_id = {customer.customer_id: customer for customer in customers}
    for _ in range(N_FRAUDS["amount"]):
        customer = customers[int(rng.integers(N_CUSTOMERS))]
        category = str(rng.choice(["shopping", "leisure", "transport"]))
        amount = math.exp(CATEGORIES[category][1] + customer.level) * float(rng.uniform(*FRAUD))
        day = float(rng.integers(first, N_DAYS)) + float(rng.uniform(0, 0.95))
        place = {"at": None} if rng.random() < 0.5 else {}
        payments.add(customer, category, f"{category.title()} {rng.integers(1, 41)}", amount, day, "amount", **place)
    for row in (present[int(index)] for index in rng.choice(len(present), size=N_FRAUDS["place"], replace=False)):
        customer, category = by_id[row["customer_id"]], "shopping"
        amount = math.exp(CATEGORIES[category][1] + customer.level) * float(rng.uniform(1, 4))
        day = (row["paid_at"] - START) / timedelta(days=1) + float(rng.uniform(0.5, 2.5)) / 24
        where = FAR[int(rng.integers(len(FAR)))]
        payments.add(customer, category, f"Shopping {rng.integers(1, 41)}", amount, day, "place", at=where)
    for _ in range(N_FRAUDS["burst"]):
        customer = customers[int(rng.integers(N_CUSTOMERS))]
        day = float(rng.integers(first, N_DAYS)) + float(rng.uniform(0, 0.9))
        for _ in range(BURST):
            day += float(rng.uniform(1, 4)) / 1440
            amount = float(rng.uniform(15, 90))
            payments.add(customer, "shopping", f"Shopping {rng.integers(1, 41)}", amount, day, "burst", at=None)


def refund_and_check(rng: np.random.Generator, payments: Payments, customers: list[Customer]) -> None:
    """Refunds of what was paid, in whole or by half, within two weeks, and entries of 0 that only check a card."""
    usual = [row for row, kind in zip(payments.rows, payments.kinds, strict=True) if kind == ""]
    for index in rng.choice(len(usual), size=N_REFUNDS, replace=False):
        row = usual[int(index)]
        part = 1.0 if rng.random() < 0.7 else 0.5
        at = row["paid_at"] + timedelta(hours=int(rng.integers(1, 14 * 24)))
        payments.rows.append(row | {"amount": -round(row["amount"] * part, 2), "paid_at": at})
        payments.kinds.append("refund")
    for index in rng.integers(N_CUSTOMERS, size=N_CHECKS):
        row = {"customer_id": customers[int(index)].customer_id, "merchant": "Shopping 1", "category": "shopping"}
        row |= {"amount": 0.0, "latitude": None, "longitude": None}
        payments.rows.append(row | {"paid_at": START + timedelta(minutes=int(rng.integers(N_DAYS * 24 * 60)))})
        payments.kinds.append("check")


def make_world(seed: int = 20261202) -> World:
    """The world of a seed: what the recipe chose by looking was chosen on other seeds than the one that is judged."""
    rng = np.random.default_rng(seed)
    customers = make_customers(rng)
    versions = make_versions(rng, customers)
    # Draws of their own: what else is in the world doesn't depend on them.
    later = np.random.default_rng([seed, 1])
    holdings = make_holdings(later, customers)
    forget_and_announce(later, customers, versions)
    refusing = sorted(rng.choice(N_CUSTOMERS, size=N_REFUSING, replace=False).tolist())
    permissions = [
        {"customer_id": customer.customer_id, "topic": "personalization", "is_allowed": number not in refusing,
         "answered_at": START - timedelta(days=29)}
        for number, customer in enumerate(customers)
    ]  # fmt: skip
    payments = Payments(rng)
    pay_usually(payments, customers)
    recurring = pay_regularly(payments, customers)
    unusual = spend_unusually(payments, customers)
    defraud(payments, customers)
    refund_and_check(later, payments, customers)
    # In the order of time, so that no id tells what was planted last.
    order = sorted(range(len(payments.rows)), key=lambda index: (payments.rows[index]["paid_at"], index))
    rows = [
        {"payment_id": f"z{place:06d}", "currency": CURRENCY, **payments.rows[index]}
        for place, index in enumerate(order, start=1)
    ]
    kinds = {row["payment_id"]: payments.kinds[index] for row, index in zip(rows, order, strict=True)}
    tables = {
        "offers": [
            {"offer_id": offer, "name": name, "description": description, "family": family, "is_open": True}
            for family, found in OFFERS.items() for offer, name, description in found
        ],
        "customer_versions": versions,
        "holdings": holdings,
        "permissions": permissions,
        "app_events": make_app_events(rng, customers),
        "card_payments": [row for row in rows if row["paid_at"] < END],
    }  # fmt: skip
    return World(
        tables={name: pa.Table.from_pylist(rows) for name, rows in tables.items()},
        truths={
            "known": {customer.customer_id: customer.known for customer in customers},
            "versions": versions,
            "holdings": holdings,
            "refusing": {customers[number].customer_id for number in refusing},
            "left_out": {kind: sum(
                kinds[row["payment_id"]] == kind for row in rows if row["paid_at"] < END
            ) for kind in ("refund", "check")},
            "recurring": recurring,
            "unusual": unusual,
            "kinds": {payment: kind for payment, kind in kinds.items() if kind in N_FRAUDS},
            # {payment: (customer, month, category)}
            "frauds": {
                row["payment_id"]: (row["customer_id"], row["paid_at"].date().replace(day=1), row["category"])
                for row in rows if kinds[row["payment_id"]] in N_FRAUDS
            },
        },
    )  # fmt: skip
