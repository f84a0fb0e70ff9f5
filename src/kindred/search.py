"""Search by words over the catalogue, with a person's taste: what `kindred search` prints.

Method: BM25 over the words of title, category, brand, description and attributes (S. Robertson, H. Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond", 2009) and, with the setting text_encoder, the cosine of the query's
vector and the items'. The orders are merged by reciprocal ranks (G. Cormack, C. Clarke, S. Büttcher, "Reciprocal Rank
Fusion Outperforms Condorcet and Individual Rank Learning Methods", SIGIR 2009), and so is the person's order of what
was found, which the release makes: with its rules, and without what the person isn't eligible for.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kindred.built import BuiltTables, Warehouse
from kindred.experiments.report import table
from kindred.explain.tables import Row, read
from kindred.generators.content import TEXT_COLUMNS, terms_of
from kindred.serving import Store

K1, B = 1.2, 0.75  # the usual constants of BM25
# Words of a title say what a thing is; those of a description also what it goes with.
TIMES = {"title": 3, "category": 2, "brand": 2, "description": 1, "attributes": 1}
CONSTANT_OF_RANKS = 60  # as in the ranker's fixed blend
N_FOUND = 200  # items of which the person's order is asked
# A vector as near as this is about the same thing (docs/lab_notes/text.md); where no item has any word of the query,
# less has to do.
LEAST_COSINE, LEAST_COSINE_ALONE = 0.35, 0.25
MAX_SHARE = 0.3  # of the items: words that more of them have, such as "for", say nothing


@dataclass(frozen=True)
class Found:
    """An item that answers.

    words: terms of the query that it has; has_all: each word of the query, in one of its spellings; cosine: by meaning,
    None = not compared; place_for_person: None = the person's order doesn't know it.
    """

    item: Row
    words: list[str]
    has_all: bool
    cosine: float | None
    place_for_person: int | None = None


@dataclass
class Index:
    """The words of a catalogue. postings: {term: {place of an item: how often, weighted}}; lengths: of items."""

    items: list[Row]
    postings: dict[str, dict[int, int]] = field(default_factory=dict)
    lengths: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, items: list[Row]) -> Index:
        found = cls(items, lengths=np.zeros(len(items)))
        for place, item in enumerate(items):
            for column in TEXT_COLUMNS:
                for term in terms_of(item[column] or ""):
                    entry = found.postings.setdefault(term, {})
                    entry[place] = entry.get(place, 0) + TIMES[column]
                    found.lengths[place] += TIMES[column]
        return found

    def nearest_terms(self, term: str) -> list[str]:
        """The term; where no item has it, those that begin with it, or else the one that is spelt most like it.

        A misspelt word keeps its first letter, as most do: lover isn't over.
        """
        if term in self.postings:
            return [term]
        longer = [other for other in self.postings if other.startswith(term)] if len(term) > 2 else []
        alike = [other for other in self.postings if other[0] == term[0]]
        return longer or difflib.get_close_matches(term, alike, n=1, cutoff=0.8)

    def telling(self, terms: Iterable[str]) -> list[str]:
        """The terms that few enough items have; all of them where none is so rare."""
        known = list(terms)
        most = max(MAX_SHARE * len(self.items), 1)
        return [term for term in known if len(self.postings[term]) <= most] or known

    def bm25(self, terms: Iterable[str]) -> dict[int, float]:
        """{place of an item: score} of the items that have one of the terms."""
        scores: dict[int, float] = {}
        usual = self.lengths.sum() / max(len(self.items), 1) or 1.0
        for term in terms:
            entry = self.postings[term]
            rarity = np.log1p((len(self.items) - len(entry) + 0.5) / (len(entry) + 0.5))
            for place, n in entry.items():
                norm = K1 * (1 - B + B * self.lengths[place] / usual)
                scores[place] = scores.get(place, 0.0) + rarity * n * (K1 + 1) / (n + norm)
        return scores


def merge_ranks(orders: Sequence[Sequence[int]]) -> list[int]:
    """Places by the sum of 1 / (60 + rank) over the orders in which they stand, ties by place."""
    votes: dict[int, float] = {}
    for order in orders:
        for rank, place in enumerate(order, start=1):
            votes[place] = votes.get(place, 0.0) + 1 / (CONSTANT_OF_RANKS + rank)
    return sorted(votes, key=lambda place: (-votes[place], place))


def cosines(items: Sequence[Row], query: np.ndarray) -> np.ndarray:
    """The cosine of a query's vector and each item's vector `words`; -1 where an item has none of this length."""
    found = np.full(len(items), -1.0)
    for place, item in enumerate(items):
        vectors = json.loads(item["embedding"] or "[]")
        vector = vectors.get("words") if isinstance(vectors, Mapping) else None
        if vector and len(vector) == len(query):
            found[place] = float(np.dot(vector, query))
    return found


def search(items: list[Row], query: str, encoder: Any = None) -> tuple[list[Found], dict[str, list[str]]]:
    """(The items that answer, the best first; {word that no item has: how it was read}).

    encoder: kindred.text_vectors.Encoder that made the items' vectors, or None.
    """
    index = Index.of(items)
    read_as = {term: index.nearest_terms(term) for term in dict.fromkeys(terms_of(query))}
    terms = index.telling(dict.fromkeys(near for found in read_as.values() for near in found))
    words = [kept for near in read_as.values() if (kept := set(near) & set(terms))]
    holders = [set().union(*(index.postings[term] for term in spellings)) for spellings in words]
    scores = index.bm25(terms)
    orders = [sorted(scores, key=lambda place: (-scores[place], place))[:N_FOUND]]
    near = np.full(len(items), np.nan)
    if encoder is not None and items:
        near = cosines(items, encoder.vectors([query])[0])
        order = np.argsort(-near, kind="stable")[:N_FOUND]
        least = LEAST_COSINE if scores else LEAST_COSINE_ALONE
        orders.append([int(place) for place in order if near[place] >= least])
    found = [
        Found(
            items[place],
            [term for term in terms if place in index.postings[term]],
            all(place in having for having in holders),
            float(near[place]) if np.isfinite(near[place]) and near[place] >= 0 else None,
        )
        for place in merge_ranks(orders)
    ]
    # What is called as it is asked for stands before what is near in meaning, or to the person's taste.
    found = sorted(found, key=lambda one: not one.has_all)[:N_FOUND]
    return found, {term: others for term, others in read_as.items() if others != [term]}


def for_person(found: list[Found], store: Store, user_id: str) -> list[Found]:
    """What was found, in an order that is half the words' and half the person's; what has every word stays first."""
    ids = [one.item["item_id"] for one in found]
    places = {item_id: place for place, item_id in enumerate(ids)}
    own = store.rerank(user_id, ids)["items"]
    scored = [places[item["item_id"]] for item in own if item["generator"] != "as_given"]
    allowed = sorted(places[item["item_id"]] for item in own)
    rank_of = {place: rank for rank, place in enumerate(scored, start=1)}
    order = merge_ranks([allowed, scored])
    return sorted(
        (replace(found[place], place_for_person=rank_of.get(place)) for place in order), key=lambda one: not one.has_all
    )


def read_catalogue(warehouse: Warehouse, is_for_all: bool) -> list[Row]:
    """The items that may be shown today, by item_id. is_for_all: those without conditions of eligibility alone."""
    who = " and eligibility = ''" if is_for_all else ""
    shown = f"where item_id in (select item_id from {warehouse.name('release_items')} where is_recommendable{who})"
    return sorted(
        read(warehouse, "items", f"item_id {' '.join(TEXT_COLUMNS)} price embedding", shown),
        key=lambda item: item["item_id"],
    )


def encoder_in_use(warehouse: BuiltTables) -> Any:
    """The encoder that made the items' vectors; None where the shop has none."""
    where = warehouse.setting("generators")["text_encoder"]
    if not where:
        return None
    from kindred.text_vectors import load_encoder

    try:
        return load_encoder(where)
    except (ImportError, ValueError) as error:
        raise RuntimeError(str(error)) from error


def lines_of(found: Sequence[Found], read_as: Mapping[str, Sequence[str]], user_id: str | None) -> list[str]:
    """What was found, as a table."""
    said = [f"no item has the word '{term}': " + (f"read as {', '.join(others[:3])}" if others else "left out")
            for term, others in read_as.items()]  # fmt: skip
    if not found:
        return [*said, "nothing found"]
    header = ["item_id", "title", "category", "price", "found by", *(["place for the person"] if user_id else [])]
    rows = []
    for one in found:
        item = one.item
        by = " ".join(one.words) or f"meaning, cosine {one.cosine:.2f}"
        price = f"{item['price']:.2f}" if item["price"] is not None else "-"
        row = [item["item_id"], item["title"] or "-", item["category"] or "-", price, by]
        rows.append([*row, str(one.place_for_person or "-")] if user_id else row)
    return [*said, *table(header, rows)]


def search_lines(warehouse: BuiltTables, folder: Path, query: str, user_id: str | None, n: int) -> list[str]:
    """What `kindred search` prints. Errors: RuntimeError where nothing was built or, for a person, published yet."""
    with warehouse.connected():
        missing = warehouse.missing("items", "release_items")
        if missing:
            raise RuntimeError(f"no build has made {', '.join(missing)} yet: run `dbt build` in this project first")
        items = read_catalogue(warehouse, is_for_all=user_id is None)
        encoder = encoder_in_use(warehouse)
    found, read_as = search(items, query, encoder)
    if user_id is not None:
        found = for_person(found, Store(folder), user_id)
    return lines_of(found[:n], read_as, user_id)
