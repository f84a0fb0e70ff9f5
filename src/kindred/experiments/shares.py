"""Shares of Thompson sampling: the probability that an arm is the best, by quadrature and never by draws.

Thompson, On the likelihood that one unknown probability exceeds another (1933): each arm gets people in proportion to
the probability that it is the best. The integral of density k times the other arms' distribution functions is computed
with Gauss-Legendre nodes between the ends of the arms' ranges, so that a narrow posterior among wide ones is integrated
as exactly as those of one width. Arrays have one row per context and one column per arm, (C, K); periods come first,
(P, C, K).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

# The least share of an arm: what nobody is shown can't be learned of.
FLOOR = 0.02
# People whom each arm needs before shares move.
MIN_PEOPLE = 100
# What the prior of a mean is worth, in people.
PRIOR_PEOPLE = 10
# How far the integral goes into the tails, and its nodes between two ends of ranges.
TAIL = 1e-9
NODES = 64

Array = np.ndarray
# A distribution function of points (C, K, N), which broadcasts over its second axis.
Function = Callable[[Array], Array]


@dataclass(frozen=True)
class Evidence:
    """What the matured people of each arm did, by context: arrays (C, K).

    n_people: people, counted. effective: people as far as they aren't forgotten. reward: the mean, a ratio's value.
    variance: of one person's reward around it.
    """

    n_people: Array
    effective: Array
    reward: Array
    variance: Array

    def only(self, arms: Array) -> Evidence:
        """That of some arms: a mask (K,)."""
        return Evidence(*(part[:, arms] for part in (self.n_people, self.effective, self.reward, self.variance)))


@dataclass(frozen=True)
class Posterior:
    """The posterior of the mean reward of each arm: mean and standard deviation, (C, K), and P(best), (C, K)."""

    mean: Array
    sd: Array
    p_best: Array


def gather(sums: Array, age: Array, forgetting: float = 1.0) -> Evidence:
    """Evidence from sums by period.

    sums: (6, P, C, K): people, rewards, rewards squared, denominators, denominators squared, reward times denominator,
    each summed over people; the denominator of a mean is 1. age: (P,), days since the newest period. forgetting: what a
    day's weight is of the next day's, at most 1.

    Periods have an effect of their own, common to all cells, which least squares takes off: shares that change with
    time would otherwise make an arm good that had its people on good days (Simpson's paradox). Means are those of the
    periods' average, weighted by their people.
    """
    if not 0 < forgetting <= 1:
        raise ValueError(f"forgetting is {forgetting}: give a number above 0, at most 1")
    sums = np.asarray(sums, float)
    _, n_periods, n_contexts, n_arms = sums.shape
    decayed = (sums * forgetting ** np.asarray(age, float)[:, None, None]).reshape(6, n_periods, -1)
    n = decayed[0]
    people, periods = n.sum(axis=0), n.sum(axis=1)
    by_cell = np.divide(n, people, out=np.zeros_like(n), where=people > 0)
    means = np.divide(decayed.sum(axis=1), people, out=np.zeros((6, len(people))), where=people > 0)
    # Least squares of cells and periods, from which the cells are eliminated; the effects of periods add up to nothing.
    effects = (decayed.sum(axis=2) - np.einsum("pr,mr->mp", n, means)) @ np.linalg.pinv(
        np.diag(periods) - n @ by_cell.T, hermitian=True
    )
    effects -= (effects @ periods / max(periods.sum(), 1e-300))[:, None]
    means = means - effects @ by_cell
    _, y, yy, d, dd, yd = means
    ratio = np.divide(y, d, out=np.zeros_like(y), where=d > 0)
    # The variance of a ratio of sums by the delta method; of a mean, where d is 1, it is the plain one.
    variance = np.divide(yy - 2 * ratio * yd + ratio**2 * dd, d**2, out=np.zeros_like(y), where=d > 0)
    shape = (n_contexts, n_arms)
    counted = sums[0].sum(axis=0)
    return Evidence(counted, people.reshape(shape), ratio.reshape(shape), np.maximum(variance, 0.0).reshape(shape))


# Posteriors -----------------------------------------------------------------------------------------------------------


def beta_posterior(evidence: Evidence, higher_is_better: bool = True) -> Posterior:
    """Of shares of people: Beta(1 + successes, 1 + failures)."""
    # What is left of a mean without its periods' effects may lie a little outside of 0 to 1.
    successes = evidence.effective * np.clip(evidence.reward, 0.0, 1.0)
    a, b = 1 + successes, 1 + evidence.effective - successes
    mean = a / (a + b)
    best = beta_p_best(a, b) if higher_is_better else beta_p_best(b, a)
    return Posterior(mean, np.sqrt(mean * (1 - mean) / (a + b + 1)), best)


def normal_posterior(evidence: Evidence, higher_is_better: bool = True) -> Posterior:
    """Of means and ratios: normal, with the prior N(pooled mean, pooled variance) worth 10 people."""
    n = evidence.effective
    total = np.maximum(n.sum(axis=1, keepdims=True), 1e-300)
    pooled = (n * evidence.reward).sum(axis=1, keepdims=True) / total
    spread = (n * (evidence.variance + (evidence.reward - pooled) ** 2)).sum(axis=1, keepdims=True) / total
    mean = (PRIOR_PEOPLE * pooled + n * evidence.reward) / (PRIOR_PEOPLE + n)
    variance = (PRIOR_PEOPLE * spread + n * evidence.variance) / (PRIOR_PEOPLE + n)
    # Where all people of all arms did the same there is no spread, and no arm is better.
    sd = np.sqrt(np.maximum(variance, 0.0) / (PRIOR_PEOPLE + n))
    sd = np.maximum(sd, 1e-9 * np.maximum(np.abs(pooled), 1.0))
    return Posterior(mean, sd, normal_p_best(mean if higher_is_better else -mean, sd))


# The probability of being the best ------------------------------------------------------------------------------------


def beta_p_best(a: Array, b: Array) -> Array:
    """P(best) of arms with posteriors Beta(a, b), (C, K)."""
    a, b = np.atleast_2d(np.asarray(a, float)), np.atleast_2d(np.asarray(b, float))
    low, high = special.betaincinv(a, b, TAIL), 1 - special.betaincinv(b, a, TAIL)
    constant = special.betaln(a, b)[:, :, None]
    a, b = a[:, :, None], b[:, :, None]

    def density(x: Array) -> Array:
        return np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - constant)

    return _p_best(low, high, density, lambda x: special.betainc(a, b, x))


def normal_p_best(mean: Array, sd: Array) -> Array:
    """P(best) of arms with independent normal posteriors, (C, K)."""
    mean, sd = np.atleast_2d(np.asarray(mean, float)), np.atleast_2d(np.asarray(sd, float))
    reach = -special.ndtri(TAIL) * sd
    centre, scale = mean[:, :, None], sd[:, :, None]

    def density(x: Array) -> Array:
        return np.exp(-0.5 * ((x - centre) / scale) ** 2) / (scale * np.sqrt(2 * np.pi))

    return _p_best(mean - reach, mean + reach, density, lambda x: special.ndtr((x - centre) / scale))


def _p_best(low: Array, high: Array, density: Function, distribution: Function) -> Array:
    """The integral of each arm's density times the others' distribution functions; low, high: the arms' ranges."""
    edges = np.sort(np.concatenate([low, high], axis=1), axis=1)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = np.diff(edges, axis=1) / 2
    middle = (edges[:, :-1] + edges[:, 1:]) / 2
    points = (middle[:, :, None] + half[:, :, None] * nodes).reshape(len(edges), 1, -1)
    steps = (half[:, :, None] * weights).reshape(len(edges), 1, -1)
    below = distribution(points)
    # The product of the others, without dividing by an arm's own, which may be 0.
    ones = np.ones_like(below[:, :1])
    before = np.cumprod(np.concatenate([ones, below[:, :-1]], axis=1), axis=1)
    after = np.cumprod(np.concatenate([ones, below[:, :0:-1]], axis=1), axis=1)[:, ::-1]
    best = (density(points) * before * after * steps).sum(axis=2)
    return best / best.sum(axis=1, keepdims=True)


# Shares ---------------------------------------------------------------------------------------------------------------


def to_shares(p_best: Array, floor: float = FLOOR) -> Array:
    """Shares f + (1 - K f) P(best), (C, K): they add up to 1 and none is below the floor f.

    Errors: ValueError where K floors leave nothing to share out.
    """
    p_best = np.atleast_2d(np.asarray(p_best, float))
    n_arms = p_best.shape[1]
    if floor < 0 or n_arms * floor >= 1:
        raise ValueError(
            f"{n_arms} arms with at least {floor} of the people each leave nothing to learn with: take fewer arms"
        )
    return floor + (1 - n_arms * floor) * p_best


def has_enough(evidence: Evidence, min_people: int = MIN_PEOPLE) -> bool:
    """Whether every arm has enough matured people, over all contexts, for shares to move."""
    return bool(evidence.n_people.sum(axis=0).min(initial=np.inf) >= min_people)
