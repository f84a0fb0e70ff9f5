"""What a policy would have earned: against recorded values of obp 0.5.7, by hand, and on logs that can't be used."""

import importlib
import os
from collections import defaultdict
from pathlib import Path

import duckdb
import numpy as np
import pytest
import skips
import yaml
from conftest import NO_TESTS, REPOSITORY, RUNS
from foreign_logs import estimate, person_in, simulated_log, value_shop, values
from released_shop import shop_copy

# Whole shops are built.
pytestmark = pytest.mark.slow

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


def test_all_estimators__as_counted_again_in_python(shop):
    log, policies, places, policy = simulated_log()
    found = values(shop.load(foreign_log=log, foreign_policies=policies))
    for name, (value, error) in estimate(places, policy).items():
        kind = "place" if name in ("ips", "snips", "dr", "switch_dr") else "list"
        for period in ("all", "2026-05"):
            row = found["new", period, kind, name]
            assert row["value"] == pytest.approx(value, rel=1e-7), name
            assert row["standard_error"] == pytest.approx(error, rel=1e-7), name
            assert (row["n_people"], row["n_lists"]) == (134, 400)


def test_intervals__hold_the_truth(monkeypatch):
    """A small form of benchmarks/bench_off_policy.py, where 500 logs of 2,000 and 20,000 rows are looked at."""
    if not RUNS["builds"]:
        pytest.skip(f"{skips.NO_BUILDS} leaves out what runs dbt")
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    rows = importlib.import_module("bench_off_policy").evaluate("near", n_logs=150, n_rows=800)
    assert len(rows) == 8
    for _log, estimator, covered, spread, *_others in rows:
        # Within three errors of 95 % for 150 logs.
        assert float(covered) > 0.95 - 3 * (0.95 * 0.05 / 150) ** 0.5, estimator
        assert 0.8 < float(spread) < 1.2, estimator


def test_rows_that_cannot_be_used(shop):
    """Each is set aside with its list, and counted with a reason; the others count."""
    log, _policies, _places, _policy = simulated_log(n_lists=40)
    log = [row | {"evaluated_propensity": 0.1, "rewarded_at": None} for row in log]
    faults = [
        {"propensity": None}, {"propensity": float("nan")}, {"propensity": 0.0}, {"propensity": 1.01},
        {"evaluated_propensity": None}, {"evaluated_propensity": -0.5}, {"reward": float("nan")},
        {"reward": float("inf")}, {"reward": None}, {"rank": 0}, {"list_id": ""}, {"rewarded_at": "2026-04-30"},
        {"shown_at": "soon"},
    ]  # fmt: skip
    bad = [log[3 * number] | fault | {"user_id": "bad"} for number, fault in enumerate(faults)]
    repeated = [log[-1]]
    found = values(shop.load(foreign_log=[*log, *bad, *repeated]))
    problems = {
        problem.split(":")[0]: n
        for problem, n in shop.query("select problem, n_rows from log_problems order by problem")
    }
    assert problems == {
        "propensity is missing": 2,
        "propensity is 0": 1,
        "propensity is above 1": 1,
        "evaluated_propensity is missing": 1,
        "evaluated_propensity is no probability": 1,
        "reward is missing or no number below 1e9": 3,
        "rank is no place": 1,
        "it has no list_id": 1,
        "rewarded_at is before shown_at": 1,
        "shown_at is no time": 1,
        "the place stands twice in the list": 1,
    }
    assert all(": " in problem for problem in shop.column("select problem from log_problems"))
    row = found["new", "all", "place", "ips"]
    assert (row["n_lists"], row["n_people"]) == (40, 14)
    expected = np.mean([0.1 / row["propensity"] * row["reward"] for row in log])
    assert row["value"] == pytest.approx(expected, rel=1e-9)


def test_summary__names_what_cannot_be_used(sample_shop, tmp_path):
    shop = shop_copy(sample_shop, tmp_path / "shop")
    log, policies, _places, _policy = simulated_log(n_lists=4)
    shop.load(foreign_log=[log[0] | {"propensity": 50.0}, *log[1:]], foreign_policies=policies[1:])
    tables = {name: f"raw.{name}" for name in ("foreign_log", "foreign_policies")}
    models = ["foreign_items", "foreign_places+", "recommendations", "builds"]
    result = shop.dbt("build", *NO_TESTS, "--select", *models, tables=tables)
    assert result.returncode == 0, result.output
    assert "logs of lists have rows that can't be used, see" in result.text
    assert "foreign_log: propensity is above 1: write a probability, not a percentage or an odds (1" in result.text
    assert "foreign_log: another place of its list can't be used: correct that one (8, such as 'l0')" in result.text
    assert "foreign_policies: propensities of its place do not add up to 1: write a row for each" in result.text


def own_shop(shop, lists, outcomes, policy_lists, shares):
    """Kindred's own tables as earlier builds left them, in place of the views that read them."""
    shop.load(earlier_lists=lists, outcomes=outcomes, earlier_policy_lists=policy_lists, earlier_arm_shares=shares)
    texts = ("context", "team")
    casts = ", ".join(f"cast({name} as varchar) as {name}" for name in texts)
    shop.run(f"""
        create or replace view earlier_lists as select * exclude ({", ".join(texts)}), {casts} from raw.earlier_lists;
        create or replace view earlier_policy_lists as from raw.earlier_policy_lists;
        create or replace view earlier_arm_shares as from raw.earlier_arm_shares;
        insert into list_outcomes by name
        select * replace (cast(shown_at as timestamp) as shown_at) from raw.outcomes;
    """)


def test_own_log__two_arms_a_draw_and_a_policy_nobody_saw(shop):
    """Arms of 60 and 40 %: the mixture weighs, whichever arm made a list. The values are near the planted ones."""
    draw = np.random.default_rng(5)
    orders = {"main": "abcd", "new": "acbd", "foreign": "wxyz"}
    pool = "defgh"
    chances = dict(zip("abcdefghwxyz", np.linspace(0.5, 0.1, 12), strict=True))
    lists, outcomes, policy_lists, places = [], [], [], defaultdict(list)
    for number in range(3000):
        person, list_id = f"u{number}", f"l{number}"
        arm = "main" if draw.random() < 0.6 else "new"
        # The last place of new is drawn from a pool of five.
        drawn = draw.choice(list(pool))
        made = orders[arm] if arm == "main" else orders["new"][:3] + drawn
        by_rank = {policy: [{item: 1.0} for item in order] for policy, order in orders.items()} | {
            "new": [{item: 1.0} for item in "acb"] + [{item: 0.2 for item in pool}]
        }
        top = dict.fromkeys(orders, 1.0)
        for place, item in enumerate(made):
            reward = int(draw.random() < chances[item])
            lists.append(
                {
                    "run_id": "r",
                    "list_id": list_id,
                    "user_id": person,
                    "rank": place + 1,
                    "item_id": item,
                    "policy": arm,
                }
                | {"experiment_id": "e", "arm": arm, "context": None, "team": None}
            )
            outcomes.append(
                {"list_id": list_id, "user_id": person, "item_id": item, "kind": "person", "n_clicks": reward * 2}
                | {"shown_at": "2026-05-01 10:00:00"}
            )
            p = {policy: by_rank[policy][place].get(item, 0.0) for policy in orders}
            top = {policy: top[policy] * p[policy] for policy in orders}
            for policy in orders:
                places[policy].append(
                    {"person": person, "list": list_id, "rank": place + 1, "item": item, "reward": reward}
                    | {"weight": p[policy] / (0.6 * p["main"] + 0.4 * p["new"])}
                    | {"top": top[policy] / (0.6 * top["main"] + 0.4 * top["new"])}
                )
        policy_lists += [
            {"run_id": "r", "user_id": person, "policy": policy, "rank": rank, "item_id": item, "propensity": p}
            for policy, places_of in by_rank.items()
            for rank, items in enumerate(places_of, 1)
            for item, p in items.items()
        ]
    shares = [
        {"run_id": "r", "experiment_id": "e", "context": None, "arm": arm, "policy": arm, "share": share}
        for arm, share in (("main", 0.6), ("new", 0.4))
    ]
    own_shop(shop, lists, outcomes, policy_lists, [row | {"context": ""} for row in shares])
    found = values(shop, earlier=["foreign_log"])
    assert shop.query("select * from log_problems") == []
    truths = {
        "main": sum(chances[item] for item in "abcd"),
        "new": sum(chances[item] for item in "acb") + np.mean([chances[item] for item in pool]),
    }
    for policy, truth in truths.items():
        by_rank = {(f"l{number}", rank + 1): {} for number in range(3000) for rank in range(4)}
        for row in policy_lists:
            if row["policy"] == policy:
                by_rank["l" + row["user_id"][1:], row["rank"]][row["item_id"]] = row["propensity"]
        for name, (value, error) in estimate(places[policy], by_rank).items():
            kind = "place" if name in ("ips", "snips", "dr", "switch_dr") else "list"
            row = found[policy, "all", kind, name]
            assert row["value"] == pytest.approx(value, rel=1e-7), (policy, name)
            assert row["standard_error"] == pytest.approx(error, rel=1e-7), (policy, name)
            assert abs(value - truth / (4 if kind == "place" else 1)) < 4 * error, (policy, name)
            assert row["is_reliable"] and row["unsupported_share"] == pytest.approx(0, abs=1e-9)
            assert abs(row["mean_weight"] - 1) < 0.05
    # By the mixture the weights of a policy are at most 1 / its share.
    assert found["new", "all", "place", "ips"]["effective_people"] > 1000
    nobody = found["foreign", "all", "place", "dr"]
    assert not nobody["is_reliable"] and nobody["unsupported_share"] == 1
    assert "1.000 of what the policy would show is never shown" in nobody["note"]
