"""Vectors of the items' texts, by a static encoder on this machine: without a network, a GPU or a service.

Method: the mean of the vectors of a text's tokens, which were distilled from a language model beforehand (S. Tulkens,
T. van Dongen, "Model2Vec: Fast State-of-the-art Static Embeddings", 2024; D. L. Miller, "WordLlama", 2024). Such a
model is a table of vectors, one per token: to encode a text takes a look-up per token.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.matrices import unit_rows
from kindred.warehouse import Relation, Session, previous_rows, read_table, settle, write_table

SCHEMA = pa.schema([("text_key", pa.string()), ("encoder", pa.string()), ("vector", pa.string())])
# Of weights that come in several lengths, of which the first numbers say most, this many are kept: a vector is a text
# of some 900 characters in the catalogue.
LENGTH = 128
MAX_CHARACTERS = 2_000
TEXTS_PER_BATCH = 10_000
TENSORS = ("embeddings", "embedding.weight")  # as Model2Vec and as WordLlama call the one matrix


@dataclass(frozen=True)
class Encoder:
    """name: of the weights, other weights have another. encode: n texts to (n, d) 32-bit floats."""

    name: str
    encode: Callable[[list[str]], np.ndarray]

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) vectors of length 1; zeros for texts in which the encoder knows nothing. Case says nothing."""
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        return unit_rows(np.nan_to_num(self.encode([text[:MAX_CHARACTERS].lower() for text in texts])))


def load_encoder(where: str) -> Encoder:
    """The encoder that the setting `text_encoder` names: wordllama, whose package brings weights, or a folder.

    A folder holds model.safetensors, one matrix of a vector per token, and tokenizer.json, as Model2Vec saves them.
    Errors: ImportError without the package wordllama; ValueError for a folder that holds something else.
    """
    handlers, level = list(logging.root.handlers), logging.root.level
    try:
        from safetensors import safe_open
        from tokenizers import Tokenizer
        from wordllama import WordLlama, WordLlamaInference
    except ImportError as error:
        raise ImportError(f"text_encoder needs {error.name}: pip install 'kindred[text]'") from error
    finally:
        # The package sets up the log of the whole process, which is dbt's.
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    if where == "wordllama":
        # The package looks for its tokenizer in a folder of another name than it has; among downloads it finds it.
        own = Path(str(importlib.resources.files("wordllama")))
        model = WordLlama.load(trunc_dim=LENGTH, cache_dir=own, disable_download=True)
        return Encoder(f"wordllama {importlib.metadata.version('wordllama')}", model.embed)
    weights, tokenizer = Path(where, "model.safetensors"), Path(where, "tokenizer.json")
    for path in (weights, tokenizer):
        if not path.is_file():
            raise ValueError(
                f"text_encoder is '{where}', where there is no {path.name}: give wordllama, or a folder of Model2Vec"
            )
    with safe_open(weights, framework="np") as file:
        names = list(file.keys())
        if len(names) != 1 or names[0] not in TENSORS:
            raise ValueError(f"{weights} has {', '.join(names)}: one matrix is read, called {' or '.join(TENSORS)}")
        embedding = file.get_tensor(names[0])
    digest = hashlib.md5(weights.read_bytes(), usedforsecurity=False).hexdigest()[:12]
    return Encoder(
        f"{Path(where).name} {digest}", WordLlamaInference(embedding, Tokenizer.from_file(str(tokenizer))).embed
    )


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
