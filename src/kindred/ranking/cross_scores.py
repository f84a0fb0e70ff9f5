"""What generators say of one another's candidates: scores of pairs that another generator proposed.

A list of candidates says of an item that isn't on it only that its score is lower than the last one's. Where a
generator can score any item, from a person's profile and what was fitted to the items or from vectors, the ranker sees
its score of every candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, vstack

from kindred.generators import choose_settings, from_profiles
from kindred.generators.base import FromProfile, pair_products
from kindred.histories import History, read_history
from kindred.matrices import Csr, align_vectors, encode_ids, read_factors
from kindred.ranking.tables import RankerTables
from kindred.warehouse import Relation

# (places of people, for each pair the place among these people, places of items) -> scores of the pairs
Scorer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

# The place of a generator among all, the generator, what it fitted to the items, its settings.
FromFitted = tuple[int, FromProfile, Any, Mapping[str, Any]]


@dataclass(frozen=True)
class Scorers:
    """The relations that scores are made of.

    given: the variable kindred__generators; fitted: what generators from profiles fitted to the items, by the names of
    their tables.
    """

    given: Mapping[str, Any]
    interactions: Relation
    fitted: Mapping[str, Relation]
    als_item_factors: Relation
    als_user_factors: Relation
    tuning_trials: Relation
    folds: Relation

    def read(self, tables: RankerTables, fold: str) -> CrossScores:
        """The scorers of a fold, for the people, the items and the generators of `tables`."""
        return self.of_people(self.read_fitted(tables.generators, tables.items, fold), tables.users, fold)

    def of_people(self, fitted: FittedScores, users: Any, fold: str) -> CrossScores:
        """The scorers of a fold for some people, by their ids."""
        vectors = read_factors(self.als_user_factors, "user_id", fold)
        return fitted.cross_scores(users, read_history(self.interactions, fold), *vectors)

    def read_fitted(self, generators: Any, items: Any, fold: str) -> FittedScores:
        """What the scorers of a fold know of all people, for the generators and the items of these ids."""
        names = generators.to_pylist()
        from_profile: list[FromFitted] = []
        for generator in from_profiles():
            if generator.name in names:
                fitted = generator.read(self.fitted[generator.table], fold, items)
                if fitted is not None:
                    settings = choose_settings(generator, self.given, self.tuning_trials, self.folds)
                    from_profile.append((names.index(generator.name), generator, fitted, settings))
        als = names.index("als") if "als" in names else -1
        vectors = align_vectors(*read_factors(self.als_item_factors, "item_id", fold), items)
        return FittedScores(items, from_profile, als, vectors)


@dataclass(frozen=True)
class FittedScores:
    """What scores are made of besides people. It is sent to the nodes of Snowflake: it holds nobody's rows.

    als: the place of ALS among the generators, -1 where it isn't one; item_vectors: (n_items, n_factors), its own.
    """

    items: Any
    from_profile: list[FromFitted]
    als: int
    item_vectors: np.ndarray

    def cross_scores(self, users: Any, history: History, known: Any, vectors: np.ndarray) -> CrossScores:
        """The scorers for some people, by their ids; known, vectors: ids and ALS vectors of people, among them these.

        history: of any items of the catalogue.
        """
        history = history.among(self.items)
        # People without a history have the last row, an empty one.
        nothing = csr_matrix((1, len(self.items)), dtype=np.float32)
        rows = encode_ids(users, history.users)[1]
        found: dict[int, Scorer] = {}
        for place, generator, fitted, settings in self.from_profile:
            profile = vstack([history.profile(settings["decay"], settings["n_steps"]), nothing]).tocsr()
            found[place] = profile_scorer(generator, fitted, profile, rows)
        if self.als >= 0 and vectors.size and self.item_vectors.size:
            found[self.als] = factor_scorer(align_vectors(known, vectors, users), self.item_vectors)
        return CrossScores(found)


class CrossScores:
    """Scores of pairs by the places of the generators that can score any pair."""

    def __init__(self, scorers: Mapping[int, Scorer]) -> None:
        self.scorers = dict(scorers)

    def fill(self, users: np.ndarray, items: np.ndarray, scores: np.ndarray) -> None:
        """Fill what is nan in scores, (n_pairs, n_generators), for pairs that are sorted by user. In place."""
        people, at = np.unique(users, return_inverse=True)
        for generator, scorer in self.scorers.items():
            unknown = np.flatnonzero(np.isnan(scores[:, generator]))
            if len(unknown):
                scores[unknown, generator] = scorer(people, at[unknown], items[unknown])


def profile_scorer(generator: FromProfile, fitted: Any, profile: Csr, rows: np.ndarray) -> Scorer:
    """A scorer by a generator's own sum over a person's profile; rows: the profile's row of each person."""
    return lambda people, at, items: generator.scores(fitted, profile[rows[people]], at, items)


def factor_scorer(user_vectors: np.ndarray, item_vectors: np.ndarray) -> Scorer:
    """A scorer by the product of two vectors."""
    return lambda people, at, items: pair_products(user_vectors[people], item_vectors, at, items)
