"""Collaborative neighbours: the items that the same people like.

Method: item-based nearest neighbours (Sarwar et al., WWW 2001) on a matrix normalised by the degrees of people and
items, as a product of sparse matrices by implicit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import diags

from kindred.generators.base import ItemToItem, Setting, without_diagonal
from kindred.histories import History, sample_people
from kindred.matrices import Csr

# Of a longer history the people are a sample: of 16 million entries 4 million find neighbours as good
# (docs/lab_notes/neighbors.md).
MAX_COMPARED_ENTRIES = 10_000_000


class Neighbors(ItemToItem):
    name = "neighbors"
    method = "co-occurrence of items in people's histories, normalised by the degrees of people and items"
    search_share = 0.15
    # In the order in which the search takes them.
    settings = {
        "target_exponent": Setting(0.3, "how much a popular neighbour is held back; .5 = cosine", (0.2, 0.3, 0.4, 0.5)),
        "decay": Setting(0.9, "what the next older step of a history counts", (1.0, 0.9, 0.8, 0.65)),
        "n_neighbors": Setting(
            "auto",
            "neighbours kept per item; auto: kindred__generators, n_neighbors",
            (50, 100, 200, 400),
            above_zero=True,
        ),
        "source_exponent": Setting(0.6, "how much a popular item of the history is held back", (0.4, 0.5, 0.6, 0.75)),
        "user_exponent": Setting(0.75, "how much less a long history counts per item", (0.25, 0.5, 0.75, 1.0)),
        "n_steps": Setting(100, "steps of a history that count", (10, 30, 100, 500), above_zero=True),
    }

    def fit(self, history: History, settings: Mapping[str, Any], n: int) -> Csr:
        matrix = sample_people(history.matrix, MAX_COMPARED_ENTRIES)
        return collaborative_neighbors(
            matrix, settings["user_exponent"], settings["source_exponent"], settings["target_exponent"], n
        )


GENERATOR = Neighbors()


def collaborative_neighbors(
    history: Csr, user_exponent: float, source_exponent: float, target_exponent: float, n: int
) -> Csr:
    """The n items most often liked by the same people; CSR, items x items, without the diagonal.

    score(i, j) = sum over users u of x_ui x_uj d_u^-user_exponent d_i^-source_exponent d_j^-target_exponent, with d the
    sums of x; the cosine of the columns is the case 0, .5, .5. A target exponent below .5 lets what is popular stay
    ahead, a source exponent above it lets the rare items of a history count more, a user exponent above 0 lets a
    short history count more per item than a long one.
    """
    # `import implicit`, never a part of it: its parts import one another in a circle, and dbt's threads that begin with
    # different ones deadlock.
    import implicit

    def degrees_to(power: float, axis: int) -> np.ndarray:
        return np.power(np.maximum(np.asarray(history.sum(axis=axis), dtype=np.float64).ravel(), 1e-9), power)

    scaled = diags(degrees_to(-user_exponent / 2, 1)) @ history @ diags(degrees_to(-target_exponent, 0))
    scaled = scaled.tocsr().astype(np.float64)
    neighbors = without_diagonal(implicit.nearest_neighbours.all_pairs_knn(scaled, K=n + 1, show_progress=False))
    # A factor of the whole row doesn't change which items are in it, so the symmetric product serves.
    return (diags(degrees_to(target_exponent - source_exponent, 0).astype(np.float32)) @ neighbors).tocsr()
