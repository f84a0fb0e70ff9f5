"""The tables of generators that propose from a person's profile: neighbours, spectral factors, candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.content_factors import new_item_rows
from kindred.generators import choose_settings, item_to_item, neighbors_kept
from kindred.generators.base import (
    CANDIDATES_SCHEMA,
    NEIGHBORS_SCHEMA,
    FromProfile,
    Lists,
    neighbor_rows,
    with_people,
)
from kindred.generators.content import Catalogue
from kindred.generators.lists import Lister, People, people_with_histories, rows_in_blocks, rows_on_nodes
from kindred.generators.spectral import GENERATOR as SPECTRAL
from kindred.generators.spectral import SCHEMA as SPECTRAL_SCHEMA
from kindred.histories import read_history
from kindred.matrices import read_pairs
from kindred.settings import fill
from kindred.state import (
    find_others,
    fingerprint,
    keep_rows,
    key_ending,
    made_from,
    people_of_all,
    read_earlier_model,
    read_keys,
    without,
)
from kindred.warehouse import Relation, Session, is_snowflake, read_folds, read_table, write_table

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


class ProfileLister(Lister):
    """Lists what a generator proposes from people's profiles."""

    def __init__(
        self, fold: str, generator: FromProfile, items: Any, fitted: Any, settings: Mapping[str, Any], key_ending: str
    ) -> None:
        super().__init__(fold, generator.name, items, key_ending)
        self.proposing, self.fitted = generator, fitted
        self.decay, self.n_steps = settings["decay"], settings["n_steps"]

    def lists(self, people: People, n: int) -> Lists:
        assert people.history is not None, "lists are made of histories"
        profile = people.history.profile(self.decay, self.n_steps)
        return self.proposing.best(self.fitted, profile, people.excluded, n)


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
    packages: Sequence[str],
) -> Any:
    """The rows of `neighbor_candidates` or `spectral_candidates`, at most n_candidates per person and generator.

    proposing: the generators; given: the variable kindred__generators; tables: of what was fitted, by their names.
    Memory grows with the people in a block and with what was fitted, not with people x items. On Snowflake the lists
    are made on all nodes.
    """
    generators = [
        (generator, tables[generator.table], choose_settings(generator, given, tuning_trials, folds))
        for generator in proposing
    ]
    shown = fingerprint(item_features, ["item_id"], "fold = 'live' and is_recommendable")
    endings, kept = {}, {}
    for generator, table, _ in generators:
        trained = generator.trained_key(table)
        # What isn't trained with the history has neighbours of items that are new or back in stock.
        fingerprints = [trained] if generator.is_trained else [trained, shown]
        endings[generator.name] = key_ending(*fingerprints)
        # A generator of which nothing was fitted has nothing for anybody, and nothing to be kept.
        if trained:
            keys, condition = (
                made_from(history_keys, *fingerprints),
                f"fold = 'live' and generator = '{generator.name}'",
            )
            kept[generator.name] = keep_rows(
                dbt, session, training_policy, keys, CANDIDATES_SCHEMA, condition, item_features
            )
    kept_by_all = people_of_all(list(kept.values()))
    interactions = without(interactions, kept_by_all)

    def listers(fold: str) -> list[Lister]:
        catalogue = read_table(item_features, ["item_id", "is_recommendable"], f"fold = '{fold}'").sort_by("item_id")
        items = catalogue["item_id"].combine_chunks()
        is_shown = catalogue["is_recommendable"].combine_chunks().to_numpy(zero_copy_only=False)
        found: list[Lister] = []
        for generator, table, settings in generators:
            fitted = generator.read(table, fold, items, is_shown)
            if fitted is not None:
                found.append(ProfileLister(fold, generator, items, fitted, settings, endings[generator.name]))
        return found

    def asking(fold: str, listers: Sequence[Lister]) -> list[tuple[Lister, People, np.ndarray]]:
        if not listers:
            return []
        history = listers[0].history_for(read_history(interactions, fold))
        excluded = read_pairs(interactions, history.users, listers[0].items, f"fold = '{fold}' and is_excluded")
        people = People(history.users, read_keys(made_from(history_keys), history.users, fold), excluded, history)
        return [(lister, people, find_others(people.users, kept.get(lister.generator), fold)) for lister in listers]

    if is_snowflake(session):
        made = (listers(fold) for fold in read_folds(folds))
        people = people_with_histories(history_keys, kept_by_all)
        return rows_on_nodes(session, made, people, interactions, list(kept.values()), n_candidates, packages)
    # Everything is read before the first row is written: DuckDB streams the result over the same connection.
    asked = [each for fold in read_folds(folds) for each in asking(fold, listers(fold))]
    rows = rows_in_blocks(asked, n_candidates, USERS_PER_BLOCK)
    return write_table(session, CANDIDATES_SCHEMA, rows, *kept.values())
