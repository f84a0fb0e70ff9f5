"""What a daily build keeps of the build before: models that needn't be trained, rows of people with the same history.

Every reading of an earlier build goes through `warehouse.previous_rows`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kindred.warehouse import Relation, Session, count_rows, matching, previous_rows, project, read_table, settle


def without(relation: Relation, kept: Relation | None) -> Relation:
    """The rows of a relation of all folds that aren't of people who are kept; None = nobody is."""
    return relation if kept is None else matching(relation, kept, ["fold", "user_id"], anti=True)


def people_of_all(relations: Sequence[Relation | None]) -> Relation | None:
    """The rows of people who have some in each of the relations, None where one is None."""
    if not relations or any(relation is None for relation in relations):
        return None
    return functools.reduce(lambda rows, others: matching(rows, others, ["user_id"]), relations)


def find_others(users: Any, kept: Relation | None, fold: str) -> np.ndarray:
    """The places of the users, a pyarrow column, who aren't kept in a fold: all of them but in the fold live."""
    if kept is None or fold != "live":
        return np.arange(len(users))
    names = read_table(kept, ["user_id"])["user_id"]
    return np.flatnonzero(~pc.is_in(users, value_set=names.combine_chunks()).to_numpy(zero_copy_only=False))


def fingerprint(relation: Relation, columns: Sequence[str], condition: str) -> str | None:
    """A text that is the same for the same rows, in whatever order they come; None where no row meets the condition."""
    # Of whole numbers that a sum can't be too large for: it is exact in any order.
    hashes = f"sum(cast(mod(hash({', '.join(columns)}), 1000000000039) as bigint))"
    total = project(relation.filter(condition), f"cast({hashes} as varchar) as fingerprint")
    return read_table(total, ["fingerprint"])["fingerprint"][0].as_py()


def read_earlier_model(
    dbt: Any, session: Session, training_policy: Relation, schema: pa.Schema
) -> tuple[Relation | None, bool]:
    """What this model wrote for the fold live in an earlier build, and whether it is to be trained all the same.

    Returns (relation of the columns of `schema` or None, is_due). None and true where there is nothing, or where the
    policy wants a training that owes nothing to earlier ones.
    """
    policy = read_table(training_policy, ["is_due", "is_warm"]).to_pylist()[0]
    earlier = None if policy["is_due"] and not policy["is_warm"] else previous_rows(dbt, session, schema)
    if earlier is None or count_rows(earlier.filter("fold = 'live'")) == 0:
        return None, True
    return settle(earlier.filter("fold = 'live'")), policy["is_due"]


def made_from(history_keys: Relation, *fingerprints: str | None) -> Relation:
    """A relation of user_id and made_from: of what rows of a person are made, the history and whole tables."""
    return project(history_keys, "user_id", f"concat(history_key, '{key_ending(*fingerprints)}') as made_from")


def key_ending(*fingerprints: str | None) -> str:
    """What `made_from` says of whole tables, after what it says of a person."""
    return "".join(f"-{text}" for text in fingerprints)


def read_keys(keys: Relation, users: Any, fold: str) -> Any:
    """What `made_from` says of each of the users, a pyarrow column; null in other folds than live."""
    if fold != "live":
        return pa.nulls(len(users), pa.string())
    return keys_of(read_table(keys, ["user_id", "made_from"]), users)


def keys_of(table: pa.Table, users: Any) -> Any:
    """The made_from of each of the users, a pyarrow column, from a pyarrow.Table of both."""
    places = pc.index_in(users, value_set=table["user_id"].combine_chunks())
    return table["made_from"].combine_chunks().take(places)


def keep_rows(
    dbt: Any,
    session: Session,
    training_policy: Relation,
    keys: Relation,
    schema: pa.Schema,
    condition: str | None = None,
    item_features: Relation | None = None,
) -> Relation | None:
    """The rows that this model wrote in an earlier build and needn't make again, as a relation; None without any.

    They are those of people whose made_from is the same as `keys` (see `made_from`) say now. Each table is compared
    with its own rows, so it doesn't matter which builds came between, or failed. Where a training is due, nothing is
    kept.
    condition: which of the rows, in SQL. item_features: a list with an item that can't be recommended any more isn't
    kept, so that none grows short.
    """
    earlier = None
    if not read_table(training_policy, ["is_due"])["is_due"][0].as_py():
        earlier = previous_rows(dbt, session, schema)
    if earlier is None:
        return None
    if condition:
        earlier = earlier.filter(condition)
    kept = matching(earlier, keys, ["user_id", "made_from"])
    if item_features is not None:
        shown = item_features.filter("fold = 'live' and is_recommendable")
        kept = matching(kept, matching(kept, shown, ["item_id"], anti=True), ["user_id"], anti=True)
    kept = settle(kept)
    return kept if count_rows(kept) else None
