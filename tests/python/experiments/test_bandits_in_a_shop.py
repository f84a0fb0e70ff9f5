"""Bandits from events to shares: a shop of three builds, with a creative that two segments like differently."""

import numpy as np
import pytest
from conftest import Shop
from hillstrom import arm, experiment, metric, rows_of

from kindred.experiments import shares

# Whole shops are built.
pytestmark = pytest.mark.slow

BUILD = ["--select", "+group:policies"]
EXPERIMENTS = [
    experiment(experiment_id="plain", kind="choice", allocation="thompson", metric="conversion"),
    experiment(experiment_id="fits", kind="choice", allocation="contextual", metric="conversion"),
    experiment(experiment_id="prices", kind="price", unit="item", metric="conversion"),
]
ARMS = [
    *(arm(name, 0.5, of) for of in ("plain", "fits") for name in ("control", "new")),
    arm("control", 0.5, "prices", value="1"),
    arm("less", 0.5, "prices", value="0.9", price_step="0.5"),
]
TABLES = {name: f"raw.{name}" for name in ("experiments", "experiment_arms", "experiment_metrics")}
# DE likes the new creative, FR the old one; two weeks to buy, and nobody had bought before.
RATES = {("DE", "control"): 0.05, ("DE", "new"): 0.2, ("FR", "control"): 0.2, ("FR", "new"): 0.12}
PEOPLE = 1600


def events(days, arms_of=None):
    """Exposures to both creatives and purchases of people first seen on these days of March, as rows."""
    rng = np.random.default_rng(len(days))
    rows = [("last", "view", "2026-03-31 12:00:00", None)]
    for number in range(PEOPLE):
        segment = ("DE", "FR")[number % 2]
        day = days[number % len(days)]
        shown = (arms_of or (lambda n: ("control", "new")[n // 2 % 2]))(number)
        for name in ("plain", "fits"):
            properties = f'{{"experiment": "{name}", "arm": "{shown}"}}'
            rows.append((f"{segment}{number}", "exposure", f"2026-03-{day:02} 10:00:00", properties))
        if rng.random() < RATES[segment, shown]:
            rows.append((f"{segment}{number}", "purchase", f"2026-03-{day:02} 11:00:00", None))
    return [
        {"event_id": str(place), "user_id": user, "event_type": kind, "occurred_at": at, "properties": properties}
        | {"item_id": None if kind == "exposure" else "thing", "value": 10.0, "order_id": str(place)}
        for place, (user, kind, at, properties) in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("bandits"))
    shop.load(
        events=events([5, 6, 7]),
        users=[{"user_id": f"{('DE', 'FR')[n % 2]}{n}", "country": ("DE", "FR")[n % 2]} for n in range(PEOPLE)],
        items=[
            {"item_id": "thing", "price": 10.0, "margin": 4.0},
            {"item_id": "dear", "price": 20.0, "margin": 1.0},
        ],
        experiments=rows_of(EXPERIMENTS),
        experiment_arms=rows_of([{"price_step": None} | row for row in ARMS]),
        experiment_metrics=rows_of([metric("conversion", "people", is_guardrail="false")]),
    )
    return shop


def build(shop, **settings):
    return shop.build(*BUILD, tables=TABLES, segment_by="country", **settings)


def newest(shop, experiment_id):
    """{(context, arm): (share, n_people, reason)} of the newest build."""
    rows = shop.query(f"""
        select context, arm, share, n_people, reason from arm_shares
        where experiment_id = '{experiment_id}'
            and valid_from = (select max(valid_from) from arm_shares)
    """)
    return {(context, name): tuple(rest) for context, name, *rest in rows}


def test_three_builds(shop):
    # A fortnight ago nobody had been shown anything for two weeks.
    build(shop, as_of="2026-03-14")
    assert shop.value("select count(*) from arm_shares") == 0
    assert {reason for (reason,) in shop.query("select reason from bandit_shares")} == {"too_few_people"}

    build(shop)
    plain, fits = newest(shop, "plain"), newest(shop, "fits")
    counts = dict(shop.query("select arm, count(*) from exposures where experiment_id = 'plain' group by arm"))
    bought = dict(
        shop.query("""
            select arm, count(distinct exposures.user_id) from exposures
            inner join person_events using (user_id)
            where experiment_id = 'plain' and event_type = 'purchase' group by arm
        """)
    )
    # The days are as good as one another, and their arms as large: almost what all people together say.
    a, b = ([1 + bought[k] for k in counts], [1 + counts[k] - bought[k] for k in counts])
    best = dict(zip(counts, shares.to_shares(shares.beta_p_best(a, b))[0], strict=True))
    assert plain["", "new"] == (pytest.approx(best["new"], abs=0.05), counts["new"], "learned")
    assert sum(share for share, *_ in plain.values()) == pytest.approx(1)
    for segment, better in (("DE", "new"), ("FR", "control")):
        found = {key: value for key, value in fits.items() if f"segment={segment}|" in key[0]}
        assert found
        # All were cold when they saw it; of who has bought since, the neighbours tell.
        for context in {context for context, _ in found}:
            assert found[context, better][0] > (0.9 if context.endswith("cold") else 0.6)
    people = shop.query("select context, arm, propensity from assignments where experiment_id = 'fits'")
    assert len(people) == shop.value("select count(*) from user_features where fold = 'live'")
    assert all(propensity == fits[context, name][0] for context, name, propensity in people)

    # The price of the dear item would fall below its cost.
    prices = "select item_id, arm, price, share from item_arm_log where experiment_id = 'prices' order by all"
    assert shop.query(prices) == [("thing", "control", 10.0, 0.5), ("thing", "less", 9.0, 0.5)]
    n_shares = shop.value("select count(*) from arm_shares")
    build(shop, as_of="2026-03-25")
    assert shop.value("select count(*) from arm_shares") == n_shares
    assert len(shop.query(prices)) == 2

    # Exposures of an arm get lost: the shares stay as they are, whatever the results say, and the price goes up.
    lost = events([5, 6, 7], arms_of=lambda n: "control" if n % 10 else "new")
    shop.load(events=lost, items=[{"item_id": "thing", "price": 12.0, "margin": 4.0}])
    build(shop)
    assert {reason for *_, reason in newest(shop, "plain").values()} == {"frozen_srm"}
    before = {key: value[0] for key, value in plain.items()}
    assert {key: value[0] for key, value in newest(shop, "plain").items()} == before
    assert [row[2:] for row in shop.query(prices) if row[1] == "less"] == [(9.0, 0.5), (11.0, 0.5)]
