"""The linear blend: few non-negative weights, one per generator, of the standardised scores of its candidates.

Method: the weights that make what people chose most likely where they choose from their candidates with probabilities
in proportion to exp(score) (multinomial logit: D. McFadden, 1974; as a ranking loss ListNet: Z. Cao et al., ICML 2007),
with a small ridge, by L-BFGS-B. No weight is below 0: a high score of a generator never counts against an item.
"""

from __future__ import annotations

import numpy as np

RIDGE = 1e-3
START = 0.3


def learn_weights(z: np.ndarray, labels: np.ndarray, people: np.ndarray) -> np.ndarray:
    """The weights, (n_generators,), of the standardised scores z, (n_pairs, n_generators), unknown ones 0.

    labels: whether the person chose the candidate; people: whose it is, pairs of one person together. Every person has
    a label that is true.
    """
    from scipy.optimize import minimize

    starts = np.flatnonzero(np.diff(people, prepend=-1))
    of = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(people))))
    chosen = labels / np.add.reduceat(labels.astype(np.float64), starts)[of]
    features = z.astype(np.float64)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        scores = features @ weights
        scores -= np.maximum.reduceat(scores, starts)[of]
        totals = np.add.reduceat(np.exp(scores), starts)
        likely = np.exp(scores) / totals[of]
        value = -np.sum(chosen * (scores - np.log(totals)[of])) / len(starts) + RIDGE * weights @ weights
        return value, features.T @ (likely - chosen) / len(starts) + 2 * RIDGE * weights

    start = np.full(z.shape[1], START)
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * z.shape[1]).x)
