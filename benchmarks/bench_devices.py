"""What local differential privacy costs: lists made on devices whose people are not collected, against epsilon.

    python benchmarks/bench_devices.py --seeds 6

MovieLens ml-latest-small, ratings of 4 stars and more, people with 10 and more of them. Of these a seeded part is
collected and trains ALS (32 factors, the other settings as kindred chooses them); the others are on devices only. A
device knows four fifths of its person's likes, makes the person's vector and list from the exported item factors, and
is asked for the other fifth: recall@20. Compared are:

    none    nothing is collected of devices
    full    all that devices know is collected and trains, too
    update  devices send their whole part of a new step of the item factors without noise: their vectors and items
    exact   devices send all their items without noise, and only how liked each item is is kept
    one     each device sends one of its items without noise
    8 to .5 each device sends one report by examples/on_device/report.py with this epsilon

What devices send becomes a share per item with its error, as in the model item_statistics_from_devices. Each share is
weighted with the collected people's by their variances. Lists by a vector gain step * ln(weighted share / collected
share) per item; step is chosen from 0, .02, .05, .1 and .2 for each epsilon on the collected people alone, half of whom
play devices, five times. The second figure is the popular list by the weighted shares, which is for devices without a
history.

The error of a mean is the larger of two: over seeds, and over people (of each the mean over the seeds in which they
were on a device). Needs ../shared/data (or KINDRED_DATA=folder). Writes benchmarks/results/devices.md and devices.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix, vstack

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DATA = Path(os.environ.get("KINDRED_DATA", ROOT.parent / "shared" / "data")).resolve()
sys.path.insert(0, str(ROOT / "src"))
sys.path.insert(0, str(HERE))

from bench_speed import paragraph, table  # noqa: E402

from kindred.generators.als import fill_als_settings, solve_user_factors, train_item_factors  # noqa: E402
from kindred.matrices import to_confidences  # noqa: E402

EPSILONS = (8, 4, 2, 1, 0.5)
ARMS = ("none", "full", "update", "exact", "one", *map(str, EPSILONS))
SHARES = (0.05, 0.25, 0.5)
STEPS = (0, 0.02, 0.05, 0.1, 0.2)
N_SEEDS, N_FACTORS, LENGTH, LEAST_LIKES, N_HALVES = 256, 32, 20, 10, 5
PERIOD = "2026-05"


def load_report() -> Any:
    """examples/on_device/report.py as a module."""
    specification = importlib.util.spec_from_file_location("report", ROOT / "examples/on_device/report.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


REPORT = load_report()


def protocol_of(epsilon: float) -> dict[str, Any]:
    """As the macro device_protocol has it."""
    return {"epsilon": epsilon, "n_buckets": max(round(math.exp(epsilon)) + 1, 2), "n_seeds": N_SEEDS}


class World:
    """The likes of MovieLens: people x items, and the first 32 bits of each item's digest under each hash function."""

    def __init__(self) -> None:
        columns = pq.read_table(DATA / "ml_latest_small" / "ratings.parquet", columns=["userId", "movieId", "rating"])
        users, items, ratings = (column.to_numpy() for column in columns.columns)
        users, items = users[ratings >= 4], items[ratings >= 4]
        self.items, columns_of = np.unique(items, return_inverse=True)
        _, rows = np.unique(users, return_inverse=True)
        likes = csr_matrix((np.ones(len(rows), np.float32), (rows, columns_of)))
        self.likes = likes[np.diff(likes.indptr) >= LEAST_LIKES]
        self.names = [str(item) for item in self.items]
        self.digests = np.array(
            [[int(REPORT.digest(PERIOD, seed, name)[:8], 16) for name in self.names] for seed in range(N_SEEDS)]
        )


def divide(likes: Any, draw: np.random.Generator) -> tuple[Any, Any]:
    """(what devices know, what they are asked for): four fifths and one fifth of each row."""
    is_known = np.ones(likes.nnz, bool)
    for start, end in zip(likes.indptr[:-1], likes.indptr[1:], strict=True):
        is_known[start + draw.permutation(end - start)[: (end - start) // 5]] = False
    rows = np.repeat(np.arange(likes.shape[0]), np.diff(likes.indptr))
    return tuple(
        csr_matrix((likes.data[kept], (rows[kept], likes.indices[kept])), shape=likes.shape)
        for kept in (is_known, ~is_known)
    )  # type: ignore[return-value]


def train(likes: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """ALS's item factors and settings."""
    settings = fill_als_settings({"alpha": "auto", "regularization": "auto", "factors": N_FACTORS}, likes)
    confidences = to_confidences(likes, settings["alpha"])
    return train_item_factors(confidences, N_FACTORS, 10, settings["regularization"]), settings


def score(known: Any, model: tuple[np.ndarray, dict[str, Any]]) -> np.ndarray:
    factors, settings = model
    people = solve_user_factors(to_confidences(known, settings["alpha"]), factors, settings["regularization"])
    scores: np.ndarray = people @ factors.T
    return scores


def updated(collected: Any, known: Any, model: tuple[np.ndarray, dict[str, Any]]) -> tuple[np.ndarray, dict[str, Any]]:
    """The item factors after one exact half-step of ALS from the vectors of all people, those on devices too."""
    factors, settings = model
    confidences = to_confidences(vstack([collected, known]).tocsr(), settings["alpha"])
    people = solve_user_factors(confidences, factors, settings["regularization"])
    return solve_user_factors(confidences.T.tocsr(), people, settings["regularization"]), settings


def recall(scores: np.ndarray, known: Any, asked: Any) -> np.ndarray:
    """recall@20 per person, items that the device knows left out."""
    scores = scores.astype(np.float64)
    scores[known.nonzero()] = -np.inf
    best = np.argpartition(-scores, LENGTH, axis=1)[:, :LENGTH]
    is_asked = asked.toarray() > 0
    hits = np.take_along_axis(is_asked, best, axis=1).sum(axis=1)
    return np.asarray(hits / is_asked.sum(axis=1))


def reported(world: World, known: Any, epsilon: float, draw: random.Random) -> tuple[np.ndarray, np.ndarray]:
    """(share, its variance) of each item by one report per device, as item_statistics_from_devices estimates them."""
    protocol = protocol_of(epsilon)
    supporting = np.zeros(len(world.names))
    for start, end in zip(known.indptr[:-1], known.indptr[1:], strict=True):
        liked = [world.names[item] for item in known.indices[start:end]]
        seed, bucket = REPORT.randomise(protocol, PERIOD, liked, draw.randrange)
        supporting += world.digests[seed] % protocol["n_buckets"] == bucket
    n, kept, by_chance = known.shape[0], REPORT.kept_parts(protocol) / REPORT.PARTS, 1 / protocol["n_buckets"]
    supported = supporting / n
    spread = np.maximum(supported, by_chance) * (1 - np.minimum(supported, kept)) / n
    return (supported - by_chance) / (kept - by_chance), spread / (kept - by_chance) ** 2


def sent(world: World, known: Any, arm: str, draw: random.Random) -> tuple[np.ndarray, np.ndarray] | None:
    """(share, variance) of each item by what devices send in an arm; None where they send nothing."""
    if arm in ("none", "full", "update"):
        return None
    if arm not in ("exact", "one"):
        return reported(world, known, float(arm), draw)
    counts = np.zeros(len(world.names))
    for start, end in zip(known.indptr[:-1], known.indptr[1:], strict=True):
        chosen = range(start, end) if arm == "exact" else [draw.randrange(start, end)]
        counts[known.indices[list(chosen)]] += 1
    return counts / counts.sum(), (counts + 1) / counts.sum() ** 2


def weigh(collected: Any, found: tuple[np.ndarray, np.ndarray] | None) -> tuple[np.ndarray, np.ndarray]:
    """(the collected people's share of each item, the one weighted with the devices').

    An item that nobody liked counts as liked once.
    """
    counts = np.asarray(collected.sum(axis=0)).ravel() + 1
    own, variance = counts / counts.sum(), counts / counts.sum() ** 2
    if found is None:
        return own, own
    weight = variance / (variance + found[1])
    return own, np.maximum(own + weight * (found[0] - own), own / 20)


def halves_of(collected: Any, number: int) -> list[tuple[Any, Any, Any, np.ndarray]]:
    """Half of the collected people play devices, some times: (who trains; what the others know, are asked, score)."""
    halves = []
    for half in range(N_HALVES):
        draw = np.random.default_rng([number, half])
        order = draw.permutation(collected.shape[0])
        training, playing = collected[order[::2]], collected[order[1::2]]
        known, asked = divide(playing, draw)
        halves.append((training, known, asked, score(known, train(training))))
    return halves


def choose_step(world: World, halves: list[tuple[Any, Any, Any, np.ndarray]], arm: str, number: int) -> float:
    """The step of best recall over the halves; of equal ones the smallest."""
    recalls = np.zeros(len(STEPS))
    for half, (training, known, asked, scores) in enumerate(halves):
        own, weighted = weigh(training, sent(world, known, arm, random.Random(number * 100 + half)))
        recalls += [recall(scores + step * np.log(weighted / own), known, asked).mean() for step in STEPS]
    return STEPS[int(np.argmax(np.round(recalls, 12)))]


def run_seed(
    world: World, share: float, number: int
) -> tuple[np.ndarray, dict[str, dict[str, np.ndarray]], dict[str, float]]:
    """(people on devices, {list: {arm: recall of each}}, {arm: the step that was chosen})."""
    draw = np.random.default_rng([number, round(100 * share)])
    order = draw.permutation(world.likes.shape[0])
    n_collected = round(share * len(order))
    collected, people = world.likes[np.sort(order[:n_collected])], np.sort(order[n_collected:])
    known, asked = divide(world.likes[people], draw)
    model = train(collected)
    scores = score(known, model)
    halves = halves_of(collected, number)
    of_all = vstack([collected, known]).tocsr()
    found: dict[str, dict[str, np.ndarray]] = {"vector": {}, "popular": {}}
    steps: dict[str, float] = {}
    for arm in ARMS:
        if arm in ("full", "update"):
            trained = train(of_all) if arm == "full" else updated(collected, known, model)
            found["vector"][arm] = recall(score(known, trained), known, asked)
            shares = np.asarray(of_all.sum(axis=0)).ravel()
        else:
            own, shares = weigh(collected, sent(world, known, arm, random.Random(number)))
            steps[arm] = 0 if arm == "none" else choose_step(world, halves, arm, number)
            found["vector"][arm] = recall(scores + steps[arm] * np.log(shares / own), known, asked)
        found["popular"][arm] = recall(np.tile(shares, (len(people), 1)), known, asked)
    return people, found, steps


def error_of(values: np.ndarray) -> float:
    """The larger error of the mean of (seeds, people) values with holes: over seeds, and over people."""
    by_seed, by_person = np.nanmean(values, axis=1), np.nanmean(values[:, ~np.isnan(values).all(axis=0)], axis=0)
    return float(max(means.std(ddof=1) / math.sqrt(len(means)) for means in (by_seed, by_person)))


def measure(world: World, share: float, n_seeds: int) -> dict[str, Any]:
    found = {
        name: {arm: np.full((n_seeds, world.likes.shape[0]), np.nan) for arm in ARMS} for name in ("vector", "popular")
    }
    steps: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for number in range(n_seeds):
        people, recalls, chosen = run_seed(world, share, number)
        for name, by_arm in recalls.items():
            for arm, values in by_arm.items():
                found[name][arm][number, people] = values
        for arm, step in chosen.items():
            steps[arm].append(step)
        print(f"{share:.0%} collected, seed {number}", flush=True)
    n_collected = round(share * world.likes.shape[0])
    lists = {
        name: {
            arm: {
                "recall": float(np.nanmean(values)),
                "error": error_of(values),
                "gain": float(np.nanmean(values - by_arm["none"])),
                "gain_error": error_of(values - by_arm["none"]),
                "lost": float(np.nanmean(by_arm["full"] - values)),
                "lost_error": error_of(by_arm["full"] - values),
            }
            for arm, values in by_arm.items()
        }
        for name, by_arm in found.items()
    }
    means = {arm: float(np.mean(chosen)) for arm, chosen in steps.items() if chosen}
    return {"n_collected": n_collected, "n_devices": world.likes.shape[0] - n_collected, "lists": lists, "steps": means}


def reports_needed(epsilon: float, share: float = 0.005, error: float = 0.2) -> int:
    """Reports after which the error of an item's share is a fifth of it."""
    protocol = protocol_of(epsilon)
    kept, by_chance = REPORT.kept_parts(protocol) / REPORT.PARTS, 1 / protocol["n_buckets"]
    supported = by_chance + share * (kept - by_chance)
    return math.ceil(supported * (1 - supported) / ((kept - by_chance) * error * share) ** 2)


def figure(value: float, error: float) -> str:
    return f"{value:.4f} ± {error:.4f}"


def report(measured: dict[str, Any]) -> str:
    """The page of results."""
    lines = [
        "# Learning without collecting",
        "",
        *paragraph(
            "Made by `python benchmarks/bench_devices.py`; its first lines say what is measured.",
            f"MovieLens, {measured['n_people']} people who like {measured['n_items']:,} items,",
            f"{measured['n_seeds']} seeds. recall@20 of people who are on devices alone, by their own vector and, in",
            "the last column, by the popular list.",
        ),
    ]
    names = {"none": "nothing is sent", "full": "everything is collected", "exact": "all items, without noise"}
    names |= {"update": "factor updates, without noise"}
    names |= {"one": "one item, without noise"} | {str(epsilon): f"epsilon {epsilon:g}" for epsilon in EPSILONS}
    for row in measured["shares"]:
        vector, popular = row["lists"]["vector"], row["lists"]["popular"]
        lines += [
            "",
            f"{row['n_collected']} people are collected, {row['n_devices']} on devices:",
            "",
            *table(
                ["what devices send", "recall", "gained", "lost", "step", "popular list"],
                [
                    [
                        names[arm],
                        figure(vector[arm]["recall"], vector[arm]["error"]),
                        "" if arm == "none" else figure(vector[arm]["gain"], vector[arm]["gain_error"]),
                        "" if arm == "full" else figure(vector[arm]["lost"], vector[arm]["lost_error"]),
                        f"{row['steps'][arm]:.3f}" if arm in row["steps"] else "",
                        figure(popular[arm]["recall"], popular[arm]["error"]),
                    ]
                    for arm in ("none", *map(str, reversed(EPSILONS)), "one", "exact", "update", "full")
                ],
            ),
        ]
    lines += [
        "",
        *paragraph(
            "gained: beside nothing sent; lost: beside everything collected; step: the mean of those chosen.",
            "Reports after which the standard error of an item's share is a fifth of it, for an item of one report in",
            "200 (a calculation):",
        ),
        "",
        *table(
            ["epsilon", "reports", "bits that a report tells at most"],
            [[f"{epsilon:g}", f"{reports_needed(epsilon):,}", f"{epsilon / math.log(2):.1f}"] for epsilon in EPSILONS],
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure recall against epsilon where people stay on their devices.")
    parser.add_argument("--seeds", type=int, default=6)
    args = parser.parse_args()
    if not (DATA / "ml_latest_small").exists():
        sys.exit(f"{DATA} has no ml_latest_small: name the folder that has it, KINDRED_DATA=folder")
    world = World()
    measured: dict[str, Any] = {"n_seeds": args.seeds, "n_people": world.likes.shape[0], "n_items": len(world.names)}
    measured["shares"] = [measure(world, share, args.seeds) for share in SHARES]
    (HERE / "results" / "devices.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    text = report(measured)
    (HERE / "results" / "devices.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
