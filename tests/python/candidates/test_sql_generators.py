"""The generators in SQL on a checkerboard: history, preferences, what is popular and trending, overall and by segment.

Even people, all in AT, like even items, odd people, all in DE, odd ones; the smaller an item's number the more people
like it, and the last two of each parity rise. So each list is known before anything is built.
"""

import datetime
from collections import Counter, defaultdict

import pytest
from conftest import Shop

N_PEOPLE, N_ITEMS = 40, 20
AS_OF = datetime.datetime(2026, 5, 1)
LONG_AGO = AS_OF - datetime.timedelta(days=100)
LATELY = AS_OF - datetime.timedelta(days=2)
ITEMS = [f"i{number:02}" for number in range(N_ITEMS)]
PEOPLE = [f"u{number:02}" for number in range(N_PEOPLE)]
TOLD = {
    "told_even": '{"categories": ["Even"]}',
    "told_odd_acme": "odd; acme",
    "told_nothing": None,
    "told_else": "else",
}
COUNTRIES = {name: ["AT", "DE"][number % 2] for number, name in enumerate([*PEOPLE, *TOLD])}
RISING = {"i18": 3, "i19": 2}
# Likes weigh 4 and don't fade; a purchase weighs 5 and halves in 90 days, which here is the same for each item.
LIKE, DISLIKE, PURCHASE = 4, -6, 5 * 0.5 ** (100 / 90)


def parity(name):
    return int(name[1:]) % 2


def actions():
    """(user_id, item_id, event_type, moment)"""
    for place, item in enumerate(ITEMS):
        own = [person for person in PEOPLE if parity(person) == parity(item)]
        # 20 like i00, 19 i01, 18 i02, ...
        yield from ((person, item, "like", LONG_AGO) for person in own[: N_PEOPLE // 2 - place])
        # Each bought one item, each item has two buyers.
        yield from ((person, item, "purchase", LONG_AGO) for person in own[place // 2 :: N_ITEMS // 2])
        yield from ((person, item, "like", LATELY) for person in own[: RISING.get(item, 0)])
    yield from ((person, "loathed", "dislike", LONG_AGO) for person in ("u00", "u01"))
    # The most popular of all can't be had.
    yield from ((person, "sold_out", "like", LONG_AGO) for person in PEOPLE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("checkerboard"))
    shop.load(
        events=[
            {"event_id": str(number), "user_id": user, "item_id": item, "event_type": action, "occurred_at": moment}
            for number, (user, item, action, moment) in enumerate(actions())
        ],
        items=[
            {"item_id": item, "category": ["Even", "Odd"][parity(item)], "brand": "Acme" if item in "i08 i09" else item}
            | {"is_available": True, "created_at": LONG_AGO - datetime.timedelta(days=100)}
            for item in ITEMS
        ]
        + [
            {"item_id": "sold_out", "category": "Even", "is_available": False, "created_at": LONG_AGO},
            {"item_id": "new", "category": "Even", "is_available": True, "created_at": LATELY},
            {"item_id": "loathed", "category": "None", "is_available": True, "created_at": LONG_AGO},
        ],
        users=[
            {"user_id": user, "country": country, "preferences": TOLD.get(user), "created_at": LONG_AGO}
            for user, country in COUNTRIES.items()
        ],
    )
    models = [f"+{name}_candidates" for name in ("history", "popular", "preferred")]
    return shop.build("--select", *models, as_of=str(AS_OF), folds=["live"])


@pytest.fixture(scope="module")
def weights():
    """{user_id: {item_id: what the person's events with the item add up to}}"""
    found = defaultdict(Counter)
    for user, item, action, _ in actions():
        found[user][item] += {"like": LIKE, "dislike": DISLIKE, "purchase": PURCHASE}[action]
    return found


@pytest.fixture(scope="module")
def excluded():
    """{user_id: {item_id, ...}}: bought or disliked"""
    found = defaultdict(set)
    for user, item, action, _ in actions():
        if action != "like":
            found[user].add(item)
    return found


def lists(shop, table, condition="true"):
    found = defaultdict(list)
    for user, item, rank in shop.query(f"select user_id, item_id, rank from {table} where {condition} order by all"):
        found[user].append((rank, item))
    assert all([rank for rank, _ in sorted(rows)] == [*range(1, len(rows) + 1)] for rows in found.values())
    return {user: [item for _, item in sorted(rows)] for user, rows in found.items()}


def without(items, left_out):
    return [item for item in items if item not in left_out]


def test_history__is_what_a_person_likes_and_did_not_buy(shop, weights, excluded):
    found = lists(shop, "history_candidates")
    for person in PEOPLE:
        mine = without(weights[person], {*excluded[person], "sold_out"})
        assert found.pop(person, []) == sorted(mine, key=lambda item: (-weights[person][item], item))
    assert found == {}


def popular(weights, country=None):
    total = Counter()
    for user, mine in weights.items():
        if country in (None, COUNTRIES[user]):
            total.update(mine)
    del total["sold_out"]
    return sorted(total, key=lambda item: (-round(total[item], 6), item))


def test_popular__is_what_most_like(shop, weights, excluded):
    everything = popular(weights)
    everything.insert(everything.index("loathed"), "new")
    # By construction: in the order of their numbers but for the two that rise.
    assert without(everything, {*RISING, "new", "loathed"}) == without(ITEMS, RISING)
    found = lists(shop, "popular_candidates", "generator = 'popular'")
    assert set(found) == set(COUNTRIES)
    for person in COUNTRIES:
        assert found[person] == without(everything, excluded[person])[:20], person


def test_popular_in_segment__is_what_most_of_ones_own_country_like(shop, weights, excluded):
    found = lists(shop, "popular_candidates", "generator = 'popular_in_segment'")
    of_countries = {country: popular(weights, country) for country in ("AT", "DE")}
    for number, country in enumerate(of_countries):
        assert of_countries[country].pop() == "loathed"
        assert {parity(item) for item in of_countries[country]} == {number}
    assert set(found) == set(COUNTRIES)
    for person, country in COUNTRIES.items():
        assert found[person] == without(of_countries[country], excluded[person]), person


@pytest.mark.parametrize(
    ("generator", "of_country"),
    [
        ("trending", {"AT": ["i18", "i19"], "DE": ["i18", "i19"]}),
        ("trending_in_segment", {"AT": ["i18"], "DE": ["i19"]}),
    ],
)
def test_trending__is_what_rises_and_nothing_else(shop, excluded, generator, of_country):
    found = lists(shop, "popular_candidates", f"generator = '{generator}'")
    for person, country in COUNTRIES.items():
        assert found.pop(person, []) == without(of_country[country], excluded[person]), person
    assert found == {}


def test_preferences__are_the_categories_and_brands_that_were_told(shop, weights):
    found = lists(shop, "preferred_candidates")
    assert set(found) == {"told_even", "told_odd_acme"}
    items = without(popular(weights), {"loathed"})
    # What nobody has touched is kept a place near the top.
    assert "new" in found["told_even"][:3]
    assert without(found["told_even"], {"new"}) == [item for item in items if parity(item) == 0]
    # What is of the category and the brand comes first; what is of the brand alone counts like what is of the category.
    of_one = [item for item in items if item == "i08" or (parity(item) == 1 and item != "i09")]
    assert found["told_odd_acme"] == ["i09", *of_one]
