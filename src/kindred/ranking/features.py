"""What the ranker sees of a person's candidates: the same for training and for scoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kindred.ranking.cross_scores import CrossScores
from kindred.ranking.tables import RANKER_ITEM_FEATURES, RANKER_USER_FEATURES, RankerTables

RANKER_SCORES = ["score", "share", "z", "rank"]


@dataclass(frozen=True)
class Pairs:
    """Each pair of a person and a candidate once, and what generators say of it.

    users, items: (n_pairs,), places; scores, ranks: (n_pairs, n_generators) of 32-bit floats, nan where a generator
    doesn't propose the item. votes: (n_pairs, n_generators), weight / (60 + rank), 0 where a generator doesn't propose
    the item: their sum is the fixed blend (reciprocal rank fusion: Cormack, Clarke, Buettcher, SIGIR 2009).
    """

    users: np.ndarray
    items: np.ndarray
    scores: np.ndarray
    ranks: np.ndarray
    votes: np.ndarray


def pair_up(
    tables: RankerTables,
    users: np.ndarray,
    items: np.ndarray,
    generators: np.ndarray,
    scores: np.ndarray,
    ranks: np.ndarray,
) -> Pairs:
    """The pairs of rows as `read_candidates` sorts them."""
    is_first = np.ones(len(users), dtype=bool)
    is_first[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    pair_at = np.cumsum(is_first) - 1
    by_pair = np.full((2, is_first.sum(), len(tables.generators)), np.nan, dtype=np.float32)
    by_pair[0, pair_at, generators], by_pair[1, pair_at, generators] = scores, ranks
    votes = np.nan_to_num(1 / (60 + by_pair[1])) * tables.weights
    return Pairs(users[is_first], items[is_first], by_pair[0], by_pair[1], votes)


def ranker_features(tables: RankerTables, pairs: Pairs, cross_scores: CrossScores | None = None) -> np.ndarray:
    """One row for each pair: (n_pairs, n_features) of 32-bit floats, nan = unknown; columns: `ranker_feature_names`.

    cross_scores: what generators say of candidates that others propose. A generator's scores are standardised (z) over
    those candidates of the person for which it has one.
    """
    n_generators = len(tables.generators)
    scores = pairs.scores.copy()
    if cross_scores is not None:
        cross_scores.fill(pairs.users, pairs.items, scores)
    features = np.full((len(pairs.users), len(ranker_feature_names(tables.generators))), np.nan, dtype=np.float32)
    place = RANKER_SCORES.index("rank") * n_generators
    features[:, place : place + n_generators] = pairs.ranks
    people = pairs.users - pairs.users[:1].sum()
    for generator in range(n_generators):
        for kind, values in enumerate((scores[:, generator], *standardised(scores[:, generator], people))):
            features[:, kind * n_generators + generator] = values
    columns = [
        (pairs.votes > 0).sum(axis=1),
        pairs.votes.sum(axis=1),
        *tables.item_values[pairs.items].T,
        *tables.user_values[pairs.users].T,
        *(
            of_items[pairs.items] == of_users[pairs.users]
            for of_items, of_users in zip(tables.of_items, tables.of_users, strict=True)
        ),
        tables.price_percentiles[pairs.items] - tables.price_affinities[pairs.users],
    ]
    for place, values in enumerate(columns, start=4 * n_generators):
        features[:, place] = values
    return features


def standardised(scores: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores as a share of the person's best, and in standard deviations from the person's mean; nan stays nan.

    people: places of the people, small whole numbers, rising.
    """
    is_known = ~np.isnan(scores)
    of, known = people[is_known], scores[is_known]
    counts = np.maximum(np.bincount(of), 1)
    means = np.bincount(of, known) / counts
    spreads = np.sqrt(np.maximum(np.bincount(of, (known - means[of]) ** 2) / counts, 1e-12))
    best = np.zeros(len(counts))
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    if len(of):
        best[of[starts]] = np.maximum.reduceat(known, starts)
    shares, z = np.full_like(scores, np.nan), np.full_like(scores, np.nan)
    shares[is_known] = known / np.where(best[of] > 0, best[of], 1)
    z[is_known] = (known - means[of]) / spreads[of]
    return shares, z


def ranker_feature_names(generators: Any) -> list[str]:
    """The names of the columns of `ranker_features`; generators: their names, a pyarrow column."""
    of_generators = [f"{name}_{kind}" for kind in RANKER_SCORES for name in generators.to_pylist()]
    of_items = [f"item_{name}" for name in RANKER_ITEM_FEATURES]
    of_users = [f"user_{name}" for name in RANKER_USER_FEATURES]
    return [
        *of_generators,
        "n_generators",
        "fixed_blend",
        *of_items,
        *of_users,
        "is_top_category",
        "is_top_brand",
        "price_distance",
    ]


def generator_z(tables: RankerTables, features: np.ndarray) -> np.ndarray:
    """The standardised score of each candidate by each generator, (n_pairs, n_generators), 0 where it has none."""
    n_generators = len(tables.generators)
    place = RANKER_SCORES.index("z") * n_generators
    return np.nan_to_num(features[:, place : place + n_generators])
