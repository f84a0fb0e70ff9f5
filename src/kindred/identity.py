"""Which ids are one person's by explicit links: the connected components of a graph, with guards.

Logins are no links (models/identity/devices.sql): the graph has what a tracker or a shop says of two ids alone, and is
small. Components are found by scipy's breadth-first search, exactly and in one step, in whatever order the links came.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from kindred.matrices import encode_ids
from kindred.settings import fill
from kindred.warehouse import Relation, Session, read_table, write_table

SCHEMA = pa.schema(
    [("identity_id", pa.string()), ("group_id", pa.string()), ("fate", pa.string()), ("n_ids", pa.int64())]
)


def identity_groups(session: Session, given: Mapping[str, Any], identity_links: Relation, folds: Relation) -> Any:
    """The rows of the dbt model `identity_groups`. given: the variable kindred__identity.

    Links from as_of on are not known yet.
    """
    as_of = pc.max(read_table(folds, ["as_of"])["as_of"]).as_py()
    links = read_table(identity_links, ["left_id", "right_id", "kind", "linked_at"])
    return write_table(session, SCHEMA, join_ids(links, as_of, fill("identity", given)).to_batches())


def join_ids(links: pa.Table, as_of: datetime.datetime, settings: Mapping[str, Any]) -> pa.Table:
    """A table of SCHEMA, sorted: an id in no group of two or more has no row.

    links: left_id, right_id, kind (alias or email), linked_at (null = always). fate: joined; dissolved, in a group of
    more than max_ids_per_person ids, which all stand for themselves; or dropped_email, an address of more than
    max_users_per_email people, which joins nobody. group_id: the smallest id of the group. n_ids: ids of the group, or
    people of the address.
    """
    known = pc.fill_null(pc.less(links["linked_at"], pa.scalar(as_of, links["linked_at"].type)), True)
    if not settings["email"]:
        known = pc.and_(known, pc.not_equal(links["kind"], "email"))
    links = links.filter(known)
    ids, codes = encode_ids(pa.chunked_array([*links["left_id"].chunks, *links["right_id"].chunks], pa.string()))
    left, right = codes[: links.num_rows], codes[links.num_rows :]
    is_email = pc.equal(links["kind"], "email").to_numpy(zero_copy_only=False)

    # An address counts people, not ids: those that an alias joins are one.
    people = components(left[~is_email], right[~is_email], len(ids))
    owners = np.unique(np.stack([right[is_email], people[left[is_email]]], axis=1), axis=0)
    n_owners = np.bincount(owners[:, 0], minlength=len(ids))
    dropped = np.flatnonzero(n_owners > settings["max_users_per_email"])
    kept = ~(is_email & np.isin(right, dropped))

    groups = components(left[kept], right[kept], len(ids))
    sizes = np.bincount(groups, minlength=len(ids))[groups]
    members = np.flatnonzero(sizes > 1)
    fates = np.where(sizes[members] > settings["max_ids_per_person"], "dissolved", "joined")
    # Ids are sorted and components numbered in their order: the first member of a component is its smallest id.
    first = np.unique(groups, return_index=True)[1]
    columns = {
        "identity_id": pc.take(ids, np.concatenate([members, dropped])),
        "group_id": pc.take(ids, np.concatenate([first[groups[members]], dropped])),
        "fate": pa.array([*fates, *["dropped_email"] * len(dropped)], pa.string()),
        "n_ids": pa.array(np.concatenate([sizes[members], n_owners[dropped]]), pa.int64()),
    }
    return pa.table(columns, schema=SCHEMA)


def components(left: np.ndarray, right: np.ndarray, n: int) -> np.ndarray:
    """The number of the connected component of each of n nodes, for edges between left and right."""
    edges = coo_matrix((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n, n))
    return connected_components(edges, directed=False)[1] if n else np.zeros(0, dtype=np.int64)
