"""What each person liked, newest first, and the profile that it adds up to now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from kindred.matrices import Csr, blocks_of_rows, csr_bytes, encode_ids, read_encoded
from kindred.once import read_once
from kindred.warehouse import Relation, as_doubles, as_microseconds

# Of what the newest step counts.
NEGLIGIBLE = 0.005
# Interactions that are sorted at a time: 50 bytes each.
ROWS_PER_SORT = 20_000_000


@dataclass(frozen=True)
class History:
    """What each person liked in a fold, newest first.

    matrix: CSR of users x items, the square roots of the positive weights, so that the tenth order of an item doesn't
    count ten times; a row stands in the order of time, newest first. steps: a whole number for each of its entries: 0
    for a person's newest items, 1 for those of the moment before, and so on. Items of one moment share their step and
    stand in an order drawn with a fixed seed. moments: when each person's newest event was, numbers that rise with
    time.
    """

    fold: str
    users: Any
    items: Any
    matrix: Csr
    steps: np.ndarray
    moments: np.ndarray

    def of(self, people: np.ndarray) -> History:
        """The history of some of the people, an array of their places; -1 = somebody without one."""
        matrix, is_known = self.matrix, people >= 0
        lengths = np.where(is_known, matrix.indptr[people + 1] - matrix.indptr[people], 0)
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        entries = np.arange(indptr[-1]) + np.repeat(matrix.indptr[people] - indptr[:-1], lengths)
        shape = (len(people), matrix.shape[1])
        rows = csr_matrix((matrix.data[entries], matrix.indices[entries], indptr), shape=shape)
        moments = self.moments[people] if len(self.moments) else np.zeros(len(people), dtype=np.int64)
        users = self.users.take(pa.array(people, mask=~is_known))
        return History(self.fold, users, self.items, rows, self.steps[entries], moments)

    def among(self, catalogue: Any) -> History:
        """The same history over the items of a catalogue, in its order. Errors: ValueError where it lacks an item."""
        places = encode_ids(self.items, catalogue)[1]
        if np.any(places < 0):
            raise ValueError(f"item_features lacks items of interactions in fold {self.fold}: rebuild it")
        matrix = self.matrix
        shape = (matrix.shape[0], len(catalogue))
        matrix = csr_matrix((matrix.data, places[matrix.indices], matrix.indptr), shape=shape)
        return History(self.fold, self.users, catalogue, matrix, self.steps, self.moments)

    def profile(self, decay: float, n_steps: int) -> Csr:
        """Each person's profile now, CSR like the matrix: see `profiles`."""
        return profiles(self.matrix, self.steps, decay, n_steps)


def read_history(interactions: Relation, fold: str, max_items: int = 500) -> History:
    """The history of a fold, the newest `max_items` of each person: that bounds memory and time.

    Read once in a run, so that nobody may change it.
    """
    return read_once(
        interactions,
        ("history", fold, max_items),
        lambda: read_own_history(interactions, fold, max_items),
        history_bytes,
    )


def history_bytes(history: History) -> int:
    """The memory of a history in bytes."""
    columns = (history.users, history.items, history.steps, history.moments)
    return csr_bytes(history.matrix) + sum(int(column.nbytes) for column in columns)


def read_own_history(interactions: Relation, fold: str, max_items: int) -> History:
    """`read_history`, from the warehouse."""
    (users, items), (strengths, moments) = read_encoded(
        interactions,
        ["user_id", "item_id"],
        {"weight": as_strengths, "last_at": as_microseconds},
        f"fold = '{fold}' and weight > 0",
    )
    return put_in_order(fold, users, items, strengths, moments, max_items)


def make_history(fold: str, table: pa.Table, max_items: int = 500, items: Any = None) -> History:
    """The history of people from their interactions of positive weight: user_id, item_id, weight and last_at.

    items: the items of all people of the fold, sorted, where the table has some of the people: items of one moment
    stand in an order that is drawn over all of them, so that a person's history is the same. None = the table's items.
    """
    encoded = encode_ids(table["user_id"]), encode_ids(table["item_id"], items)
    return put_in_order(fold, *encoded, as_strengths(table["weight"]), as_microseconds(table["last_at"]), max_items)


def as_strengths(weights: Any) -> np.ndarray:
    """The square roots of a pyarrow column of weights, as 32-bit floats."""
    return np.sqrt(as_doubles(weights)).astype(np.float32)


def put_in_order(
    fold: str,
    encoded_users: tuple[Any, np.ndarray],
    encoded_items: tuple[Any, np.ndarray],
    strengths: np.ndarray,
    moments: np.ndarray,
    max_items: int,
) -> History:
    """A history of interactions in any order: users and items as `encode_ids` gives them, a value for each of them."""
    (users, user_at), (items, item_at) = encoded_users, encoded_items
    n_items = np.bincount(user_at, minlength=len(users))
    indptr = np.concatenate([[0], np.cumsum(np.minimum(n_items, max_items))])
    data, columns = np.empty(indptr[-1], np.float32), np.empty(indptr[-1], np.int32)
    steps, newest = np.empty(indptr[-1], np.int32), np.zeros(len(users), np.int64)
    chances = np.random.default_rng(0).permutation(len(items)).astype(np.int32)
    # People are sorted part by part: what sorting takes is five times what comes of it.
    for first, last in blocks_of_rows(n_items, ROWS_PER_SORT):
        rows = slice(None) if last - first == len(users) else np.flatnonzero((user_at >= first) & (user_at < last))
        people, own_items, own_moments = user_at[rows] - first, item_at[rows], moments[rows]
        order = newest_first(people, own_moments, chances[own_items])
        people, own_moments = people[order], own_moments[order]
        begins = np.cumsum(n_items[first:last]) - n_items[first:last]
        is_new_step = np.ones(len(order), dtype=bool)
        is_new_step[1:] = (own_moments[1:] != own_moments[:-1]) | (people[1:] != people[:-1])
        step_numbers = np.cumsum(is_new_step)
        is_kept = np.arange(len(order)) - np.repeat(begins, n_items[first:last]) < max_items
        kept = slice(indptr[first], indptr[last])
        steps[kept] = (step_numbers - np.repeat(step_numbers[begins], n_items[first:last]))[is_kept]
        data[kept], columns[kept] = strengths[rows][order][is_kept], own_items[order][is_kept]
        # A person's rows begin with the newest.
        newest[first:last] = own_moments[begins]
    return History(fold, users, items, csr_matrix((data, columns, indptr), (len(users), len(items))), steps, newest)


def newest_first(user_at: np.ndarray, moments: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The places of rows by user, newest moment first, rows of one moment by their chance.

    np.lexsort((chances, -moments, user_at)), in a third of its time: one whole number for user and moment is sorted,
    and only what ties is put into order once more.
    """
    ages = moments.max(initial=0) - moments
    if (int(user_at.max(initial=0)) + 1) * (int(ages.max(initial=0)) + 1) >= 2**63:
        ages = np.unique(ages, return_inverse=True)[1]
    keys = user_at.astype(np.int64) * (ages.max(initial=0) + 1) + ages
    order = np.argsort(keys)
    keys = keys[order]
    is_like_next = np.zeros(len(keys) + 1, dtype=bool)
    is_like_next[1:-1] = keys[1:] == keys[:-1]
    tied = np.flatnonzero(is_like_next[1:] | is_like_next[:-1])
    order[tied] = order[tied][np.lexsort((chances[order[tied]], keys[tied]))]
    return order


def sample_people(history: Csr, max_entries: int) -> Csr:
    """The rows of people drawn with a fixed seed, who have at most so many entries together; all where they fit."""
    if history.nnz <= max_entries:
        return history
    drawn = np.random.default_rng(0).permutation(history.shape[0])
    n_people = np.searchsorted(np.cumsum(np.diff(history.indptr)[drawn]), max_entries, "right")
    return history[np.sort(drawn[:n_people])]


def profiles(history: Csr, steps: np.ndarray, decay: float, n_steps: int) -> Csr:
    """A person's profile now: the newest n_steps steps, times decay ** steps back; CSR like history.

    Steps that count less than NEGLIGIBLE are left out: all steps older than one add up to a small part of a list's last
    scores, and there are many of them.
    """
    if 0 < decay < 1:
        n_steps = min(n_steps, int(np.ceil(np.log(NEGLIGIBLE) / np.log(decay))))
    counts = steps < n_steps
    values = history.data[counts] * np.power(np.float32(decay), steps[counts])
    indptr = np.concatenate([np.zeros(1, np.int32), np.cumsum(counts, dtype=np.int32)])[history.indptr]
    profile = csr_matrix((values, history.indices[counts], indptr), shape=history.shape)
    profile.eliminate_zeros()
    return profile
