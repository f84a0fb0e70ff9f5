"""Ranking beyond SQL unit tests: diversity against the greedy algorithm, chance against its probabilities, what a slip
in the seed ranking_rules is answered with."""

import datetime
import random
from collections import Counter

import pytest

N, DRAWN, POOL = 6, 2, 20
DAY = datetime.datetime(2026, 5, 1, 12)
LISTS = {
    "kindred__n_recommendations": N, "kindred__exploration_share": DRAWN / N, "kindred__segment_by": "",
    "kindred__horizon_days": 7,
}  # fmt: skip
RULE_COLUMNS = [
    "rule_id", "action", "item_id", "category", "brand", "segment", "activity", "starts_at", "ends_at", "amount",
]  # fmt: skip


def ranking_shop(shop, candidates, items):
    """Build ranking alone: its inputs are written here, so that no model stands between a case and its outcome."""
    people = sorted({row["user_id"] for row in candidates})
    events = [
        {"event_id": item["item_id"], "user_id": people[0], "item_id": item["item_id"], "event_type": "view",
         "occurred_at": DAY} for item in items
    ]  # fmt: skip
    shop.load(events=events, items=items)
    shop.build("--select", "+item_rules", "+generators", **LISTS)
    folds = ["live", "backtest"]
    tables = {
        "scored_candidates": [
            {"fold": fold, "source": "als"} | row for row in candidates for fold in folds
        ],
        "user_features": [
            {"fold": fold, "user_id": user_id, "segment": None, "activity": "hot", "n_excluded_items": 0}
            for user_id in people for fold in folds
        ],
        "item_features": [
            {"fold": fold, "item_id": item["item_id"], "category": item.get("category"), "is_recommendable": True,
             "variant_group": item["item_id"], "age_days": 1.0} for item in items for fold in folds
        ],
    }  # fmt: skip
    shop.load(**tables)
    for name in tables:
        cast = ", cast(segment as varchar) as segment" if name == "user_features" else ""
        replaced = f"* exclude ({cast.split()[-1]}){cast}" if cast else "*"
        shop.run(f"create or replace table {name} as select {replaced} from raw.{name}")
    shop.run("create or replace table interactions as "
             "select 'live' as fold, '' as user_id, '' as item_id, true as is_excluded where false")  # fmt: skip
    shop.run("create or replace table popular_items as select fold, 'popular' as generator, '' as segment, item_id, "
             "row_number() over (partition by fold order by item_id) as rank from item_features")  # fmt: skip
    return shop


def rank(shop, **settings):
    models = ["added_candidates", "ruled_candidates", "fitting_candidates", "ranked"]
    shop.build("--select", *models, **LISTS | settings)
    return shop.query("select fold, user_id, rank, item_id, source, reason, propensity from ranked order by all")


def greedy(candidates, categories, diversity, n):
    """Maximal marginal relevance as Carbonell and Goldstein wrote it, one item after the other."""
    scores = {row["item_id"]: row["score"] for row in candidates}
    lowest, highest = min(scores.values()), max(scores.values())
    relevance = {item: (score - lowest) / (highest - lowest) for item, score in scores.items()}

    def similarity(one, other):
        return 1 if categories[one] is not None and categories[one] == categories[other] else 0

    taken = []
    while len(taken) < n:
        left = [item for item in scores if item not in taken]
        taken.append(
            min(
                left,
                key=lambda item: (
                    -(1 - diversity) * relevance[item]
                    + diversity * max((similarity(item, other) for other in taken), default=0),
                    -scores[item],
                    item,
                ),
            )
        )
    return taken


def test_diversity__is_greedy_maximal_marginal_relevance(small_shop):
    chance = random.Random(7)
    items = [{"item_id": f"i{number:02}", "category": chance.choice([*"aaabbc", None])} for number in range(40)]
    categories = {item["item_id"]: item["category"] for item in items}
    # Scores in eighths: many ties within and across categories, and sums of which no bit is lost.
    lists = {
        f"u{number}": [
            {"user_id": f"u{number}", "item_id": item["item_id"], "score": chance.randrange(1, 9) / 8}
            for item in chance.sample(items, 30)
        ] + [{"user_id": f"u{number}", "item_id": f"x{score}", "score": float(score)} for score in (0, 2)]
        for number in range(60)
    }  # fmt: skip
    categories |= {"x0": None, "x2": "a"}
    items += [{"item_id": item, "category": categories[item]} for item in ("x0", "x2")]
    candidates = [row for rows in lists.values() for row in rows]
    shop = ranking_shop(small_shop, candidates, items)
    plain = {}
    for diversity in (0, 0.25, 0.5, 1):
        found = {}
        for fold, user_id, _, item_id, *_ in rank(shop, kindred__diversity=diversity):
            if fold == "backtest":
                found.setdefault(user_id, []).append(item_id)
        expected = {user_id: greedy(rows, categories, diversity, N) for user_id, rows in lists.items()}
        assert found == expected, diversity
        plain = plain or found
    assert sum(found[user_id] != plain[user_id] for user_id in plain) > 30


def chi_square(counts, n_cells):
    expected = sum(counts.values()) / n_cells
    return sum((counts.get(cell, 0) - expected) ** 2 / expected for cell in range(n_cells))


def test_exploration__frequencies_are_the_logged_probabilities(small_shop):
    """3,000 people with the same 40 candidates: which one of the pool stands at a drawn rank is uniform at each
    rank, and in the pairs of both; the figure is exceeded once in 1,000 hashes, and the hashes are always the same."""
    n_people, n_items = 3000, 40
    items = [{"item_id": f"i{number:02}"} for number in range(n_items)]
    people = [f"u{number}" for number in range(n_people)]
    candidates = [
        {"user_id": user_id, "item_id": item["item_id"], "score": 1 - number / 100}
        for user_id in people for number, item in enumerate(items)
    ]  # fmt: skip
    shop = ranking_shop(small_shop, candidates, items)
    rows = rank(shop)
    backtest = [row for row in rows if row[0] == "backtest"]
    live = [row for row in rows if row[0] == "live"]
    assert len(backtest) == len(live) == N * n_people
    assert all(item_id == f"i{place - 1:02}" and chance == 1 for _, _, place, item_id, _, _, chance in backtest)
    drawn = {}
    for _, user_id, place, item_id, source, reason, chance in live:
        if place <= N - DRAWN:
            assert (item_id, source, chance) == (f"i{place - 1:02}", "als", 1)
        else:
            # Over the pool, the probabilities of each rank sum to one.
            assert (source, reason, chance * POOL) == ("exploration", "exploration", 1)
            drawn[user_id, place] = int(item_id[1:]) - (N - DRAWN)
    assert set(drawn.values()) == set(range(POOL))
    for place in (N - 1, N):
        counts = Counter(drawn[user_id, place] for user_id in people)
        assert chi_square(counts, POOL) < 43.8  # 19 degrees of freedom
    pairs = Counter((drawn[user_id, N - 1], drawn[user_id, N]) for user_id in people)
    assert not any(first == second for first, second in pairs)
    numbered = {pair: number for number, pair in enumerate(sorted(pairs))}
    assert chi_square({numbered[pair]: count for pair, count in pairs.items()}, POOL * (POOL - 1)) < 470.3  # 379

    # The same day draws the same, another day something else; 0 draws nothing.
    assert rank(shop) == rows
    shop.run("update folds set as_of = as_of + interval 1 day")
    tomorrow = {row[1:3]: row[3] for row in rank(shop) if row[0] == "live" and row[2] > N - DRAWN}
    same = sum(int(tomorrow[key][1:]) - (N - DRAWN) == number for key, number in drawn.items())
    assert 0.03 < same / len(drawn) < 0.07
    assert {row[5:] for row in rank(shop, kindred__exploration_share=0)} == {("your_history", 1)}


SLIPS = {
    "shout": ({"action": "shout", "item_id": "i1"}, "action is 'shout': give exclude, boost, bury, pin or cap"),
    "none": ({"action": "exclude"}, "it names no items: fill in item_id, category or brand"),
    "no_amount": ({"action": "boost", "category": "a"}, "write a number above 1, at most 1000"),
    "weak": ({"action": "boost", "category": "a", "amount": "0.5"}, "write a number above 1, at most 1000"),
    "strong": ({"action": "bury", "category": "a", "amount": "2"}, "write a number from 0.001 to below 1"),
    "words": ({"action": "pin", "item_id": "i1", "amount": "first"}, "write a whole number from 1"),
    "half": ({"action": "cap", "category": "a", "amount": "1.5"}, "write a whole number from 0"),
    "pin_all": ({"action": "pin", "category": "a", "amount": "1"}, "a pin puts one item at one rank: fill in item_id"),
    "cap_one": ({"action": "cap", "item_id": "i1", "amount": "1"}, "leave item_id empty (or exclude)"),
    "star": ({"action": "exclude", "category": "*"}, "which only a cap can use: leave it empty"),
    "lukewarm": ({"action": "exclude", "item_id": "i1", "activity": "lukewarm"}, "write cold, warm, hot or nothing"),
    "start": ({"action": "exclude", "item_id": "i1", "starts_at": "soon"}, "starts_at is 'soon': write a UTC date"),
    "end": ({"action": "exclude", "item_id": "i1", "ends_at": "2026-02-30"}, "ends_at is '2026-02-30': write"),
    "back": ({"action": "exclude", "item_id": "i1", "starts_at": "2026-02-02", "ends_at": "2026-02-01"},
             "ends_at must be later than starts_at"),
}  # fmt: skip
USELESS = {
    "typo": ({"action": "exclude", "category": "shoos"}, "no item matches its item_id, category and brand"),
    "nobody": ({"action": "exclude", "item_id": "i1", "segment": "XX"}, "no user is in its segment"),
    "far": ({"action": "pin", "item_id": "i1", "amount": "99"}, "its rank is beyond the end of the list"),
    "second": ({"action": "pin", "item_id": "i1", "amount": "2"}, "rule first pins at the same rank"),
}
FINE = {
    "first": {"action": "pin", "item_id": "i2", "amount": "2"},
    "later": {"action": "PIN", "item_id": "i2", "amount": "1", "starts_at": "2030-01-01"},
    "before": {"action": " pin ", "item_id": "i1", "amount": "1.0", "ends_at": "2030-01-01 00:00:00"},
    "each": {"action": "cap", "category": "*", "amount": "0"},
}


@pytest.mark.parametrize("is_wrong", [True, False])
def test_rules__a_slip_is_answered_with_how_to_mend_it(small_shop, is_wrong):
    """A rule that can't be read stops the build before a list is made; one that does nothing is a warning."""
    small_shop.load(
        events=[{"event_id": "e1", "user_id": "u1", "item_id": "i1", "event_type": "view", "occurred_at": DAY}],
        items=[{"item_id": "i1", "category": "a"}, {"item_id": "i2", "category": "a"}],
    )
    small_shop.build("--select", "items", "users", "ranking_rules", kindred__segment_by="")
    cases = (SLIPS if is_wrong else {}) | USELESS
    rules = {name: rule for name, (rule, _) in cases.items()} | FINE
    rows = [{"rule_id": name} | rule for name, rule in rules.items()]
    small_shop.load(rules=[{column: row.get(column) for column in RULE_COLUMNS} for row in rows])
    small_shop.run("create or replace table ranking_rules as "
                   f"select {', '.join(f'cast({column} as varchar) as {column}' for column in RULE_COLUMNS)} "
                   "from raw.rules")  # fmt: skip
    selected = ["checked_rules", "--exclude-resource-type", "unit_test"]
    result = small_shop.dbt("build", "--select", *selected, kindred__segment_by="")
    assert (result.returncode != 0) == is_wrong, result.output
    lines = {line.split("'")[1]: line for line in result.output.splitlines() if "rule_id '" in line}
    assert set(lines) == set(cases)
    for name, (_, advice) in cases.items():
        assert advice in lines[name], lines[name]
    assert f"WARN {len(USELESS)} " in result.text
    assert "Traceback" not in result.output
