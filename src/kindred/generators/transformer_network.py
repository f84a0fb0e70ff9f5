"""The network of the generator `transformer`: its data, its parameters, its training and what it says of histories.

Method: SASRec (W. Kang, J. McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018): each place of a history
predicts the next item. Blocks as in LiRank (F. Borisyuk et al., KDD 2024; for sequences: D. Tikhonovich et al.,
"eSASRec", RecSys 2025): normalised before, with gates on what they add. Distances instead of places, as in T5 (C.
Raffel et al., JMLR 2020): a learned number per head and distance, so that a history of three items and the end of a
long one are the same. An item's vector is one of its own plus those of its terms (F. Zhang et al., FDSA, IJCAI 2019)
plus its embedding's projection. Loss: cross-entropy over the batch's targets and items drawn at random, each divided
by the probability that it is among them (logQ correction: X. Yi et al., RecSys 2019). Optimizer: Adam (D. Kingma, J.
Ba, ICLR 2015), of an item's own vector only in steps that have the item (lazy Adam), so that a step costs the same in
any catalogue.

JAX compiles and runs it, on a GPU where JAX finds one. Nothing here imports JAX before it is needed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kindred.matrices import Csr, one_blas_thread, unit_rows

WIDTH = 128
N_HEADS = 4
N_BLOCKS = 2
LENGTH = 50  # items of a history that the network reads
ROWS = 40  # of LENGTH items: a batch
N_SAMPLED = 1_500
N_TERMS = 12  # of an item that count, the heaviest
DROPOUT = 0.3
LEARNING_RATE = 1e-3
PEOPLE_PER_BLOCK = 256
WARM_UP = 100  # steps in which the learning rate rises
DECAYS = (0.9, 0.98)  # of Adam's means
Parameters = dict[str, np.ndarray]
# Of the parameters that aren't vectors of items or terms. The first axis of all but the last two is that of the blocks.
SHAPES: dict[str, tuple[int, ...]] = {
    "attention_norm": (N_BLOCKS, WIDTH),
    "distances": (N_BLOCKS, N_HEADS, LENGTH),
    "attended": (N_BLOCKS, WIDTH, 3 * WIDTH),
    "attention": (N_BLOCKS, WIDTH, WIDTH),
    "attention_gate": (N_BLOCKS, WIDTH, WIDTH),
    "feed_norm": (N_BLOCKS, WIDTH),
    "wide": (N_BLOCKS, WIDTH, 4 * WIDTH),
    "narrow": (N_BLOCKS, 2 * WIDTH, WIDTH),
    "feed_gate": (N_BLOCKS, WIDTH, WIDTH),
    "first_norm": (WIDTH,),
    "last_norm": (WIDTH,),
}


@dataclass(frozen=True)
class Items:
    """What is known of the items of a fold besides who took them: arrays of a row per item.

    terms, strengths: the places of the N_TERMS heaviest terms of an item and their weights, 0 where it has fewer.
    embeddings: (n, d), d = 0 without any.
    """

    terms: np.ndarray
    strengths: np.ndarray
    n_terms: int
    embeddings: np.ndarray

    def __len__(self) -> int:
        return len(self.terms)


def describe_items(content: Csr, embeddings: np.ndarray | None, n: int = N_TERMS) -> Items:
    """The `Items` of TF-IDF vectors (CSR, items x terms) and of the shop's embeddings, scaled to length 1."""
    terms = np.zeros((content.shape[0], n), dtype=np.int32)
    strengths = np.zeros((content.shape[0], n), dtype=np.float32)
    item_at = np.repeat(np.arange(content.shape[0]), np.diff(content.indptr))
    order = np.lexsort((content.indices, -content.data, item_at))
    place = np.arange(content.nnz) - content.indptr[item_at]
    is_kept = place < n
    terms[item_at[is_kept], place[is_kept]] = content.indices[order][is_kept]
    strengths[item_at[is_kept], place[is_kept]] = content.data[order][is_kept]
    if embeddings is None:
        embeddings = np.zeros((content.shape[0], 0), dtype=np.float32)
    return Items(terms, strengths, content.shape[1], unit_rows(embeddings))


@dataclass(frozen=True)
class Sequences:
    """Histories as a `History` has them: the items of a person stand together, newest first.

    items, steps: arrays over all entries; steps back, equal for the items of one moment, which have no order. starts:
    where each person's entries begin, and the end.
    """

    items: np.ndarray
    steps: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def shuffled(self, person: int, rng: np.random.Generator) -> np.ndarray:
        """The items of a person, oldest first, those of one moment in an order that is drawn."""
        entries = slice(self.starts[person], self.starts[person + 1])
        return self.items[entries][np.lexsort((rng.random(entries.stop - entries.start), -self.steps[entries]))]

    def newest(self, people: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The newest n items of people, and which are real: arrays of people x n, the newest in the last column."""
        entries = self.starts[people][:, None] + np.arange(n - 1, -1, -1)
        is_real = entries < self.starts[people + 1][:, None]
        return np.where(is_real, self.items[np.where(is_real, entries, 0)], 0), is_real


def hold_out(sequences: Sequences, n: int, seed: int) -> tuple[Sequences, np.ndarray, np.ndarray]:
    """The histories without the newest item of n people, who they are, and the items.

    Of those who have three items or more, a tenth at most.
    """
    long = np.flatnonzero(np.diff(sequences.starts) >= 3)
    people = np.sort(np.random.default_rng(seed).permutation(long)[: min(n, len(long) // 10)])
    entries = sequences.starts[people]
    is_kept = np.ones(len(sequences.items), dtype=bool)
    is_kept[entries] = False
    lengths = np.diff(sequences.starts)
    lengths[people] -= 1
    kept = Sequences(sequences.items[is_kept], sequences.steps[is_kept], np.concatenate([[0], np.cumsum(lengths)]))
    return kept, people, sequences.items[entries]


def pack(pieces: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Inputs, targets and pieces of as many of the histories as fit into ROWS rows, and how many did."""
    inputs, targets = (np.zeros((ROWS, LENGTH), dtype=np.int32) for _ in range(2))
    numbers = np.zeros((ROWS, LENGTH), dtype=np.int32)
    free = [LENGTH] * ROWS
    row = 0
    for n_packed, items in enumerate(pieces):
        n = len(items) - 1
        if free[row] < n:
            row += 1
            if row == ROWS:
                return inputs, targets, numbers, n_packed
        at = LENGTH - free[row]
        inputs[row, at : at + n], targets[row, at : at + n] = items[:-1], items[1:]
        numbers[row, at : at + n] = n_packed + 1
        free[row] -= n
    return inputs, targets, numbers, len(pieces)


def windows(items: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """A history cut into windows of LENGTH + 1 items at most, from a random place on; each item is a target once."""
    if len(items) < 2:
        return []
    n_targets = len(items) - 1
    first = int(rng.integers(1, LENGTH + 1)) if n_targets > LENGTH else n_targets
    ends = np.arange(first, n_targets, LENGTH).tolist() + [n_targets]
    begins = [0, *ends[:-1]]
    return [items[begin : end + 1] for begin, end in zip(begins, ends, strict=True)]


def batches(sequences: Sequences, items: Items, seed: int) -> Iterator[dict[str, np.ndarray]]:
    """What each step of a training reads (see `prepare`), without end: epochs, each with the people in a new order."""
    rng = np.random.default_rng(seed)
    counts = np.bincount(sequences.items, minlength=len(items)) / max(len(sequences.items), 1)
    waiting: list[np.ndarray] = []
    while True:
        for person in rng.permutation(len(sequences)):
            waiting += windows(sequences.shuffled(person, rng), rng)
            # Rows are left at most half empty, so this many targets fill them all.
            if len(waiting) >= ROWS and sum(map(len, waiting)) - len(waiting) >= 2 * ROWS * LENGTH:
                inputs, targets, pieces, n_packed = pack(waiting)
                waiting = waiting[n_packed:]
                yield prepare(inputs, targets, pieces, items, counts, rng)


def prepare(
    inputs: np.ndarray,
    targets: np.ndarray,
    pieces: np.ndarray,
    items: Items,
    counts: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """The arrays of one step, of the same shapes in every step.

    rows: the items that it needs, those that compete first; is_row: 1 for them, 0 for what fills up. inputs, targets:
    places in rows. log_shares: for each that may compete, the log of the probability that it does, infinite for what
    fills up. terms, strengths, embeddings: of rows.
    """
    is_real = pieces > 0
    n_items = len(items)
    wanted = targets[is_real]
    competing = np.unique(np.concatenate([wanted, rng.integers(0, n_items, N_SAMPLED)]))
    others = np.setdiff1d(inputs[is_real], competing)
    n_competing = min(ROWS * LENGTH + N_SAMPLED, n_items)
    places = np.concatenate([np.arange(len(competing)), n_competing + np.arange(len(others))])
    rows = np.zeros(n_competing + min(ROWS * LENGTH, n_items), dtype=np.int32)
    rows[places] = np.concatenate([competing, others])
    is_row = np.zeros(len(rows), dtype=np.float32)
    is_row[places] = 1
    place_of = np.zeros(n_items, dtype=np.int32)
    place_of[rows[places]] = places
    expected = len(wanted) * counts[competing] + N_SAMPLED / n_items
    log_shares = np.full(n_competing, np.inf, dtype=np.float32)
    log_shares[: len(competing)] = np.log(-np.expm1(-expected))
    return {
        **{"rows": rows, "is_row": is_row, "inputs": place_of[inputs], "targets": place_of[targets], "pieces": pieces},
        **{"log_shares": log_shares, "terms": items.terms[rows], "strengths": items.strengths[rows]},
        "embeddings": items.embeddings[rows],
    }


def first_parameters(items: Items, seed: int) -> Parameters:
    """Parameters to begin with: small random numbers, gates half open.

    items: (n_items, WIDTH) own vectors; terms: (n_terms, WIDTH); embedding: (length of an embedding, WIDTH); the others
    as SHAPES says.
    """
    rng = np.random.default_rng(seed)

    def small(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) * 0.02).astype(np.float32)

    def first(name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name.endswith("norm"):
            return np.ones(shape, dtype=np.float32)
        if name == "distances":
            return np.zeros(shape, dtype=np.float32)
        return (rng.standard_normal(shape) / np.sqrt(shape[-2])).astype(np.float32)

    vectors = {
        "items": small(len(items), WIDTH),
        "terms": small(items.n_terms, WIDTH),
        "embedding": small(items.embeddings.shape[1], WIDTH),
    }
    return vectors | {name: first(name, shape) for name, shape in SHAPES.items()}


def shape_network(flat: Mapping[str, np.ndarray]) -> Parameters:
    """The network's arrays from flat ones. Errors: ValueError where they are of another network."""
    sizes = {name: flat[name].size if name in flat else 0 for name in SHAPES}
    if sizes != {name: int(np.prod(shape)) for name, shape in SHAPES.items()}:
        raise ValueError("transformer_parameters are those of another version's network: build with --full-refresh")
    return {name: flat[name].reshape(shape) for name, shape in SHAPES.items()}


def item_vectors(parameters: Mapping[str, Any], own: Any, terms: Any, strengths: Any, embeddings: Any) -> Any:
    """Vectors of items: their own, plus their terms', plus their embeddings' projection."""
    import jax.numpy as jnp

    return own + jnp.einsum("uk,ukd->ud", strengths, parameters["terms"][terms]) + embeddings @ parameters["embedding"]


def encode(parameters: Mapping[str, Any], vectors: Any, pieces: Any, key: Any = None) -> Any:
    """What the network makes of each place: (rows, places, width); key: of the dropout, None = none."""
    import jax
    import jax.numpy as jnp

    n_rows, length, width = vectors.shape
    keys = iter(jax.random.split(key, 1 + 3 * N_BLOCKS)) if key is not None else iter(())

    def drop(x: Any) -> Any:
        if key is None:
            return x
        return jnp.where(jax.random.bernoulli(next(keys), 1 - DROPOUT, x.shape), x / (1 - DROPOUT), 0)

    def norm(x: Any, scale: Any) -> Any:
        return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6) * scale

    places = jnp.arange(length)
    distance = places[:, None] - places[None, :]
    is_seen = (distance >= 0) & (pieces[:, :, None] == pieces[:, None, :])
    x = drop(norm(vectors, parameters["first_norm"]))
    for block in range(N_BLOCKS):
        part = {name: parameters[name][block] for name in SHAPES if len(SHAPES[name]) > 1}
        y = norm(x, part["attention_norm"])
        queries, keys_, values = (
            z.reshape(n_rows, length, N_HEADS, width // N_HEADS) for z in jnp.split(y @ part["attended"], 3, axis=-1)
        )
        scores = jnp.einsum("rqhd,rkhd->rhqk", queries, keys_) / np.sqrt(width // N_HEADS)
        scores = scores + part["distances"][:, jnp.maximum(distance, 0)]
        attention = jax.nn.softmax(jnp.where(is_seen[:, None], scores, -1e9), axis=-1)
        mixed = jnp.einsum("rhqk,rkhd->rqhd", attention, values).reshape(n_rows, length, width)
        x = x + drop(mixed @ part["attention"]) * jax.nn.sigmoid(y @ part["attention_gate"])
        y = norm(x, part["feed_norm"])
        gate, value = jnp.split(y @ part["wide"], 2, axis=-1)
        x = x + drop(drop(jax.nn.silu(gate) * value) @ part["narrow"]) * jax.nn.sigmoid(y @ part["feed_gate"])
    return norm(x, parameters["last_norm"])


def loss(parameters: Mapping[str, Any], own: Any, batch: Mapping[str, Any], key: Any) -> Any:
    """Mean cross-entropy of the targets against the items that compete."""
    import jax
    import jax.numpy as jnp

    vectors = item_vectors(parameters, own, batch["terms"], batch["strengths"], batch["embeddings"])
    n_wide = batch["log_shares"].shape[0]
    hidden = encode(parameters, vectors[batch["inputs"]], batch["pieces"], key).reshape(-1, WIDTH)
    targets = batch["targets"].reshape(-1)
    is_real = (batch["pieces"] > 0).reshape(-1)
    logits = hidden @ vectors[:n_wide].T
    is_target = targets[:, None] == jnp.arange(n_wide)[None, :]
    # The target stands for itself; each other for 1 / (its probability to be here) of its like.
    logits = logits - jnp.where(is_target, 0, batch["log_shares"][None, :])
    wanted = jnp.take_along_axis(logits, targets[:, None], axis=1)[:, 0]
    entropy = jax.nn.logsumexp(logits, axis=1) - wanted
    return jnp.sum(jnp.where(is_real, entropy, 0)) / jnp.maximum(jnp.sum(is_real), 1)


@functools.cache
def compiled_step() -> Callable[..., Any]:
    """One step of training: (state, batch, seed) to (state, loss). The state is changed in place."""
    import jax
    import jax.numpy as jnp

    def step(state: dict[str, Any], batch: dict[str, Any], seed: Any) -> tuple[dict[str, Any], Any]:
        number = state["number"] + 1
        rate = LEARNING_RATE * jnp.minimum(1, number / WARM_UP)
        rows = batch["rows"]
        network = {name: value for name, value in state["parameters"].items() if name != "items"}
        own = state["parameters"]["items"][rows]
        key = jax.random.fold_in(jax.random.key(0, impl="rbg"), seed)
        value, (of_network, of_own) = jax.value_and_grad(loss, argnums=(0, 1))(network, own, batch, key)
        first, second = dict(state["first"]), dict(state["second"])
        unbias = [1 - decay**number for decay in DECAYS]
        parameters = dict(state["parameters"])
        for name, slope in of_network.items():
            first[name] = DECAYS[0] * first[name] + (1 - DECAYS[0]) * slope
            second[name] = DECAYS[1] * second[name] + (1 - DECAYS[1]) * slope**2
            change = first[name] / unbias[0] / (jnp.sqrt(second[name] / unbias[1]) + 1e-8)
            parameters[name] = parameters[name] - rate * change
        # Rows that only fill up are all row 0: what they add is nothing.
        is_row = batch["is_row"][:, None]
        changes = [
            is_row * (1 - DECAYS[0]) * (of_own - first["items"][rows]),
            is_row * (1 - DECAYS[1]) * (of_own**2 - second["items"][rows]),
        ]
        means = [first["items"][rows] + changes[0], second["items"][rows] + changes[1]]
        first["items"] = first["items"].at[rows].add(changes[0])
        second["items"] = second["items"].at[rows].add(changes[1])
        change = is_row * means[0] / unbias[0] / (jnp.sqrt(means[1] / unbias[1]) + 1e-8)
        parameters["items"] = parameters["items"].at[rows].add(-rate * change)
        return {"parameters": parameters, "first": first, "second": second, "number": number}, value

    return jax.jit(step, donate_argnums=0)


def start_training(parameters: Parameters) -> dict[str, Any]:
    """The state of a training that has made no step."""
    import jax.numpy as jnp

    return {
        "parameters": {name: jnp.array(value) for name, value in parameters.items()},
        "first": {name: jnp.zeros(value.shape, jnp.float32) for name, value in parameters.items()},
        "second": {name: jnp.zeros(value.shape, jnp.float32) for name, value in parameters.items()},
        "number": jnp.zeros((), jnp.int32),
    }


def all_item_vectors(parameters: Mapping[str, Any], items: Items, n: int = 20_000) -> np.ndarray:
    """The vectors of all items: (n_items, WIDTH)."""
    found = []
    for start in range(0, len(items), n):
        block = slice(start, start + n)
        known = (items.terms[block], items.strengths[block], items.embeddings[block])
        found.append(np.asarray(item_vectors(parameters, parameters["items"][block], *known)))
    return np.concatenate(found)


@functools.cache
def compiled_encode() -> Callable[..., Any]:
    """The network's last place of each row, without dropout: (parameters, vectors, places, is_real) to (n, WIDTH)."""
    import jax

    return jax.jit(lambda network, vectors, places, is_real: encode(network, vectors[places], is_real)[:, -1])


def user_vectors(
    network: Mapping[str, Any], vectors: np.ndarray, sequences: Sequences, people: np.ndarray
) -> np.ndarray:
    """What the network makes of people's newest LENGTH items: (n_people, WIDTH).

    network: parameters; vectors: of all items, (n_items, WIDTH).
    """
    network = {name: network[name] for name in SHAPES}
    result = np.zeros((len(people), WIDTH), dtype=np.float32)
    lengths = np.diff(sequences.starts)[people]
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), PEOPLE_PER_BLOCK):
        block = order[start : start + PEOPLE_PER_BLOCK]
        # Short histories need short rows; each length is compiled once.
        n = next(n for n in (8, 20, LENGTH) if n >= min(lengths[block].max(), LENGTH))
        places, is_real = sequences.newest(people[block], n)
        missing = PEOPLE_PER_BLOCK - len(block)
        places, is_real = (np.pad(array, ((0, missing), (0, 0))) for array in (places, is_real))
        result[block] = np.asarray(compiled_encode()(network, vectors, places, is_real))[: len(block)]
    return result


@functools.cache
def compiled_product(formula: str) -> Callable[..., Any]:
    """A product of arrays by an einsum formula."""
    import jax
    import jax.numpy as jnp

    return jax.jit(functools.partial(jnp.einsum, formula))


def product(formula: str, *arrays: np.ndarray) -> np.ndarray:
    """A product of arrays by an einsum formula, by JAX: the same to the last digit in every build.

    The last digits of numpy's own depend on the number of its threads, which the other models of a build change.
    """
    return np.asarray(compiled_product(formula)(*arrays))


def solve(left: np.ndarray, right: np.ndarray, ridge: float = 1e-3) -> np.ndarray:
    """The solution of a system of normal equations, with so many times the mean of the diagonal added to it."""
    left = left.astype(np.float64)
    left += ridge * np.trace(left) / len(left) * np.eye(len(left))
    with one_blas_thread():
        return np.linalg.solve(left, right.astype(np.float64)).astype(np.float32)
