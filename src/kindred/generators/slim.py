"""Sparse linear weights: which items predict an item when all its neighbours are taken together.

Method: a ridge regression of each item on its neighbours (SLIM with selected items; sources at `item_regressions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, diags

from kindred.generators.base import ItemToItem, Setting, best_of_rows, degrees, without_diagonal
from kindred.histories import History, sample_people
from kindred.matrices import Csr, one_blas_thread

MAX_REGRESSION_ENTRIES = 4_000_000


class Slim(ItemToItem):
    name = "slim"
    method = "a ridge regression of each item on its nearest neighbours (SLIM)"
    search_share = 0.15
    settings = {
        "target_exponent": Setting(0.5, "how much a popular predicted item gains", (0.35, 0.5, 0.6, 0.75)),
        "source_exponent": Setting(0.15, "how much a popular item of the history is held back", (0.0, 0.15, 0.3, 0.45)),
        "decay": Setting(0.9, "what the next older step of a history counts", (1.0, 0.9, 0.8, 0.65)),
        "n_steps": Setting(100, "steps of a history that count", (10, 30, 100, 500), above_zero=True),
        "user_exponent": Setting(0.5, "how much less a long history counts per item", (0.25, 0.5, 0.75, 1.0)),
        "ridge": Setting(10.0, "ridge, in units of the mean square of an item's regressors", (3.0, 10.0, 30.0), True),
        "n_neighbors": Setting(
            "auto",
            "neighbours that an item is regressed on; auto: kindred__generators, n_neighbors",
            (50, 100, 200),
            above_zero=True,
        ),
    }

    def fit(self, history: History, settings: Mapping[str, Any], n: int) -> Csr:
        regressions = item_regressions(history.matrix, settings["user_exponent"], settings["ridge"], n)
        return self.scale(regressions, history, settings, n)

    def fit_trial(self, fold: Any, settings: Mapping[str, Any], n: int) -> Csr:
        # The exponents of items scale what is solved once.
        key = (settings["user_exponent"], settings["ridge"], n)
        regressions = fold.remember("regressions", key, lambda: item_regressions(fold.history.matrix, *key))
        return self.scale(regressions, fold.history, settings, n)

    @staticmethod
    def scale(regressions: Csr, history: History, settings: Mapping[str, Any], n: int) -> Csr:
        return scale_regressions(
            regressions, history.matrix, settings["source_exponent"], settings["target_exponent"], n
        )


GENERATOR = Slim()


def item_regressions(history: Csr, user_exponent: float, ridge: float, n: int) -> Csr:
    """Each item's ridge regression on the n items most often liked by the same people; CSR, items that a person has x
    items that they predict, positive weights alone, no diagonal.

    Neighbours that say the same share what they say once, where sums of similarities count it twice. Columns are
    normalised by degree, x_ui d_u^(-user_exponent / 2) d_i^(-1 / 2), and `ridge` is in units of the mean square of an
    item's regressors. Two of them that aren't among the 2 n nearest of one another count as never met, which keeps the
    time linear in the items; of a history of more than MAX_REGRESSION_ENTRIES entries the people are a sample.

    Source: SLIM with items selected beforehand (fsSLIM: X. Ning and G. Karypis, ICDM 2011), with the squared norm
    alone, as in H. Steck, "Markov Random Fields for Collaborative Filtering", NeurIPS 2019. Weights below 0 are left
    out: they made no list better on any shop that was tried.
    """
    import implicit

    history = sample_people(history, MAX_REGRESSION_ENTRIES)
    by_user = np.maximum(np.asarray(history.sum(axis=1), dtype=np.float64).ravel(), 1e-9)
    by_item = np.maximum(np.asarray(history.sum(axis=0), dtype=np.float64).ravel(), 1e-9)
    columns = (diags(by_user ** (-user_exponent / 2)) @ history @ diags(by_item**-0.5)).tocsr().astype(np.float64)
    squares = np.asarray(columns.multiply(columns).sum(axis=0)).ravel()
    products = implicit.nearest_neighbours.all_pairs_knn(columns, K=2 * n + 1, show_progress=False)
    products = without_diagonal(products)
    products = products.maximum(products.T).tocsr()
    nearest = best_of_rows(products, n)
    nearest.sort_indices()
    weights = np.zeros(nearest.nnz, dtype=np.float32)
    # Systems of a hundred unknowns are done before a second thread has begun.
    with one_blas_thread():
        for item in np.flatnonzero(np.diff(nearest.indptr)):
            start, end = nearest.indptr[item : item + 2]
            chosen = nearest.indices[start:end]
            system = products[chosen][:, chosen].toarray().astype(np.float64)
            system[np.diag_indices(len(chosen))] = squares[chosen] + ridge * squares[chosen].mean()
            weights[start:end] = np.linalg.solve(system, nearest.data[start:end])
    spoken_for = np.repeat(np.arange(nearest.shape[0]), np.diff(nearest.indptr))
    is_kept = weights > 0
    return csr_matrix((weights[is_kept], (nearest.indices[is_kept], spoken_for[is_kept])), shape=nearest.shape)


def scale_regressions(regressions: Csr, history: Csr, source_exponent: float, target_exponent: float, n: int) -> Csr:
    """Weights as `best_neighbors` wants them: times d_i^-source_exponent of what a person has, d_j^target_exponent of
    what it predicts, with d the sums of the columns of a history; the n largest of each item that a person has."""
    by_source, by_target = degrees(history, -source_exponent), degrees(history, target_exponent)
    return best_of_rows((diags(by_source) @ regressions @ diags(by_target)).tocsr(), n)
