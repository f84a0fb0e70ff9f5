"""Content neighbours: the items of which the same is said, whether somebody touched them or not.

Method: TF-IDF vectors of title, description, category, brand and attributes, and cosines; where items come with an
embedding, the mean of that and of the embeddings' cosine. Terms are words; where a script puts no blanks between words,
they are the n-grams of characters (P. McNamee, J. Mayfield, "Character N-Gram Tokenization for European Language Text
Retrieval", Information Retrieval 7, 2004; bigrams for Chinese and Japanese as in Lucene's CJKAnalyzer).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix, hstack, vstack

from kindred.generators.base import (
    NEIGHBORS_SCHEMA,
    ItemToItem,
    Setting,
    best_of_rows,
    neighbor_rows,
    read_neighbors,
    without_diagonal,
)
from kindred.histories import History
from kindred.matrices import Csr, csr_bytes, encode_ids, unit_rows
from kindred.once import read_once
from kindred.texts import TEXT_COLUMNS, terms_of
from kindred.warehouse import Relation, Session, read_folds, read_table, write_table

# What a standard deviation of the price's logarithm counts beside a row of terms of length 1.
PRICE_WEIGHT = 0.2


class Content(ItemToItem):
    name = "content"
    method = "TF-IDF of title, description and attributes, and embeddings where there are some"
    search_share = 0.05
    is_trained = False
    table = "item_content_neighbors"
    settings = {
        "decay": Setting(0.8, "what the next older step of a history counts", (0.6, 0.8, 0.9, 1.0)),
        "n_steps": Setting(20, "steps of a history that count", (5, 20, 100), above_zero=True),
    }

    def fit(self, history: History, settings: Mapping[str, Any], n: int) -> Csr:
        raise NotImplementedError("content neighbours come from the catalogue: see item_content_neighbors")

    def fit_trial(self, fold: Any, settings: Mapping[str, Any], n: int) -> Csr:
        return read_neighbors(fold.item_content_neighbors, "tuning", self.name, fold.history.items)


GENERATOR = Content()


def content_terms(texts: Sequence[str], max_share: float = 0.1) -> tuple[Csr, list[str]]:
    """TF-IDF vectors of texts, by scikit-learn, and the terms.

    CSR, texts x terms, rows of length 1 (0 for texts without terms; one column without a term where there is none).
    Terms that stand in one text alone connect nothing, those in a tenth of all texts (max_share) make nothing alike.
    """
    nothing = csr_matrix((len(texts), 1), dtype=np.float32), [""]
    if not any(texts):
        return nothing
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer=terms_of,
        sublinear_tf=True,
        min_df=2,
        max_df=max(max_share, 20 / max(len(texts), 20)),
        dtype=np.float32,
    )
    try:
        return vectorizer.fit_transform(texts), vectorizer.get_feature_names_out().tolist()
    except ValueError:  # no term is left
        return nothing


def content_neighbors(texts: Sequence[str], embeddings: np.ndarray | None, n: int) -> Csr:
    """The n items most alike by what is said about them: CSR, items x items, scores between 0 and 1.

    texts: one per item. embeddings: (n_items, d) with zeros where an item has none, or None. Where there are both, the
    score is the mean of the two cosines, among the n best of each.
    """
    import implicit

    terms = content_terms(texts)[0].T.tocsr().astype(np.float64)
    by_text = without_diagonal(implicit.nearest_neighbours.all_pairs_knn(terms, K=n + 1, show_progress=False))
    if embeddings is None:
        return by_text
    vectors = unit_rows(embeddings)
    blocks = []
    for start in range(0, len(vectors), 1_000):
        cosines = vectors[start : start + 1_000] @ vectors.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = 0
        blocks.append(best_of_rows(csr_matrix(np.where(cosines > 0, cosines, 0)), n))
    return best_of_rows(((by_text + vstack(blocks)) / 2).tocsr(), n)


def to_embeddings(column: Any, ids: Any) -> np.ndarray | None:
    """A column of JSON lists as an array of n x d, zeros where there is none; None where no item has one.

    Of objects of lists by name, a row has the vectors side by side in the order of their names, each of length 1. The
    cosine of two items with all names is then the mean of the names' cosines; else their sum by the root of the
    product of both items' numbers of names.
    """
    found = [json.loads(value) if value else [] for value in column.to_pylist()]
    if not any(isinstance(vectors, dict) for vectors in found):
        return one_embedding(found, ids, "items.embedding")
    named = [vectors if isinstance(vectors, dict) else {"": vectors} for vectors in found]
    parts = []
    for name in sorted({name for vectors in named for name in vectors}):
        where = f"'{name}' in items.embedding" if name else "items.embedding"
        part = one_embedding([vectors.get(name, []) for vectors in named], ids, where)
        if part is not None:
            parts.append(unit_rows(part))
    return np.hstack(parts) if parts else None


def one_embedding(vectors: Sequence[list[float]], ids: Any, where: str) -> np.ndarray | None:
    """Vectors of one name as an array of n x d, zeros for empty ones; None where all are empty."""
    item_of = {len(vector): item_id for vector, item_id in zip(vectors, ids.to_pylist(), strict=True) if vector}
    if not item_of:
        return None
    if len(item_of) > 1:
        (one, item), (other, other_item) = sorted(item_of.items())[:2]
        raise ValueError(
            f"item_content_neighbors: {where} of '{item}' has {one} numbers, that of '{other_item}' {other}: "
            "give all items vectors of one model and length, and none to those that have none yet"
        )
    zeros = [0.0] * next(iter(item_of))
    return np.array([vector or zeros for vector in vectors], dtype=np.float32)


class Catalogue:
    """What the shop says of its items, read once, for the items that exist in a fold."""

    def __init__(self, items: Relation, item_features: Relation) -> None:
        self.items, self.item_features = items, item_features
        self.said = read_table(items, ["item_id", *TEXT_COLUMNS, "embedding", "price"])
        self.ids, self.places = encode_ids(self.said["item_id"])

    def of_fold(self, fold: str) -> tuple[Any, list[str], np.ndarray | None, np.ndarray]:
        """(item ids, sorted; a text per item; embeddings as `to_embeddings` gives them; prices, nan = not known)."""
        existing = read_table(self.item_features, ["item_id"], f"fold = '{fold}'")["item_id"]
        is_existing = np.isin(self.places, encode_ids(existing, self.ids)[1])
        rows = self.said.take(np.flatnonzero(is_existing)).sort_by("item_id")
        columns = [rows[name].to_pylist() for name in TEXT_COLUMNS]
        texts = [" ".join(filter(None, parts)) for parts in zip(*columns, strict=True)]
        prices = pc.cast(rows["price"], pa.float64()).fill_null(np.nan).to_numpy()
        return rows["item_id"].combine_chunks(), texts, to_embeddings(rows["embedding"], rows["item_id"]), prices

    def features(self, fold: str) -> tuple[Any, Csr]:
        """(item ids, sorted; `content_features` of what is said of each). Made once in a run: nobody may change it."""

        def make() -> tuple[Any, Csr]:
            ids, texts, embeddings, prices = self.of_fold(fold)
            return ids, content_features(texts, embeddings, prices)

        kind = ("content_features", fold)
        return read_once(self.items, kind, make, lambda made: made[0].nbytes + csr_bytes(made[1]))

    def has_others(self, fold: str, known: Any) -> bool:
        """Whether something is said of items of a fold that aren't among known ones."""
        ids, texts, embeddings, _ = self.of_fold(fold)
        is_new = ~pc.is_in(ids, value_set=pa.chunked_array(known).combine_chunks()).to_numpy(zero_copy_only=False)
        is_said = np.array([bool(text) for text in texts], dtype=bool)
        if embeddings is not None:
            is_said |= np.linalg.norm(embeddings, axis=1) > 0
        return bool(np.any(is_new & is_said))


def content_features(texts: Sequence[str], embeddings: np.ndarray | None, prices: np.ndarray) -> Csr:
    """Features of items for a regression: CSR, items x features of 32-bit floats, rows of 0 for items without content.

    The TF-IDF terms, also frequent ones, of length 1 together; the embedding, of length 1; and by how many standard
    deviations the price's logarithm is off its mean, for items of which something else is said too.
    """
    parts = [content_terms(texts, 1.0)[0]]
    if embeddings is not None:
        parts.append(csr_matrix(unit_rows(embeddings)))
    found = hstack(parts).tocsr()
    amounts = np.log(np.where(prices > 0, prices, np.nan))
    is_priced = np.isfinite(amounts) & (np.diff(found.indptr) > 0)
    spread = amounts[is_priced].std() if is_priced.any() else 0.0
    if spread > 0:
        amounts = PRICE_WEIGHT * (amounts - amounts[is_priced].mean()) / spread
        found = hstack([found, csr_matrix(np.where(is_priced, amounts, 0)[:, None])]).tocsr()
    return found.astype(np.float32)


def neighbors(session: Session, items: Relation, item_features: Relation, folds: Relation, n: int) -> Any:
    """The rows of `item_content_neighbors`: the n neighbours of each item that exists in a fold."""
    catalogue = Catalogue(items, item_features)
    batches: list[pa.RecordBatch] = []
    for fold in read_folds(folds):
        ids, texts, embeddings, _ = catalogue.of_fold(fold)
        batches.append(neighbor_rows(fold, GENERATOR.name, ids, content_neighbors(texts, embeddings, n), n))
    return write_table(session, NEIGHBORS_SCHEMA, batches)
