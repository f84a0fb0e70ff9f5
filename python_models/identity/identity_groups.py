"""Ids that explicit links join: the connected components of identity_links before as_of, with their guards.

Grain: one row per (identity_id, fate).
Columns: identity_id; group_id: the smallest id of the group; fate: joined, dissolved (a group of more ids than a person
may have: each stands for itself) or dropped_email (an address of more people than it may join: it joins nobody); n_ids:
ids of the group, or people of the address. An id in no group of two or more has no row.
"""


def model(dbt, session):
    from kindred.identity import identity_groups

    given = dbt.config.meta_get("identity")
    identity_links = dbt.ref("identity_links")
    folds = dbt.ref("folds")
    return identity_groups(session, given, identity_links, folds)
