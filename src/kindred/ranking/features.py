"""What the ranker sees of a person's candidates: the same for training and for scoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kindred.matrices import encode_ids
from kindred.warehouse import Relation, as_floats, read_table

if TYPE_CHECKING:
    from kindred.ranking.cross_scores import CrossScores

RANKER_SCORES = ["score", "share", "z", "rank"]
RANKER_ITEM_FEATURES = ["n_users", "popularity", "trend", "age_days", "recency_days", "price_percentile"]
RANKER_USER_FEATURES = ["n_liked_items", "n_sessions", "recency_days", "tenure_days", "top_category_share"]
ITEM_COLUMNS = ["category", "brand", "is_recommendable", *RANKER_ITEM_FEATURES]
USER_COLUMNS = ["top_category", "top_brand", "price_affinity", *RANKER_USER_FEATURES]
CANDIDATE_COLUMNS = ["user_id", "item_id", "generator", "score", "rank"]
# At least and at most, and into how many blocks a fold is cut in between: each block reads the candidates of all, whose
# tables aren't all in the order of people. 25,000 people have 7 million candidates, some 100 bytes each.
PEOPLE_PER_BLOCK, MOST_PER_BLOCK, BLOCKS_PER_FOLD = 5_000, 25_000, 20
# Arrays of user, item and generator places, score and rank of candidates.
Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class RankerTables:
    """What describes the generators, and the people and items of one fold in the order of their ids.

    blend, items, users: what `read_ranker_tables` reads, pyarrow tables in the order of their ids.
    """

    def __init__(self, blend: pa.Table, items: pa.Table, users: pa.Table) -> None:
        self.generators: Any = blend["generator"].combine_chunks()
        self.weights = as_floats(blend["weight"]).astype(np.float64)
        self.items, self.users = items["item_id"].combine_chunks(), users["user_id"].combine_chunks()
        self.is_shown = as_floats(items["is_recommendable"]) > 0
        self.item_values = np.column_stack([as_floats(items[name]) for name in RANKER_ITEM_FEATURES])
        self.user_values = np.column_stack([as_floats(users[name]) for name in RANKER_USER_FEATURES])
        self.price_percentiles = as_floats(items["price_percentile"])
        self.price_affinities = as_floats(users["price_affinity"])
        self.of_items: list[np.ndarray] = []
        self.of_users: list[np.ndarray] = []
        for of_item, of_user in (("category", "top_category"), ("brand", "top_brand")):
            names, places = encode_ids(items[of_item].fill_null(""))
            self.of_items.append(places)
            self.of_users.append(encode_ids(users[of_user].fill_null(" "), names)[1])

    def blocks(self) -> list[slice]:
        """The places of the people in blocks, as slices."""
        n = min(max(PEOPLE_PER_BLOCK, len(self.users) // BLOCKS_PER_FOLD), MOST_PER_BLOCK)
        return [slice(start, start + n) for start in range(0, len(self.users), n)]


def read_ranker_tables(
    generators: Relation, item_features: Relation, user_features: Relation, fold: str
) -> RankerTables:
    """The tables of a fold, from the warehouse."""
    return RankerTables(read_blend(generators), read_items(item_features, fold), read_users(user_features, fold))


def read_blend(generators: Relation) -> pa.Table:
    """The generators with their weights in the fixed blend, as `RankerTables` takes them."""
    return in_order(read_table(generators, ["generator", "weight"]), "generator")


def read_items(item_features: Relation, fold: str) -> pa.Table:
    """The items of a fold, as `RankerTables` takes them."""
    return in_order(read_table(item_features, ["item_id", *ITEM_COLUMNS], f"fold = '{fold}'"), "item_id")


def read_users(user_features: Relation, fold: str) -> pa.Table:
    """The people of a fold, as `RankerTables` takes them."""
    return in_order(read_table(user_features, ["user_id", *USER_COLUMNS], f"fold = '{fold}'"), "user_id")


def in_order(table: pa.Table, name: str) -> pa.Table:
    """A table in the order of a column, in one piece."""
    return table.sort_by(name).combine_chunks()


def read_candidates(
    candidates: Relation, tables: RankerTables, fold: str, block: slice, only: np.ndarray | None = None
) -> Rows:
    """The candidates of a block of people, see `place_candidates`."""
    ends = [
        tables.users[place].as_py().replace("'", "''")
        for place in (block.start, min(block.stop, len(tables.users)) - 1)
    ]
    between = f"user_id between '{ends[0]}' and '{ends[1]}'"
    return place_candidates(read_table(candidates, CANDIDATE_COLUMNS, f"fold = '{fold}' and {between}"), tables, only)


def place_candidates(rows: pa.Table, tables: RankerTables, only: np.ndarray | None = None) -> Rows:
    """Candidates as arrays of user, item and generator places, score and rank, sorted by places.

    What a generator without a weight proposes, and what can't be recommended, is left out.
    only: places of the people who are wanted; the others are left out. None = all are.
    """
    users = encode_ids(rows["user_id"], tables.users)[1]
    items = encode_ids(rows["item_id"], tables.items)[1]
    generators = encode_ids(rows["generator"], tables.generators)[1]
    scores, ranks = (rows[name].to_numpy().astype(np.float32) for name in ("score", "rank"))
    is_wanted = (users >= 0) & (items >= 0) & (generators >= 0)
    is_wanted[is_wanted] = tables.is_shown[items[is_wanted]]
    if only is not None:
        is_wanted &= np.isin(users, only)
    order = np.flatnonzero(is_wanted)
    pairs = users[order].astype(np.int64) * len(tables.items) + items[order]
    # One number for each row sorts in a third of the time of three.
    order = order[np.argsort(pairs * len(tables.generators) + generators[order])]
    return users[order], items[order], generators[order], scores[order], ranks[order]


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
