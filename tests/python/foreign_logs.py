"""Logs of lists for the tests of policy_values, how they are built, and the estimators again in plain Python."""

import hashlib
import math
from collections import defaultdict

import numpy as np
from conftest import EXPERIMENTS

# What stands between a log of lists and its values, and nothing else: the tables that it reads are made by hand.
EARLIER = ["earlier_lists", "earlier_policy_lists", "earlier_arm_shares"]
MODELS = [
    *("foreign_log", "foreign_policies", "shown_lists", "own_items", "own_places"),
    *("foreign_items", "foreign_places", "checked_foreign_places", "logged_places", "log_problems"),
    *(
        "evaluated_items",
        "evaluated_places",
        "reward_estimates",
        "expected_rewards",
        "valued_people",
        "estimated_people",
    ),
    *("estimated_values", "policy_values"),
]
OUTCOMES = """
    create table if not exists list_outcomes (
        list_id varchar, user_id varchar, item_id varchar, kind varchar, n_clicks bigint, shown_at timestamp
    )
"""


def value_shop(shop):
    """An empty shop with the tables that rooms above leave to the models of off-policy evaluation."""
    shop.run(OUTCOMES)
    shop.run("create table if not exists forgotten_ids (id_hash varchar)")
    shop.run("create table if not exists forgotten_key as select 'key' as hash_key")
    return shop


def values(shop, earlier=EARLIER, **settings):
    """Build policy_values of raw.foreign_log (and raw.foreign_policies); {(policy, period, kind, estimator): row}."""
    tables = {name: f"raw.{name}" for name in ("foreign_log", "foreign_policies") if name in shop.tables}
    tables = tables or EXPERIMENTS
    shop.build("--select", *earlier, *MODELS, tables=tables, **settings)
    return read_values(shop)


def read_values(shop):
    columns = shop.column("select column_name from information_schema.columns where table_name = 'policy_values'")
    rows = shop.query(f"select {', '.join(columns)} from policy_values")
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    return {(row["policy"], row["period"], row["kind"], row["estimator"]): row for row in named}


def half(person):
    return "a" if hashlib.md5(person.encode()).hexdigest() < "8" else "b"


def person_in(wanted, number):
    """The number-th id of a person of half a or b."""
    return next(name for step in range(1000) if half(name := f"{wanted}{number}-{step}") == wanted)


def estimate(places, policy):
    """{estimator: (value, standard error)} of places: person, list, rank, item, weight, top (weight so far), reward.

    policy: {(list, rank): {item: probability}}. Lists are in the order of their ranks.
    """
    counts = defaultdict(lambda: [0, 0.0])
    for place in places:
        for key in ((place["rank"], place["item"]), None):
            counts[half(place["person"]), key][0] += 1
            counts[half(place["person"]), key][1] += place["reward"]

    def expected(person, rank, item):
        other = "b" if half(person) == "a" else "a"
        n_all, rewards_of_all = counts[other, None]
        n, rewards = counts[other, (rank, item)]
        return (rewards + 100 * rewards_of_all / n_all) / (n + 100)

    lists = defaultdict(list)
    for place in places:
        lists[place["person"], place["list"]].append(place)
    sums = defaultdict(lambda: np.zeros(10))
    for (person, list_id), shown in lists.items():
        row = np.zeros(10)
        for place in shown:
            weight, top, reward = place["weight"], place["top"], place["reward"]
            q = expected(person, place["rank"], place["item"])
            mean = sum(p * expected(person, place["rank"], item) for item, p in policy[list_id, place["rank"]].items())
            row[:4] += 1, weight, weight * reward, mean + weight * (reward - q)
            row[4] += mean + (weight * (reward - q) if weight <= 10 else 0)
            row[5:7] += top * reward, mean + top * (reward - q)
        row[7] = shown[-1]["top"] * sum(place["reward"] for place in shown)
        row[8:] = 1, shown[-1]["top"]
        sums[person] += row
    n_places, weights, ips, dr, switch, rips, cascade, sips, n_lists, _tops = np.array(list(sums.values())).T
    pairs = {
        "ips": (ips, n_places), "snips": (ips, weights), "dr": (dr, n_places), "switch_dr": (switch, n_places),
        "sips": (sips, n_lists), "iips": (ips, n_lists), "rips": (rips, n_lists), "cascade_dr": (cascade, n_lists),
    }  # fmt: skip
    found = {}
    for name, (above, below) in pairs.items():
        value, n = above.sum() / below.sum(), len(above)
        residuals = above - value * below
        found[name] = value, math.sqrt((residuals**2).sum() * n / (n - 1)) / below.sum()
    return found


def simulated_log(n_lists=400, n_items=5, n_places=3, seed=3):
    """(rows of foreign_log, rows of foreign_policies, places for `estimate`, its policy): people with several lists."""
    draw = np.random.default_rng(seed)
    logged = draw.dirichlet(np.ones(n_items) * 2, n_places)
    evaluated = draw.dirichlet(np.ones(n_items) * 2, n_places)
    chances = draw.uniform(0.05, 0.6, (n_places, n_items))
    log, places = [], []
    for number in range(n_lists):
        person, top = f"u{number // 3}", 1.0
        for place in range(n_places):
            item = draw.choice(n_items, p=logged[place])
            reward = float(draw.random() < chances[place, item])
            weight = evaluated[place, item] / logged[place, item]
            top *= weight
            log.append(
                {
                    "list_id": f"l{number}",
                    "user_id": person,
                    "item_id": f"i{item}",
                    "rank": place + 1,
                    "propensity": logged[place, item],
                    "reward": reward,
                    "evaluated_policy": "new",
                    "shown_at": f"2026-05-{1 + number % 28:02d} 10:00:00",
                }
            )
            places.append(
                {"person": person, "list": f"l{number}", "rank": place + 1, "item": f"i{item}"}
                | {"weight": weight, "top": top, "reward": reward}
            )
    policies = [
        {"evaluated_policy": "new", "rank": place + 1, "item_id": f"i{item}", "propensity": evaluated[place, item]}
        for place in range(n_places)
        for item in range(n_items)
    ]
    policy = {
        (f"l{number}", place + 1): {f"i{item}": evaluated[place, item] for item in range(n_items)}
        for number in range(n_lists)
        for place in range(n_places)
    }
    return log, policies, places, policy
