"""Session neighbours: what people with the same recent items went on to.

Method: VS-KNN (M. Ludewig, D. Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018) with the
recency of STAN (Garg et al., SIGIR 2019). A person is one session, the newest items of their history, in which what is
older counts less: cut at silences, sessions found no more in the sample shop, and where people leave one trace a day
there is nothing to cut.

Bounded: of each person the newest n_items items, of each item the newest per_item sessions, of all like sessions the
n_sessions nearest.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix, diags

from kindred.generators.base import (
    CANDIDATES_SCHEMA,
    Generator,
    Lists,
    Setting,
    best_of_many,
    best_of_rows,
    degrees,
)
from kindred.generators.lists import Lister, People, people_with_histories, rows_in_blocks, rows_on_nodes
from kindred.histories import History, profiles, read_history
from kindred.matrices import Csr, read_pairs
from kindred.state import find_others, keep_rows, made_from, read_keys, without
from kindred.warehouse import Relation, Session, is_snowflake, read_folds, read_table, write_table

# What a long session has to share more than a short one to be as near.
LENGTH_EXPONENT = 0.6
USERS_PER_BLOCK = 2_000


class Sessions(Generator):
    name = "sessions"
    method = "nearest sessions: people with the same recent items (VS-KNN)"
    search_share = 0.15
    is_trained = False
    settings = {
        "n_items": Setting(
            "auto",
            "newest items of a person that are a session; auto: 200, 100 or 50, by memory",
            (20, 50, 200),
            above_zero=True,
        ),
        "decay": Setting(0.75, "what the next older step of a history counts", (1.0, 0.9, 0.75, 0.5)),
        "n_steps": Setting(20, "steps of a history that are compared", (5, 20, 100), above_zero=True),
        "source_exponent": Setting(0.4, "how much a popular item of the history is held back", (0.2, 0.4, 0.7)),
        "target_exponent": Setting(0.2, "how much a popular proposed item is held back", (0.0, 0.2, 0.4)),
        "memory_decay": Setting(0.95, "what the next older step of a neighbouring session counts", (0.8, 0.95, 1.0)),
        "n_sessions": Setting(150, "nearest sessions that propose", (50, 150, 400), above_zero=True),
        "per_item": Setting(300, "newest sessions of each item that are looked at", above_zero=True),
    }

    def resolve(self, settings: Mapping[str, Any], history: History, weights: Csr) -> dict[str, Any]:
        return fill_session_settings(settings, history.matrix)

    def trial(self, fold: Any, settings: Mapping[str, Any]) -> Lists:
        return SessionNeighbors(fold.history, settings).best(fold.history.of(fold.people), fold.excluded, fold.length)


GENERATOR = Sessions()


def newest_sessions(sessions: Csr, moments: np.ndarray, n: int) -> Csr:
    """A CSR matrix of sessions x items cut to the n newest sessions of each item; of equals whichever a seed draws."""
    # Sessions in the order of time, newest first: then the first n of a column are wanted.
    order = np.lexsort((np.random.default_rng(0).permutation(len(moments)), -moments))
    columns = sessions[order].tocsc()
    item_at = np.repeat(np.arange(columns.shape[1]), np.diff(columns.indptr))
    is_kept = np.arange(columns.nnz) - columns.indptr[item_at] < n
    entries = (columns.data[is_kept], (order[columns.indices[is_kept]], item_at[is_kept]))
    return csr_matrix(entries, shape=sessions.shape)


def fill_session_settings(settings: Mapping[str, Any], history: Csr) -> dict[str, Any]:
    """Settings of `sessions` with n_items, where it is `auto`, as long as memory allows: 200, 100 or 50.

    Long sessions find better neighbours on all shops that were tried (DECISIONS.md); 7 million entries of all sessions
    together are what the largest ones have at 50.
    """
    if settings["n_items"] != "auto":
        return dict(settings)
    lengths = np.diff(history.indptr)
    fitting = (n for n in (200, 100) if np.minimum(lengths, n).sum() <= 7_000_000)
    return dict(settings) | {"n_items": next(fitting, 50)}


class SessionNeighbors:
    """What people with a like session had in theirs.

    people: everybody's history, in which the sessions are. settings: those of the generator `sessions`. is_shown: 1 for
    each item that may be proposed, 0 for others; None = all.
    """

    def __init__(self, people: History, settings: Mapping[str, Any], is_shown: np.ndarray | None = None) -> None:
        history, steps, moments = people.matrix, people.steps, people.moments
        settings = fill_session_settings(settings, history)
        n_items = int(settings["n_items"])
        place = places_in_rows(history)
        sessions = profiles(history, np.where(place < n_items, steps, n_items), settings["memory_decay"], n_items)
        # A session's entries are divided by (its sum of squares) ** LENGTH_EXPONENT and (the item's sum) **
        # source_exponent: else a long session were near everybody, and a popular item said as much as a rare one.
        lengths = np.asarray(sessions.multiply(sessions).sum(axis=1), dtype=np.float64).ravel()
        by_length = np.power(np.maximum(lengths, 1e-9), -LENGTH_EXPONENT).astype(np.float32)
        newest = newest_sessions(sessions, moments, int(settings["per_item"]))
        # The others are nobody's neighbours: of many people the newest sessions of each item are a part.
        is_newest = np.diff(newest.indptr) > 0
        self.users = people.users.filter(pa.array(is_newest))
        by_source = diags(degrees(sessions, -settings["source_exponent"]))
        self.index = (diags(by_length[is_newest]) @ newest[is_newest] @ by_source).T.tocsr()
        is_shown = np.ones(history.shape[1], dtype=np.float32) if is_shown is None else is_shown
        by_item = diags(degrees(sessions, -settings["target_exponent"]) * is_shown)
        self.proposals = (sessions[is_newest] @ by_item).tocsr().astype(np.float32)
        self.n_items, self.n_sessions = n_items, int(settings["n_sessions"])
        self.decay, self.n_steps = settings["decay"], int(settings["n_steps"])

    def nearest(self, people: History) -> Csr:
        """The nearest sessions of people but their own: CSR, people x the sessions of `users`, similarities."""
        matrix = people.matrix
        steps = np.where(places_in_rows(matrix) < self.n_items, people.steps, self.n_steps)
        near = (profiles(matrix, steps, self.decay, self.n_steps) @ self.index).tocsr()
        own = places_among(self.users, people.users)
        near.data[near.indices == np.repeat(own, np.diff(near.indptr))] = 0
        return best_of_rows(near, self.n_sessions)

    def best(self, people: History, excluded: Csr, n: int) -> Lists:
        """The n best items of people, like `best_items`; excluded: CSR, a row for each of them."""
        return best_of_many(self.nearest(people), self.proposals, excluded, n)


def places_in_rows(matrix: Csr) -> np.ndarray:
    """The place of each entry of a CSR matrix in its row, from 0."""
    places = np.arange(matrix.nnz, dtype=np.int32)
    places -= np.repeat(matrix.indptr[:-1].astype(np.int32), np.diff(matrix.indptr))
    return places


def places_among(ids: Any, some: Any) -> np.ndarray:
    """The places of some ids among others, both sorted and without repetition; -1 where there is none.

    What lies outside the range of the few isn't looked at: blocks of people are neighbours in the order of ids.
    """
    found = np.full(len(some), -1)
    if len(some) and len(ids):
        first, last = some[0].as_py(), some[-1].as_py()
        start = bisect.bisect_left(ids, first, key=lambda value: value.as_py())
        end = bisect.bisect_right(ids, last, key=lambda value: value.as_py())
        places = pc.index_in(ids[start:end], value_set=some).fill_null(-1).to_numpy(zero_copy_only=False)
        found[places[places >= 0]] = start + np.flatnonzero(places >= 0)
    return found


class SessionLister(Lister):
    """Lists what the nearest sessions of a fold propose."""

    def __init__(self, settings: Mapping[str, Any], history: History, is_shown: np.ndarray) -> None:
        super().__init__(history.fold, GENERATOR.name, history.items)
        self.neighbors = SessionNeighbors(history, settings, is_shown)

    def lists(self, people: People, n: int) -> Lists:
        assert people.history is not None, "lists are made of histories"
        return self.neighbors.best(people.history, people.excluded, n)


def candidates(
    dbt: Any,
    session: Session,
    interactions: Relation,
    item_features: Relation,
    history_keys: Relation,
    training_policy: Relation,
    folds: Relation,
    settings: Mapping[str, Any],
    n_candidates: int,
    packages: Sequence[str],
) -> Any:
    """The rows of `session_candidates`, at most n_candidates per person; see the model for grain and columns.

    The sessions that propose are found among those of all people, in one place. On Snowflake the lists are made on all
    nodes.
    """
    keys = made_from(history_keys)
    kept = keep_rows(dbt, session, training_policy, keys, CANDIDATES_SCHEMA, "fold = 'live'", item_features)

    def read(fold: str) -> tuple[History, np.ndarray]:
        history = read_history(interactions, fold)
        barred = read_table(item_features, ["item_id"], f"fold = '{fold}' and not is_recommendable")["item_id"]
        is_shown = pc.invert(pc.is_in(history.items, value_set=barred.combine_chunks())).to_numpy(zero_copy_only=False)
        return history, is_shown

    def asking(history: History) -> tuple[People, np.ndarray]:
        excluded = read_pairs(interactions, history.users, history.items, f"fold = '{history.fold}' and is_excluded")
        people = People(history.users, read_keys(keys, history.users, history.fold), excluded, history)
        return people, find_others(history.users, kept, history.fold)

    # One fold's sessions are in memory at a time.
    if is_snowflake(session):
        listers = ([SessionLister(settings, *read(fold))] for fold in read_folds(folds))
        people = people_with_histories(history_keys, kept)
        asking_interactions = without(interactions, kept)
        return rows_on_nodes(session, listers, people, asking_interactions, [kept], n_candidates, packages)
    # Everything is read before the first row is written: DuckDB streams the result over the same connection.
    prepared = [(made, asking(made[0])) for made in map(read, read_folds(folds))]
    asked = ((SessionLister(settings, *made), *people) for made, people in prepared)
    return write_table(session, CANDIDATES_SCHEMA, rows_in_blocks(asked, n_candidates, USERS_PER_BLOCK), kept)
