"""What every generator declares, and what those share that propose the neighbours of a person's items."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from scipy.sparse import csc_matrix, csr_matrix, diags, vstack

from kindred.histories import History
from kindred.matrices import Csr, encode_ids
from kindred.state import fingerprint
from kindred.warehouse import Relation, read_table

# How many 32-bit values a block of scores has: 16 MB.
VALUES_PER_BLOCK = 4_000_000
# And one that stays in a processor's cache: 2.7 MB.
VALUES_PER_CACHE = 700_000
# Above it a dense row costs more than the sparse one.
MAX_DENSE_COLUMNS = 200_000
# Lists of a few people: places of people and items, ranks from 1, scores.
Lists = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Setting:
    """A setting of a generator: a number, or `auto` where the data decides.

    searched: the values that `make tune` tries; none = it isn't searched. above_zero: 0 isn't allowed.
    """

    default: float | str
    meaning: str
    searched: tuple[float, ...] = ()
    above_zero: bool = False


class Generator(ABC):
    """Something that proposes items to people. `settings` is the one declaration of what can be set.

    search_share: the part of the minutes of `make tune` that the generator's search gets, in proportion to those of
    others; 0 = it isn't searched. is_trained: whether its settings shape what is trained and kept between daily builds
    (else only lists). is_optional: whether it is off until kindred__generators names it.
    """

    name: ClassVar[str]
    method: ClassVar[str]
    settings: ClassVar[Mapping[str, Setting]]
    search_share: ClassVar[float] = 0.1
    is_trained: ClassVar[bool] = True
    is_optional: ClassVar[bool] = False

    def defaults(self) -> dict[str, Any]:
        return {name: setting.default for name, setting in self.settings.items()}

    def resolve(self, settings: Mapping[str, Any], history: History, weights: Csr) -> dict[str, Any]:
        """The settings with every `auto` that the data decides replaced by a number."""
        return dict(settings)

    def grid(self, settings: Mapping[str, Any], n_items: int) -> dict[str, list[float]]:
        """{setting: values to try}, in the order of the search; settings: where the search begins, resolved."""
        return {name: list(setting.searched) for name, setting in self.settings.items() if setting.searched}

    @abstractmethod
    def trial(self, fold: Any, settings: Mapping[str, Any]) -> Lists:
        """The lists of the people of a `kindred.tuning.TuningFold` under these settings."""


# Of what a generator proposes, as dbt models `*_candidates` return it.
CANDIDATES_SCHEMA = pa.schema(
    [("fold", pa.string()), ("generator", pa.string()), ("user_id", pa.string()), ("item_id", pa.string())]
    + [("rank", pa.int64()), ("score", pa.float64()), ("made_from", pa.string())]
)
NEIGHBORS_SCHEMA = pa.schema(
    [("fold", pa.string()), ("generator", pa.string()), ("item_id", pa.string()), ("neighbor_id", pa.string())]
    + [("rank", pa.int64()), ("score", pa.float64())]
)


class FromProfile(Generator):
    """A generator that scores items by a person's profile and by what was fitted to the items, one table.

    Settings that every one of them has: decay (what the next older step of a history counts) and n_steps (steps that
    count); they make the profile. What was fitted is of the generator's own kind.
    """

    # The table that holds what was fitted.
    table: ClassVar[str]

    @abstractmethod
    def read(self, table: Relation, fold: str, items: Any, is_shown: np.ndarray | None = None) -> Any:
        """What was fitted, for a catalogue of items, or None where the table has nothing for them.

        is_shown: (n_items,) whether each may be proposed; None = all may.
        """

    @abstractmethod
    def trained_key(self, table: Relation) -> str | None:
        """A fingerprint of what was fitted for the fold live; None where there is nothing."""

    @abstractmethod
    def best(self, fitted: Any, profile: Csr, excluded: Csr, n: int) -> Lists:
        """The n items of highest score above 0 for each person of a profile: CSR, people x items."""

    @abstractmethod
    def scores(self, fitted: Any, profile: Csr, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """The scores of pairs of users and items (arrays of places, users rising), be they excluded or not."""

    @abstractmethod
    def strongest(self, fitted: Any, profile: Csr, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """For pairs of users and items (arrays of places), the item of the profile that adds most: column or -1."""


class ItemToItem(FromProfile):
    """A generator that scores an item by what a person's items add up to: profile(u, i) * neighbors(i, j) over i.

    A subclass says how neighbours are fitted; what they propose and how they explain it follows.
    """

    table = "item_neighbors"

    @abstractmethod
    def fit(self, history: History, settings: Mapping[str, Any], n: int) -> Csr:
        """The n best neighbours of each item: CSR, items of a person x items that they lead to, scores above 0."""

    def fit_trial(self, fold: Any, settings: Mapping[str, Any], n: int) -> Csr:
        """`fit` for a trial on a tuning fold; overridden where part of the work can be shared between trials."""
        return self.fit(fold.history, settings, n)

    def trial(self, fold: Any, settings: Mapping[str, Any]) -> Lists:
        # Settings of the history alone need no new neighbours.
        key = (self.name, *(value for name, value in settings.items() if name not in ("decay", "n_steps")))
        n = int(settings.get("n_neighbors", fold.n_neighbors))
        neighbors = fold.remember("neighbors", key, lambda: self.fit_trial(fold, settings, n))
        profile = fold.history.of(fold.people).profile(settings["decay"], settings["n_steps"])
        return best_neighbors(profile, neighbors, fold.excluded, fold.length)

    def read(self, table: Relation, fold: str, items: Any, is_shown: np.ndarray | None = None) -> Csr | None:
        neighbors = read_neighbors(table, fold, self.name, items)
        if is_shown is not None:
            neighbors = (neighbors @ diags(is_shown.astype(np.float32))).tocsr()
        return neighbors if neighbors.nnz else None

    def trained_key(self, table: Relation) -> str | None:
        condition = f"fold = 'live' and generator = '{self.name}'"
        return fingerprint(table, ["item_id", "neighbor_id", "score"], condition)

    def best(self, fitted: Csr, profile: Csr, excluded: Csr, n: int) -> Lists:
        return best_neighbors(profile, fitted, excluded, n)

    def scores(self, fitted: Csr, profile: Csr, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        found = np.empty(len(users), dtype=np.float32)
        # Dense rows of a few people: they are read at places that no order of a sparse matrix makes cheap.
        for block, rows in dense_products(profile, fitted):
            pairs = slice(*np.searchsorted(users, [block.start, block.stop]))
            found[pairs] = rows[users[pairs] - block.start, items[pairs]]
        return found

    def strongest(self, fitted: Csr, profile: Csr, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return strongest_sources(profile, fitted, users, items)


def pair_products(
    user_vectors: np.ndarray, item_vectors: np.ndarray, users: np.ndarray, items: np.ndarray
) -> np.ndarray:
    """The products of the vectors of pairs of users and items (arrays of places), as 32-bit floats."""
    n_pairs = max(1, VALUES_PER_BLOCK // max(item_vectors.shape[1], 1))
    parts = [
        np.einsum(
            "pf,pf->p", user_vectors[users[start : start + n_pairs]], item_vectors[items[start : start + n_pairs]]
        )
        for start in range(0, len(users), n_pairs)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)


def with_people(neighbors: Csr, history: Csr, least: int, items_per_block: int = 1_000) -> Csr:
    """The neighbours of pairs that at least so many people of a history have both: CSR, items x items.

    history: CSR, people x items, positive where a person likes an item. Memory grows with a block of items.
    """
    if least <= 1:
        return neighbors
    likes = (history > 0).astype(np.int32).tocsc()
    kept = []
    for start in range(0, neighbors.shape[0], items_per_block):
        block = neighbors[start : start + items_per_block]
        n_both = (likes[:, start : start + items_per_block].T @ likes).tocsr()
        kept.append(block.multiply(n_both >= least))
    result = vstack(kept).tocsr() if kept else neighbors
    result.eliminate_zeros()
    return result.astype(np.float32)


def neighbor_rows(fold: str, generator: str, items: Any, neighbors: Csr, n: int) -> pa.RecordBatch:
    """The n best neighbours of each item, a CSR matrix of items x items, as a pyarrow.RecordBatch."""
    rows, columns, ranks, scores = best_per_row(neighbors, n)
    ids = [items.take(pa.array(positions)) for positions in (rows, columns)]
    names = [pa.repeat(pa.scalar(name), len(rows)) for name in (fold, generator)]
    return pa.record_batch([*names, *ids, pa.array(ranks), pa.array(scores)], schema=NEIGHBORS_SCHEMA)


def read_neighbors(relation: Relation, fold: str, generator: str, items: Any) -> Csr:
    """What `neighbor_rows` wrote, among the given items: CSR, items x items."""
    condition = f"fold = '{fold}' and generator = '{generator}'"
    table = read_table(relation, ["item_id", "neighbor_id", "score"], condition)
    rows, columns = (encode_ids(table[name], items)[1] for name in ("item_id", "neighbor_id"))
    is_known = (rows >= 0) & (columns >= 0)
    scores = table["score"].to_numpy()[is_known].astype(np.float32)
    matrix = csr_matrix((scores, (rows[is_known], columns[is_known])), shape=(len(items), len(items)))
    matrix.sort_indices()
    return matrix


def degrees(sessions: Csr, exponent: float) -> np.ndarray:
    """The sums of the columns, to a power, as 32-bit floats; what nobody has counts as 1."""
    sums = np.asarray(sessions.sum(axis=0), dtype=np.float64).ravel()
    return np.power(np.maximum(sums, 1), exponent).astype(np.float32)


def without_diagonal(neighbors: Any) -> Csr:
    """A sparse matrix of similarities as CSR of 32-bit floats, without self and zeros."""
    neighbors = neighbors.tocoo()
    is_kept = (neighbors.row != neighbors.col) & (neighbors.data > 0)
    values = neighbors.data[is_kept].astype(np.float32)
    return csr_matrix((values, (neighbors.row[is_kept], neighbors.col[is_kept])), shape=neighbors.shape)


def best_of_rows(matrix: Csr, n: int) -> Csr:
    """A CSR matrix cut to the n largest positive entries of each row."""
    rows, columns, _, values = best_per_row(matrix, n)
    return csr_matrix((values.astype(np.float32), (rows, columns)), shape=matrix.shape)


def best_per_row(matrix: Csr, n: int) -> Lists:
    """The n largest positive entries of each row of a CSR matrix: rows, columns, ranks (from 1), scores.

    In falling order of the score, ties in the order of the columns.
    """
    kept = []
    for row in range(matrix.shape[0]):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        values = matrix.data[start:end]
        if end - start > n:
            # All that tie with the nth stay until they are put into order.
            least = np.partition(values, end - start - n)[end - start - n]
            chosen = np.flatnonzero(values >= least)
        else:
            chosen = np.arange(end - start)
        chosen = chosen[values[chosen] > 0]
        chosen = chosen[np.lexsort((matrix.indices[start:end][chosen], -values[chosen]))][:n]
        kept.append(start + chosen)
    lengths = np.array([len(chosen) for chosen in kept], dtype=np.int64)
    positions = np.concatenate(kept) if kept else np.empty(0, dtype=np.int64)
    rows = np.repeat(np.arange(matrix.shape[0]), lengths)
    ranks = np.arange(len(positions)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
    return rows, matrix.indices[positions], ranks, matrix.data[positions].astype(np.float64)


def best_neighbors(profile: Csr, neighbors: Csr, excluded: Csr, n: int) -> Lists:
    """The n items whose neighbours speak loudest for a person: like `best_items`, for profiles and neighbours in CSR.

    score(u, j) = sum over i of profile(u, i) neighbors(i, j).
    """
    scores = (profile @ neighbors).tocsr()
    set_to_zero(scores, excluded)
    return best_per_row(scores, n)


def best_of_many(profile: Csr, neighbors: Csr, excluded: Csr, n: int) -> Lists:
    """`best_neighbors` to the bit, in a third of its time where a person's neighbours lead to thousands of items.

    A dense row is then read and written faster than the columns of a sparse one are found. As it has all items, the
    largest catalogues are left to sparse rows.
    """
    if neighbors.shape[1] > MAX_DENSE_COLUMNS:
        return best_neighbors(profile, neighbors, excluded, n)
    parts = []
    for block, scores in dense_products(profile, neighbors):
        barred = excluded[block]
        scores[np.repeat(np.arange(len(scores)), np.diff(barred.indptr)), barred.indices] = 0
        rows, *rest = best_of_dense(scores, n)
        parts.append((rows + block.start, *rest))
    return concatenate_lists(parts)


def concatenate_lists(parts: Sequence[tuple[np.ndarray, ...]]) -> Lists:
    """The lists of blocks of people as those of all of them."""
    rows, columns, ranks, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return rows, columns, ranks, values


def dense_products(profile: Csr, neighbors: Csr) -> Iterator[tuple[slice, np.ndarray]]:
    """The product of two CSR matrices as dense 32-bit rows, in blocks that fit a cache: (the block's rows, values).

    One pass adds up the neighbours of a person's items, where the product of sparse matrices takes two.
    """
    profile, neighbors = (matrix.astype(np.float32, copy=False) for matrix in (profile, neighbors))
    n_columns = neighbors.shape[1]
    n_rows = max(1, VALUES_PER_CACHE // max(n_columns, 1))
    for start in range(0, max(profile.shape[0], 1), n_rows):
        part = profile[start : start + n_rows]
        terms = neighbors[part.indices]
        # All rows of the block are one long vector: a person's terms are moved to where their row begins.
        begins = np.repeat(np.arange(part.shape[0], dtype=terms.indices.dtype) * n_columns, np.diff(part.indptr))
        places = terms.indices + np.repeat(begins, np.diff(terms.indptr))
        stretched = csc_matrix((terms.data, places, terms.indptr), shape=(part.shape[0] * n_columns, part.nnz))
        yield slice(start, start + part.shape[0]), (stretched @ part.data).reshape(part.shape[0], n_columns)


def best_of_dense(scores: np.ndarray, n: int, above: float = 0.0) -> Lists:
    """`best_per_row` of dense rows; of entries above a number other than 0, where one is given."""
    n_rows, n_columns = scores.shape
    least = np.full(n_rows, np.nextafter(scores.dtype.type(above), scores.dtype.type(np.inf)))
    # The nth best of the maxima of groups of columns: no value below it is among the n best of the row.
    width = n_columns // (4 * n)
    if width > 1:
        maxima = scores[:, : n_columns // width * width].reshape(n_rows, -1, width).max(axis=2)
        least = np.maximum(least, np.partition(maxima, maxima.shape[1] - n, axis=1)[:, maxima.shape[1] - n])
    rows, columns = np.divmod(np.flatnonzero(scores >= least[:, None]), n_columns)
    values = scores[rows, columns]
    # The sort is stable, so that ties stay in the order of the columns.
    order = np.lexsort((-values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    ranks = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1
    is_kept = ranks <= n
    return rows[is_kept], columns[is_kept], ranks[is_kept], values[is_kept].astype(np.float64)


def set_to_zero(matrix: Csr, places: Csr) -> None:
    """Set the entries of a CSR matrix to 0, in place, where `places`, CSR of the same shape, has one.

    A fifth of the time of a subtraction, which would put the columns of all rows into order.
    """
    is_barred = np.zeros(matrix.shape[1], dtype=bool)
    for row in np.flatnonzero(np.diff(places.indptr)):
        barred = places.indices[places.indptr[row] : places.indptr[row + 1]]
        entries = slice(matrix.indptr[row], matrix.indptr[row + 1])
        is_barred[barred] = True
        matrix.data[entries][is_barred[matrix.indices[entries]]] = 0
        is_barred[barred] = False


def strongest_sources(
    profile: Csr, neighbors: Csr, users: np.ndarray, items: np.ndarray, entries_per_block: int = 2_000_000
) -> np.ndarray:
    """For pairs of users and items (arrays of places), the item of the profile that says most for it: column or -1.

    The largest profile(u, i) neighbors(i, j) over i, of equals the first column; -1 where no entry scores the item.
    neighbors: CSR with sorted columns. Memory grows with a block of pairs, whose profiles have so many entries
    together.
    """
    n_entries = np.diff(profile.indptr)[users]
    strongest = np.full(len(users), -1, dtype=np.int32)
    block_at = np.cumsum(n_entries) // entries_per_block
    for pairs in np.split(np.arange(len(users)), np.flatnonzero(np.diff(block_at)) + 1):
        pairs = pairs[n_entries[pairs] > 0]
        if len(pairs) == 0:
            continue
        lengths = n_entries[pairs]
        starts = np.cumsum(lengths) - lengths
        entries = np.arange(lengths.sum()) + np.repeat(profile.indptr[users[pairs]] - starts, lengths)
        sources = profile.indices[entries]
        values = np.asarray(neighbors[sources, np.repeat(items[pairs], lengths)]).ravel() * profile.data[entries]
        largest = np.maximum.reduceat(values, starts)
        is_largest = values == np.repeat(largest, lengths)
        first = np.minimum.reduceat(np.where(is_largest, sources, profile.shape[1]), starts)
        strongest[pairs] = np.where(largest > 0, first, -1)
    return strongest
