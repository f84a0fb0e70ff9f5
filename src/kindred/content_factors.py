"""Item factors from content: what generators made of factors know of an item that nobody, or hardly anybody, touched.

Method: a ridge regression from the content of items (TF-IDF terms, embeddings, price) to the vectors that a generator
learned, solved in closed form. Sources: A. van den Oord, S. Dieleman, B. Schrauwen, "Deep Content-Based Music
Recommendation", NIPS 2013; O. Barkan et al., "CB2CF: A Neural Multiview Content-to-Collaborative Filtering Model for
Completely Cold Item Recommendations", RecSys 2019. As in collaborative topic regression (C. Wang, D. Blei, KDD 2011),
an item with few people gets a mixture: its learned vector, which few people keep short, and a share of the predicted
one. What is predicted for an item of the training without that item (leave-one-out, in closed form) says how long
predicted vectors must be to stand in lists as often as learned ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import diags

from kindred.generators.content import Catalogue
from kindred.matrices import Csr, encode_ids, one_blas_thread, unpack_factors, vector_column
from kindred.warehouse import Relation, read_table

# Rows of a table of item factors, in SQL: those that rest on interactions, and those of content alone.
LEARNED, FROM_CONTENT = "content_share < 1", "content_share = 1"

# The terms that most items of the training have: the equations have a row and a column for each.
MAX_TERMS = 4_096
# In units of the squared length of a row of features, 1 to 3.
RIDGE = 2.0
# A vector learned from so many people counts as much as a predicted one.
PEOPLE_OF_PREDICTION = 4.0
MAX_PEOPLE_COMPARED, MAX_ITEMS_COMPARED, LIST_LENGTH = 300, 2_000, 20
ITEMS_PER_BLOCK = 10_000


@dataclass(frozen=True)
class Ridge:
    """A weighted ridge regression of vectors on features, with an intercept that isn't shrunk.

    mean_features: (n_features,), mean_vector: (n_factors,), both weighted; coefficients: (n_features, n_factors).
    factor: the equations' Cholesky factor, as scipy's cho_solve takes it; weights: of the rows, of mean 1.
    """

    mean_features: np.ndarray
    mean_vector: np.ndarray
    coefficients: np.ndarray
    factor: tuple[np.ndarray, bool]
    weights: np.ndarray

    @classmethod
    def fit(cls, features: Csr, vectors: np.ndarray, weights: np.ndarray, ridge: float = RIDGE) -> Ridge:
        """features: CSR, n x n_features; vectors: (n, n_factors); weights: (n,), at least one above 0."""
        weights = weights / weights.mean()
        features, total = features.astype(np.float64), len(weights)
        weighted = (diags(weights) @ features).tocsr()
        mean_features = np.asarray(weighted.sum(axis=0)).ravel() / total
        mean_vector = weights @ vectors.astype(np.float64) / total
        left = (features.T @ weighted).toarray() - total * np.outer(mean_features, mean_features)
        right = weighted.T @ vectors.astype(np.float64) - total * np.outer(mean_features, mean_vector)
        left[np.diag_indices_from(left)] += ridge
        factor = cho_factor(left, lower=True, overwrite_a=True)
        return cls(mean_features, mean_vector, cho_solve(factor, right), factor, weights)

    def predict(self, features: Csr) -> np.ndarray:
        """The vectors of rows of features: (n, n_factors), 64-bit."""
        return self.mean_vector - self.mean_features @ self.coefficients + features @ self.coefficients

    def predict_without(self, features: Csr, vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """What a regression without the row itself predicts, for each of some rows that it was fitted to."""
        own = features[rows].toarray().astype(np.float64) - self.mean_features
        leverages = np.einsum("nf,fn->n", own, cho_solve(self.factor, own.T)) + 1 / len(self.weights)
        leverages = np.minimum(leverages * self.weights[rows], 1 - 1e-6)[:, None]
        return (self.predict(features[rows]) - leverages * vectors[rows]) / (1 - leverages)


@dataclass(frozen=True)
class Completed:
    """The vectors of a training and those of the items of the catalogue that it didn't know.

    vectors: (n_learned, n_factors), with their share of what is predicted; shares: (n_learned,), of the prediction,
    below 1; places: of the new items in the catalogue; new_vectors: (n_new, n_factors). 32-bit floats. length: the mean
    length of the vectors that are predicted for learned items, 0 where content says nothing.
    """

    vectors: np.ndarray
    shares: np.ndarray
    places: np.ndarray
    new_vectors: np.ndarray
    length: float


def nothing_predicted(vectors: np.ndarray) -> Completed:
    none = np.empty((0, vectors.shape[1]), dtype=np.float32)
    return Completed(vectors, np.zeros(len(vectors)), np.empty(0, dtype=np.int64), none, 0.0)


def complete(
    features: Csr, places: np.ndarray, vectors: np.ndarray, n_people: np.ndarray, people: np.ndarray, met: Csr
) -> Completed:
    """A training's vectors, completed by what content says.

    features: CSR, items of the catalogue x features; places: of the learned items in the catalogue, -1 = not there;
    n_people: who touched each, above 0; people: (n, n_factors), vectors of some people, whose scores are products with
    the items'; met: CSR, these people x learned items, of the items that they don't get again.
    Nothing is predicted where content says nothing of the vectors of items that are left out (`says_something`).
    """
    features = useful_features(features, places)
    known = np.flatnonzero(has_content(features, places))
    if len(known) < 2:
        return nothing_predicted(vectors)
    with one_blas_thread():
        # What few people say of an item is mostly chance.
        weights = n_people / (n_people + PEOPLE_OF_PREDICTION)
        said, learned = features[places[known]], vectors[known]
        regression = Ridge.fit(said, learned, weights[known])
        compared = np.sort(np.random.default_rng(0).permutation(len(known))[:MAX_ITEMS_COMPARED])
        left_out = regression.predict_without(said, learned, compared)
        scale = 0.0
        if says_something(left_out, learned[compared], regression.mean_vector):
            at = known[compared]
            scale = competitive_scale(people, met[:, at].toarray() != 0, vectors[at], left_out, len(vectors))
        if scale == 0:
            return nothing_predicted(vectors)
        shares = np.zeros(len(vectors))
        shares[known] = 1 - weights[known]
        mixed, lengths = vectors.copy(), []
        for start in range(0, len(known), ITEMS_PER_BLOCK):
            block = slice(start, start + ITEMS_PER_BLOCK)
            predicted = scale * regression.predict(said[block])
            lengths.append(np.linalg.norm(predicted, axis=1))
            mixed[known[block]] += (shares[known[block]][:, None] * predicted).astype(np.float32)
        new = new_places(features, places)
        new_vectors = (scale * regression.predict(features[new])).astype(np.float32)
        return Completed(mixed, shares, new, new_vectors, float(np.concatenate(lengths).mean()))


def extend(
    features: Csr, places: np.ndarray, vectors: np.ndarray, shares: np.ndarray, length: float
) -> tuple[np.ndarray, np.ndarray]:
    """The items that are new to a table of `complete`: their places in the catalogue and their vectors.

    places, vectors, shares: of the rows of the table, share 1 = predicted; length: of `complete`, to which the
    predictions are scaled again. Needs no interactions.
    """
    features = useful_features(features, np.where(shares < 1, places, -1))
    known = np.flatnonzero((shares < 1) & has_content(features, places))
    new = new_places(features, places)
    if length == 0 or len(known) < 2 or len(new) == 0:
        return new[:0], np.empty((0, vectors.shape[1]), dtype=np.float32)
    with one_blas_thread():
        said = features[places[known]]
        regression = Ridge.fit(said, vectors[known], 1 - shares[known])
        blocks = range(0, len(known), ITEMS_PER_BLOCK)
        lengths = [np.linalg.norm(regression.predict(said[n : n + ITEMS_PER_BLOCK]), axis=1) for n in blocks]
        scale = length / max(float(np.concatenate(lengths).mean()), 1e-12)
        return new, (scale * regression.predict(features[new])).astype(np.float32)


def useful_features(features: Csr, places: np.ndarray) -> Csr:
    """The features that items of the training have, of most items first and at most MAX_TERMS: CSR of 64-bit floats."""
    n_items = np.diff(features[places[places >= 0]].tocsc().indptr)
    chosen = np.argsort(-n_items, kind="stable")[:MAX_TERMS]
    return features[:, np.sort(chosen[n_items[chosen] > 0])].tocsr().astype(np.float64)


def has_content(features: Csr, places: np.ndarray) -> np.ndarray:
    """Whether something is said of each item by its place in the catalogue; not where it has none, -1."""
    is_said = np.append(np.diff(features.indptr) > 0, False)
    found: np.ndarray = is_said[places]
    return found


def new_places(features: Csr, places: np.ndarray) -> np.ndarray:
    """The places of items of which something is said and that aren't among those of the training."""
    is_new = np.diff(features.indptr) > 0
    is_new[places[places >= 0]] = False
    return np.flatnonzero(is_new)


def says_something(predicted: np.ndarray, vectors: np.ndarray, mean: np.ndarray) -> bool:
    """Whether predicted vectors point to where learned ones do, around the mean, by two standard errors of items."""
    products = np.einsum("nf,nf->n", predicted - mean, vectors - mean)
    return bool(products.mean() > 2 * products.std() / np.sqrt(len(products)))


def competitive_scale(
    people: np.ndarray, is_met: np.ndarray, learned: np.ndarray, predicted: np.ndarray, n_items: int
) -> float:
    """The factor by which predicted vectors compete with learned ones for the places of people's lists; 0 = they don't.

    is_met: (n_people, n_compared), items that a person doesn't get again; learned, predicted: (n_compared, n_factors)
    vectors of a sample of n_items items. The mean score at the end of a list of LIST_LENGTH is made the same.
    """
    place = int(np.clip(round(LIST_LENGTH * len(learned) / n_items), 1, max(len(learned) // 5, 1)))
    ends = []
    for vectors in (learned, predicted):
        scores = np.where(is_met, -np.inf, people.astype(np.float64) @ vectors.T)
        last = np.partition(scores, len(learned) - place, axis=1)[:, len(learned) - place]
        ends.append(np.maximum(last, 0).sum())
    return float(ends[0] / ends[1]) if ends[1] > 0 else 0.0


def compared_people(n: int) -> np.ndarray:
    """Places of some of n people, rising, the same in every build."""
    return np.sort(np.random.default_rng(0).permutation(n)[:MAX_PEOPLE_COMPARED])


# Rows of tables --------------------------------------------------------------------------------------------------


def factor_rows(
    schema: pa.Schema, fold: str, ids: Any, vectors: np.ndarray, shares: np.ndarray, others: Mapping[str, Any]
) -> pa.RecordBatch:
    """Rows of a table of item factors; others: its other columns, arrays or one number for all rows."""
    columns = {"fold": pa.repeat(fold, len(ids)), "item_id": ids, "factors": vector_column(vectors)}
    numbers = {"content_share": shares, **others}
    columns |= {name: pa.array(np.broadcast_to(values, len(ids)).astype(float)) for name, values in numbers.items()}
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def completed_rows(
    schema: pa.Schema, fold: str, ids: Any, existing: Any, completed: Completed, others: Mapping[str, Any]
) -> list[pa.RecordBatch]:
    """The rows of a training: of the learned items (ids) and of the new ones among those that exist.

    others: the table's other columns, see `factor_rows`. A weight in a person's vector is 0 for what is new.
    """
    others = {**others, "content_length": completed.length}
    rows = [factor_rows(schema, fold, ids, completed.vectors, completed.shares, others)]
    if len(completed.places):
        new = existing.take(pa.array(completed.places))
        rows.append(factor_rows(schema, fold, new, completed.new_vectors, np.ones(len(new)), others | of_new(others)))
    return rows


def of_new(others: Mapping[str, Any]) -> dict[str, float]:
    """What differs for new items: they have no part in people's vectors until they are learned."""
    return {"weight": 0.0} if "weight" in others else {}


def new_item_rows(schema: pa.Schema, catalogue: Catalogue, earlier: Relation) -> list[pa.RecordBatch]:
    """The rows of items that are new to the kept rows of the fold live, an earlier build's; none where nothing is.

    They stay as they are until the next training, as all rows do.
    """
    if not catalogue.has_others("live", read_table(earlier, ["item_id"])["item_id"]):
        return []
    existing, features = catalogue.features("live")
    table = read_table(earlier, schema.names).sort_by("item_id")
    known, vectors = unpack_factors(table.select(["item_id", "factors"]), "item_id")
    others = {name: table[name][0].as_py() for name in schema.names if pa.types.is_floating(schema.field(name).type)}
    shares, length = table["content_share"].to_numpy(), others.pop("content_length")
    places, new_vectors = extend(features, encode_ids(known, existing)[1], vectors, shares, length)
    if len(places) == 0:
        return []
    others |= {"content_length": length} | of_new(others)
    del others["content_share"]
    new = existing.take(pa.array(places))
    return [factor_rows(schema, "live", new, new_vectors, np.ones(len(new)), others)]
