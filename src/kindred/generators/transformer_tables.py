"""The tables of the transformer: its parameters, user vectors and candidates, as the dbt models of these names return
them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix, hstack

from kindred.generators import transformer_network as network
from kindred.generators.als import best_items
from kindred.generators.base import Lists
from kindred.generators.content import TEXT_COLUMNS, content_terms, to_embeddings
from kindred.generators.factor_tables import USER_SCHEMA
from kindred.generators.lists import Lister, People, rows_in_blocks, rows_on_nodes
from kindred.generators.transformer import GENERATOR, Trained, require_jax, train
from kindred.histories import History, read_history
from kindred.matrices import encode_ids, read_factors, read_pairs, unpack_factors, vector_column
from kindred.state import fingerprint, keep_rows, keys_of, made_from, read_earlier_model, read_keys, without
from kindred.warehouse import (
    Relation,
    Session,
    is_snowflake,
    project,
    read_folds,
    read_table,
    report_progress,
    write_table,
)

PARAMETERS_SCHEMA = pa.schema(
    [("fold", pa.string()), ("parameter", pa.string()), ("key", pa.string()), ("factors", pa.list_(pa.float32()))]
    + [("n_steps", pa.int64()), ("is_warm", pa.bool_()), ("n_held_out", pa.int64())]
    + [("recall", pa.float64()), ("session_recall", pa.float64())]
)
CANDIDATES_SCHEMA = pa.schema(
    [("fold", pa.string()), ("generator", pa.string()), ("user_id", pa.string()), ("item_id", pa.string())]
    + [("rank", pa.int64()), ("score", pa.float64()), ("because_item_id", pa.string()), ("made_from", pa.string())]
)
MAX_TERMS = 20_000
PEOPLE_PER_BLOCK = 20_000


def read_items(items: Relation, ids: Any) -> tuple[network.Items, list[str]]:
    """What is known of the given items, in their order, and the names of the terms.

    Terms: category and brand as they are, words of title, description and attributes; those of most items, where there
    are more than MAX_TERMS.
    """
    said = read_table(items, ["item_id", *TEXT_COLUMNS, "embedding"])
    places = encode_ids(ids, said["item_id"].combine_chunks())[1]
    said = said.take(pa.array(places, mask=places < 0))
    matrices, names = [], []
    for column in ("category", "brand"):
        values, value_at = encode_ids(said[column].cast(pa.string()).fill_null(""))
        has_value = np.array([bool(value) for value in values.to_pylist()], dtype=np.float32)[value_at]
        entries = (has_value, (np.arange(len(ids)), value_at))
        matrices.append(csr_matrix(entries, shape=(len(ids), len(values))))
        names += [f"{column} {value}" for value in values.to_pylist()]
    columns = [said[name].to_pylist() for name in TEXT_COLUMNS if name not in ("category", "brand")]
    found, terms = content_terms([" ".join(filter(None, parts)) for parts in zip(*columns, strict=True)])
    content = hstack([*matrices, found]).tocsr().astype(np.float32)
    names += [f"term {term}" for term in terms]
    content.eliminate_zeros()
    n_items_with = np.bincount(content.indices, minlength=content.shape[1])
    kept = np.sort(np.argsort(-n_items_with, kind="stable")[:MAX_TERMS])
    content = content[:, kept].tocsr()
    content.sort_indices()
    return (
        network.describe_items(content, to_embeddings(said["embedding"], said["item_id"])),
        [names[place] for place in kept],
    )


def to_sequences(history: History, items: Any) -> network.Sequences:
    """A history among the given items, in their order; items that aren't among them are left out."""
    places = encode_ids(history.items, items)[1][history.matrix.indices]
    is_known = places >= 0
    starts = np.concatenate([[0], np.cumsum(is_known)])[history.matrix.indptr]
    return network.Sequences(places[is_known], history.steps[is_known], starts)


def pack_parameters(trained: Trained, items: Any, terms: list[str], fold: str, is_warm: bool) -> list[pa.RecordBatch]:
    """A training as rows of PARAMETERS_SCHEMA: one per item, session item, term, and array of the network."""
    arrays = {name: value for name, value in trained.parameters.items() if name not in ("items", "terms")}
    arrays["session_weights"] = trained.session_weights
    tables = {
        "item": (items, vector_column(trained.parameters["items"])),
        "session_item": (items, vector_column(trained.session_items)),
        "term": (pa.array(terms), vector_column(trained.parameters["terms"])),
        "network": (
            pa.array(list(arrays)),
            pa.array([value.ravel() for value in arrays.values()], pa.list_(pa.float32())),
        ),
    }
    facts = {
        "n_steps": trained.n_steps, "is_warm": is_warm, "n_held_out": trained.n_held_out,
        "recall": trained.recall, "session_recall": trained.session_recall,
    }  # fmt: skip
    found = []
    for parameter, (keys, vectors) in tables.items():
        columns = [pa.repeat(fold, len(keys)), pa.repeat(parameter, len(keys)), keys, vectors]
        columns += [
            pa.nulls(len(keys), PARAMETERS_SCHEMA.field(name).type)
            if value is None
            else pa.repeat(pa.scalar(value, PARAMETERS_SCHEMA.field(name).type), len(keys))
            for name, value in facts.items()
        ]
        found.append(pa.record_batch(columns, schema=PARAMETERS_SCHEMA))
    return found


def read_vectors(parameters: Relation, fold: str, parameter: str) -> tuple[Any, np.ndarray]:
    """The keys of a kind of parameters, sorted, and their vectors: (n, WIDTH)."""
    return read_factors(parameters.filter(f"parameter = '{parameter}'"), "key", fold)


def read_network(parameters: Relation, fold: str) -> dict[str, np.ndarray]:
    """The arrays of the network, flat as they are stored."""
    rows = read_table(parameters, ["key", "factors"], f"fold = '{fold}' and parameter = 'network'")
    return {key: np.array(values, dtype=np.float32) for key, values in zip(*rows.to_pydict().values(), strict=True)}


def warm_start(earlier: Relation, ids: Any, items: network.Items, terms: list[str]) -> network.Parameters | None:
    """The parameters of an earlier training for these items and terms; None where they are of another network.

    What is new begins as in a training from nothing.
    """
    start = network.first_parameters(items, 0)
    stored = read_network(earlier, "live")
    shapes = {name: value.shape for name, value in start.items() if name not in ("items", "terms")}
    if any(name not in stored or stored[name].size != np.prod(shape) for name, shape in shapes.items()):
        return None
    start |= {name: stored[name].reshape(shape) for name, shape in shapes.items()}
    known, vectors = read_vectors(earlier, "live", "term")
    places = encode_ids(pa.array(terms), known)[1]
    start["terms"][places >= 0] = vectors[places[places >= 0]]
    known, vectors = read_vectors(earlier, "live", "item")
    places = encode_ids(ids, known)[1]
    # An item's stored vector is whole: less what its content gives, the rest is its own.
    of_content = network.all_item_vectors(start | {"items": np.zeros_like(start["items"])}, items)
    start["items"][places >= 0] = (vectors[places] - of_content)[places >= 0]
    return start


def read_recorded_steps(recorded_steps: Relation) -> dict[str, int]:
    """{fold: steps} of the build that this one replays; {} where it replays none."""
    rows = read_table(recorded_steps, ["transformer_steps"])["transformer_steps"].to_pylist()
    return json.loads(rows[0]) if rows else {}


def parameters(
    dbt: Any,
    session: Session,
    interactions: Relation,
    items: Relation,
    recorded_steps: Relation,
    training_policy: Relation,
    folds: Relation,
    settings: Mapping[str, Any],
) -> Any:
    """The rows of `transformer_parameters`; settings: the generator's. Errors: ImportError without JAX."""
    require_jax()
    earlier, is_due = read_earlier_model(dbt, session, training_policy, PARAMETERS_SCHEMA)
    recorded = read_recorded_steps(recorded_steps)
    batches: list[pa.RecordBatch] = []
    kept = None
    for fold in read_folds(folds):
        if fold == "live" and not is_due:
            kept = earlier
            continue
        history = read_history(interactions, fold)
        if not np.any(np.diff(history.matrix.indptr) >= 2):
            continue
        known, terms = read_items(items, history.items)
        start = warm_start(earlier, history.items, known, terms) if fold == "live" and earlier is not None else None
        n_steps = recorded.get(fold) if settings["steps"] == "auto" else int(settings["steps"])
        minutes = float(settings["minutes"]) / (1 if start is None else 3)

        def report(text: str, fold: str = fold) -> None:
            report_progress(f"transformer_parameters: {fold}, {text}")

        trained = train(to_sequences(history, history.items), known, minutes, n_steps, start, report)
        batches += pack_parameters(trained, history.items, terms, fold, start is not None)
    return write_table(session, PARAMETERS_SCHEMA, batches, kept)


def user_factors(
    dbt: Any,
    session: Session,
    interactions: Relation,
    transformer_parameters: Relation,
    history_keys: Relation,
    training_policy: Relation,
    folds: Relation,
) -> Any:
    """The rows of `transformer_user_factors`: what the network makes of each person's newest items."""
    key = fingerprint(transformer_parameters, ["parameter", "key", "factors"], "fold = 'live'")
    keys = made_from(history_keys, key)
    kept = keep_rows(dbt, session, training_policy, keys, USER_SCHEMA, "fold = 'live'")
    batches = []
    for fold in read_folds(folds):
        items, vectors = read_vectors(transformer_parameters, fold, "item")
        if len(items) == 0:
            continue
        history = read_history(without(interactions, kept), fold)
        sequences = to_sequences(history, items)
        people = np.flatnonzero(np.diff(sequences.starts))
        if len(people) == 0:
            continue
        users = history.users.take(pa.array(people))
        arrays = network.shape_network(read_network(transformer_parameters, fold))
        found = network.user_vectors(arrays, vectors, sequences, people)
        columns = [pa.repeat(fold, len(found)), users, vector_column(found), read_keys(keys, users, fold)]
        batches.append(pa.record_batch(columns, schema=USER_SCHEMA))
    return write_table(session, USER_SCHEMA, batches, kept)


class TransformerLister(Lister):
    """Lists the items whose vectors have the largest product with what the network made of a person's newest items.

    items: those of the network. shown: places of those that may be proposed; item_vectors: (n_items, WIDTH);
    session_items, session_weights: see `Trained`.
    """

    schema = CANDIDATES_SCHEMA

    def __init__(
        self,
        fold: str,
        items: Any,
        item_vectors: np.ndarray,
        shown: np.ndarray,
        session_items: np.ndarray,
        session_weights: np.ndarray,
    ) -> None:
        super().__init__(fold, GENERATOR.name, items)
        self.item_vectors, self.shown = item_vectors, shown
        self.session_items, self.session_weights = session_items, session_weights

    def history_for(self, history: History) -> History:
        # It may be of items that the network hasn't seen.
        return history

    def lists(self, people: People, n: int) -> Lists:
        assert people.vectors is not None, "lists are made of vectors"
        vectors = np.ascontiguousarray(self.item_vectors[self.shown])
        users_at, columns, ranks, scores = best_items(
            people.vectors, vectors, people.excluded[:, self.shown].tocsr(), n
        )
        return users_at, self.shown[columns], ranks, scores

    def reasons(self, people: People, users_at: np.ndarray, items_at: np.ndarray) -> list[Any]:
        assert people.history is not None, "lists are explained by histories"
        sequences = to_sequences(people.history, self.items)
        pairs = zip(in_parts(users_at), in_parts(items_at), strict=True)
        sources = np.concatenate([self.because(sequences, *part) for part in pairs])
        return [self.items.take(pa.array(sources, mask=sources < 0))]

    def because(self, sequences: network.Sequences, users_at: np.ndarray, items_at: np.ndarray) -> np.ndarray:
        """Which of a person's newest items adds most to the imitation's score of a proposed one: places of items.

        users_at, items_at: places of the pairs. -1 where nothing adds anything; of equals the newest.
        """
        places, is_real = sequences.newest(users_at, len(self.session_weights))
        shares = np.einsum("npd,nd->np", self.session_items[places], self.item_vectors[items_at])
        shares = (shares * self.session_weights[::-1] * is_real)[:, ::-1]
        strongest = shares.argmax(axis=1)
        rows = np.arange(len(shares))
        return np.where(shares[rows, strongest] > 0, places[:, ::-1][rows, strongest], -1)


def in_parts(values: np.ndarray, n: int = 20_000) -> list[np.ndarray]:
    """An array in parts of n values at most."""
    return np.array_split(values, max(1, -(-len(values) // n)))


def candidates(
    dbt: Any,
    session: Session,
    transformer_parameters: Relation,
    transformer_user_factors: Relation,
    interactions: Relation,
    item_features: Relation,
    training_policy: Relation,
    folds: Relation,
    n_candidates: int,
    packages: Sequence[str],
) -> Any:
    """The rows of `transformer_candidates`: for each person with a vector the n_candidates items of highest score.

    Memory grows with the people in a block and with the excluded pairs. On Snowflake the lists are made on all nodes.
    """
    keys = transformer_user_factors.filter("fold = 'live'")
    kept = keep_rows(dbt, session, training_policy, keys, CANDIDATES_SCHEMA, "fold = 'live'", item_features)
    transformer_user_factors, interactions = without(transformer_user_factors, kept), without(interactions, kept)

    def lister(fold: str) -> TransformerLister:
        items, vectors = read_vectors(transformer_parameters, fold, "item")
        barred = read_table(item_features, ["item_id"], f"fold = '{fold}' and not is_recommendable")["item_id"]
        is_shown = pc.invert(pc.is_in(items, value_set=barred.combine_chunks())).to_numpy(zero_copy_only=False)
        session_items = read_vectors(transformer_parameters, fold, "session_item")[1]
        weights = read_network(transformer_parameters, fold).get("session_weights", np.empty(0))
        return TransformerLister(fold, items, vectors, np.flatnonzero(is_shown), session_items, weights)

    def asking(lister: TransformerLister) -> tuple[Lister, People, np.ndarray]:
        people = read_table(transformer_user_factors, ["user_id", "factors", "made_from"], f"fold = '{lister.fold}'")
        users, vectors = unpack_factors(people, "user_id")
        excluded = read_pairs(interactions, users, lister.items, f"fold = '{lister.fold}' and is_excluded")
        history = read_history(interactions, lister.fold)
        history = history.of(encode_ids(users, history.users)[1])
        return lister, People(users, keys_of(people, users), excluded, history, vectors), np.arange(len(users))

    listers = map(lister, read_folds(folds))
    if is_snowflake(session):
        people = project(transformer_user_factors, "fold", "user_id", "made_from", "factors")
        in_folds = ([lister] for lister in listers)
        arguments = (in_folds, people, interactions, [kept], n_candidates, packages)
        return rows_on_nodes(session, *arguments, schema=CANDIDATES_SCHEMA)
    # Everything is read before the first row is written: DuckDB streams the result over the same connection.
    asked = [asking(lister) for lister in listers]
    return write_table(session, CANDIDATES_SCHEMA, rows_in_blocks(asked, n_candidates, PEOPLE_PER_BLOCK), kept)
