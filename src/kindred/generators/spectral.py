"""The singular vectors of the matrix of people and items, normalised by their degrees: what many people share.

Method: the ideal low-pass filter of graph filtering (GF-CF: Y. Shen et al., "How Powerful is Graph Convolution for
Recommendation?", CIKM 2021), here with the exponents of the degrees as settings. With R~ = D_u^-a R D_i^-b, V its
first right singular vectors and s its singular values, a person's scores are r D_i^-b V diag(s^2f) V' D_i^c. The
vectors come from subspace iteration with a random start (N. Halko, P. Martinsson, J. Tropp, "Finding Structure with
Randomness", SIAM Review 53, 2011), which needs a few passes over the matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import diags

from kindred.content_factors import compared_people, complete, completed_rows
from kindred.generators.als import best_items
from kindred.generators.base import FromProfile, Lists, Setting, pair_products
from kindred.generators.content import Catalogue
from kindred.histories import History
from kindred.matrices import (
    Csr,
    align_vectors,
    encode_ids,
    one_blas_thread,
    run_on_all_cores,
    unpack_factors,
)
from kindred.state import fingerprint
from kindred.warehouse import Relation, read_table

SCHEMA = pa.schema(
    [("fold", pa.string()), ("item_id", pa.string()), ("factors", pa.list_(pa.float32())), ("weight", pa.float64())]
    + [("content_share", pa.float64()), ("content_length", pa.float64())]
)
N_PASSES = 4
# Directions beyond those that are kept: with them the kept ones converge in few passes.
N_SPARE = 16
COLUMNS_PER_BATCH = 32
# The cosine of two vectors below which they count as perpendicular, computed with 32 bits.
ROUNDING = 1e-5
PEOPLE_PER_BATCH = 100
# What `auto` allows for a training and for everybody's lists: half a minute or so each on two cores.
MAX_TRAINING_OPERATIONS = 2e11
MAX_SCORING_OPERATIONS = 2e12


class ItemFactors:
    """Vectors of items, (n_items, n_factors) of 32-bit floats, and what an item counts in a person's vector.

    A person's vector is the sum of profile * weight * vector over the person's items, an item's score the product of
    the person's vector and the item's. shown: places of the items that may be proposed.
    """

    def __init__(self, vectors: np.ndarray, weights: np.ndarray, shown: np.ndarray | None = None) -> None:
        self.vectors, self.weights = vectors, weights
        self.shown = np.arange(len(vectors)) if shown is None else shown

    def people(self, profile: Csr) -> np.ndarray:
        """The vectors of people, (n_people, n_factors), from their profiles: CSR, people x items."""
        return (profile @ diags(self.weights)).astype(np.float32) @ self.vectors


class Spectral(FromProfile):
    name = "spectral"
    method = "singular vectors of the matrix normalised by degrees (the ideal low-pass filter of graph filtering)"
    table = "spectral_item_factors"
    search_share = 0.15
    settings = {
        "factors": Setting(
            "auto", "length of a vector; auto: up to 512, by the size of the data", (512, 1024, 256, 128), True
        ),
        "item_exponent": Setting(0.5, "how much a popular item of the history is held back", (0.3, 0.4, 0.5, 0.6)),
        "target_exponent": Setting(0.5, "how much a popular proposed item gains", (0.3, 0.4, 0.5, 0.6)),
        "filter": Setting(
            0.0, "power of the singular values in a score; 0: all directions count alike", (0.0, 0.5, 1.0)
        ),
        "user_exponent": Setting(0.5, "how much less a long history counts in the training", (0.3, 0.5, 0.7)),
        "decay": Setting(1.0, "what the next older step of a history counts", (1.0, 0.9, 0.8)),
        "n_steps": Setting(500, "steps of a history that count", (500, 100, 30), above_zero=True),
    }

    def resolve(self, settings: Mapping[str, Any], history: History, weights: Csr) -> dict[str, Any]:
        return fill_settings(settings, history.matrix)

    def grid(self, settings: Mapping[str, Any], n_items: int) -> dict[str, list[float]]:
        grid = super().grid(settings, n_items)
        grid["factors"] = [factors for factors in grid["factors"] if 4 * factors <= n_items]
        return grid

    def fit(self, history: History, settings: Mapping[str, Any]) -> ItemFactors:
        """The factors of a history's items."""
        settings = fill_settings(settings, history.matrix)
        exponents = settings["user_exponent"], settings["item_exponent"]
        found = singular_vectors(normalise(history.matrix, *exponents), int(settings["factors"]))
        return scale(found, degrees(history.matrix, 0), settings)

    def fit_trial(self, fold: Any, settings: Mapping[str, Any]) -> ItemFactors:
        """`fit` where trials share the singular vectors, which other settings only scale."""
        history, exponents = fold.history, (settings["user_exponent"], settings["item_exponent"])
        key = (*exponents, int(settings["factors"]))
        found = fold.remember(
            "singular vectors", key, lambda: singular_vectors(normalise(history.matrix, *exponents), key[2])
        )
        return scale(found, degrees(history.matrix, 0), settings)

    def trial(self, fold: Any, settings: Mapping[str, Any]) -> Lists:
        profile = fold.history.of(fold.people).profile(settings["decay"], settings["n_steps"])
        return self.best(self.fit_trial(fold, settings), profile, fold.excluded, fold.length)

    def rows(
        self, fold: str, history: History, factors: ItemFactors, catalogue: Catalogue, settings: Mapping[str, Any]
    ) -> list[pa.RecordBatch]:
        """A fold's factors as rows of the table, completed by what content says; settings: of the profile."""
        compared = compared_people(history.matrix.shape[0])
        people = factors.people(history.of(compared).profile(settings["decay"], settings["n_steps"]))
        existing, features = catalogue.features(fold)
        n_people = np.bincount(history.matrix.indices, minlength=len(history.items))
        places = encode_ids(history.items, existing)[1]
        completed = complete(features, places, factors.vectors, n_people, people, history.matrix[compared])
        return completed_rows(SCHEMA, fold, history.items, existing, completed, {"weight": factors.weights})

    def read(self, table: Relation, fold: str, items: Any, is_shown: np.ndarray | None = None) -> ItemFactors | None:
        """What `rows` wrote, for a catalogue; an item without a row has the vector 0 and isn't shown."""
        rows = read_table(table, ["item_id", "factors", "weight"], f"fold = '{fold}'").sort_by("item_id")
        if rows.num_rows == 0:
            return None
        known, found = unpack_factors(rows.select(["item_id", "factors"]), "item_id")
        vectors = align_vectors(known, found, items)
        places = encode_ids(known, items)[1]
        weights, can_be_shown = np.zeros(len(items)), np.zeros(len(items), dtype=bool)
        weights[places[places >= 0]] = rows["weight"].to_numpy()[places >= 0]
        # What is known by its content alone has the weight 0, and may be shown.
        can_be_shown[places[places >= 0]] = True
        if is_shown is not None:
            can_be_shown &= is_shown
        return ItemFactors(vectors, weights, np.flatnonzero(can_be_shown))

    def trained_key(self, table: Relation) -> str | None:
        return fingerprint(table, ["item_id", "factors", "weight"], "fold = 'live'")

    def best(self, fitted: ItemFactors, profile: Csr, excluded: Csr, n: int) -> Lists:
        user_vectors, item_vectors = fitted.people(profile), np.ascontiguousarray(fitted.vectors[fitted.shown])
        people, items, ranks, scores = best_items(user_vectors, item_vectors, excluded[:, fitted.shown].tocsr(), n)
        # An item that has nothing in common with the person's isn't proposed: its score is 0 but for rounding.
        lengths = [np.linalg.norm(vectors, axis=1) for vectors in (user_vectors, item_vectors)]
        is_kept = scores > ROUNDING * lengths[0][people] * lengths[1][items]
        return people[is_kept], fitted.shown[items[is_kept]], ranks[is_kept], scores[is_kept]

    def scores(self, fitted: ItemFactors, profile: Csr, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return pair_products(fitted.people(profile), fitted.vectors, users, items)

    def strongest(self, fitted: ItemFactors, profile: Csr, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        strongest = np.full(len(users), -1, dtype=np.int32)
        order = np.argsort(users, kind="stable")
        people, starts = np.unique(users[order], return_index=True)
        asked = np.split(order, starts[1:])

        def explain(batch: slice) -> None:
            for person, pairs in zip(people[batch], asked[batch], strict=True):
                row = slice(profile.indptr[person], profile.indptr[person + 1])
                sources = np.sort(profile.indices[row])
                if not len(sources):
                    continue
                amounts = profile.data[row][np.argsort(profile.indices[row])] * fitted.weights[sources]
                terms = (fitted.vectors[items[pairs]] @ fitted.vectors[sources].T) * amounts
                # What the item itself adds explains nothing.
                terms[items[pairs][:, None] == sources] = 0
                first = terms.argmax(axis=1)
                strongest[pairs] = np.where(terms.max(axis=1) > 0, sources[first], -1)

        run_on_all_cores(explain, [slice(n, n + PEOPLE_PER_BATCH) for n in range(0, len(people), PEOPLE_PER_BATCH)])
        return strongest


GENERATOR = Spectral()


def fill_settings(settings: Mapping[str, Any], history: Csr) -> dict[str, Any]:
    """The settings with `factors` a number: the largest power of two up to 512 that a shop of this size allows.

    It leaves four items for each factor: with as many factors as items, an item is like itself alone. Above 32 it keeps
    the operations of the training, passes * 4 * entries * factors, and of everybody's lists, 2 * people * items *
    factors, below half a minute or so of two cores.
    """
    settings = dict(settings)
    if settings["factors"] == "auto":
        n_users, n_items = history.shape
        training = 4 * N_PASSES * history.nnz / MAX_TRAINING_OPERATIONS
        scoring = 2 * n_users * n_items / MAX_SCORING_OPERATIONS
        most = min(max(32, 1 / max(training, scoring, 1 / 512)), n_items / 4)
        settings["factors"] = 2 ** int(np.log2(max(most, 1)))
    return settings


def degrees(history: Csr, axis: int) -> np.ndarray:
    """The sums of a history's columns (axis 0) or rows (1), 64-bit; a sum of 0 counts as 1, so that it divides."""
    sums = np.asarray(history.sum(axis=axis), dtype=np.float64).ravel()
    return np.where(sums > 0, sums, 1.0)


def normalise(history: Csr, user_exponent: float, item_exponent: float) -> Csr:
    """D_u^-user_exponent R D_i^-item_exponent with R's degrees: CSR of 32-bit floats."""
    by_user, by_item = degrees(history, 1) ** -user_exponent, degrees(history, 0) ** -item_exponent
    return (diags(by_user) @ history @ diags(by_item)).tocsr().astype(np.float32)


def singular_vectors(matrix: Csr, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The first n right singular vectors, (n_columns, n) of 32-bit floats, and the singular values, falling.

    Fewer where the matrix has fewer. Memory: five arrays of n_columns x (n + 16), and n_rows x 32 per core. The same
    matrix gives the same vectors: the start is drawn with a fixed seed, and no sum depends on the number of cores.
    """
    width = min(n + N_SPARE, *matrix.shape)
    transposed = matrix.T.tocsr()
    basis = np.random.default_rng(0).standard_normal((matrix.shape[1], width), dtype=np.float32)
    values = np.zeros(0)

    def multiply(columns: slice) -> np.ndarray:
        return np.asarray(transposed @ (matrix @ np.ascontiguousarray(basis[:, columns])))

    # The last digits of a product depend on its threads, and with them the order of items that nearly tie.
    with one_blas_thread():
        batches = [slice(start, start + COLUMNS_PER_BATCH) for start in range(0, width, COLUMNS_PER_BATCH)]
        for number in range(N_PASSES + 1):
            # The first basis is not orthonormal; from then on the values of its projection are those of the matrix.
            # 64 bits between the passes: what a sum owes to its order is lost when the basis is rounded.
            product = np.concatenate(run_on_all_cores(multiply, batches), axis=1).astype(np.float64)
            if number < N_PASSES:
                values, turn = np.linalg.eigh(product.T @ product)
                is_kept = values > max(values[-1], 0) * 1e-10
                basis = (product @ (turn[:, is_kept] / np.sqrt(values[is_kept]))).astype(np.float32)
                batches = [batch for batch in batches if batch.start < basis.shape[1]]
        values, turn = np.linalg.eigh(basis.T.astype(np.float64) @ product)
        order = np.argsort(-values, kind="stable")[:n]
        order = order[values[order] > values[order[0]] * 1e-6] if len(order) else order
        return (basis.astype(np.float64) @ turn[:, order]).astype(np.float32), np.sqrt(values[order])


def scale(found: tuple[np.ndarray, np.ndarray], by_item: np.ndarray, settings: Mapping[str, Any]) -> ItemFactors:
    """The item factors D_i^c V diag(s^f), and the weights D_i^-(b + c) that make a person's vector of them.

    found: what `singular_vectors` gives; by_item: the items' degrees.
    """
    vectors, values = found
    into, out_of = settings["item_exponent"], settings["target_exponent"]
    factors = (by_item**out_of)[:, None] * vectors * values ** settings["filter"]
    return ItemFactors(factors.astype(np.float32), by_item ** -(into + out_of))
