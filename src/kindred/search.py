"""Search by words over a release's catalogue, as `Store.search`, GET /search and `kindred search` answer.

Method: BM25 over the words of title, category, brand, description and attributes (S. Robertson, H. Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond", 2009) and, with the setting text_encoder, the cosine of the query's
vector and the items'. The orders are merged by reciprocal ranks (G. Cormack, C. Clarke, S. Büttcher, "Reciprocal Rank
Fusion Outperforms Condorcet and Individual Rank Learning Methods", SIGIR 2009), and so is the person's order of what
was found. It needs numpy, and for meaning the package that text_encoder names.
"""

from __future__ import annotations

import difflib
import sqlite3
import threading
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kindred.texts import TEXT_COLUMNS, Encoder, load_encoder, terms_of, unpacked

Row = Mapping[str, Any]

K1, B = 1.2, 0.75  # the usual constants of BM25
# Words of a title say what a thing is; those of a description also what it goes with.
TIMES = {"title": 3, "category": 2, "brand": 2, "description": 1, "attributes": 1}
CONSTANT_OF_RANKS = 60  # as in the ranker's fixed blend
N_FOUND = 200  # items of which the person's order is asked
N_SPELLINGS = 100  # words that begin as one of the query does
# A vector as near as this is about the same thing (docs/lab_notes/text.md); where no item has any word of the query,
# less has to do.
LEAST_COSINE, LEAST_COSINE_ALONE = 0.35, 0.25
LEAST_ALIKE = 0.8  # difflib's ratio of a misspelt word and the one that is read
MAX_SHARE = 0.3  # of the items: words that more of them have, such as "for", say nothing
N_LETTERS = 32  # letters fall into so many classes, to tell fast which words can't be alike
ITEMS = f"""
select items.item_id, {", ".join(TEXT_COLUMNS)}, eligibility, vector
from items left join item_texts on items.item_id = item_texts.item_id
where is_recommendable
order by items.item_id
"""
NO_VECTORS = "the release has no vectors of texts: a build with text_encoder of kindred__generators makes them"


@dataclass(frozen=True)
class Found:
    """An item that answers.

    words: terms of the query that it has; has_all: each word of the query, in one of its spellings; cosine: by meaning,
    None = not compared; place_for_person: None = the person's order doesn't know it.
    """

    item_id: str
    words: list[str]
    has_all: bool
    cosine: float | None
    place_for_person: int | None = None


class Index:
    """The words, vectors and conditions of a catalogue.

    rows: of ITEMS, by rising item_id; vector: as kindred.texts.packed makes it, None = none.
    """

    def __init__(self, rows: Iterable[Row]):
        self.item_ids: list[str] = []
        conditions: dict[str, int] = {}
        numbers: dict[str, int] = {}
        of_items, vectors = array("i"), {}
        # The postings, (term, item, how often, weighted), as three columns.
        terms, places, times = array("i"), array("i"), array("i")
        for place, row in enumerate(rows):
            self.item_ids.append(row["item_id"])
            of_items.append(conditions.setdefault(row["eligibility"], len(conditions)))
            if row["vector"] is not None:
                vectors[place] = unpacked(row["vector"])
            counts: dict[int, int] = {}
            for column in TEXT_COLUMNS:
                for term in terms_of(row[column] or ""):
                    number = numbers.setdefault(term, len(numbers))
                    counts[number] = counts.get(number, 0) + TIMES[column]
            terms.extend(counts)
            places.extend([place] * len(counts))
            times.extend(counts.values())
        self.conditions, self.of_items = conditions, np.array(of_items, dtype=np.int32)
        of_terms = np.array(terms, dtype=np.int32)
        order = np.argsort(of_terms, kind="stable")
        self.places, self.times = np.array(places, dtype=np.int32)[order], np.array(times, dtype=np.int32)[order]
        self.starts = np.concatenate(([0], np.bincount(of_terms, minlength=len(numbers)).cumsum()))
        self.lengths = np.bincount(self.places, weights=self.times, minlength=len(self.item_ids))
        self.numbers = numbers
        self.spelt = sorted(numbers)
        self.letters = letters_of(self.spelt)
        # (items, numbers of a vector); rows of nan where an item has none of the length that most have.
        [(n_numbers, _)] = Counter(map(len, vectors.values())).most_common(1) or [(0, 0)]
        self.vectors = np.full((len(self.item_ids) if vectors else 0, n_numbers), np.nan, dtype=np.float32)
        for place, vector in vectors.items():
            if len(vector) == n_numbers:
                self.vectors[place] = vector

    def postings(self, term: str) -> tuple[np.ndarray, np.ndarray]:
        """(Places of the items that have a term, by rising place; how often, weighted)."""
        number = self.numbers[term]
        part = slice(self.starts[number], self.starts[number + 1])
        return self.places[part], self.times[part]

    def nearest_terms(self, term: str) -> list[str]:
        """The term; where no item has it, those that begin with it, or else the one that is spelt most like it.

        A misspelt word keeps its first letter, as most do: lover isn't over.
        """
        if term in self.numbers:
            return [term]
        longer = self.spelt[slice(*self.beginning(term))] if len(term) > 2 else []
        if longer:
            usual = sorted(longer, key=lambda other: (-len(self.postings(other)[0]), other))
            return sorted(usual[:N_SPELLINGS])
        first, last = self.beginning(term[0])
        # No ratio is above what the letters have in common: of thousands of words a few are left to compare.
        shared = np.minimum(self.letters[first:last], letters_of([term])[0]).sum(axis=1)
        sizes = self.letters[first:last].sum(axis=1) + len(term)
        alike = [self.spelt[first + at] for at in np.flatnonzero(2 * shared >= LEAST_ALIKE * sizes)]
        return difflib.get_close_matches(term, alike, n=1, cutoff=LEAST_ALIKE)

    def beginning(self, letters: str) -> tuple[int, int]:
        """Where in `spelt` the words that begin so stand."""
        return bisect_left(self.spelt, letters), bisect_left(self.spelt, letters + "\U0010ffff")

    def telling(self, terms: Iterable[str]) -> list[str]:
        """The terms that few enough items have; all of them where none is so rare."""
        known = list(terms)
        most = max(MAX_SHARE * len(self.item_ids), 1)
        return [term for term in known if len(self.postings(term)[0]) <= most] or known

    def bm25(self, terms: Iterable[str]) -> np.ndarray:
        """The score of each item; 0 where it has none of the terms."""
        n_items = len(self.item_ids)
        scores = np.zeros(n_items)
        usual = self.lengths.sum() / max(n_items, 1) or 1.0
        for term in terms:
            places, times = self.postings(term)
            rarity = np.log1p((n_items - len(places) + 0.5) / (len(places) + 0.5))
            norm = K1 * (1 - B + B * self.lengths[places] / usual)
            scores[places] += rarity * times * (K1 + 1) / (times + norm)
        return scores

    def cosines(self, query: np.ndarray) -> np.ndarray:
        """The cosine of a query's vector and each item's; -1 where an item has none of this length."""
        if self.vectors.shape[1] != len(query) or not len(self.vectors):
            return np.full(len(self.item_ids), -1.0)
        return np.nan_to_num(self.vectors @ query.astype(np.float32), nan=-1.0)

    def shown_to(self, eligible: Collection[str], excluded: Iterable[str] = ()) -> np.ndarray:
        """Whether each item may be shown to who meets these sets of conditions; excluded: items that may not."""
        met = [number for condition, number in self.conditions.items() if condition in ("", *eligible)]
        may = np.isin(self.of_items, met)
        for item_id in excluded:
            place = bisect_left(self.item_ids, item_id)
            if place < len(self.item_ids) and self.item_ids[place] == item_id:
                may[place] = False
        return may


def letters_of(terms: Sequence[str]) -> np.ndarray:
    """(terms, N_LETTERS): how many letters of each class a term has, as 32-bit integers."""
    codes = np.frombuffer("".join(terms).encode("utf-32-le"), dtype=np.uint32) % N_LETTERS
    rows = np.repeat(np.arange(len(terms)), [len(term) for term in terms])
    return np.bincount(rows * N_LETTERS + codes, minlength=len(terms) * N_LETTERS).reshape(-1, N_LETTERS)


def best(scores: np.ndarray, may: np.ndarray) -> list[int]:
    """The places of the N_FOUND highest scores among those that may be shown, ties by place."""
    places = np.flatnonzero(may)
    if len(places) > N_FOUND:
        least = np.partition(scores[places], -N_FOUND)[-N_FOUND]
        places = places[scores[places] >= least]
    found: list[int] = places[np.argsort(-scores[places], kind="stable")][:N_FOUND].tolist()
    return found


def merge_ranks(orders: Sequence[Sequence[int]]) -> list[int]:
    """Places by the sum of 1 / (60 + rank) over the orders in which they stand, ties by place."""
    votes: dict[int, float] = {}
    for order in orders:
        for rank, place in enumerate(order, start=1):
            votes[place] = votes.get(place, 0.0) + 1 / (CONSTANT_OF_RANKS + rank)
    return sorted(votes, key=lambda place: (-votes[place], place))


def search(
    index: Index, query: str, vector: np.ndarray | None = None, may: np.ndarray | None = None
) -> tuple[list[Found], dict[str, list[str]]]:
    """(The items that answer, at most N_FOUND, the best first; {word that no item has: how it was read}).

    vector: of the query, by the encoder that made the items' vectors; None = words alone. may: whether each item may be
    shown; None = all.
    """
    may = np.ones(len(index.item_ids), dtype=bool) if may is None else may
    read_as = {term: index.nearest_terms(term) for term in dict.fromkeys(terms_of(query))}
    terms = index.telling(dict.fromkeys(near for found in read_as.values() for near in found))
    words = [kept for near in read_as.values() if (kept := set(near) & set(terms))]
    scores = index.bm25(terms)
    orders = [best(scores, may & (scores > 0))]
    near = np.full(len(index.item_ids), -1.0)
    if vector is not None:
        near = index.cosines(vector)
        least = LEAST_COSINE if orders[0] else LEAST_COSINE_ALONE
        orders.append(best(near, may & (near >= least)))
    places = merge_ranks(orders)
    has = {term: np.isin(places, index.postings(term)[0]) for term in terms}
    found = [
        Found(
            index.item_ids[place],
            [term for term in terms if has[term][at]],
            all(any(has[term][at] for term in spellings) for spellings in words),
            float(near[place]) if near[place] >= 0 else None,
        )
        for at, place in enumerate(places)
    ]
    # What is called as it is asked for stands before what is near in meaning, or to the person's taste.
    found = sorted(found, key=lambda one: not one.has_all)[:N_FOUND]
    return found, {term: others for term, others in read_as.items() if others != [term]}


def for_person(found: list[Found], own: Sequence[Row]) -> list[Found]:
    """What was found, in an order that is half the words' and half the person's; what has every word stays first.

    own: the items of `Store.rerank`; what it leaves out is left out.
    """
    places = {one.item_id: place for place, one in enumerate(found)}
    scored = [places[item["item_id"]] for item in own if item["generator"] != "as_given"]
    allowed = sorted(places[item["item_id"]] for item in own)
    rank_of = {place: rank for rank, place in enumerate(scored, start=1)}
    order = merge_ranks([allowed, scored])
    return sorted(
        (replace(found[place], place_for_person=rank_of.get(place)) for place in order), key=lambda one: not one.has_all
    )


@dataclass(frozen=True)
class Catalogue:
    """What is searched: the index of a release, and the encoder of its vectors. encoder: None, and then why."""

    release_id: str
    index: Index
    encoder: Encoder | None
    why_words_alone: str | None

    @classmethod
    def of(cls, release_id: str, release: sqlite3.Connection) -> Catalogue:
        encoder, why = encoder_of(release)
        return cls(release_id, Index(release.execute(ITEMS)), encoder, why)


def encoder_of(release: sqlite3.Connection) -> tuple[Encoder | None, str | None]:
    """(The encoder that made a release's vectors, None) or (None, why this process can't encode a query)."""
    row = release.execute("select text_encoder, weights from text_encoder").fetchone()
    if row is None:
        return None, NO_VECTORS
    try:
        encoder = load_encoder(row["text_encoder"])
    except (ImportError, ValueError) as error:
        return None, str(error)
    if encoder.name != row["weights"]:
        return None, f"the release's vectors are of {row['weights']}, and here is {encoder.name}: install the former"
    return encoder, None


class Searcher:
    """The catalogue of the newest release that was searched, for any number of threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.encoding = threading.Lock()
        self.found: Catalogue | None = None

    def catalogue(self, release_id: str, release: sqlite3.Connection) -> Catalogue:
        """That of a release, whose rows are mappings. While one thread reads a new one, others have the one before."""
        found = self.found
        if found and found.release_id == release_id:
            return found
        if self.lock.acquire(blocking=found is None):
            try:
                if self.found is None or self.found.release_id != release_id:
                    self.found = Catalogue.of(release_id, release)
                return self.found
            finally:
                self.lock.release()
        assert found is not None
        return found

    def vector(self, catalogue: Catalogue, query: str) -> np.ndarray | None:
        """A query's vector; None where the catalogue has no encoder."""
        if catalogue.encoder is None:
            return None
        # A tokenizer is set up by each call.
        with self.encoding:
            found: np.ndarray = catalogue.encoder.vectors([query])[0]
        return found


def found_lines(found: Mapping[str, Any], has_person: bool) -> list[str]:
    """What `kindred search` prints of what `Store.search` gives."""
    from kindred.experiments.report import table

    said = [f"by words alone: {found['why_words_alone']}"] if found["why_words_alone"] else []
    said += [f"no item has the word '{term}': " + (f"read as {', '.join(others[:3])}" if others else "left out")
             for term, others in found["read_as"].items()]  # fmt: skip
    if not found["items"]:
        return [*said, "nothing found"]
    header = ["item_id", "title", "category", "price", "found by", *(["place for the person"] if has_person else [])]
    rows = []
    for item in found["items"]:
        by = " ".join(item["words"]) or f"meaning, cosine {item['cosine']:.2f}"
        price = f"{item['price']:.2f}" if item["price"] is not None else "-"
        row = [item["item_id"], item["title"] or "-", item["category"] or "-", price, by]
        rows.append([*row, str(item["place_for_person"] or "-")] if has_person else row)
    return [*said, *table(header, rows)]
