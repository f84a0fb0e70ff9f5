"""What a policy would have earned: against recorded values of obp 0.5.7, by hand, and on logs that can't be used."""

import os
from pathlib import Path

import duckdb
import numpy as np
import pytest
import skips
import yaml
from conftest import REPOSITORY
from foreign_logs import person_in, value_shop, values

DATA = Path(os.environ.get("KINDRED_DATA", REPOSITORY.parent / "shared/data")) / "open_bandit_small"


@pytest.fixture
def shop(small_shop):
    return value_shop(small_shop)


def thompson_shares(n_items=34, n_places=3):
    """Probabilities of Bernoulli Thompson sampling by item and place: obp's compute_batch_action_dist."""
    prior = yaml.safe_load((DATA / "prior_bts.yaml").read_text(encoding="utf-8"))["men"]
    draws = np.random.RandomState(12345).beta(prior["alpha"], prior["beta"], (100_000, n_items))
    top = (-draws).argsort(axis=1)[:, :n_places]
    return np.stack([np.bincount(top[:, place], minlength=n_items) for place in range(n_places)], axis=1) / 100_000


@pytest.fixture
def open_bandit(shop):
    """The men's log of the random policy, each row a person of half a, and again in half b.

    What is learned on one half then is what the whole log says: the form without cross-fitting, which obp has.
    """
    if not DATA.is_dir():
        pytest.skip(f"{skips.NO_DATA}: {DATA}")
    rows = duckdb.sql(
        f"select item_id, position, click, propensity_score from '{DATA}/random_men.parquet' order by timestamp"
    ).fetchall()
    shares = thompson_shares()
    log = [
        {
            "list_id": f"{half}{number}",
            "user_id": person_in(half, number),
            "item_id": item,
            "rank": place,
            "policy": "random",
            "propensity": propensity,
            "reward": click,
            "evaluated_policy": "bts",
        }
        for half in "ab"
        for number, (item, place, click, propensity) in enumerate(rows)
    ]
    policies = [
        {"evaluated_policy": "bts", "rank": place + 1, "item_id": item, "propensity": share}
        for (item, place), share in np.ndenumerate(shares)
        if share > 0
    ]
    return shop.load(foreign_log=log, foreign_policies=policies)


def test_open_bandit(open_bandit):
    found = values(open_bandit)
    rows = {estimator: found["bts", "all", "place", estimator] for estimator in ("ips", "snips", "dr", "switch_dr")}
    # EXPERIMENTS_REFERENCE.md, section 3; the three models' values with the q of SQL.
    recorded = {"ips": 0.00453356, "snips": 0.00460423, "dr": 0.00462283, "switch_dr": 0.00484729}
    for estimator, value in recorded.items():
        assert rows[estimator]["value"] == pytest.approx(value, abs=1e-8), estimator
    n = 10_000
    # Twice the people: the errors are those of n by sqrt((n - 1) / (2n - 1)), the effective sample is twice as large.
    for estimator, error in {"ips": 0.00118152, "snips": 0.00119887}.items():
        assert rows[estimator]["standard_error"] / ((n - 1) / (2 * n - 1)) ** 0.5 == pytest.approx(error, abs=1e-8)
    for row in rows.values():
        assert row["n_people"] == row["n_lists"] == 2 * n
        assert row["effective_people"] / 2 == pytest.approx(2467.4024, abs=1e-4)
        assert row["mean_weight"] == pytest.approx(0.98465061, abs=1e-8)
        assert row["max_weight_share"] * 2 * n * row["mean_weight"] == pytest.approx(10.68858, abs=1e-5)
        assert row["unsupported_share"] == pytest.approx(0, abs=1e-12)
        assert row["is_reliable"] and row["note"] is None
        z = 1.959963984540054
        assert row["lower"] == pytest.approx(row["value"] - z * row["standard_error"], rel=1e-9)
        assert row["upper"] == pytest.approx(row["value"] + z * row["standard_error"], rel=1e-9)


def slates():
    rewards = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]]
    logged = [[0.5, 0.5, 0.25], [0.2, 0.5, 0.5], [0.5, 0.4, 0.5], [0.25, 0.5, 0.5]]
    evaluated = [[0.7, 0.4, 0.5], [0.1, 0.8, 0.5], [0.5, 0.6, 0.25], [0.5, 0.5, 0.4]]
    return [
        {
            "list_id": f"l{number}",
            "user_id": f"u{number}",
            "item_id": f"i{place}",
            "rank": place + 1,
            "propensity": logged[number][place],
            "reward": rewards[number][place],
            "evaluated_policy": "new",
            "evaluated_propensity": evaluated[number][place],
        }
        for number in range(4)
        for place in range(3)
    ]


def test_slates(shop):
    found = values(shop.load(foreign_log=slates()))
    recorded = {"sips": 1.7475, "iips": 1.625, "rips": 1.7375}
    for estimator, value in recorded.items():
        row = found["new", "all", "list", estimator]
        assert row["value"] == pytest.approx(value, rel=1e-9), estimator
        assert not row["is_reliable"] and "people's worth of data" in row["note"]
    row = found["new", "all", "list", "cascade_dr"]
    assert row["value"] is None and "foreign_policies" in row["note"]
    assert found["new", "all", "place", "ips"]["unsupported_share"] is None
