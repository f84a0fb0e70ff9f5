"""Lists of candidates, made of each person alone: a block of people at a time, or on a node of Snowflake."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kindred.generators.base import CANDIDATES_SCHEMA, Lists
from kindred.histories import History, make_history
from kindred.matrices import Csr, encode_ids, to_pairs, unpack_factors
from kindred.nodes import spread
from kindred.state import keys_of, made_from
from kindred.warehouse import Relation, Session, matching, project, read_table, report_progress

PEOPLE_PER_PARTITION = 2_000
PEOPLE_BETWEEN_REPORTS = 50_000


@dataclass(frozen=True)
class People:
    """People of one fold who ask for lists.

    users: their ids, sorted. keys: what `made_from` says of each without whole tables, null in other folds than live.
    excluded: CSR, people x items of the lists. vectors: (n_people, n_factors), and history: what lists are made of,
    where they are made of these; see `Lister.history_for`.
    """

    users: Any
    keys: Any
    excluded: Csr
    history: History | None = None
    vectors: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.users)

    def of(self, places: np.ndarray) -> People:
        """Some of the people, an array of their places."""
        at = pa.array(places)
        history = None if self.history is None else self.history.of(places)
        vectors = None if self.vectors is None else self.vectors[places]
        return People(self.users.take(at), self.keys.take(at), self.excluded[places], history, vectors)


def people_with_histories(history_keys: Relation, kept: Relation | None) -> Relation:
    """Snowflake: fold, user_id and made_from of those who aren't kept, as `rows_on_nodes` takes people."""
    people = project(made_from(history_keys), "'live' as fold", "user_id", "made_from")
    return people if kept is None else matching(people, kept, ["user_id"], anti=True)


class Lister(ABC):
    """Makes the lists of one generator in one fold. It is sent to the nodes of Snowflake: it holds nobody's rows.

    fold; generator: its name; items: ids of the items that lists are made of; key_ending: what `made_from` says of
    whole tables.
    """

    schema: ClassVar[pa.Schema] = CANDIDATES_SCHEMA

    def __init__(self, fold: str, generator: str, items: Any, key_ending: str = "") -> None:
        self.fold, self.generator, self.items, self.key_ending = fold, generator, items, key_ending

    def history_for(self, history: History) -> History:
        """A history as `lists` wants it: over the lister's items. Errors: ValueError where they lack one of it."""
        return history.among(self.items)

    @abstractmethod
    def lists(self, people: People, n: int) -> Lists:
        """The n best items of each of the people, none that is excluded."""

    def reasons(self, people: People, users_at: np.ndarray, items_at: np.ndarray) -> list[Any]:
        """Further columns of pairs of a person and an item, between those that all generators have and made_from."""
        return []

    def rows(self, people: People, n: int) -> pa.RecordBatch:
        """The lists as rows of the schema."""
        users_at, items_at, ranks, scores = self.lists(people, n)
        at = pa.array(users_at)
        names = [pa.repeat(pa.scalar(name), len(scores)) for name in (self.fold, self.generator)]
        ids = [people.users.take(at), self.items.take(pa.array(items_at))]
        made = pc.binary_join_element_wise(people.keys, self.key_ending, "").take(at)
        values = [pa.array(ranks), pa.array(scores), *self.reasons(people, users_at, items_at), made]
        return pa.record_batch([*names, *ids, *values], schema=self.schema)


def rows_in_blocks(
    asked: Iterable[tuple[Lister, People, np.ndarray]], n: int, people_per_block: int
) -> Iterator[pa.RecordBatch]:
    """The rows of listers, each for some places of people, a block at a time: memory grows with a block."""
    for lister, people, places in asked:
        reported = 0
        for start in range(0, len(places), people_per_block):
            if start - reported >= PEOPLE_BETWEEN_REPORTS:
                reported = start
                where = f"{lister.generator} candidates: {lister.fold}"
                report_progress(f"{where}, {start:,} of {len(places):,} people have their lists")
            yield lister.rows(people.of(places[start : start + people_per_block]), n)


def people_of(tables: Mapping[str, pa.Table], lister: Lister, known: Any) -> People:
    """The people of a partition, from its rows (see `rows_on_nodes`), for a lister.

    known: the items of the histories of all people of the fold, sorted.
    """
    history, vectors = None, None
    interactions = tables["interactions"]
    if "weight" in interactions.column_names:
        likes = interactions.filter(pc.greater(interactions["weight"], 0))
        history = lister.history_for(make_history(lister.fold, likes, items=known))
        users = history.users
    people = tables["people"]
    if "factors" in people.column_names:
        users, vectors = unpack_factors(people.select(["user_id", "factors"]), "user_id")
        history = None if history is None else history.of(encode_ids(users, history.users)[1])
    excluded = to_pairs(interactions.filter(interactions["is_excluded"]), users, lister.items)
    return People(users, keys_of(people, users), excluded, history, vectors)


def read_known(interactions: Relation, fold: str) -> Any:
    """The items that people of a fold like, sorted: what `make_history` needs where it sees some of the people."""
    likes = project(interactions.filter(f"fold = '{fold}' and weight > 0"), "item_id")
    return encode_ids(read_table(likes.distinct(), ["item_id"])["item_id"])[0]


def rows_on_nodes(
    session: Session,
    listers: Iterable[Sequence[Lister]],
    people: Relation,
    interactions: Relation,
    kept: Sequence[Relation | None],
    n: int,
    packages: Sequence[str],
    has_histories: bool = True,
    schema: pa.Schema = CANDIDATES_SCHEMA,
) -> Relation:
    """Snowflake: the rows of listers, made of each person on the nodes of the warehouse; see `spread`.

    listers: those of each fold, taken a fold at a time; they have the same items and want the same history.
    people: fold, user_id, made_from without whole tables (null in other folds than live) and, where lists are made of
    these, factors. interactions: fold, user_id, item_id, is_excluded and, where has_histories, weight and last_at.
    kept: rows of an earlier build, which are there too; their people get no new lists of their generators.
    """
    columns = ["fold", "user_id", "item_id", "is_excluded"] + (["weight", "last_at"] if has_histories else [])
    used = interactions.filter("is_excluded or weight > 0" if has_histories else "is_excluded")
    tables = {"people": people, "interactions": project(used, *columns)}
    earlier = [rows for rows in kept if rows is not None]
    if earlier:
        # One row for each person and generator.
        firsts = [project(rows.filter("rank = 1"), "'live' as fold", "user_id", "generator") for rows in earlier]
        tables["kept"] = project(
            functools.reduce(lambda above, below: above.union_all(below), firsts), "fold", "user_id", "generator"
        )

    def shared() -> Iterator[tuple[str, Any]]:
        for of_fold in listers:
            if of_fold:
                fold = of_fold[0].fold
                yield fold, (read_known(interactions, fold) if has_histories else None, of_fold)

    def compute(fold: str, tables: Mapping[str, pa.Table], shared: Any) -> Iterator[pa.RecordBatch]:
        known, listers = shared
        people = people_of(tables, listers[0], known)
        for lister in listers:
            asking = people
            if "kept" in tables:
                own = tables["kept"].filter(pc.equal(tables["kept"]["generator"], lister.generator))
                is_kept = pc.is_in(people.users, value_set=own["user_id"].combine_chunks())
                asking = people.of(np.flatnonzero(~is_kept.to_numpy(zero_copy_only=False)))
            if len(asking):
                yield lister.rows(asking, n)

    made = spread(session, tables, compute, shared(), schema, packages, PEOPLE_PER_PARTITION)
    rows = [project(each, *schema.names) for each in (made, *earlier)]
    return project(functools.reduce(lambda above, below: above.union_all(below), rows), *schema.names)
