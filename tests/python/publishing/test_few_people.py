"""Published figures rest on min_people, and private_popularity tells of nobody more than epsilon."""

import json
import math
import random
import re
import shutil
from collections import Counter, defaultdict

import duckdb
import numpy as np
import pytest
from conftest import Shop, run_dbt
from scipy.stats import chisquare, dlaplace

LEAST = 5
CELL = ("run_id", "policy", "kind", "generator", "position")
TOTALS = {"run_id": "", "kind": "", "generator": "", "position": 0}
# Pairs of items, and on how many people they rest.
PAIR_PEOPLE = """
    with likes as (select distinct user_id, item_id from interactions where fold = 'live' and weight > 0)
    select pairs.item_id, pairs.other_id, count(likes.user_id)
    from ({pairs}) as pairs (item_id, other_id)
    left join likes on pairs.item_id = likes.item_id
        and exists (from likes as others where others.user_id = likes.user_id and others.item_id = pairs.other_id)
    group by all
"""
NEIGHBORS = "select item_id, neighbor_id from item_neighbors where fold = 'live'"
BUNDLES = """
    select item_id, bundle_item_id, (
        select count(distinct one.user_id)
        from basket_items as one inner join basket_items as other using (user_id, basket_id)
        where one.item_id = bundles.item_id and other.item_id = bundle_item_id
    ) from bundles
"""
RECENT = """
    select segment, item_id, (
        select count(distinct user_id)
        from interactions inner join user_features using (fold, user_id)
        where fold = 'live' and recent_weight <> 0 and interactions.item_id = trending_items.item_id
            and trending_items.segment in ('', user_features.segment)
    ) from trending_items
"""
OF_SEGMENT = """
    select segment, item_id, (
        select count(distinct user_id)
        from interactions inner join user_features using (fold, user_id)
        where fold = 'live' and interactions.item_id = popular_items.item_id
            and user_features.segment = popular_items.segment
    ) from popular_items where fold = 'live' and segment <> ''
"""
GROUPS = "select fold, user_group || generator || metric || k, n_users from evaluation_metrics"
LISTS = "select kind, run_id || generator || position, n_people from list_performance"
FIGURES = {
    "neighbours": PAIR_PEOPLE.format(pairs=NEIGHBORS),
    "bundles": BUNDLES,
    "trending": RECENT,
    "popular in a segment": OF_SEGMENT,
    "evaluation": GROUPS,
    "performance": LISTS,
}


@pytest.fixture(scope="module")
def protected(sample_shop, tmp_path_factory):
    """The sample shop's figures with min_people of 5."""
    shop = Shop(tmp_path_factory.mktemp("protected"))
    shutil.copy(sample_shop.database, shop.database)
    models = ["item_pair_counts", "item_pairs", "bundles", "item_neighbors", "similar_items", "popular_items"]
    models += ["trending_items", "fallback_recommendations", "evaluation_metrics", "list_performance"]
    result = run_dbt(
        *("run", "--select", *models),
        target=shop.targets,
        database=shop.database,
        settings={"kindred__privacy": {"min_people": LEAST}},
    )
    assert result.returncode == 0, result.output
    return shop


@pytest.mark.parametrize("figure", list(FIGURES))
def test_figures_rest_on_enough_people(protected, sample_shop, figure):
    rows = protected.query(FIGURES[figure])
    assert len(rows) > 10
    assert [row for row in rows if row[2] < LEAST] == []
    # Of the sample shop's own figures these rest on more.
    if figure not in ("evaluation", "bundles", "performance"):
        assert [row for row in sample_shop.query(FIGURES[figure]) if row[2] < LEAST]


def test_lists_stay_full(protected, sample_shop):
    lengths = "select segment, count(*) from fallback_recommendations group by segment order by segment"
    assert protected.query(lengths) == sample_shop.query(lengths)


def families(cells):
    """The cells that a total and its other parts would tell: {(column, the rest of the key): cells}."""
    found = defaultdict(list)
    for cell in cells:
        for place, name in enumerate(CELL):
            if name in TOTALS and cell[place] != TOTALS[name]:
                found[name, cell[:place] + cell[place + 1 :]].append(cell)
    return found


@pytest.mark.slow
def test_no_total_tells_a_hidden_part(tmp_path):
    """1,000 random worlds, each a policy: where a part is hidden, another of the same total is, too."""
    draw, rows = random.Random(3), []
    for world in range(1000):
        people = [f"u{number}" for number in range(draw.randint(3, 30))]
        shown = [
            {"list_id": f"l{world}.{number}", "user_id": draw.choice(people), "run_id": draw.choice(["r1", "r2", "r3"])}
            | {"kind": draw.choice(["person", "similar"]), "generator": draw.choice(["als", "slim", "popular", "rare"])}
            | {"position": draw.choice([1, 1, 1, 2, 2, 3]), "policy": f"w{world}", "item_id": "i"}
            for number in range(draw.randint(5, 60))
        ]
        rows += [row | {"n_clicks": 0, "n_purchases": 0, "revenue": 0.0, "n_impressions": 1} for row in shown]
    shop = Shop(tmp_path)
    shop.load(list_outcomes=rows)
    shop.run("create or replace table list_outcomes as from raw.list_outcomes")
    found = {}
    for least in (1, LEAST):
        result = run_dbt(
            *("run", "--select", "person_performance", "list_performance"),
            target=shop.targets,
            database=shop.database,
            settings={"kindred__privacy": {"min_people": least}},
        )
        assert result.returncode == 0, result.output
        columns = ", ".join(CELL)
        found[least] = {row[:-1]: row[-1] for row in shop.query(f"select {columns}, n_people from list_performance")}
    everything, shown = found[1], found[LEAST].keys()
    assert all(everything[cell] >= LEAST for cell in shown)
    bared = [
        (column, rest)
        for (column, rest), cells in families(everything).items()
        if sum(cell not in shown for cell in cells) == 1 and len(cells) > 1
    ]
    assert bared == []
    # It isn't bought by showing nothing.
    large = [cell for cell, n in everything.items() if n >= LEAST]
    assert len(shown) > 0.5 * len(large) > 1000


def inline(sql, folder, n_rows):
    """The rows of a SELECT with kindred's macros."""
    arguments = ["show", "--quiet", "--inline", sql, "--output", "json", "--limit", str(n_rows)]
    result = run_dbt(*arguments, target=folder / "target", database=folder / "empty.duckdb")
    assert result.returncode == 0, result.output
    return json.loads(re.search(r"\{.*\}", result.output, re.DOTALL)[0])["show"]


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """40,000 draws of scale 4 as the release makes them: by keyed hashes of cells."""
    sql = """
        select noise, count(*) as n
        from (
            select {{ kindred.discrete_laplace("sha256(concat('key', number))", 4.0) }} as noise
            from range(40000) as t (number)
        )
        group by noise
    """
    rows = inline(sql, tmp_path_factory.mktemp("noise"), 1000)
    return {row["noise"]: row["n"] for row in rows}


def test_noise_is_discrete_laplace(noise):
    """Its mean, variance and distribution are those of scipy's."""
    values = np.repeat(list(noise), list(noise.values())).astype(float)
    expected = dlaplace(1 / 4)
    n, variance = len(values), expected.var()
    alpha = math.exp(-1 / 4)
    assert variance == pytest.approx(2 * alpha / (1 - alpha) ** 2)
    assert abs(values.mean()) < 3 * math.sqrt(variance / n)
    fourth = expected.stats(moments="k") + 3
    assert abs(values.var() - variance) < 3 * variance * math.sqrt((fourth - 1) / n)
    inner = range(-25, 26)
    observed = [noise.get(k, 0) for k in inner] + [sum(count for k, count in noise.items() if abs(k) > 25)]
    probabilities = [expected.pmf(k) for k in inner] + [2 * expected.sf(25)]
    assert chisquare(observed, np.array(probabilities) * n).pvalue > 0.001


def test_one_person_changes_no_outcome_by_more_than_epsilon(noise):
    """A count with the person and without, 1 apart: no outcome is e^(1 / scale) times likelier with than without."""
    n = sum(noise.values())
    for outcome in range(-20, 21):
        with_person, without = noise.get(outcome - 1, 0), noise.get(outcome, 0)
        loss = abs(math.log(with_person / without))
        error = math.sqrt(1 / with_person - 1 / n + 1 / without - 1 / n)
        assert loss <= 1 / 4 + 3 * error


@pytest.fixture(scope="module")
def private(sample_shop, tmp_path_factory):
    """Private popularity on the sample shop's features; called with settings it builds and returns its counts."""
    shop = Shop(tmp_path_factory.mktemp("private"))
    shutil.copy(sample_shop.database, shop.database)

    def build(**privacy):
        settings = {name: privacy.pop(name) for name in list(privacy) if name.startswith("kindred__")}
        result = run_dbt(
            *("run", "--select", "privacy_budget", "private_popularity"),
            target=shop.targets,
            database=shop.database,
            settings={"kindred__privacy": {"epsilon": 1} | privacy} | settings,
        )
        assert result.returncode == 0, result.output
        return {row[:2]: row[2] for row in shop.query("select segment, item_id, n_people from private_popularity")}

    build.shop = shop
    return build


def liked(shop, n_items, where="true"):
    """{(segment, item): people among whose newest liked items it is}, in Python."""
    segments = dict(shop.query("select user_id, segment from user_features where fold = 'live'"))
    items = defaultdict(list)
    for user, item in shop.query(f"""
        select user_id, item_id from interactions where fold = 'live' and weight > 0 and {where}
        order by last_at desc, item_id
    """):
        items[user].append(item)
    counts = Counter(
        (group, item) for user in items for item in items[user][:n_items] for group in {"", segments[user]}
    )
    return Counter({cell: n for cell, n in counts.items() if cell[0] is not None})


@pytest.mark.slow
def test_without_noise_it_is_the_counts_of_newest_items(private):
    """An epsilon without bounds gives the counts; a person moves them by no more than the noise is made for."""
    exact = private(epsilon=1e12, max_items_per_person=3)
    assert exact == {cell: n for cell, n in liked(private.shop, 3).items() if n > 1}
    person = private.shop.value(
        "select user_id from interactions where fold = 'live' and weight > 0 group by 1 order by count(*) desc limit 1"
    )
    counts, without = liked(private.shop, 3), liked(private.shop, 3, f"user_id <> '{person}'")
    moved = sum(abs(counts[cell] - without[cell]) for cell in counts.keys() | without.keys())
    assert moved == 2 * 3


@pytest.mark.slow
def test_without_bounds_everything_counts(private):
    everything = liked(private.shop, 1_000_000)
    exact = private(epsilon=1e12, max_items_per_person=1_000_000)
    assert exact == {cell: n for cell, n in everything.items() if n > 1} and len(exact) > 500


@pytest.mark.slow
def test_noise_is_drawn_once_a_day_and_kept_account_of(private):
    count = "select count(*) from privacy_budget where epsilon = 2"
    first = private(epsilon=2, max_items_per_person=1)
    exact = liked(private.shop, 1)
    assert first and {cell: exact[cell] for cell in first} != first
    # Nothing is told of what few like: 1 + scale * ln(sensitivity / delta), of 2 and 1.
    assert min(first.values()) >= 1 + math.log(2 / 1e-6)
    assert private(epsilon=2, max_items_per_person=1) == first
    assert private.shop.value(count) == 1
    assert private(epsilon=2, max_items_per_person=1, kindred__as_of="2026-05-20") == first
    assert private.shop.value(count) == 1
    private.shop.run("update folds set as_of = as_of + interval 1 day")
    assert private(epsilon=2, max_items_per_person=1) != first
    assert private.shop.value(count) == 2


@pytest.mark.slow
def test_the_export_has_private_lists(private, tmp_path):
    counts = private(epsilon=3, max_items_per_person=1)
    result = run_dbt(
        *("run-operation", "export_for_devices", "--args", json.dumps({"folder": str(tmp_path)})),
        target=private.shop.targets,
        database=private.shop.database,
        settings={"kindred__privacy": {"epsilon": 3, "max_items_per_person": 1}},
    )
    assert result.returncode == 0, result.output
    popular = [
        item for (item,) in duckdb.sql(f"select item_id from '{tmp_path}/popular.parquet' order by rank").fetchall()
    ]
    ranked = sorted((-n, item) for (segment, item), n in counts.items() if segment == "")
    assert popular and popular == [item for _, item in ranked if item in set(popular)]
    fallback = duckdb.sql(
        f"select item_id from '{tmp_path}/fallback.parquet' where segment = '' order by rank"
    ).fetchall()
    assert [item for (item,) in fallback] == popular[:20]
    assert json.loads((tmp_path / "session.json").read_text())["popular"] == popular
