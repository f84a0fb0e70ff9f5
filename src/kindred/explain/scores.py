"""What a candidate's score is made of, recomputed by the code that made it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from kindred.built import Warehouse
from kindred.explain.tables import Fetched, Row, text
from kindred.ranking.cross_scores import Scorers
from kindred.ranking.features import RANKER_SCORES, generator_z, pair_up, ranker_feature_names, ranker_features
from kindred.ranking.scoring import BlendInUse, read_policies
from kindred.ranking.tables import read_candidates, read_ranker_tables


@dataclass(frozen=True)
class Term:
    """A summand of a score. feature: of the ranker, or a generator of the blend; value: what it saw, None = nothing."""

    feature: str
    value: float | None
    contribution: float

    @property
    def source(self) -> str:
        """What people call it: the generator of a feature, or the feature itself."""
        endings = (f"_{kind}" for kind in RANKER_SCORES)
        return next((self.feature.removesuffix(end) for end in endings if self.feature.endswith(end)), self.feature)


@dataclass(frozen=True)
class Scored:
    """How one policy scores one person's candidates.

    kind: the ranker's. Of linear and learned the terms add up to a margin, and score = 1 / (1 + exp(-margin)); of fixed
    they add up to the score. terms: {item_id: its terms, the largest first}.
    """

    kind: str = "fixed"
    terms: dict[str, list[Term]] = field(default_factory=dict)

    def total(self, item_id: str) -> float:
        return math.fsum(term.contribution for term in self.terms[item_id])

    def score(self, item_id: str) -> float:
        total = self.total(item_id)
        return total if self.kind == "fixed" else 1 / (1 + math.exp(-total))

    def ranks(self) -> dict[str, int]:
        """The rank of each candidate by score, ties by item_id."""
        scores = {item_id: self.score(item_id) for item_id in self.terms}
        return {item_id: rank for rank, item_id in enumerate(sorted(scores, key=lambda i: (-scores[i], i)), start=1)}


def score_person(warehouse: Warehouse, user_id: str, policy_name: str) -> Scored:
    """The terms of all candidates of a person of the fold live.

    Method of the learned ranker's terms: SHAP values of trees (Lundberg, Erion, Lee, "Consistent individualized feature
    attribution for tree ensembles", 2018), LightGBM's pred_contrib; they add up to the margin exactly. The linear
    blend's are weight * standardised score by generator, the fixed blend's weight / (60 + rank).
    """
    person = f"user_id = {text(user_id)}"
    candidates = Fetched(warehouse, "eligible_candidates", (person,))
    concerned = " union ".join(
        f"select item_id from {warehouse.name(table)} where fold = 'live' and {person}"
        for table in ("candidates", "interactions")
    )
    tables = read_ranker_tables(
        Fetched(warehouse, "generators"),
        Fetched(warehouse, "item_features", (f"item_id in ({concerned})",)),
        Fetched(warehouse, "user_features", (person,)),
        "live",
    )
    policy = next(
        (one for one in read_policies(Fetched(warehouse, "checked_policies")) if one.name == policy_name), None
    )
    if policy is None or not len(tables.users) or not len(tables.items):
        return Scored()
    rows = read_candidates(candidates, tables, "live", tables.blocks()[0])
    if not len(rows[0]):
        return Scored()
    [as_of] = Fetched(warehouse, "folds", ("fold = 'live'",)).select("as_of").to_arrow_table()["as_of"].to_pylist()
    newest = f"as_of = (select max(as_of) from {warehouse.name('rankers')} where as_of <= '{as_of}')"
    blend = BlendInUse(Fetched(warehouse, "rankers", (newest,)), as_of)
    kind = blend.kind(tables.generators) if policy.is_learned else "fixed"
    scorers = person_scorers(warehouse, person, concerned)
    cross_scores = None if kind == "fixed" else scorers.read(tables, "live")
    pairs = pair_up(tables, *rows)
    features = ranker_features(tables, pairs, cross_scores)
    ids = tables.items.to_pylist()
    is_counted = policy.counts(tables)
    names = tables.generators.to_pylist()
    if kind == "learned" and blend.boosters is not None:
        contributions = blend.boosters.contributions(features)
        names = [*ranker_feature_names(tables.generators), "baseline"]
        values = np.column_stack([features, np.full(len(features), np.nan)])
    elif kind == "linear":
        values, contributions = generator_z(tables, features), blend.terms(tables, features)
    else:
        contributions = pairs.votes if is_counted is None else pairs.votes * is_counted
        values = pairs.ranks
    terms = {
        ids[item]: sorted(
            (
                Term(name, None if np.isnan(value) else float(value), float(contribution))
                for name, value, contribution in zip(names, of_item, amounts, strict=True)
                if contribution or name == "baseline"
            ),
            key=lambda term: (-abs(term.contribution), term.feature),
        )
        for item, of_item, amounts in zip(pairs.items, values, contributions, strict=True)
    }
    # A policy of some generators has no candidate that none of them proposes.
    return Scored(kind, {item_id: found for item_id, found in terms.items() if found})


def person_scorers(warehouse: Warehouse, person: str, concerned: str) -> Scorers:
    """What scores are made of, cut to a person and to the items of a query."""
    of_items = (f"item_id in ({concerned})",)
    neighbors = (*of_items, f"neighbor_id in ({concerned})")
    return Scorers(
        warehouse.setting("generators"),
        Fetched(warehouse, "interactions", (person,)),
        {
            "item_neighbors": Fetched(warehouse, "item_neighbors", neighbors),
            "item_content_neighbors": Fetched(warehouse, "item_content_neighbors", neighbors),
            "spectral_item_factors": Fetched(warehouse, "spectral_item_factors", of_items),
        },
        Fetched(warehouse, "als_item_factors", of_items),
        Fetched(warehouse, "als_user_factors", (person,)),
        Fetched(warehouse, "tuning_trials"),
        Fetched(warehouse, "folds"),
    )


def by_source(terms: list[Term]) -> list[tuple[str, float]]:
    """The terms added up by what people call them, the largest first; what adds nothing is left out."""
    sums: dict[str, float] = {}
    for term in terms:
        sums[term.source] = sums.get(term.source, 0.0) + term.contribution
    return sorted(((name, value) for name, value in sums.items() if value), key=lambda pair: (-abs(pair[1]), pair[0]))


def rows_of(terms: list[Term]) -> list[Row]:
    return [{"feature": one.feature, "value": one.value, "contribution": one.contribution} for one in terms]
