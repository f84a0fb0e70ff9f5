"""What each person liked, newest first, and the profile that it adds up to now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from kindred.matrices import Csr, csr_bytes, encode_ids, read_encoded
from kindred.once import read_once
from kindred.warehouse import Relation, as_doubles, as_microseconds

# Of what the newest step counts.
NEGLIGIBLE = 0.005


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
    order = newest_first(user_at, moments, np.random.default_rng(0).permutation(len(items))[item_at])
    user_at, item_at, moments, strengths = user_at[order], item_at[order], moments[order], strengths[order]
    n_items = np.bincount(user_at, minlength=len(users))
    first = np.repeat(np.cumsum(n_items) - n_items, n_items)
    is_new_step = np.ones(len(order), dtype=bool)
    is_new_step[1:] = (moments[1:] != moments[:-1]) | (user_at[1:] != user_at[:-1])
    step_numbers = np.cumsum(is_new_step)
    steps = (step_numbers - step_numbers[first]).astype(np.int32) if len(order) else np.empty(0, np.int32)
    is_kept = np.arange(len(order)) - first < max_items
    indptr = np.concatenate([[0], np.cumsum(np.minimum(n_items, max_items))])
    matrix = csr_matrix((strengths[is_kept], item_at[is_kept], indptr), shape=(len(users), len(items)))
    # A person's rows begin with the newest.
    newest = moments[(np.cumsum(n_items) - n_items)] if len(order) else np.zeros(0, dtype=np.int64)
    return History(fold, users, items, matrix, steps[is_kept], newest)


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
    values = history.data * np.power(np.float32(decay), steps) * (steps < n_steps)
    profile = csr_matrix((values, history.indices, history.indptr), shape=history.shape, copy=True)
    profile.eliminate_zeros()
    return profile
