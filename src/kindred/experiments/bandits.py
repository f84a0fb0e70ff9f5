"""Shares of experiments that follow their results: what the dbt model `bandit_shares` calls.

Rewards are those of matured people alone: a person first exposed less than the metric's window ago has an outcome
that is still open, and would count as a failure. An experiment whose checks fail keeps its last shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.warehouse import Relation, Session, read_table, write_table

SCHEMA = pa.schema(
    [
        ("experiment_id", pa.string()),
        ("context", pa.string()),
        ("arm", pa.string()),
        ("share", pa.float64()),
        ("n_people", pa.int64()),
        ("reward", pa.float64()),
        ("posterior_mean", pa.float64()),
        ("posterior_sd", pa.float64()),
        ("p_best", pa.float64()),
        ("is_frozen", pa.bool_()),
        ("reason", pa.string()),
    ]
)
EXPERIMENTS = ["experiment_id", "allocation", "unit", "forgetting", "statistic", "numerator"]
EXPERIMENTS += ["higher_is_better", "frozen_by"]
ARMS = ["experiment_id", "context", "arm", "position", "share", "previous_share"]
# In the order in which `shares.gather` takes them.
SUMS = ["n_people", "reward", "reward_squared", "denominator", "denominator_squared", "reward_denominator"]
Row = Mapping[str, Any]


def bandit_shares(session: Session, bandits: Relation, context_arms: Relation, bandit_rewards: Relation) -> Any:
    """The rows of the dbt model `bandit_shares`: one per experiment of `bandits`, context and arm."""
    rows: list[dict[str, Any]] = []
    experiments = read_rows(bandits, EXPERIMENTS, ["experiment_id"])
    if experiments:
        arms = by_experiment(read_rows(context_arms, ARMS, ["experiment_id", "context", "position"]))
        order = ["experiment_id", "age_days", "context", "arm"]
        rewards = by_experiment(read_rows(bandit_rewards, [*order, *SUMS], order))
        for experiment in experiments:
            name = experiment["experiment_id"]
            rows += experiment_rows(experiment, arms.get(name, []), rewards.get(name, []))
    return write_table(session, SCHEMA, pa.Table.from_pylist(rows, schema=SCHEMA).to_batches())


def read_rows(relation: Relation, columns: Sequence[str], order: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a relation in a total order."""
    return sorted(read_table(relation, columns).to_pylist(), key=itemgetter(*order))


def by_experiment(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {name: list(group) for name, group in groupby(rows, key=itemgetter("experiment_id"))}


@dataclass(frozen=True)
class Cells:
    """The contexts and arms of an experiment, sorted, and what is declared of them: arrays (C, K)."""

    contexts: list[str]
    arms: list[str]
    declared: np.ndarray
    previous: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Cells:
        contexts = sorted({row["context"] for row in rows})
        arms = [arm for _, arm in sorted({(row["position"], row["arm"]) for row in rows})]
        place = {(row["context"], row["arm"]): row for row in rows}

        def column(name: str, missing: float) -> np.ndarray:
            return np.array(
                [
                    [missing if (value := place.get((c, a), {}).get(name)) is None else value for a in arms]
                    for c in contexts
                ],
                float,
            ).reshape(len(contexts), len(arms))

        return cls(contexts, arms, column("share", 0.0), column("previous_share", np.nan))

    def sums(self, rewards: Sequence[Row], contexts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Sums (6, P, C, K) of the rewards in these contexts, and the age of each period in days, (P,)."""
        # Days before the newest period, which counts in full.
        ages = sorted({row["age_days"] for row in rewards}) or [0]
        places = ({key: i for i, key in enumerate(keys)} for keys in (ages, contexts, self.arms))
        age_place, context_place, arm_place = places
        sums = np.zeros((6, len(ages), len(contexts), len(self.arms)))
        for row in rewards:
            # An arm that is gone teaches nothing about those that are left.
            if row["arm"] in arm_place:
                at = age_place[row["age_days"]], context_place[row["context"]], arm_place[row["arm"]]
                sums[(slice(None), *at)] += [row[name] for name in SUMS]
        return sums, np.array(ages, float) - ages[0]


@dataclass(frozen=True)
class Learned:
    """What the rewards say: totals (6, C, K) of the sums; and where every arm has enough people, arrays (C, K)."""

    totals: np.ndarray
    is_enough: bool
    p_best: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


def learn(experiment: Row, cells: Cells, rewards: Sequence[Row]) -> Learned:
    """Posteriors of the arms in each context of `cells`. rewards: rows of bandit_rewards."""
    from kindred.experiments import shares
    from kindred.experiments.contextual import contextual_posterior

    is_contextual = experiment["allocation"] == "contextual"
    # Evidence of contexts that nobody is in any more is evidence of the arms. In '' stands the average of all people.
    known = [""]
    if is_contextual:
        known = sorted({*cells.contexts, *(row["context"] for row in rewards)} - {""}) or [""]
    own = [known.index(context) if context in known else -1 for context in cells.contexts]
    sums, age = cells.sums(rewards, known)
    evidence = shares.gather(sums, age, experiment["forgetting"])
    may_win = cells.declared > 0
    active: np.ndarray = np.asarray(may_win.any(axis=0))
    shape = cells.declared.shape
    best, mean, sd = np.zeros(shape), np.full(shape, np.nan), np.full(shape, np.nan)
    is_enough = bool(active.any()) and shares.has_enough(evidence.only(active))
    is_people = experiment["statistic"] == "mean" and experiment["numerator"] == "people"
    # A person's units are a number, of which any part may do it.
    is_binary = is_people and experiment["unit"] != "user_item"
    higher = bool(experiment["higher_is_better"])
    if is_enough and is_contextual:
        levels = list(zip(*map(split_context, known), strict=True))
        allowed = np.ones((len(known) + 1, int(active.sum())), bool)
        allowed[own] = may_win[:, active]
        found = contextual_posterior(evidence.only(active), levels, is_binary, higher, allowed)
        best[:, active], mean[:, active], sd[:, active] = found.p_best[own], found.mean[own], found.sd[own]
    elif is_enough:
        posterior = shares.beta_posterior if is_binary else shares.normal_posterior
        # Contexts differ by the arms that may be shown there.
        for mask in np.unique(may_win[may_win.any(axis=1)], axis=0):
            at = np.ix_((may_win == mask).all(axis=1), mask)
            found = posterior(evidence.only(np.asarray(mask)), higher)
            best[at], mean[at], sd[at] = found.p_best, found.mean, found.sd
    totals = sums.sum(axis=1)
    totals = np.concatenate([totals, totals.sum(axis=1, keepdims=True)], axis=1)[:, own]
    return Learned(totals, is_enough, best, mean, sd)


def choose_shares(cells: Cells, learned: Learned, c: int, frozen_by: str | None) -> tuple[np.ndarray, str]:
    """The shares (K,) of the context at place c, and the reason for them."""
    from kindred.experiments.shares import to_shares

    declared, previous = cells.declared[c], cells.previous[c]
    mask = declared > 0
    if not mask.any():
        return declared, "no_arms"
    if frozen_by:
        # The arms may have changed since.
        is_same = np.array_equal(previous > 0, mask) and abs(np.nansum(previous) - 1) < 1e-6
        return (np.nan_to_num(previous) if is_same else declared), f"frozen_{frozen_by}"
    if not learned.is_enough:
        return declared, "too_few_people"
    share = np.zeros(len(mask))
    # An arm alone gets everybody.
    share[mask] = to_shares(learned.p_best[c, mask])[0] if mask.sum() > 1 else 1.0
    return share, "learned"


def experiment_rows(experiment: Row, arm_rows: Sequence[Row], rewards: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows of one experiment. arm_rows: of context_arms; rewards: of bandit_rewards."""
    if not arm_rows:
        return []
    cells = Cells.of(arm_rows)
    learned = learn(experiment, cells, rewards)
    rows = []
    for c, context in enumerate(cells.contexts):
        share, reason = choose_shares(cells, learned, c, experiment["frozen_by"])
        n, reward, _, denominator, _, _ = learned.totals[:, c]
        for k, arm in enumerate(cells.arms):
            is_told = learned.is_enough and cells.declared[c, k] > 0
            rows.append(
                {
                    "experiment_id": experiment["experiment_id"],
                    "context": context,
                    "arm": arm,
                    "share": float(share[k]),
                    "n_people": int(n[k]),
                    "reward": float(reward[k] / denominator[k]) if denominator[k] else None,
                    "posterior_mean": float(learned.mean[c, k]) if is_told else None,
                    "posterior_sd": float(learned.sd[c, k]) if is_told else None,
                    "p_best": float(learned.p_best[c, k]) if is_told else None,
                    "is_frozen": bool(experiment["frozen_by"]),
                    "reason": reason,
                }
            )
    return rows


def split_context(context: str) -> tuple[str, str]:
    """Segment and activity of a context; of '', people of whom nothing is known, '' and ''."""
    if not context:
        return "", ""
    segment, activity = context.removeprefix("segment=").rsplit("|activity=", 1)
    return segment, activity
