"""The transformer: what a network that has read histories of all people expects next. Optional: it needs JAX.

The network and its sources: `transformer_network`. Here is how it is trained within a budget, evaluated on items that
it didn't see, and imitated where there is no network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kindred.generators import transformer_network as network
from kindred.generators.base import Generator, Lists, Setting

SEED = 0
N_HELD_OUT = 2_000  # people on whose newest item a training is evaluated
# Checks without a gain that end a training, and the steps between two: an epoch, but so many at least and at most.
PATIENCE = 4
STEPS_PER_CHECK = (50, 500)
N_IMITATED = 20_000  # people from whom the imitation is learned
N_WEIGHTS = 20  # newest items of which a session's vector is made
K = 10
PEOPLE_PER_BLOCK = 2_000


class Transformer(Generator):
    name = "transformer"
    method = "a transformer over the newest items of a history (SASRec), with the items' attributes"
    is_optional = True
    # A training is its own search: it ends where items that it didn't see get no better. `make tune` leaves it alone.
    search_share = 0
    settings = {
        "minutes": Setting(10, "budget of one training, per fold", above_zero=True),
        "steps": Setting(
            "auto",
            "steps of training; auto: what the minutes allow, ended early where held-out items get no better",
            above_zero=True,
        ),
    }

    def trial(self, fold: Any, settings: Mapping[str, Any]) -> Lists:
        raise NotImplementedError("the transformer isn't searched: its training ends early by itself")


GENERATOR = Transformer()


def require_jax() -> None:
    """Errors: ImportError, with what to do, where JAX is missing."""
    try:
        import jax  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "kindred__generators names transformer, which needs JAX, and this Python lacks it: run `pip install "
            "'kindred[deep]'` (on Snowflake add jax to the packages of training and candidates), or take transformer "
            "out of kindred__generators"
        ) from error


@dataclass(frozen=True)
class Trained:
    """What a training leaves.

    parameters: see `first_parameters`, `items` being whole vectors. n_steps: after how many the parameters were taken.
    session_items: (n_items, WIDTH) vectors of items of a session, session_weights: (N_WEIGHTS,) what its newest, next
    to newest and so on counts: the weighted sum is a session's vector. recall, session_recall: recall@10 of the
    network and of its imitation, of the newest item of n_held_out people who were held out; None without any.
    """

    parameters: network.Parameters
    n_steps: int
    session_items: np.ndarray
    session_weights: np.ndarray
    n_held_out: int
    recall: float | None
    session_recall: float | None


def ranks_of(
    vectors: np.ndarray, people: np.ndarray, sequences: network.Sequences, at: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """The rank of a wanted item of each person among all that the history lacks, from 1.

    vectors: (n_items, WIDTH); people: (n, WIDTH) vectors of the people at these places of sequences; wanted: (n,)
    items. Of equal scores the wanted one's is the last.
    """
    ranks = np.zeros(len(at), dtype=np.int64)
    block = max(1, 20_000_000 // len(vectors))
    for start in range(0, len(at), block):
        scores = people[start : start + block] @ vectors.T
        for row, person in enumerate(at[start : start + block]):
            scores[row, sequences.items[sequences.starts[person] : sequences.starts[person + 1]]] = -np.inf
        of_wanted = scores[np.arange(len(scores)), wanted[start : start + block]]
        ranks[start : start + block] = (scores >= of_wanted[:, None]).sum(axis=1)
    return ranks


def mean_ndcg(ranks: np.ndarray) -> float:
    """Mean ndcg of one wanted item each, of a list of all items: less left to chance than where a list is cut."""
    return float((1 / np.log2(ranks + 1)).mean())


def whole(parameters: Mapping[str, Any], items: network.Items) -> network.Parameters:
    """Parameters as arrays of numpy, those of items being their whole vectors."""
    kept = {name: np.asarray(value) for name, value in parameters.items()}
    return kept | {"items": network.all_item_vectors(parameters, items)}


def train(
    sequences: network.Sequences,
    items: network.Items,
    minutes: float,
    n_steps: int | None = None,
    start: network.Parameters | None = None,
    report: Callable[[str], None] = lambda text: None,
) -> Trained:
    """Train within so many minutes, or for exactly n_steps: then the result is the same in every run.

    The minutes become a number of steps by the speed of the first ones. A training ends early where the held-out items
    get no better; what it returns are the parameters with the best ndcg. start: parameters to begin with.
    """
    kept, people, wanted = network.hold_out(sequences, N_HELD_OUT, SEED)
    state = network.start_training(network.first_parameters(items, SEED) if start is None else start)
    step = network.compiled_step()
    per_epoch = max(len(kept.items) - len(kept), 1) // (network.ROWS * network.LENGTH)
    per_check = int(np.clip(per_epoch, *STEPS_PER_CHECK))
    limit = n_steps
    best_ndcg, best_step, best = -1.0, 0, None
    began = time.monotonic()
    for number, batch in enumerate(network.batches(kept, items, SEED), start=1):
        state, loss = step(state, batch, number)
        if number in (2, 12) and n_steps is None:
            # The first steps compile; then the clock runs.
            loss.block_until_ready()
            seconds, began = (time.monotonic() - began) / 10, time.monotonic()
            if number == 12:
                limit = 12 + int(60 * minutes / max(seconds, 1e-6))
        is_last = number == limit
        if n_steps is None and len(people) and (number % per_check == 0 or is_last):
            parameters = whole(state["parameters"], items)
            vectors = network.user_vectors(parameters, parameters["items"], kept, people)
            ndcg = mean_ndcg(ranks_of(parameters["items"], vectors, kept, people, wanted))
            report(f"step {number:,} of {limit or 0:,} at most, loss {float(loss):.2f}, ndcg {ndcg:.4f}")
            if ndcg > best_ndcg:
                best_ndcg, best_step, best = ndcg, number, parameters
            is_last = is_last or number >= best_step + PATIENCE * per_check
        if is_last:
            break
    if best is None:
        best_step, best = number, whole(state["parameters"], items)
    return imitate(kept, best, best_step, people, wanted)


def session_vectors(
    session_items: np.ndarray, weights: np.ndarray, sequences: network.Sequences, people: np.ndarray
) -> np.ndarray:
    """The vectors of the people's newest items as sessions: (n_people, WIDTH).

    The weighted sum of the session vectors of the newest len(weights) items, the newest with the first weight.
    """
    result = np.zeros((len(people), session_items.shape[1]), dtype=np.float32)
    for start in range(0, len(people), PEOPLE_PER_BLOCK):
        block = slice(start, start + PEOPLE_PER_BLOCK)
        places, is_real = sequences.newest(people[block], len(weights))
        result[block] = np.einsum("np,npd->nd", is_real * weights[::-1], session_items[places])
    return result


def fit_weights(session_items: np.ndarray, sequences: network.Sequences, people: np.ndarray, wanted: np.ndarray) -> Any:
    """The weights with which `session_vectors` comes nearest to wanted vectors, by least squares: (N_WEIGHTS,)."""
    left, right = np.zeros((N_WEIGHTS, N_WEIGHTS)), np.zeros(N_WEIGHTS)
    for start in range(0, len(people), PEOPLE_PER_BLOCK):
        block = slice(start, start + PEOPLE_PER_BLOCK)
        places, is_real = sequences.newest(people[block], N_WEIGHTS)
        vectors = session_items[places[:, ::-1]] * is_real[:, ::-1, None].astype(np.float32)
        left += network.product("npd,nqd->pq", vectors, vectors)
        right += network.product("npd,nd->p", vectors, wanted[block])
    # Places that few people have get small weights instead of wild ones.
    return network.solve(left, right)


def imitate(
    sequences: network.Sequences, parameters: network.Parameters, n_steps: int, people: np.ndarray, wanted: np.ndarray
) -> Trained:
    """A training's parameters with their imitation, and both evaluated by wanted items of people who were held out.

    A session's vector is linear in its items: sum over the newest items of weight(place) * vector(item) @ turn. Weights
    and turn are found in turns, each by least squares to the network's vectors of at most N_IMITATED people.
    """
    vectors = parameters["items"]
    learners = np.flatnonzero(np.diff(sequences.starts))
    learners = np.sort(np.random.default_rng(SEED).permutation(learners)[:N_IMITATED])
    aims = network.user_vectors(parameters, vectors, sequences, learners)
    session_items, weights = vectors, fit_weights(vectors, sequences, learners, aims)
    for _ in range(3):
        found = session_vectors(vectors, weights, sequences, learners)
        squares, products = (network.product("ni,nj->ij", found, other) for other in (found, aims))
        turn = network.solve(squares, products)
        session_items = network.product("ni,ij->nj", vectors, turn)
        weights = fit_weights(session_items, sequences, learners, aims)
    evaluated = [
        network.user_vectors(parameters, vectors, sequences, people),
        session_vectors(session_items, weights, sequences, people),
    ]
    ranks = [ranks_of(vectors, found, sequences, people, wanted) for found in evaluated]
    recalls = [float((found <= K).mean()) if len(people) else None for found in ranks]
    return Trained(parameters, n_steps, session_items, weights, len(people), *recalls)
