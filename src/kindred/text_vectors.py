"""What the dbt model `item_text_vectors` does: a vector of each different text, kept from build to build."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from kindred.texts import load_encoder
from kindred.warehouse import Relation, Session, previous_rows, read_table, settle, write_table

SCHEMA = pa.schema([("text_key", pa.string()), ("encoder", pa.string()), ("vector", pa.string())])
TEXTS_PER_BATCH = 10_000


def as_json(vector: np.ndarray) -> str:
    """A vector as a JSON array with four decimals: a cosine is then off by less than .001."""
    return "[" + ",".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in vector) + "]"


def text_vectors(dbt: Any, session: Session, texts: Relation, where: str) -> Any:
    """The rows of `item_text_vectors`: those of the build before that are still asked for, and those of new texts.

    texts: relation of (text_key, item_text), a row per different text.
    """
    encoder = load_encoder(where)
    asked = read_table(texts, ["text_key"])["text_key"].to_pylist()
    earlier = previous_rows(dbt, session, SCHEMA)
    known: dict[str, str] = {}
    if earlier is not None:
        rows = read_table(settle(earlier), SCHEMA.names)
        columns = (rows[name].to_pylist() for name in SCHEMA.names)
        known = {key: vector for key, name, vector in zip(*columns, strict=True) if name == encoder.name}
    kept = sorted(key for key in asked if key in known)
    batches = [batch(kept, encoder.name, [known[key] for key in kept])]
    if len(kept) < len(asked):
        new = read_table(texts, ["text_key", "item_text"]).sort_by("text_key")
        pairs = [
            pair for pair in zip(*(new[n].to_pylist() for n in new.column_names), strict=True) if pair[0] not in known
        ]
        for start in range(0, len(pairs), TEXTS_PER_BATCH):
            keys, said = zip(*pairs[start : start + TEXTS_PER_BATCH], strict=True)
            batches.append(batch(list(keys), encoder.name, [as_json(vector) for vector in encoder.vectors(said)]))
    return write_table(session, SCHEMA, batches)


def batch(keys: list[str], encoder: str, vectors: list[str]) -> pa.RecordBatch:
    return pa.record_batch(
        [pa.array(keys, pa.string()), pa.repeat(encoder, len(keys)), pa.array(vectors, pa.string())], schema=SCHEMA
    )
