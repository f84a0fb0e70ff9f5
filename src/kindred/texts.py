"""What a catalogue says of items, as terms and as vectors. It needs numpy alone, so that a service can search.

Vectors: the mean of the vectors of a text's tokens, which were distilled from a language model beforehand (S. Tulkens,
T. van Dongen, "Model2Vec: Fast State-of-the-art Static Embeddings", 2024; D. L. Miller, "WordLlama", 2024). Such a
model is a table of vectors, one per token: to encode a text takes a look-up per token, and no network, GPU or service.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.resources
import logging
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TEXT_COLUMNS = ["title", "description", "category", "brand", "attributes"]
# Characters of the scripts that put no blanks between words. Han and kana: a word has about two characters.
IDEOGRAPHS = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
# Thai, Lao, Tibetan, Burmese and Khmer: letters with marks above, below and beside them.
ABUGIDAS = "\u0e00-\u0e7f\u0e80-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"
UNSPACED = re.compile(f"[{IDEOGRAPHS}]+|[{ABUGIDAS}]+")
IS_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
WORD = re.compile(r"\b\w\w+\b")  # as scikit-learn's own vectorizers
# Of weights that come in several lengths, of which the first numbers say most, this many are kept: a vector is a text
# of some 900 characters in the catalogue.
LENGTH = 128
MAX_CHARACTERS = 2_000
TENSORS = ("embeddings", "embedding.weight")  # as Model2Vec and as WordLlama call the one matrix


def terms_of(text: str) -> list[str]:
    """The terms of a text in lower case: words of two characters or more, as scikit-learn splits them.

    A run of characters of a script without blanks gives its n-grams, bigrams of Han and kana, trigrams of other
    scripts; a shorter run is one term.
    """
    text = text.lower()
    runs = UNSPACED.findall(text)
    if not runs:
        return WORD.findall(text)
    terms = WORD.findall(UNSPACED.sub(" ", text))
    for run in runs:
        # Half-width kana and compatibility forms are the same characters.
        characters = unicodedata.normalize("NFKC", run)
        n = 2 if IS_IDEOGRAPH.match(characters) else 3
        terms += [characters[start : start + n] for start in range(max(len(characters) - n, 0) + 1)]
    return terms


@dataclass(frozen=True)
class Encoder:
    """name: of the weights, other weights have another. encode: n texts to (n, d) 32-bit floats."""

    name: str
    encode: Callable[[list[str]], np.ndarray]

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) vectors of length 1; zeros for texts in which the encoder knows nothing. Case says nothing."""
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        found = np.nan_to_num(self.encode([text[:MAX_CHARACTERS].lower() for text in texts]))
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        unit: np.ndarray = (found / np.maximum(lengths, 1e-12)).astype(np.float32)
        return unit


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


def packed(vector: np.ndarray) -> str:
    """A vector as base64 of 16-bit floats, as releases have them: a cosine is then off by less than .001."""
    return base64.b64encode(np.asarray(vector, dtype="<f2").tobytes()).decode()


def unpacked(text: str) -> np.ndarray:
    """The vector that `packed` made a text of, as 32-bit floats."""
    return np.frombuffer(base64.b64decode(text), dtype="<f2").astype(np.float32)
