"""What the ranker reads: the generators, people, items and candidates of a fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from kindred.matrices import encode_ids
from kindred.warehouse import Relation, as_floats, read_table

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
