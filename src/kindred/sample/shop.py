"""Write the sample shop: a small invented shop whose truths are known.

    python -m kindred.sample.shop    # what `make sample` runs, in a checkout

writes five CSVs into seeds/sample, the same bytes on every run:

- sample_items, sample_users, sample_consents and sample_events follow the contract of the inputs;
- sample_truths says what was planted. Tests may read it, models may not.

Ten hidden tastes cut across the categories. A person has one main taste, some a second one; an item speaks to one
taste, or is a staple that everyone buys. People visit, look at a home page, search, view, fill a cart, buy, rate and
send back; some visit before they log in. On top of that lie bundles, refills bought every four weeks, items that rise
in the last two weeks, items nobody has seen yet, items of two launches, items whose pages disappoint, and bad rows for
every rejection reason of the events contract.
"""

import csv
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from kindred.sample.catalogue import CATALOGUE, read_launches, read_products

SEEDS = Path(__file__).resolve().parents[3] / "seeds/sample"
START, END = datetime(2026, 3, 1), datetime(2026, 6, 1)
N_DAYS = (END - START).days
REFILL_GAP_DAYS = 28
N_USERS, N_NEWCOMERS, N_ONE_EVENT, N_STRANGERS = 1500, 40, 12, 260
N_LINKED, N_TWO_DEVICES = 150, 40

COUNTRIES = {"DE": 0.40, "GB": 0.24, "FR": 0.17, "NL": 0.12, "AT": 0.07}
LOCAL_TASTES = {
    ("NL", "city_cyclist"): 2.5,
    ("GB", "dog_person"): 1.6,
    ("GB", "cosy_reader"): 1.4,
    ("FR", "home_cook"): 1.7,
    ("AT", "trail_runner"): 2.0,
    ("DE", "urban_gardener"): 1.3,
}
MARGIN_RATES = {"Electronics": 0.18, "Books": 0.30, "Nutrition": 0.34, "Pets": 0.36, "Coffee & Tea": 0.42}
FILMED = {"Electronics", "Kitchen", "Sport & Outdoor", "Garden", "Pets", "Kids", "Clothing", "Home"}
BUNDLES = [
    ("Gooseneck Pour-Over Kettle Matt Black", "Coffee Scale with Timer"),
    ("Ceremonial Matcha 30 g", "Bamboo Matcha Whisk"),
    ("Windowsill Chilli Growing Kit", "LED Grow Light Bar"),
    ("Trail Running Vest 8 L", "Running Headlamp 400 Lumen"),
    ("Orthopaedic Dog Bed M", "Washable Sofa Throw for Pet Owners"),
    ("Murder at the Tide Mill", "Clip-On Reading Light"),
]
REFILLS = {
    "Grain-Free Dog Food with Salmon 12 kg": ("dog_person", 9),
    "Ethiopian Yirgacheffe Whole Beans 1 kg": ("home_barista", 6),
    "Night Train Espresso Blend 1 kg": ("home_barista", 5),
}
TRENDING = [
    "Picnic Blanket with Waterproof Back",
    "Sunscreen SPF 50 200 ml",
    "Cold Brew Concentrate 1 L",
    "Wide-Brimmed Sun Hat",
    "A Short Walk to the Moon",
    "Open-Ear Sport Headphones",
    "Floating Fetch Toy",
    "Toddler Rain Suit 86-92",
]
# Nobody has seen a launched item when the fold `tuning` or `backtest` is cut, and people choose it in its horizon.
LAUNCHES = [END - timedelta(days=28), END - timedelta(days=14)]
# Pages that promise what they don't hold: people turn back at once, or click in anger.
FRUSTRATING = [
    "Desk Lamp with Wireless Charger",
    "Digital Meat Thermometer",
    "Sourdough Proofing Basket, Round",
    "Car Boot Liner for Dogs",
]
N_LETTERS = [80, 100]  # people whom a launch brings into the shop
COLUMNS = {
    "items": "item_id title description category brand price margin is_available created_at attributes",
    "users": "user_id created_at country preferences attributes",
    "consents": "user_id purpose is_granted updated_at",
    "events": "event_id user_id anonymous_id session_id event_type item_id occurred_at"
    " quantity value order_id list_id position query properties",
    "truths": "kind entity_id other_id value",
}

rng = np.random.default_rng(20260301)


def happens(probability: float) -> bool:
    return rng.random() < probability


def moment_between(first: datetime, last: datetime) -> datetime:
    """A random day, at an hour when people are awake if that still lies between the two."""
    moment = first + timedelta(seconds=int(rng.random() * (last - first).total_seconds()))
    hour = float(rng.choice([8.0, 12.5, 17.5, 20.5], p=[0.15, 0.2, 0.25, 0.4]) + rng.normal(0, 1.3))
    usual = moment.replace(hour=0, minute=0, second=0) + timedelta(seconds=int(hour * 3600))
    return usual if first <= usual < last else moment


def draw(weights: np.ndarray) -> int:
    cumulated = np.cumsum(weights)
    return int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right"))


# The shelf ----------------------------------------------------------------------------------------------------------


def stock_shelf() -> list[dict]:
    items = read_products()
    planted = {title for pair in BUNDLES for title in pair} | set(REFILLS) | set(TRENDING)
    ordinary = [item for item in items if not item["is_new"] and item["title"] not in planted]
    for item in items:
        first, last = (END - timedelta(days=4), END) if item["is_new"] else (datetime(2023, 10, 1), START)
        item["created_at"] = moment_between(first, last)
        item["sold_out_at"] = END
        rate = MARGIN_RATES.get(item["category"], 0.45) * rng.uniform(0.8, 1.2)
        item["margin"] = round(item["price"] * rate, 2)
        item["is_consumable"] = bool({"weight", "pack", "volume"} & item["attributes"].keys())
        item["has_video"] = item["category"] in FILMED and (item["price"] > 40 or happens(0.3))
    picked = rng.choice(len(ordinary), size=38, replace=False)
    for index in picked[:23]:
        ordinary[index]["created_at"] = moment_between(START + timedelta(days=4), END - timedelta(days=14))
    for index in picked[23:]:
        ordinary[index]["sold_out_at"] = moment_between(END - timedelta(days=40), END - timedelta(days=1))
    items.sort(key=lambda item: (item["created_at"], item["title"]))
    for number, item in enumerate(items, start=1):
        item["item_id"] = f"i{number:03d}"
    return items


ITEMS = stock_shelf()
NUMBER_OF = {item["title"]: number for number, item in enumerate(ITEMS)}
TASTES = [taste for taste in CATALOGUE if taste != "staple"]
ITEM_TASTES = np.array([item["taste"] for item in ITEMS])
PARTNERS = {NUMBER_OF[a]: NUMBER_OF[b] for pair in BUNDLES for a, b in (pair, pair[::-1])}


def weigh_items() -> np.ndarray:
    """How much each item is wanted on each day, summing to one within every taste before its ups and downs."""
    wanted = np.zeros(len(ITEMS))
    for taste in CATALOGUE:
        own = np.flatnonzero(ITEM_TASTES == taste)
        wanted[own] = 1 / (3.0 + rng.permutation(len(own))) ** 0.8
        for number in own:
            if number in PARTNERS or ITEMS[number]["title"] in REFILLS:
                wanted[number] = 0.36
        wanted[own] /= wanted[own].sum()
    days = np.arange(N_DAYS)
    by_day = np.tile(wanted, (N_DAYS, 1))
    for place, item in enumerate(ITEMS):
        if item["category"] == "Garden":
            by_day[:, place] *= 0.6 + days / N_DAYS
        if "wool" in item["attributes"].get("material", "") and "merino" not in item["attributes"]["material"]:
            by_day[:, place] *= 1.5 - 1.2 * days / N_DAYS
        if item["title"] in TRENDING:
            by_day[:, place] = 0.02 * (1 + 9 * np.clip((days - (N_DAYS - 17)) / 8, 0, 1))
        first_day = max(0, (item["created_at"] - START).days + 1)
        by_day[: N_DAYS if item["is_new"] else first_day, place] = 0
        by_day[max(0, (item["sold_out_at"] - START).days) :, place] = 0
    return by_day


WANTED = weigh_items()


# The people ---------------------------------------------------------------------------------------------------------


@dataclass
class Person:
    taste: str
    user_id: str = ""
    country: str = ""
    created_at: datetime = START
    devices: list[str] = field(default_factory=list)
    visits: list[dict] = field(default_factory=list)
    refill: int | None = None
    appetite: np.ndarray | None = None  # how much this person is drawn to each item, whatever the day
    seen: list[int] = field(default_factory=list)
    cart: list[int] = field(default_factory=list)
    last_visit_at: datetime = START
    bought: set[int] = field(default_factory=set)
    liked: set[int] = field(default_factory=set)


def form_appetite(taste: str) -> np.ndarray:
    shares = dict.fromkeys(CATALOGUE, 0.10 / (len(TASTES) - 1)) | {taste: 0.78, "staple": 0.12}
    if happens(0.25):
        second = TASTES[(TASTES.index(taste) + int(rng.integers(1, len(TASTES)))) % len(TASTES)]
        shares |= {taste: 0.61, second: 0.20, "staple": 0.10}
    whims = rng.lognormal(0, 0.6, size=len(ITEMS))
    return np.array([shares[taste] for taste in ITEM_TASTES]) * whims


def choose_taste(country: str = "") -> str:
    weights = [(1.3 - 0.06 * n) * LOCAL_TASTES.get((country, taste), 1) for n, taste in enumerate(TASTES)]
    return TASTES[draw(np.array(weights))]


def choose_country() -> str:
    return list(COUNTRIES)[draw(np.array(list(COUNTRIES.values())))]


def plan_visits(first: datetime, mean: float = 1.9) -> list[dict]:
    share_of_period = (END - first) / (END - START)
    n_visits = int(np.clip(rng.lognormal(np.log(mean), 1.1) * share_of_period**0.5, 1, 38))
    starts, day = [], moment_between(first, END)
    for _ in range(n_visits):
        soon = (day + timedelta(days=0.5), day + timedelta(days=4))
        day = moment_between(*soon if happens(0.35) else (first, END))
        day = day if day < END - timedelta(hours=1) else moment_between(first, END - timedelta(hours=1))
        starts.append(day)
    return [{"start": start, "device": "", "identity": "known"} for start in sorted(starts)]


def link_devices(person: Person, names: list[str]) -> None:
    """The first visit or two on a device are anonymous, then comes a login, then both ids travel together."""
    person.devices = names
    while len(person.visits) < 4 * len(names):
        person.visits += plan_visits(max(START, person.created_at))
    person.visits.sort(key=lambda visit: visit["start"])
    for number, name in enumerate(names):
        n_before = int(rng.integers(1, 3))
        for nth, visit in enumerate(person.visits[number :: len(names)]):
            identity = "anonymous" if nth < n_before else "login" if nth == n_before else "known"
            visit |= {"device": name, "identity": "anonymous" if nth > n_before and happens(0.15) else identity}


def gather_people() -> tuple[list[Person], list[Person]]:
    """The registered users, and the strangers who never log in."""
    device_names = (f"a{number:05x}" for number in rng.permutation(0xFFFFF)[:2000])
    users = []
    for _ in range(N_USERS - N_NEWCOMERS):
        country = choose_country()
        is_recent = happens(0.35)
        joined = moment_between(*(START, END - timedelta(days=2)) if is_recent else (datetime(2023, 11, 1), START))
        person = Person(choose_taste(country), country=country, created_at=joined)
        person.visits = plan_visits(max(START, joined))
        if is_recent:
            person.visits[0]["start"] = joined + timedelta(seconds=int(rng.integers(20, 400)))
        users.append(person)
    order = list(map(int, rng.permutation(len(users))))
    for n, index in enumerate(order[:N_LINKED]):
        person = users[index]
        link_devices(person, [next(device_names) for _ in range(2 if n < N_TWO_DEVICES else 1)])
        first_login = min(visit["start"] for visit in person.visits if visit["identity"] == "login")
        person.created_at = first_login if person.created_at > START else person.created_at
    for index in order[N_LINKED : N_LINKED + N_ONE_EVENT]:
        users[index].visits = users[index].visits[:1]
        users[index].visits[0]["identity"] = "glance"
    regulars = iter(order[N_LINKED + N_ONE_EVENT :])
    for title, (taste, n_people) in REFILLS.items():
        for _ in range(n_people):
            person = next(users[i] for i in regulars if users[i].taste == taste and users[i].created_at < START)
            person.refill = NUMBER_OF[title]
            start = moment_between(START, START + timedelta(days=20))
            while start < END - timedelta(hours=1):
                person.visits.append({"start": start, "device": "", "identity": "known", "refills": True})
                start = moment_between(*(start + timedelta(days=REFILL_GAP_DAYS + slack) for slack in (-1, 1)))
    for _ in range(N_NEWCOMERS):
        country = choose_country()
        joined = moment_between(END - timedelta(days=3), END)
        users.append(Person(choose_taste(country), country=country, created_at=joined))
    users.sort(key=lambda person: person.created_at)
    for number, person in enumerate(users, start=1):
        person.user_id = f"u{number:04d}"

    strangers = [Person(choose_taste(), devices=[next(device_names)]) for _ in range(N_STRANGERS)]
    for stranger in strangers:
        stranger.visits = plan_visits(START, mean=1.2)[:4]
        for visit in stranger.visits:
            visit |= {"device": stranger.devices[0], "identity": "anonymous"}
    for person in users + strangers:
        person.appetite = form_appetite(person.taste)
    return users, strangers


# What people do -----------------------------------------------------------------------------------------------------


class Visit:
    """One session, written down row by row as the clock runs."""

    sessions, orders, lists = count(1), count(1), count(1)

    def __init__(self, person: Person, plan: dict):
        self.person, self.plan, self.now = person, plan, plan["start"]
        self.session_id = f"s{next(Visit.sessions):05d}"
        self.rows: list[dict] = []
        self.later: list[dict] = []
        if self.now - person.last_visit_at > timedelta(days=7):
            person.cart, person.seen = [], []
        person.last_visit_at = self.now
        self.can_buy = plan["identity"] != "anonymous"
        weights = WANTED[(self.now - START).days] * person.appetite
        for number in person.bought:
            weights[number] *= 2.0 if ITEMS[number]["is_consumable"] else 0
        if person.refill is not None:
            weights[person.refill] = 0
        self.weights = weights

    def write(self, event_type: str, number: int | None = None, wait: int = 40, **cells: Any) -> dict:
        self.now += timedelta(seconds=int(rng.integers(wait // 4, wait + 1)) if wait else 0)
        row = {"event_type": event_type, "session_id": self.session_id, "occurred_at": self.now} | cells
        if number is not None:
            row["item_id"] = ITEMS[number]["item_id"]
        self.rows.append(row)
        return row

    def is_to_taste(self, number: int) -> bool:
        return ITEM_TASTES[number] in (self.person.taste, "staple")

    def run(self) -> list[dict]:
        if self.plan["identity"] == "glance":
            self.view(draw(self.weights), glance=True)
        elif self.plan.get("refills") and self.person.refill is not None:
            self.view(self.person.refill, glance=True)
            self.add_to_cart(self.person.refill)
            self.check_out()
        else:
            self.wander()
        self.identify()
        return self.rows + self.later

    def wander(self) -> None:
        if happens(0.17):
            self.look_at_home_page()
        for _ in range(1 + rng.poisson(1.0)):
            familiar = [number for number in self.person.seen[-6:] if self.weights[number] > 0]
            is_return = familiar and happens(0.3)
            number = familiar[int(rng.integers(len(familiar)))] if is_return else draw(self.weights)
            if happens(0.3):
                self.write("search", query=ITEMS[number]["query"])
                self.write("click", number)
            elif happens(0.2):
                self.write("click", number)
            self.view(number)
        if self.person.cart and self.can_buy and happens(0.7):
            self.check_out()

    def look_at_home_page(self) -> None:
        """Half of the list is for this person, half for everyone, in no order, so that position is only position."""
        list_id = f"l{next(Visit.lists):04d}"
        mixed = self.weights / self.weights.sum() + np.where(self.weights > 0, WANTED[(self.now - START).days], 0) / 11
        shown = rng.choice(len(ITEMS), size=10, replace=False, p=mixed / mixed.sum())
        for position, number in enumerate(map(int, shown), start=1):
            self.write("impression", number, wait=0, list_id=list_id, position=position)
        for position, number in enumerate(map(int, shown), start=1):
            if happens((0.42 if self.is_to_taste(number) else 0.10) / position**0.8):
                self.write("click", number, list_id=list_id, position=position)
                self.view(number)

    def view(self, number: int, glance: bool = False) -> None:
        person, item = self.person, ITEMS[number]
        is_known, is_to_taste = number in person.seen, self.is_to_taste(number)
        self.write("view", number, wait=12)
        self.weights[number] = 0  # one look per visit
        if number not in person.seen:
            person.seen.append(number)
        if glance:
            return
        if item["has_video"] and happens(0.12):
            self.write("watch", number, properties=json.dumps({"seconds": int(rng.integers(8, 95))}))
        if self.can_buy and number not in person.liked and happens(0.07 if is_to_taste else 0.01):
            self.write("like", number, wait=60)
            person.liked.add(number)
        elif self.can_buy and number not in person.liked and happens(0.006 if is_to_taste else 0.06):
            self.write("dislike", number, wait=60)
            person.seen.remove(number)
        elif happens((0.34 if is_known else 0.24) * (25 / max(item["price"], 10)) ** 0.2):
            self.add_to_cart(number)

    def add_to_cart(self, number: int) -> None:
        if number in self.person.cart:
            return
        quantity = int(rng.choice([1, 2, 3], p=[0.8, 0.15, 0.05])) if ITEMS[number]["is_consumable"] else 1
        quantity = 1 if number == self.person.refill else quantity
        self.write("add_to_cart", number, wait=90, quantity=quantity)
        self.person.cart.append(number)
        partner = PARTNERS.get(number)
        if partner is not None and self.weights[partner] > 0 and partner not in self.person.cart and happens(0.65):
            self.view(partner, glance=True)
            self.add_to_cart(partner)

    def check_out(self) -> None:
        order_id = f"o{next(Visit.orders):04d}"
        quantities = {row["item_id"]: row["quantity"] for row in self.rows if row["event_type"] == "add_to_cart"}
        self.now += timedelta(seconds=int(rng.integers(40, 240)))
        for number in self.person.cart:
            item = ITEMS[number]
            if item["sold_out_at"] <= self.now:
                continue
            quantity = quantities.get(item["item_id"], 1)
            line = {"quantity": quantity, "value": f"{item['price'] * quantity:.2f}", "order_id": order_id}
            self.write("purchase", number, wait=0, **line)
            self.person.bought.add(number)
            if number != self.person.refill:
                self.follow_up(number, line)
        self.person.cart = []

    def follow_up(self, number: int, line: dict) -> None:
        """Days later some things come back and some get their stars; neither belongs to a session."""
        item_id, liked = ITEMS[number]["item_id"], self.is_to_taste(number)
        received, later = self.now + timedelta(days=3), self.now + timedelta(days=17)
        if happens((0.05 if liked else 0.14) + 0.08 * (ITEMS[number]["category"] == "Clothing")):
            sent_at = moment_between(received, later)
            self.later.append({"event_type": "return", "item_id": item_id, "occurred_at": sent_at} | line)
            liked = False
        if happens(0.2):
            stars = rng.choice(
                [1, 2, 3, 4, 5], p=[0.02, 0.04, 0.1, 0.34, 0.5] if liked else [0.2, 0.3, 0.3, 0.15, 0.05]
            )
            rated_at = moment_between(received, later)
            self.later.append({"event_type": "rate", "item_id": item_id, "occurred_at": rated_at, "value": int(stars)})

    def identify(self) -> None:
        """A login falls in the middle of the visit, at the latest before what only a known person can do."""
        identity, types = self.plan["identity"], [row["event_type"] for row in self.rows]
        personal = [n for n, event_type in enumerate(types) if event_type in ("like", "dislike", "purchase")]
        login_at = {"anonymous": len(types), "login": min([len(types) // 2, *personal])}.get(identity, 0)
        for number, row in enumerate(self.rows):
            row["user_id"] = self.person.user_id if number >= login_at else ""
            row["anonymous_id"] = self.plan["device"]
        for row in self.later:
            row["user_id"] = self.person.user_id


def live_three_months(people: list[Person]) -> list[dict]:
    plans = [(plan["start"], n, plan) for n, person in enumerate(people) for plan in person.visits]
    rows = []
    for _, n, plan in sorted(plans, key=lambda entry: entry[:2]):
        rows += Visit(people[n], plan).run()
    rows = sorted((row for row in rows if row["occurred_at"] < END), key=lambda row: row["occurred_at"])
    for number, row in enumerate(rows, start=1):
        row["event_id"] = f"e{number:05d}"
        row["occurred_at"] = row["occurred_at"].replace(microsecond=0)
        delay = timedelta(hours=rng.uniform(0.5, 40)) if happens(0.03) else timedelta()
        row["arrives_at"] = row["occurred_at"] + delay
    return rows


# Launches -----------------------------------------------------------------------------------------------------------


def stock_launches() -> list[dict]:
    """The launched items: the numbers after those of the shelf, on it from the evening before the launch."""
    items = read_launches()
    for number, item in enumerate(items, start=len(ITEMS) + 1):
        item["item_id"] = f"i{number:03d}"
        item["created_at"] = LAUNCHES[item["launch"]] - timedelta(hours=6)
        item["sold_out_at"] = END
        item["margin"] = round(item["price"] * MARGIN_RATES.get(item["category"], 0.45), 2)
    return items


LAUNCHED = stock_launches()


def answer_letters(users: list[Person], first_number: int) -> list[dict]:
    """What people do because of a launch, by a generator of its own: all other rows are as they are without launches.

    Who was in the shop before gets a letter, comes within a fortnight, looks at two of the launched items, four times
    in five of the own taste, and mostly buys one.
    """
    draws, rows = np.random.default_rng(20260517), []
    for launch, (day, n_people) in enumerate(zip(LAUNCHES, N_LETTERS, strict=True)):
        items = [item for item in LAUNCHED if item["launch"] == launch]
        known = [person for person in users if any(visit["start"] < day for visit in person.visits)]
        for index in np.sort(draws.choice(len(known), size=n_people, replace=False)):
            person = known[int(index)]
            now = day + timedelta(seconds=int(draws.integers(8 * 3600, 13 * 86400)))
            session = {"user_id": person.user_id, "session_id": f"s{next(Visit.sessions):05d}"}
            weights = np.array([0.8 if item["taste"] == person.taste else 0.2 / 9 for item in items])
            seen = draws.choice(len(items), size=2, replace=False, p=weights / weights.sum())
            for item in (items[int(place)] for place in seen):
                now += timedelta(seconds=int(draws.integers(20, 90)))
                rows.append(session | {"event_type": "view", "item_id": item["item_id"], "occurred_at": now})
            if draws.random() < 0.65:
                item = items[int(seen[0])]
                line = session | {"item_id": item["item_id"], "quantity": 1}
                order_id = f"o{next(Visit.orders):04d}"
                now += timedelta(seconds=60)
                rows.append(line | {"event_type": "add_to_cart", "occurred_at": now})
                paid = {"value": f"{item['price']:.2f}", "order_id": order_id}
                rows.append(line | paid | {"event_type": "purchase", "occurred_at": now + timedelta(seconds=90)})
    for number, row in enumerate(sorted(rows, key=lambda row: row["occurred_at"]), start=first_number):
        row |= {"event_id": f"e{number:05d}", "arrives_at": row["occurred_at"]}
    return rows


# Frustration --------------------------------------------------------------------------------------------------------


def frustrate(events: list[dict], first_number: int) -> list[dict]:
    """Signs of frustration after views of items whose pages disappoint, by a generator of its own.

    A view that led to nothing is followed by a quick return, half as often by rage clicks, and by a bounce where the
    visit was this view alone.
    """
    draws, rows = np.random.default_rng(20260523), []
    frustrating = {ITEMS[NUMBER_OF[title]]["item_id"] for title in FRUSTRATING}
    of_visit: dict[str, list[dict]] = {}
    for event in events:
        if "session_id" in event:
            of_visit.setdefault(event["session_id"], []).append(event)
    for visit in of_visit.values():
        done = {(event["event_type"], event.get("item_id")) for event in visit}
        for view in visit:
            item_id = view.get("item_id")
            led_on = {(event_type, item_id) for event_type in ("add_to_cart", "watch", "like")} & done
            if view["event_type"] != "view" or item_id not in frustrating or led_on or draws.random() < 0.2:
                continue
            found = ["quick_return"] + ["rage_click"] * int(draws.random() < 0.5) + ["bounce"] * (len(visit) == 1)
            for nth, event_type in enumerate(found, start=1):
                now = view["occurred_at"] + timedelta(seconds=3 * nth)
                rows.append(view | {"event_type": event_type, "occurred_at": now})
    for number, row in enumerate(sorted(rows, key=lambda row: row["occurred_at"]), start=first_number):
        row |= {"event_id": f"e{number:05d}", "arrives_at": row["occurred_at"]}
    return rows


# What goes wrong ----------------------------------------------------------------------------------------------------

SPOILED: dict[str, list[dict[str, Any]]] = {  # reason: what is written over a good row, each entry one bad row
    "missing_event_id": [{"event_id": ""}] * 5 + [{"event_id": "", "event_type": ""}] * 2,
    "missing_person": [{"user_id": "", "anonymous_id": ""}] * 9,
    "missing_event_type": [{"event_type": ""}] * 4 + [{"event_type": "", "occurred_at": "yesterday"}],
    "unknown_event_type": [{"event_type": name} for name in ["hover"] * 6 + ["scroll"] * 4 + ["wish"] * 2],
    "missing_time": [{"occurred_at": ""}] * 6,
    "invalid_time": [{"occurred_at": text} for text in ["yesterday", "n/a", "2026-02-30 10:00:00", "soon"] * 2],
    "too_early": [{"occurred_at": "1970-01-01 00:00:00"}] * 6,
    "in_future": [{"occurred_at": "2100-01-01 00:00:00"}] * 4,
    "missing_item": [{"item_id": ""}] * 11,
    "unknown_item": [{"item_id": f"i9{n:02d}"} for n in range(12)] + [{"item_id": "i912", "quantity": -1}] * 2,
    "invalid_quantity": [{"quantity": text} for text in ["two", "1 pc", "many", "one", "a few"]],
    "negative_quantity": [{"quantity": -1}] * 4 + [{"quantity": -2}] * 2,
    "duplicate_event_id": [{}] * 13 + [{"late": True}] * 12,
}


def spoil(rows: list[dict]) -> list[dict]:
    """Bad rows are copies of good ones under a fresh id; duplicates keep the id."""
    plain = [row for row in rows if row["event_type"] in ("view", "add_to_cart", "purchase") and row.get("user_id")]
    filled = [row for row in plain if row["event_type"] == "add_to_cart"]
    fresh_ids, bad = count(len(rows) + 1), []
    for reason, changes in SPOILED.items():
        source = filled if "quantity" in reason else plain
        picked = rng.choice(len(source), size=len(changes), replace=False)
        for change, index in zip(changes, picked, strict=True):
            row = dict(source[int(index)])
            wait = timedelta(seconds=int(rng.integers(1, 600)))
            row["arrives_at"] += wait
            if reason != "duplicate_event_id":
                row |= {"event_id": f"e{next(fresh_ids):05d}", "occurred_at": row["occurred_at"] + wait} | change
            elif "late" in change:
                row["occurred_at"] += wait
            bad.append(row)
    return bad


# Writing it down ----------------------------------------------------------------------------------------------------


def write_csv(name: str, rows: list[dict]) -> None:
    with open(SEEDS / f"sample_{name}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS[name].split(), extrasaction="ignore", restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_items() -> None:
    changes = [
        {
            "attributes": json.dumps(item["attributes"]),
            "price": f"{item['price']:.2f}",
            "margin": f"{item['margin']:.2f}",
            "is_available": str(item["sold_out_at"] == END).lower(),
        }
        for item in ITEMS + LAUNCHED
    ]
    write_csv("items", [item | change for item, change in zip(ITEMS + LAUNCHED, changes, strict=True)])


def write_users(users: list[Person]) -> None:
    rows = []
    for person in users:
        channel = ["web", "app", "store"][draw(np.array([0.55, 0.35, 0.1]))]
        row = {"user_id": person.user_id, "created_at": person.created_at, "country": person.country}
        told = {"preferences": tell_preferences(person), "attributes": json.dumps({"signed_up_in": channel})}
        rows.append(row | told)
    write_csv("users", rows)


def tell_preferences(person: Person) -> str:
    if not happens(0.24 if person.visits else 0.8):
        return ""
    categories = Counter(item["category"] for item in ITEMS if item["taste"] == person.taste)
    told = {list(categories)[draw(np.array(list(categories.values())) ** 1.5)] for _ in range(2)}
    return json.dumps({"categories": sorted(told)})


def give_consents(users: list[Person]) -> list[dict]:
    rows = []
    for person in users:
        entry = {"user_id": person.user_id, "purpose": "personalization", "updated_at": person.created_at}
        refuses = happens(0.01)
        rows.append(entry | {"is_granted": "false" if refuses else "true"})
        if happens(0.2):
            rows.append(entry | {"purpose": "email", "is_granted": "true" if happens(0.7) else "false"})
        if person.visits and not refuses and happens(0.04):
            withdrawn = moment_between(max(START, person.created_at), END - timedelta(days=1))
            rows.append(entry | {"is_granted": "false", "updated_at": withdrawn})
            if happens(0.25):
                rows.append(entry | {"is_granted": "true", "updated_at": moment_between(withdrawn, END)})
    return sorted(rows, key=lambda row: (row["updated_at"], row["user_id"], row["purpose"]))


def list_truths(users: list[Person], n_events: int) -> list[dict]:
    ids = {title: ITEMS[number]["item_id"] for title, number in NUMBER_OF.items()}
    truths: list[tuple[str, str, str, Any]] = [("user_taste", person.user_id, "", person.taste) for person in users]
    truths += [("item_taste", item["item_id"], "", item["taste"]) for item in ITEMS + LAUNCHED]
    truths += [("bundle", ids[a], ids[b], "") for a, b in BUNDLES]
    refills = [(person.user_id, person.refill) for person in users if person.refill is not None]
    truths += [("repurchase", user_id, ITEMS[number]["item_id"], REFILL_GAP_DAYS) for user_id, number in refills]
    truths += [("trending_item", ids[title], "", "") for title in TRENDING]
    truths += [("frustrating_item", ids[title], "", "") for title in FRUSTRATING]
    truths += [("new_item", item["item_id"], "", "") for item in ITEMS if item["is_new"]]
    truths += [("launched_item", item["item_id"], "", f"{LAUNCHES[item['launch']]:%Y-%m-%d}") for item in LAUNCHED]
    truths += [("same_person", person.user_id, name, "") for person in users for name in person.devices]
    truths += [("bad_events", reason, "", len(changes)) for reason, changes in SPOILED.items()]
    truths.append(("n_events", "", "", n_events))
    return [dict(zip(COLUMNS["truths"].split(), truth, strict=True)) for truth in truths]


def main() -> None:
    users, strangers = gather_people()
    events = live_three_months(users + strangers)
    lived = list(events)
    events += spoil(events)
    events += answer_letters(users, len(events) + 1)
    events = sorted(events + frustrate(lived, len(events) + 1), key=lambda row: row["arrives_at"])
    write_items()
    write_users(users)
    write_csv("consents", give_consents(users))
    write_csv("events", events)
    write_csv("truths", list_truths(users, len(events)))


if __name__ == "__main__":
    main()
