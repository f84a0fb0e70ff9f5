"""The pool from which each person's list is made: the best of what all generators propose, in the ranker's order."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kindred.generators.lists import read_known
from kindred.histories import make_history
from kindred.matrices import Csr, are_in, encode_ids, read_pairs, run_on_all_cores, to_pairs, unpack_factors
from kindred.nodes import spread
from kindred.ranking.boosters import Boosters
from kindred.ranking.cross_scores import CrossScores, FittedScores, Scorers
from kindred.ranking.features import generator_z, pair_up, ranker_feature_names, ranker_features
from kindred.ranking.tables import (
    CANDIDATE_COLUMNS,
    USER_COLUMNS,
    RankerTables,
    Rows,
    in_order,
    place_candidates,
    read_blend,
    read_candidates,
    read_items,
    read_users,
)
from kindred.warehouse import (
    Relation,
    Session,
    is_snowflake,
    project,
    read_folds,
    read_table,
    report_progress,
    write_table,
)

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
# Each of them has hundreds of candidates.
PEOPLE_PER_PARTITION = 1_000
# A policy, and places of people and items, ranks, scores and places of generators.
Pool = tuple[str, tuple[np.ndarray, ...]]


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

    def kind(self, generators: Any) -> str:
        """The kind that serves generators, a pyarrow column of names in their order.

        A ranker that learned from others knows nothing of them, so fixed does.
        """
        if self.boosters is not None and self.boosters.feature_names == ranker_feature_names(generators):
            return "learned"
        return "linear" if self.weights and sorted(self.weights) == generators.to_pylist() else "fixed"

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


def whose(users: Any, policies: list[Policy], find: Callable[[Policy], Any]) -> list[np.ndarray]:
    """For each policy (n_people,): whether it makes a list of the person. One policy makes everybody's.

    find: the ids of the people of a policy.
    """
    if len(policies) == 1:
        return [np.ones(len(users), dtype=bool)]
    places = [encode_ids(find(policy), users)[1] for policy in policies]
    return [np.isin(np.arange(len(users)), of_policy) for of_policy in places]


def ask_for_discoveries(policies: list[Policy]) -> bool:
    """Whether a policy needs to know what people have bought."""
    return any(policy.discovery_share > 0 for policy in policies)


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


@dataclass(frozen=True)
class Scoring:
    """How people are scored in one fold. It is sent to the nodes of Snowflake: it holds nobody's rows.

    blend, items: see `RankerTables`; fitted: None where no policy's ranker asks for scores; known: the items that
    people of the fold like, sorted, where the history of some of them is made.
    """

    fold: str
    pool_size: int
    policies: list[Policy]
    ranker: BlendInUse
    blend: pa.Table
    items: pa.Table
    fitted: FittedScores | None
    known: Any = None


class PeopleScoring:
    """Scores the candidates of some people of a fold.

    is_made: see `whose`; cross_scores: None where the fixed blend serves all; bought: CSR of people x items, None where
    no policy asks for discoveries.
    """

    def __init__(
        self,
        scoring: Scoring,
        tables: RankerTables,
        is_made: list[np.ndarray],
        cross_scores: CrossScores | None,
        bought: Csr | None,
    ) -> None:
        self.scoring, self.tables, self.is_made = scoring, tables, is_made
        self.cross_scores, self.bought = cross_scores, bought
        self.counts = [policy.counts(tables) for policy in scoring.policies]

    def pools(self, rows: Rows) -> list[Pool]:
        """The pools of the people of some candidates, by policy."""
        tables, ranker = self.tables, self.scoring.ranker
        pairs = pair_up(tables, *rows)
        users, items, votes = pairs.users, pairs.items, pairs.votes
        # weight / rank falls faster than a vote: the item is said to come from the generator that has it near the top.
        shares = np.nan_to_num(tables.weights / pairs.ranks)
        # The rows of these people alone: `are_in` makes an array of all entries.
        first, last = users[0], users[-1]
        is_discovery = None if self.bought is None else ~are_in(self.bought[first : last + 1], users - first, items)
        learned = None
        pools: list[Pool] = []
        for policy, is_theirs, is_counted in zip(self.scoring.policies, self.is_made, self.counts, strict=True):
            rows_of = is_theirs[users]
            totals = votes.sum(axis=1) if is_counted is None else blend_of(votes, is_counted)
            if policy.is_learned and self.cross_scores is not None:
                if learned is None:
                    features = ranker_features(tables, pairs, self.cross_scores)
                    learned = 1 / (1 + np.exp(-ranker.margins(tables, features)))
                totals = learned
            leads = shares.argmax(axis=1) if is_counted is None else (shares * is_counted).argmax(axis=1)
            if is_counted is not None:
                rows_of &= totals > 0
            kept = best_of_block(
                users[rows_of],
                items[rows_of],
                totals[rows_of],
                leads[rows_of].astype(np.int8),
                self.scoring.pool_size,
                None if is_discovery is None else is_discovery[rows_of],
                math.ceil(policy.discovery_share * self.scoring.pool_size),
            )
            pools.append((policy.name, (kept[0].astype(np.int32), kept[1].astype(np.int32), *kept[2:])))
        return pools

    def rows(self, pool: Pool) -> pa.RecordBatch:
        """A pool as rows of the schema."""
        policy, (users, items, ranks, scores, leads) = pool
        ids = [self.tables.users.take(pa.array(users)), self.tables.items.take(pa.array(items))]
        columns = [pa.array(ranks, pa.int64()), pa.array(scores), self.tables.generators.take(pa.array(leads))]
        names = [pa.repeat(pa.scalar(name), len(users)) for name in (self.scoring.fold, policy)]
        return pa.record_batch([*names, *ids, *columns], schema=SCHEMA)


def score_partition(fold: str, tables: Mapping[str, pa.Table], scoring: Scoring) -> Iterator[pa.RecordBatch]:
    """Snowflake: the pools of the people of a partition, from their rows; see `score_on_nodes`."""
    of_people = RankerTables(scoring.blend, scoring.items, in_order(tables["users"], "user_id"))
    if len(of_people.users) == 0:
        return
    cross_scores, bought = None, None
    if scoring.fitted is not None:
        likes = tables["interactions"].filter(pc.greater(tables["interactions"]["weight"], 0))
        vectors = unpack_factors(tables["vectors"], "user_id")
        history = make_history(fold, likes, items=scoring.known)
        cross_scores = scoring.fitted.cross_scores(of_people.users, history, *vectors)
    if ask_for_discoveries(scoring.policies):
        purchases = tables["interactions"].filter(pc.greater(tables["interactions"]["n_purchases"], 0))
        bought = to_pairs(purchases, of_people.users, of_people.items)

    def find(policy: Policy) -> Any:
        return tables["policies"].filter(pc.equal(tables["policies"]["policy"], policy.name))["user_id"]

    is_made = whose(of_people.users, scoring.policies, find)
    people = PeopleScoring(scoring, of_people, is_made, cross_scores, bought)
    rows = place_candidates(tables["candidates"], of_people)
    for part in split_rows(rows) if len(rows[0]) else []:
        for pool in people.pools(part):
            yield people.rows(pool)


def score_on_nodes(
    session: Session,
    scorings: Iterable[Scoring],
    policies: list[Policy],
    is_learned: bool,
    candidates: Relation,
    user_features: Relation,
    person_policies: Relation,
    scorers: Scorers,
    packages: Sequence[str],
) -> Relation:
    """Snowflake: the rows of `scored_candidates`, made of each person on the nodes of the warehouse; see `spread`.

    scorings: those of each fold, taken a fold at a time. is_learned: whether they need what people like.
    """
    people = {
        "users": project(user_features, "fold", "user_id", *USER_COLUMNS),
        "candidates": project(candidates, "fold", *CANDIDATE_COLUMNS),
    }
    if len(policies) > 1:
        people["policies"] = project(person_policies, "fold", "user_id", "policy")
    if is_learned:
        people["vectors"] = project(scorers.als_user_factors, "fold", "user_id", "factors")
    used = ["weight > 0"] if is_learned else []
    used += ["n_purchases > 0"] if ask_for_discoveries(policies) else []
    if used:
        columns = ("fold", "user_id", "item_id", "weight", "last_at", "n_purchases")
        people["interactions"] = project(scorers.interactions.filter(" or ".join(used)), *columns)

    def shared() -> Iterator[tuple[str, Scoring]]:
        for scoring in scorings:
            known = read_known(scorers.interactions, scoring.fold) if is_learned else None
            yield scoring.fold, dataclasses.replace(scoring, known=known)

    return spread(session, people, score_partition, shared(), SCHEMA, packages, PEOPLE_PER_PARTITION)


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
    packages: Sequence[str],
) -> Any:
    """The rows of `scored_candidates`, pool_size per person, policy and fold at most.

    On Snowflake people are scored on all nodes.
    """
    moments = read_table(folds, ["fold", "as_of"]).to_pylist()
    if not moments:
        return write_table(session, SCHEMA, [])
    usable, ranker, blend = read_policies(policies), BlendInUse(rankers, moments[0]["as_of"]), read_blend(generators)
    names = blend["generator"].combine_chunks()
    # A policy without the learned ranker, and the fixed blend, look at ranks alone.
    is_learned = any(policy.is_learned for policy in usable) and ranker.kind(names) != "fixed"

    def read_scoring(fold: str) -> Scoring:
        items = read_items(item_features, fold)
        fitted = scorers.read_fitted(names, items["item_id"].combine_chunks(), fold) if is_learned else None
        return Scoring(fold, pool_size, usable, ranker, blend, items, fitted)

    if is_snowflake(session):
        scorings = map(read_scoring, read_folds(folds))
        relations = (candidates, user_features, person_policies, scorers)
        return score_on_nodes(session, scorings, usable, is_learned, *relations, packages)

    def score(fold: str) -> tuple[PeopleScoring, list[Pool]]:
        """All lists of a fold, small and complete: DuckDB can't be asked again while it takes in the result."""
        scoring = read_scoring(fold)
        tables = RankerTables(scoring.blend, scoring.items, read_users(user_features, fold))
        cross_scores = None if scoring.fitted is None else scorers.of_people(scoring.fitted, tables.users, fold)
        # Who asks for no share of discoveries needs no purchases.
        bought = None
        if ask_for_discoveries(usable):
            condition = f"fold = '{fold}' and n_purchases > 0"
            bought = read_pairs(scorers.interactions, tables.users, tables.items, condition)

        def find(policy: Policy) -> Any:
            return read_table(person_policies, ["user_id"], f"fold = '{fold}' and policy = '{policy.name}'")["user_id"]

        people = PeopleScoring(scoring, tables, whose(tables.users, usable, find), cross_scores, bought)
        found = []
        for block in tables.blocks():
            parts = split_rows(read_candidates(candidates, tables, fold, block))
            for pools in run_on_all_cores(people.pools, parts):
                found += pools
            if block.start > 0:
                done = f"{block.start:,} of {len(tables.users):,} people are scored"
                report_progress(f"scored_candidates: {fold}, {done}")
        return people, found

    scored = [score(fold) for fold in read_folds(folds)]
    return write_table(session, SCHEMA, (people.rows(pool) for people, pools in scored for pool in pools))
