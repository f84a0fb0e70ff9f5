"""Write the experiments of the sample shop: effects that are known, because they were planted.

    python -m kindred.sample.experiments    # what `make sample` runs after the shop itself, in a checkout

writes into seeds/sample/experiments, the same bytes on every run:

- sample_experiments, sample_experiment_arms and sample_policies, as a shop would declare them;
- sample_experiment_events: exposures, and what people did because of the arm that they saw;
- sample_foreign_log and sample_foreign_policies: lists that another system showed with known probabilities;
- sample_experiment_truths says what was planted. Tests may read it, models may not.

Four experiments run through May. `home_page` has an arm that is better, one that is worse and one that is as good as
the control. `free_delivery` has lost a quarter of one arm's exposures. Of the two covers of `cover` some countries like
the one and the others the other. `personal` holds a fifth of the people out of everything personal. Arms are those of
the keys that kindred computes.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from kindred.sample.shop import END, ITEMS, SEEDS
from kindred.serving.arms import unit_key

START = datetime(2026, 5, 1)
ENDS = datetime(2026, 6, 15)
# Everybody's results are known by the end: the longest window of a metric is 14 days.
N_EXPOSURE_DAYS = 16

# arm: (share, policy, probability that an item of the home page is clicked)
HOME_PAGE = {
    "as_it_is": (0.25, "main", 0.40),
    "bold": (0.25, "bold", 0.44),
    "narrow": (0.25, "narrow", 0.36),
    "twin": (0.25, "twin", 0.40),
}
N_HOME_PAGES, N_PLACES = 3, 6
POLICIES: dict[str, dict[str, Any]] = {
    "main": {},
    "bold": {"diversity": 0.3},
    "narrow": {"diversity": 0},
    "twin": {"ranker": "fixed"},
}

LOST_SHARE = 0.25  # of the exposures to the arm `free` of free_delivery

# arm: probability of a purchase in countries that like bright covers, and in those that don't
COVERS = {"bright": (0.30, 0.05), "dark": (0.05, 0.30)}
BRIGHT_COUNTRIES = ("DE", "AT")

# arm: (share, probability of a purchase because of what is personal)
HELD_OUT = {"nothing_personal": (0.2, 0.0), "personal": (0.8, 0.25)}

# A log of another system: at each of three places one of eight items, drawn by these logits whatever stands above.
N_FOREIGN_LISTS, FOREIGN_DAYS = 1000, 28
LOGITS = np.array([[0.9, 0.6, 0.3, 0.0, 0.0, -0.3, -0.6, -0.9]] * 3)
CLICK_RATES = np.linspace(0.30, 0.06, 8) * np.array([[1.0], [0.7], [0.5]])
# policy: what its logits are, of those that the other system had
FOREIGN_POLICIES = {"sharper": 2.0, "reversed": -1.0}

COLUMNS = {
    "experiments": "experiment_id kind layer layer_from layer_to unit salt allocation stopping metric planned_people"
    " forgetting starts_at ends_at",
    "experiment_arms": "experiment_id arm position share is_control policy value min_price max_price price_step segment"
    " activity category brand",
    "policies": "policy generators ranker diversity freshness exploration_share",
    "experiment_events": "event_id user_id event_type item_id occurred_at quantity value order_id list_id position"
    " properties",
    "foreign_log": "list_id user_id item_id rank policy propensity reward evaluated_policy evaluated_propensity"
    " shown_at rewarded_at",
    "foreign_policies": "evaluated_policy list_id rank item_id propensity",
    "experiment_truths": "kind entity_id other_id value",
}

rng = np.random.default_rng(20260501)


def arm_of(user_id: str, prefix: str, shares: Mapping[str, float]) -> str:
    """The arm of a person, by key and shares as docs/experiments.md says."""
    place = int(unit_key(f"{prefix}|{user_id}"), 16) / 2**32
    borders = np.cumsum(list(shares.values()))
    return list(shares)[int(np.searchsorted(borders[:-1], place, side="right"))]


def moment_on(day: int) -> datetime:
    return START + timedelta(days=day, seconds=int(rng.integers(8 * 3600, 22 * 3600)))


def read_users() -> list[dict[str, str]]:
    with open(SEEDS / "sample_users.csv", encoding="utf-8", newline="") as file:
        return [user for user in csv.DictReader(file) if user["created_at"] < str(START)]


# What people do -----------------------------------------------------------------------------------------------------


def expose(user_id: str, experiment_id: str, arm: str, moment: datetime) -> dict[str, Any]:
    properties = json.dumps({"experiment": experiment_id, "arm": arm})
    return {"user_id": user_id, "event_type": "exposure", "occurred_at": moment, "properties": properties}


def buy(user_id: str, after: datetime) -> dict[str, Any]:
    """One purchase within a fortnight of the exposure."""
    sold = [item for item in ITEMS if item["sold_out_at"] == END and not item["is_new"]]
    item = sold[int(rng.integers(len(sold)))]
    moment = after + timedelta(seconds=int(rng.integers(600, 13 * 86400)))
    line = {"item_id": item["item_id"], "quantity": 1, "value": f"{item['price']:.2f}"}
    return {"user_id": user_id, "event_type": "purchase", "occurred_at": moment} | line


def visit_home_pages(user_id: str, click_rate: float, first: datetime) -> list[dict[str, Any]]:
    rows = []
    for visit in range(N_HOME_PAGES):
        shown = rng.choice(len(ITEMS), size=N_PLACES, replace=False)
        moment = first + timedelta(days=visit, seconds=int(rng.integers(60, 3600)))
        for position, number in enumerate(map(int, shown), start=1):
            row = {"user_id": user_id, "item_id": ITEMS[number]["item_id"], "list_id": f"home-{user_id}-{visit + 1}"}
            row |= {"position": position, "occurred_at": moment, "event_type": "impression"}
            rows.append(row)
            if rng.random() < click_rate:
                rows.append(row | {"event_type": "click", "occurred_at": moment + timedelta(seconds=7 * position)})
    return rows


def run_experiments(users: list[dict[str, str]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for user in users:
        user_id, first = user["user_id"], moment_on(int(rng.integers(N_EXPOSURE_DAYS)))
        arm = arm_of(user_id, "holdout|personal", {name: share for name, (share, _) in HELD_OUT.items()})
        rows.append(expose(user_id, "personal", arm, first))
        if rng.random() < HELD_OUT[arm][1]:
            rows.append(buy(user_id, first))
        if arm == "nothing_personal":
            # People who are held out are in no other experiment. They see what everybody saw before.
            rows += visit_home_pages(user_id, HOME_PAGE["as_it_is"][2], first)
            if rng.random() < COVERS["bright"][user["country"] not in BRIGHT_COUNTRIES]:
                rows.append(buy(user_id, first))
            continue

        arm = arm_of(user_id, "home_page|home_page", {name: share for name, (share, *_) in HOME_PAGE.items()})
        rows.append(expose(user_id, "home_page", arm, first))
        rows += visit_home_pages(user_id, HOME_PAGE[arm][2], first)

        arm = arm_of(user_id, "free_delivery|free_delivery", {"as_it_is": 0.5, "free": 0.5})
        if arm == "as_it_is" or rng.random() >= LOST_SHARE:
            rows.append(expose(user_id, "free_delivery", arm, first))

        arm = arm_of(user_id, "cover|cover", {"bright": 0.5, "dark": 0.5})
        rows.append(expose(user_id, "cover", arm, first))
        if rng.random() < COVERS[arm][user["country"] not in BRIGHT_COUNTRIES]:
            rows.append(buy(user_id, first))
    rows.sort(key=lambda row: row["occurred_at"])
    n_orders = 0
    for number, row in enumerate(rows, start=1):
        row["event_id"] = f"x{number:05d}"
        if row["event_type"] == "purchase":
            n_orders += 1
            row["order_id"] = f"x{n_orders:04d}"
    return rows


# What is declared ---------------------------------------------------------------------------------------------------


def declare_experiments() -> list[dict[str, Any]]:
    times = {"starts_at": START, "ends_at": ENDS}
    return [
        {"experiment_id": "home_page", "kind": "lists", "metric": "ctr", "planned_people": 450} | times,
        {"experiment_id": "free_delivery", "kind": "offer", "metric": "conversion", "planned_people": 900} | times,
        {"experiment_id": "cover", "kind": "choice", "allocation": "contextual", "metric": "conversion"} | times,
        {"experiment_id": "personal", "kind": "holdout", "metric": "conversion", "planned_people": 1000} | times,
    ]


def declare_arms() -> list[dict[str, Any]]:
    arms: list[dict[str, Any]] = [
        {"experiment_id": "home_page", "arm": name, "share": share, "policy": policy}
        for name, (share, policy, _) in HOME_PAGE.items()
    ]
    arms += [
        {"experiment_id": "free_delivery", "arm": "as_it_is", "share": 0.5, "value": "none"},
        {"experiment_id": "free_delivery", "arm": "free", "share": 0.5, "value": "free_delivery"},
    ]
    arms += [{"experiment_id": "cover", "arm": name, "share": 0.5, "value": name} for name in COVERS]
    arms += [{"experiment_id": "personal", "arm": name, "share": share} for name, (share, _) in HELD_OUT.items()]
    firsts: set[str] = set()
    for position, arm in enumerate(arms, start=1):
        is_first = arm["experiment_id"] not in firsts
        arm |= {"position": position, "is_control": str(is_first).lower()}
        firsts.add(arm["experiment_id"])
    return arms


# The log of another system ------------------------------------------------------------------------------------------


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


def show_foreign_lists(users: list[dict[str, str]]) -> list[dict[str, Any]]:
    shown_by, rows = softmax(LOGITS), []
    for number in range(N_FOREIGN_LISTS):
        user_id = users[int(rng.integers(len(users)))]["user_id"]
        head: dict[str, Any] = {"list_id": f"foreign-{number + 1:04d}", "user_id": user_id, "policy": "bought_in"}
        head["shown_at"] = START + timedelta(seconds=int(rng.integers(FOREIGN_DAYS * 86400)))
        for place in range(len(LOGITS)):
            item = int(rng.choice(LOGITS.shape[1], p=shown_by[place]))
            row: dict[str, Any] = head | {"item_id": ITEMS[item]["item_id"], "rank": place + 1}
            row |= {"propensity": round(float(shown_by[place, item]), 12)}
            row["reward"] = int(rng.random() < CLICK_RATES[place, item])
            for policy, factor in FOREIGN_POLICIES.items():
                evaluated = round(float(softmax(factor * LOGITS)[place, item]), 12)
                rows.append(row | {"evaluated_policy": policy, "evaluated_propensity": evaluated})
    return rows


def declare_foreign_policies() -> list[dict[str, Any]]:
    return [
        {
            "evaluated_policy": policy,
            "rank": place + 1,
            "item_id": ITEMS[item]["item_id"],
            "propensity": round(float(softmax(factor * LOGITS)[place, item]), 12),
        }
        for policy, factor in FOREIGN_POLICIES.items()
        for place in range(LOGITS.shape[0])
        for item in range(LOGITS.shape[1])
    ]


def list_truths() -> list[dict[str, Any]]:
    truths: list[tuple[str, str, str, Any]] = [
        ("click_rate", "home_page", arm, rate) for arm, (_, _, rate) in HOME_PAGE.items()
    ]
    truths.append(("lost_share", "free_delivery", "free", LOST_SHARE))
    truths += [("liked_cover", "cover", country, "bright") for country in BRIGHT_COUNTRIES]
    truths += [("bought_because", "personal", arm, rate) for arm, (_, rate) in HELD_OUT.items()]
    for policy, factor in {"bought_in": 1.0, **FOREIGN_POLICIES}.items():
        value = float((softmax(factor * LOGITS) * CLICK_RATES).sum(axis=1).mean())
        truths.append(("policy_value", policy, "", round(value, 9)))
    return [dict(zip(COLUMNS["experiment_truths"].split(), truth, strict=True)) for truth in truths]


def write_csv(name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    with open(SEEDS / f"experiments/sample_{name}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS[name].split(), extrasaction="raise", restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    users = read_users()
    write_csv("experiments", declare_experiments())
    write_csv("experiment_arms", declare_arms())
    write_csv("policies", [{"policy": name} | changes for name, changes in POLICIES.items()])
    write_csv("experiment_events", run_experiments(users))
    write_csv("foreign_log", show_foreign_lists(users))
    write_csv("foreign_policies", declare_foreign_policies())
    write_csv("experiment_truths", list_truths())


if __name__ == "__main__":
    main()
