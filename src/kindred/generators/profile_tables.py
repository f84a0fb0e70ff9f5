"""The tables of generators that propose from a person's profile: neighbours, spectral factors, candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.content_factors import new_item_rows
from kindred.generators import choose_settings, item_to_item, neighbors_kept
from kindred.generators.base import CANDIDATES_SCHEMA, NEIGHBORS_SCHEMA, FromProfile, neighbor_rows, with_people
from kindred.generators.content import Catalogue
from kindred.generators.spectral import GENERATOR as SPECTRAL
from kindred.generators.spectral import SCHEMA as SPECTRAL_SCHEMA
from kindred.histories import read_history
from kindred.matrices import read_pairs
from kindred.settings import fill
from kindred.state import (
    find_others,
    fingerprint,
    keep_rows,
    made_from,
    people_of_all,
    read_earlier_model,
    read_keys,
    without,
)
from kindred.warehouse import Relation, Session, read_folds, read_table, write_table

USERS_PER_BLOCK = 5_000


def item_neighbors(
    dbt: Any,
    session: Session,
    given: Mapping[str, Any],
    privacy: Mapping[str, Any],
    interactions: Relation,
    tuning_trials: Relation,
    training_policy: Relation,
    folds: Relation,
) -> Any:
    """The rows of `item_neighbors`: what each item-to-item generator fits to people's histories, which are read once.

    given, privacy: the variables kindred__generators and kindred__privacy. A pair that fewer than min_people have both
    is no row.
    """
    min_people = fill("privacy", privacy)["min_people"]
    generators = [generator for generator in item_to_item() if generator.table == "item_neighbors"]
    chosen = [choose_settings(generator, given, tuning_trials, folds) for generator in generators]
    earlier, is_due = read_earlier_model(dbt, session, training_policy, NEIGHBORS_SCHEMA)
    batches: list[pa.RecordBatch] = []
    kept = None
    for fold in read_folds(folds):
        if fold == "live" and not is_due:
            kept = earlier
            continue
        history = read_history(interactions, fold)
        for generator, settings in zip(generators, chosen, strict=True):
            n = neighbors_kept(settings, given)
            neighbors = with_people(generator.fit(history, settings, n), history.matrix, min_people)
            batches.append(neighbor_rows(fold, generator.name, history.items, neighbors, n))
    return write_table(session, NEIGHBORS_SCHEMA, batches, kept)


def spectral_item_factors(
    dbt: Any,
    session: Session,
    given: Mapping[str, Any],
    interactions: Relation,
    items: Relation,
    item_features: Relation,
    tuning_trials: Relation,
    training_policy: Relation,
    folds: Relation,
) -> Any:
    """The rows of `spectral_item_factors`; given: the variable kindred__generators."""
    chosen = choose_settings(SPECTRAL, given, tuning_trials, folds)
    earlier, is_due = read_earlier_model(dbt, session, training_policy, SPECTRAL_SCHEMA)
    catalogue = Catalogue(items, item_features)
    batches: list[pa.RecordBatch] = []
    kept = None
    for fold in read_folds(folds):
        if fold == "live" and not is_due:
            kept = earlier
            batches += new_item_rows(SPECTRAL_SCHEMA, catalogue, earlier)
            continue
        history = read_history(interactions, fold)
        if history.matrix.nnz:
            batches += SPECTRAL.rows(fold, history, SPECTRAL.fit(history, chosen), catalogue, chosen)
    return write_table(session, SPECTRAL_SCHEMA, batches, kept)


def profile_candidates(
    dbt: Any,
    session: Session,
    proposing: Sequence[FromProfile],
    given: Mapping[str, Any],
    n_candidates: int,
    interactions: Relation,
    item_features: Relation,
    tables: Mapping[str, Relation],
    tuning_trials: Relation,
    history_keys: Relation,
    training_policy: Relation,
    folds: Relation,
) -> Any:
    """The rows of `neighbor_candidates` or `spectral_candidates`, at most n_candidates per person and generator.

    proposing: the generators; given: the variable kindred__generators; tables: of what was fitted, by their names.
    Memory grows with the people in a block and with what was fitted, not with people x items.
    """
    generators = [
        (generator, tables[generator.table], choose_settings(generator, given, tuning_trials, folds))
        for generator in proposing
    ]
    shown = fingerprint(item_features, ["item_id"], "fold = 'live' and is_recommendable")
    keys, kept = {}, {}
    for generator, table, _ in generators:
        trained = generator.trained_key(table)
        # What isn't trained with the history has neighbours of items that are new or back in stock.
        extra = [] if generator.is_trained else [shown]
        keys[generator.name] = made_from(history_keys, trained, *extra)
        # A generator of which nothing was fitted has nothing for anybody, and nothing to be kept.
        if trained:
            condition = f"fold = 'live' and generator = '{generator.name}'"
            kept[generator.name] = keep_rows(
                dbt, session, training_policy, keys[generator.name], CANDIDATES_SCHEMA, condition, item_features
            )
    asking = without(interactions, people_of_all(list(kept.values())))

    def prepare(fold: str) -> tuple[Any, ...]:
        """Everything is read before the first row is written: DuckDB streams the result over the same connection."""
        catalogue = read_table(item_features, ["item_id", "is_recommendable"], f"fold = '{fold}'").sort_by("item_id")
        items = catalogue["item_id"].combine_chunks()
        history = read_history(asking, fold).among(items)
        is_shown = catalogue["is_recommendable"].combine_chunks().to_numpy(zero_copy_only=False)
        excluded = read_pairs(asking, history.users, items, f"fold = '{fold}' and is_excluded")
        parts = []
        for generator, table, settings in generators:
            fitted = generator.read(table, fold, items, is_shown)
            if fitted is not None:
                profile = history.profile(settings["decay"], settings["n_steps"])
                people = find_others(history.users, kept.get(generator.name), fold)
                made = read_keys(keys[generator.name], history.users, fold)
                parts.append((generator, fitted, profile, people, made))
        return fold, history.users, items, excluded, parts

    prepared = [prepare(fold) for fold in read_folds(folds)]

    def batches() -> Iterator[pa.RecordBatch]:
        for fold, users, items, excluded, parts in prepared:
            for generator, fitted, profile, people, made in parts:
                for start in range(0, len(people), USERS_PER_BLOCK):
                    block = people[start : start + USERS_PER_BLOCK]
                    rows, columns, ranks, scores = generator.best(fitted, profile[block], excluded[block], n_candidates)
                    names = [pa.repeat(pa.scalar(text), len(rows)) for text in (fold, generator.name)]
                    at = pa.array(np.asarray(block)[rows])
                    ids = [users.take(at), items.take(pa.array(columns))]
                    yield pa.record_batch(
                        [*names, *ids, pa.array(ranks), pa.array(scores), made.take(at)], schema=CANDIDATES_SCHEMA
                    )

    return write_table(session, CANDIDATES_SCHEMA, batches(), *kept.values())
