"""The pool from which each person's list is made: the best of what all generators propose, in the ranker's order."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.matrices import are_in, encode_ids, read_pairs, run_on_all_cores
from kindred.ranking.boosters import Boosters
from kindred.ranking.cross_scores import Scorers
from kindred.ranking.features import (
    RankerTables,
    Rows,
    generator_z,
    pair_up,
    ranker_feature_names,
    ranker_features,
    read_candidates,
)
from kindred.warehouse import Relation, Session, read_folds, read_table, report_progress, write_table

SCHEMA = pa.schema(
    [
        ("fold", pa.string()),
        ("policy", pa.string()),
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
        ("generator", pa.string()),
    ]
)
PEOPLE_PER_PART = 500


class BlendInUse:
    """The newest ranker that could be known at a moment: of the kind fixed, linear or learned."""

    def __init__(self, rankers: Relation, as_of: datetime.datetime) -> None:
        rows = read_table(rankers, ["as_of", "kind", "weights", "model"]).to_pylist()
        usable = [row for row in rows if row["as_of"] <= as_of]
        newest = max(usable, key=lambda row: row["as_of"], default={"kind": "fixed"})
        self.boosters: Boosters | None = None
        self.weights: dict[str, float] = {}
        if newest["kind"] == "learned":
            self.boosters = Boosters.from_text(newest["model"])
        elif newest["kind"] == "linear":
            self.weights = json.loads(newest["weights"])

    def kind(self, tables: RankerTables) -> str:
        """The kind that serves these generators: one that learned from others knows nothing of them, so fixed does."""
        if self.boosters is not None and self.boosters.feature_names == ranker_feature_names(tables):
            return "learned"
        return "linear" if self.weights and sorted(self.weights) == tables.generators.to_pylist() else "fixed"

    def terms(self, tables: RankerTables, features: np.ndarray) -> np.ndarray:
        """What each generator adds to the linear blend of candidates: (n_pairs, n_generators)."""
        return generator_z(tables, features) * [self.weights[name] for name in tables.generators.to_pylist()]

    def margins(self, tables: RankerTables, features: np.ndarray) -> np.ndarray:
        """The scores of candidates by a ranker that isn't the fixed one, in units of log odds."""
        if self.boosters is None:
            return np.asarray(self.terms(tables, features).sum(axis=1))
        return self.boosters.margins(features)


@dataclass(frozen=True)
class Policy:
    """How a policy scores: whose votes count (None = all generators'), and whether the learned ranker may serve.

    weights: what generators weigh in its blend; those that it doesn't name weigh what they do for all.
    discovery_share: the share of the pool that is kept for items that the person hasn't bought, as of its lists.
    """

    name: str
    generators: tuple[str, ...] | None
    is_learned: bool
    weights: Mapping[str, float] = field(default_factory=dict)
    discovery_share: float = 0.0

    def counts(self, tables: RankerTables) -> np.ndarray | None:
        """(n_generators,): how much each generator's votes count, 1 = as for all, 0 = not at all; None = 1 for all."""
        if self.generators is None and not self.weights:
            return None
        names = tables.generators.to_pylist()
        return np.array(
            [
                0.0
                if self.generators is not None and name not in self.generators
                else self.weights[name] / weight
                if name in self.weights
                else 1.0
                for name, weight in zip(names, tables.weights, strict=True)
            ]
        )


def read_weights(text: str | None) -> dict[str, float]:
    """{generator: weight} of a text such as als:2+popular:0.5, which checked_policies has found to be right."""
    pairs = (part.split(":") for part in text.split("+")) if text else ()
    return {generator: float(weight) for generator, weight in pairs}


def read_policies(policies: Relation) -> list[Policy]:
    """The policies that can be used, by name."""
    columns = ["policy", "generators", "weights", "ranker", "discovery_share"]
    rows = read_table(policies, columns, "problem is null").sort_by("policy").to_pylist()
    return [
        Policy(
            row["policy"],
            tuple(row["generators"].split("+")) if row["generators"] else None,
            row["ranker"] == "learned",
            read_weights(row["weights"]),
            float(row["discovery_share"]),
        )
        for row in rows
    ]


def whose(person_policies: Relation, tables: RankerTables, fold: str, policies: list[Policy]) -> list[np.ndarray]:
    """For each policy (n_people,): whether it makes a list of the person. One policy makes everybody's."""
    if len(policies) == 1:
        return [np.ones(len(tables.users), dtype=bool)]
    made = []
    for policy in policies:
        rows = read_table(person_policies, ["user_id"], f"fold = '{fold}' and policy = '{policy.name}'")
        places = encode_ids(rows["user_id"], tables.users)[1]
        made.append(np.isin(np.arange(len(tables.users)), places))
    return made


def split_rows(rows: Rows) -> list[Rows]:
    """The arrays of `read_candidates` in parts of a few people: the features of 5,000 don't fit a processor's cache."""
    users = rows[0]
    starts = np.flatnonzero(np.diff(users // PEOPLE_PER_PART, prepend=-1))
    edges = [*starts, len(users)]
    users, items, generators, scores, ranks = rows
    return [
        (users[start:end], items[start:end], generators[start:end], scores[start:end], ranks[start:end])
        for start, end in pairwise(edges)
    ]


def blend_of(votes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(n_pairs,): the sum of the votes that count, each as much as it counts."""
    is_counted = counts > 0
    return np.asarray((votes[:, is_counted] * counts[is_counted]).sum(axis=1))


def best_of_block(
    users: np.ndarray,
    items: np.ndarray,
    scores: np.ndarray,
    leads: np.ndarray,
    n: int,
    is_discovery: np.ndarray | None = None,
    n_discoveries: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The n rows of highest score of each person, of equals the first: users, items, ranks, scores, leads.

    is_discovery: (n_rows,), whether the person has never bought the item; the n_discoveries best of these are among the
    n, in the place of the worst others.
    """
    order = np.lexsort((-scores, users))
    users, items, scores, leads = users[order], items[order], scores[order], leads[order]
    if n_discoveries and is_discovery is not None:
        is_wanted = first_of_each(users, is_discovery[order], n_discoveries)
        is_kept = is_wanted | first_of_each(users, ~is_wanted, n, is_wanted)
        users, items, scores, leads = users[is_kept], items[is_kept], scores[is_kept], leads[is_kept]
    ranks = np.arange(len(users)) - np.searchsorted(users, users) + 1
    is_kept = ranks <= n
    return users[is_kept], items[is_kept], ranks[is_kept], scores[is_kept], leads[is_kept]


def first_of_each(users: np.ndarray, is_counted: np.ndarray, n: int, is_taken: np.ndarray | None = None) -> np.ndarray:
    """(n_rows,): whether a row is among the first n of its person's that count; rows that are taken use up the n.

    users: places, rising.
    """
    starts = np.searchsorted(users, users)
    before = np.cumsum(is_counted) - is_counted
    numbers = before - before[starts] + 1
    if is_taken is not None:
        ends = np.searchsorted(users, users, side="right")
        totals = np.concatenate([[0], np.cumsum(is_taken)])
        numbers = numbers + totals[ends] - totals[starts]
    return np.asarray(is_counted & (numbers <= n))


def scored_candidates(
    session: Session,
    pool_size: int,
    candidates: Relation,
    item_features: Relation,
    user_features: Relation,
    generators: Relation,
    rankers: Relation,
    folds: Relation,
    policies: Relation,
    person_policies: Relation,
    scorers: Scorers,
) -> Any:
    """The rows of `scored_candidates`, pool_size per person, policy and fold at most."""
    moments = read_table(folds, ["fold", "as_of"]).to_pylist()
    blend = BlendInUse(rankers, moments[0]["as_of"]) if moments else None
    usable = read_policies(policies)

    def score(fold: str) -> tuple[str, RankerTables, list[Any]]:
        """All lists of a fold, small and complete: DuckDB can't be asked again while it takes in the result."""
        tables = RankerTables(generators, item_features, user_features, fold)
        # A policy without the learned ranker, and the fixed blend, look at ranks alone.
        is_learned = any(policy.is_learned for policy in usable) and blend is not None and blend.kind(tables) != "fixed"
        cross_scores = scorers.read(tables, fold) if is_learned else None
        # Who asks for no share of discoveries needs no purchases.
        is_asked = any(policy.discovery_share > 0 for policy in usable)
        bought = read_pairs(scorers.interactions, tables.users, tables.items,
                            f"fold = '{fold}' and n_purchases > 0") if is_asked else None  # fmt: skip
        is_made = whose(person_policies, tables, fold, usable)
        counts = [policy.counts(tables) for policy in usable]

        def score_part(rows: Rows) -> list[tuple[str, tuple[np.ndarray, ...]]]:
            pairs = pair_up(tables, *rows)
            users, items, votes = pairs.users, pairs.items, pairs.votes
            # weight / rank falls faster than a vote: the item is said to come from the generator that has it near the
            # top.
            shares = np.nan_to_num(tables.weights / pairs.ranks)
            # The rows of these people alone: `are_in` makes an array of all entries.
            first, last = users[0], users[-1]
            is_discovery = None if bought is None else ~are_in(bought[first : last + 1], users - first, items)
            learned = None
            pools: list[tuple[str, tuple[np.ndarray, ...]]] = []
            for policy, is_theirs, is_counted in zip(usable, is_made, counts, strict=True):
                rows_of = is_theirs[users]
                totals = votes.sum(axis=1) if is_counted is None else blend_of(votes, is_counted)
                if policy.is_learned and is_learned and blend is not None:
                    if learned is None:
                        features = ranker_features(tables, pairs, cross_scores)
                        learned = 1 / (1 + np.exp(-blend.margins(tables, features)))
                    totals = learned
                leads = shares.argmax(axis=1) if is_counted is None else (shares * is_counted).argmax(axis=1)
                if is_counted is not None:
                    rows_of &= totals > 0
                kept = best_of_block(
                    users[rows_of],
                    items[rows_of],
                    totals[rows_of],
                    leads[rows_of].astype(np.int8),
                    pool_size,
                    None if is_discovery is None else is_discovery[rows_of],
                    math.ceil(policy.discovery_share * pool_size),
                )
                pools.append((policy.name, (kept[0].astype(np.int32), kept[1].astype(np.int32), *kept[2:])))
            return pools

        parts = []
        for block in tables.blocks():
            for pools in run_on_all_cores(score_part, split_rows(read_candidates(candidates, tables, fold, block))):
                parts += pools
            if block.start > 0:
                report_progress(
                    f"scored_candidates: {fold}, {block.start:,} of {len(tables.users):,} people are scored"
                )
        return fold, tables, parts

    scored = [score(fold) for fold in read_folds(folds)]

    def batches() -> Iterator[pa.RecordBatch]:
        for fold, tables, parts in scored:
            for policy, (users, items, ranks, scores, leads) in parts:
                ids = [tables.users.take(pa.array(users)), tables.items.take(pa.array(items))]
                columns = [pa.array(ranks, pa.int64()), pa.array(scores), tables.generators.take(pa.array(leads))]
                names = [pa.repeat(pa.scalar(name), len(users)) for name in (fold, policy)]
                yield pa.record_batch([*names, *ids, *columns], schema=SCHEMA)

    return write_table(session, SCHEMA, batches())
