"""What bandits lose while they learn, and how long their shares take.

    python benchmarks/bench_bandits.py

Regret: successes that were missed because somebody was shown another arm than the best one, as a part of what an even
split misses. 1,000 people a day for 30 days, four arms, shares once a day with a floor of 0.02; 400 shops by chance.
Beside it what is lost by a posterior that takes all successes of an arm by all its people, without the effects of days.

By context: three creatives, of which each of two segments likes another one. Time: bandit_shares on 30 days of results
of 1,000 contexts and four arms.

Writes benchmarks/results/bandits.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
from bench_speed import HERE, ROOT, paragraph, say, table

sys.path.insert(0, str(ROOT / "src"))

from kindred.experiments import bandits, contextual, shares  # noqa: E402
from kindred.experiments.shares import Evidence  # noqa: E402

DAYS, PEOPLE = 30, 1000
RATES = np.array([0.05, 0.055, 0.06, 0.05])
Learn = Callable[[np.ndarray, np.ndarray, np.ndarray, float], np.ndarray]


def by_shop(people: np.ndarray, successes: np.ndarray, age: np.ndarray, forgetting: float) -> np.ndarray:
    """P(best), (shops, arms), as kindred computes it; people, successes: (days, shops, arms)."""
    sums = np.stack([people, successes, successes, people, people, successes])
    found = [shares.gather(sums[:, :, [shop]], age, forgetting) for shop in range(people.shape[1])]
    parts = ("n_people", "effective", "reward", "variance")
    evidence = Evidence(*(np.concatenate([getattr(one, part) for one in found]) for part in parts))
    return shares.beta_posterior(evidence).p_best


def without_days(people: np.ndarray, successes: np.ndarray, age: np.ndarray, forgetting: float) -> np.ndarray:
    """P(best) by all successes of an arm among all its people, whenever that was."""
    weight = forgetting ** age[:, None, None]
    n, y = (weight * people).sum(axis=0), (weight * successes).sum(axis=0)
    return shares.beta_p_best(1 + y, 1 + n - y)


def regret(
    rates: np.ndarray, n_shops: int, late: int = 0, forgetting: float = 1.0, learn: Learn = by_shop
) -> tuple[float, float]:
    """Regret as a part of an even split's, and its standard error over shops; rates: (days, arms)."""
    rng = np.random.default_rng(17)
    n_arms = rates.shape[1]
    people, successes = np.zeros((2, DAYS, n_shops, n_arms))
    share = np.full((n_shops, n_arms), 1 / n_arms)
    lost = np.zeros(n_shops)
    for day in range(DAYS):
        people[day] = rng.multinomial(PEOPLE, share / share.sum(axis=1, keepdims=True))
        successes[day] = rng.binomial(people[day].astype(int), rates[day])
        lost += people[day] @ (rates[day].max() - rates[day])
        matured = day + 1 - late
        if matured > 0 and people[:matured].sum(axis=0).min() >= shares.MIN_PEOPLE:
            age = np.arange(matured)[::-1].astype(float)
            share = shares.to_shares(learn(people[:matured], successes[:matured], age, forgetting))
    even = PEOPLE * (rates.max(axis=1) - rates.mean(axis=1)).sum()
    return float(lost.mean() / even), float(lost.std(ddof=1) / np.sqrt(n_shops) / even)


def regret_of_segments(rates: np.ndarray, is_contextual: bool, n_shops: int) -> tuple[float, float]:
    """The same by context: rates (contexts, arms), contexts as large as one another."""
    n_contexts, n_arms = rates.shape
    levels = [["DE", "DE", "DE", "FR", "FR", "FR"], ["cold", "warm", "hot"] * 2]
    lost = np.zeros(n_shops)
    for shop in range(n_shops):
        rng = np.random.default_rng([17, shop])
        people, successes = np.zeros((2, DAYS, n_contexts, n_arms))
        share = np.full((n_contexts, n_arms), 1 / n_arms)
        for day in range(DAYS):
            each = rng.multinomial(PEOPLE, np.full(n_contexts, 1 / n_contexts))
            people[day] = np.stack([rng.multinomial(n, part) for n, part in zip(each, share, strict=True)])
            successes[day] = rng.binomial(people[day].astype(int), rates)
            lost[shop] += (people[day] * (rates.max(axis=1, keepdims=True) - rates)).sum()
            sums = np.stack([part[: day + 1] for part in (people, successes, successes, people, people, successes)])
            age = np.arange(day + 1)[::-1].astype(float)
            if is_contextual:
                best = contextual.contextual_posterior(shares.gather(sums, age), levels, True).p_best[:-1]
            else:
                best = shares.beta_posterior(shares.gather(sums.sum(axis=2, keepdims=True), age)).p_best
            share = np.broadcast_to(shares.to_shares(best), (n_contexts, n_arms))
            share = share / share.sum(axis=1, keepdims=True)
    even = DAYS * PEOPLE * (rates.max(axis=1, keepdims=True) - rates).mean()
    return float(lost.mean() / even), float(lost.std(ddof=1) / np.sqrt(n_shops) / even)


def time_shares(allocation: str, numerator: str) -> float:
    """Seconds for the rows of one experiment of 1,000 contexts, four arms and 30 days."""
    rng = np.random.default_rng(5)
    contexts = [f"segment=s{place:03}|activity={word}" for place in range(334) for word in ("cold", "hot", "warm")]
    contexts = ["", *contexts[:1000]] if allocation == "contextual" else [""]
    arms, rewards = [], []
    for context in contexts:
        for position, rate in enumerate(RATES):
            arm = f"arm {position}"
            arms.append({"context": context, "arm": arm, "position": position, "share": 0.25, "previous_share": None})
            for age in range(DAYS) if context or allocation == "thompson" else ():
                n = int(rng.integers(1, 10))
                y = int(rng.binomial(n, rate))
                row = dict(zip(bandits.SUMS, (n, y, y, n, n, y), strict=True))
                rewards.append(row | {"context": context, "arm": arm, "age_days": age})
    experiment = {"experiment_id": "e", "allocation": allocation, "unit": "user", "forgetting": 1.0}
    experiment |= {"statistic": "mean", "numerator": numerator, "higher_is_better": True, "frozen_by": None}
    bandits.experiment_rows(experiment, arms[:8], rewards[:240])
    start = time.perf_counter()
    rows = bandits.experiment_rows(experiment, arms, rewards)
    seconds = time.perf_counter() - start
    assert len(rows) == len(arms) and all(row["reason"] == "learned" for row in rows)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shops", type=int, default=400)
    n_shops = parser.parse_args().shops
    same = np.tile(RATES, (DAYS, 1))
    changed = same.copy()
    changed[DAYS // 2 :] = RATES[[2, 1, 0, 3]]
    sale = same * np.where(np.arange(DAYS) < 10, 2.0, 1.0)[:, None]
    rows = []
    for name, rates, more in (
        ("the same arm is best", same, {}),
        ("the same, results 3 days late", same, {"late": 3}),
        ("the same, forgetting 0.9", same, {"forgetting": 0.9}),
        ("the best arm changes on day 15", changed, {}),
        ("it changes, results 3 days late", changed, {"late": 3}),
        ("it changes, forgetting 0.9", changed, {"forgetting": 0.9}),
        ("it changes, forgetting 0.8", changed, {"forgetting": 0.8}),
        ("a sale of ten days, when all arms are twice as good", sale, {}),
    ):
        figures = [regret(rates, n_shops, learn=learn, **more) for learn in (by_shop, without_days)]
        rows.append([name, *(f"{mean:.2f} ± {error:.2f}" for mean, error in figures)])
        say(str(rows[-1]))
    differ = np.array([[0.05, 0.07, 0.05]] * 3 + [[0.05, 0.05, 0.07]] * 3)
    agree = np.array([[0.05, 0.07, 0.05]] * 6)
    few = max(n_shops // 10, 2)
    by_context = []
    for name, rates in (("they like different ones", differ), ("they like the same one", agree)):
        figures = [regret_of_segments(rates, is_contextual, few) for is_contextual in (False, True)]
        by_context.append([name, *(f"{mean:.2f} ± {error:.2f}" for mean, error in figures)])
        say(str(by_context[-1]))
    times = []
    for allocation, numerator, name in (
        ("thompson", "people", "thompson, one context"),
        ("contextual", "people", "contextual, 1,000 contexts, shares of people"),
        ("contextual", "value", "contextual, 1,000 contexts, means"),
    ):
        times.append([name, f"{time_shares(allocation, numerator):.2f}"])
        say(str(times[-1]))
    lines = [
        "# Bandits: regret and time",
        "",
        *paragraph(
            "Made by `python benchmarks/bench_bandits.py`; its first lines say what is measured. Regret as a part of",
            f"an even split's, with its standard error over {n_shops} shops:",
        ),
        "",
        *table(["world", "kindred", "without the effects of days"], rows),
        "",
        f"Two segments of equal size, three creatives, {few} shops:",
        "",
        *table(["segments", "thompson", "contextual"], by_context),
        "",
        "Seconds for one experiment of four arms with 30 days of results:",
        "",
        *table(["shares", "seconds"], times),
    ]
    (HERE / "results" / "bandits.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
