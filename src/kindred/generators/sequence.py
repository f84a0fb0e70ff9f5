"""Transitions: the items that come next after an item.

Method: first-order Markov chains with a skip window, weighted by distance, as "sequential rules" in M. Ludewig and D.
Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags, vstack

from kindred.generators.base import ItemToItem, Setting, best_of_rows
from kindred.histories import History
from kindred.matrices import Csr, blocks_of_rows

# Entries of histories whose pairs are counted at a time: 40 bytes each.
ENTRIES_PER_BLOCK = 20_000_000


class Sequence(ItemToItem):
    name = "sequence"
    method = "directed transitions between items of a history, weighted by distance"
    search_share = 0.1
    settings = {
        "decay": Setting(0.7, "what the next older step of a history counts", (0.4, 0.55, 0.7, 0.85)),
        "target_exponent": Setting(0.3, "how much an item that comes often is held back", (0.0, 0.15, 0.3, 0.5)),
        "n_steps": Setting(10, "steps of a history that count", (3, 10, 30), above_zero=True),
    }

    def fit(self, history: History, settings: Mapping[str, Any], n: int) -> Csr:
        return transitions(history.matrix, history.steps, settings["target_exponent"], n)


GENERATOR = Sequence()


def transitions(history: Csr, steps: np.ndarray, item_exponent: float, n: int, reach: int = 5) -> Csr:
    """The n items that most often came after an item; CSR, items (before) x items (after), without the diagonal.

    Each pair of a history at most `reach` places apart counts 1 / (its distance in steps); two items of one moment have
    no order and count half a step's worth in both directions. A column is divided by (the item's share of all arrivals)
    ** item_exponent, so that an item isn't what comes next merely because it comes often.
    """
    n_items = history.shape[1]
    total = csr_matrix((n_items, n_items), dtype=np.float32)
    # Part by part, as the pairs of 100 million entries are more than memory holds at once.
    for first, last in blocks_of_rows(np.diff(history.indptr), ENTRIES_PER_BLOCK):
        own_steps = steps[history.indptr[first] : history.indptr[last]]
        total = total + pair_counts(history[first:last], own_steps, reach)
    leaving = np.maximum(np.asarray(total.sum(axis=1)).ravel(), 1)
    arriving = np.maximum(np.asarray(total.sum(axis=0)).ravel(), 1)
    by_target = diags(np.power(arriving, -item_exponent))
    kept = [
        best_of_rows((diags(1 / leaving[first:last]) @ total[first:last] @ by_target).astype(np.float32), n)
        for first, last in blocks_of_rows(np.diff(total.indptr), ENTRIES_PER_BLOCK)
    ]
    return vstack(kept).tocsr() if kept else total


def pair_counts(history: Csr, steps: np.ndarray, reach: int) -> Csr:
    """How often an item came after another, as `transitions` counts it: CSR, items (before) x items (after).

    No item comes after itself: a history has it once.
    """
    shape = (history.shape[1], history.shape[1])
    user_at = np.repeat(np.arange(history.shape[0], dtype=np.int32), np.diff(history.indptr))
    total = csr_matrix(shape, dtype=np.float32)
    for distance in range(1, reach + 1):
        is_pair = user_at[:-distance] == user_at[distance:]
        after, before = history.indices[:-distance][is_pair], history.indices[distance:][is_pair]
        gap = (steps[distance:] - steps[:-distance])[is_pair]
        counts = (1 / np.maximum(gap, 1) * np.where(gap == 0, 0.5, 1)).astype(np.float32)
        total = total + coo_matrix((counts, (before, after)), shape=shape).tocsr()
        is_tied = gap == 0
        if is_tied.any():
            total = total + coo_matrix((counts[is_tied], (after[is_tied], before[is_tied])), shape=shape).tocsr()
    return total
