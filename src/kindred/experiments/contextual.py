"""Shares by context: Bayesian regression on arm, context and their product, and P(best) within each context.

A cell of few people leans on its neighbours: what it says of an arm is the arm's effect, the effects of its two columns
and those of the arm with each column, all with prior variance 1 (Gelman and others, Bayesian Data Analysis, 14 and 16;
Laplace's approximation for the logistic one). People of one cell have the same columns, so cells are all it needs.

Effects of different values of the longer column meet in no cell. Their part of the precision is a matrix of small
blocks, and the whole is inverted by Schur's complement: 1,000 contexts cost as much as a regression of 20 columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.stats import qmc

from kindred.experiments.shares import Array, Evidence, Posterior

# The intercept alone is free: what arms have in common is no effect.
PRIOR_VARIANCE = 1.0
INTERCEPT_VARIANCE = 1e6
NEWTON_STEPS = 20
TOLERANCE = 1e-10
# 2 to this power: the points on which arms of one context are compared.
LOG_POINTS = 12


@dataclass(frozen=True)
class Design:
    """The columns of each cell.

    shared: (C, K, g), columns that any cell may have: intercept, arms, the shorter column, arms with it. block: (C,),
    the value of the longer column. own: (K, q), columns that each value has for itself: its effect, and that with each
    arm; all 0 where there is one value.
    """

    shared: Array
    block: Array
    own: Array

    @property
    def n_blocks(self) -> int:
        return int(self.block.max()) + 1

    def line(self, shared: Array, own: Array) -> Array:
        """What effects (g,) and (S, q) say of each cell, (C, K)."""
        return self.shared @ shared + own[self.block] @ self.own.T

    def gather(self, values: Array) -> tuple[Array, Array]:
        """The transpose of `line`: values (C, K) summed up by column, (g,) and (S, q)."""
        own = np.zeros((self.n_blocks, self.own.shape[1]))
        np.add.at(own, self.block, values @ self.own)
        return np.einsum("ckg,ck->g", self.shared, values), own


def make_design(levels: Sequence[Sequence[str]], n_arms: int) -> Design:
    """The columns of cells of at most two columns, each of C texts."""
    coded = [np.unique(np.asarray(column, dtype=object), return_inverse=True)[1] for column in levels]
    # Of two as long ones the first is the longer one.
    coded.sort(key=lambda codes: -int(codes.max()))
    arms = np.eye(n_arms)
    n_contexts = len(coded[0])
    parts = [np.ones((n_contexts, n_arms, 1)), np.broadcast_to(arms, (n_contexts, n_arms, n_arms))]
    for codes in coded[1:]:
        if codes.max() > 0:
            one_hot = np.broadcast_to(np.eye(codes.max() + 1)[codes][:, None], (n_contexts, n_arms, codes.max() + 1))
            parts += [one_hot, (one_hot[:, :, :, None] * arms[:, None, :]).reshape(n_contexts, n_arms, -1)]
    own = np.hstack([np.ones((n_arms, 1)), arms]) * (coded[0].max() > 0)
    return Design(np.concatenate(parts, axis=2), coded[0], own)


class Precision:
    """The precision of all effects: prior and evidence, in the form [[shared, cross], [cross', blocks]]."""

    def __init__(self, design: Design, weights: Array, prior_variance: float):
        """weights: (C, K), the information of each cell."""
        g, q = design.shared.shape[2], design.own.shape[1]
        prior = np.full(g, 1 / prior_variance)
        prior[0] = 1 / INTERCEPT_VARIANCE
        flat = design.shared.reshape(-1, g)
        shared = flat.T @ (flat * weights.reshape(-1, 1)) + np.diag(prior)
        cross = np.zeros((design.n_blocks, g, q))
        np.add.at(cross, design.block, np.einsum("ckg,ck,kq->cgq", design.shared, weights, design.own, optimize=True))
        blocks = np.zeros((design.n_blocks, q, q))
        np.add.at(blocks, design.block, np.einsum("kp,ck,kq->cpq", design.own, weights, design.own, optimize=True))
        self.design = design
        self.blocks = np.linalg.inv(blocks + np.eye(q) / prior_variance)
        # What a block's effects follow from the shared ones.
        self.follows = cross @ self.blocks
        reduced = shared - np.einsum("sgq,shq->gh", self.follows, cross, optimize=True)
        self.covariance = np.linalg.inv((reduced + reduced.T) / 2)

    def solve(self, shared: Array, own: Array) -> tuple[Array, Array]:
        """The covariance times (g,) and (S, q)."""
        first = self.covariance @ (shared - np.einsum("sgq,sq->g", self.follows, own))
        return first, np.einsum("spq,sq->sp", self.blocks, own) - np.einsum("sgq,g->sq", self.follows, first)

    def cells(self, people: Array) -> Array:
        """The covariance of the arms within each context, and on the average of all people (C,): (C + 1, K, K)."""
        design = self.design
        # A cell is its shared columns less what its block follows, and the block's own rest.
        left = design.shared - np.einsum("sgq,kq->skg", self.follows, design.own)[design.block]
        own = np.einsum("kp,spq,lq->skl", design.own, self.blocks, design.own, optimize=True)
        weights = people / people.sum()
        of_blocks = np.bincount(design.block, weights, minlength=design.n_blocks)
        left = np.concatenate([left, np.einsum("c,ckg->kg", weights, left)[None]])
        own = np.concatenate([own[design.block], np.einsum("s,skl->kl", of_blocks**2, own)[None]])
        return np.einsum("ckg,gh,clh->ckl", left, self.covariance, left, optimize=True) + own


def linear_posterior(
    design: Design, reward: Array, people: Array, noise: float, prior_variance: float = PRIOR_VARIANCE
) -> tuple[Array, Array]:
    """The line (C + 1, K) and the covariance of its arms (C + 1, K, K) of a linear regression of known noise.

    The last row is the average of all people. reward, people: (C, K), means and people of cells. noise: the variance of
    one person's reward.
    """
    precision = Precision(design, people / noise, prior_variance)
    line = design.line(*precision.solve(*design.gather(people * reward / noise)))
    return with_average(line, people.sum(axis=1)), precision.cells(people.sum(axis=1))


def logistic_posterior(
    design: Design, reward: Array, people: Array, prior_variance: float = PRIOR_VARIANCE
) -> tuple[Array, Array]:
    """The line (C + 1, K) at the mode and its covariance there (Laplace), by at most 20 Newton steps.

    The last row is the average of all people. reward, people: (C, K), shares of people who did it, and people of cells.
    """
    g, q = design.shared.shape[2], design.own.shape[1]
    prior = np.full(g, 1 / prior_variance)
    prior[0] = 1 / INTERCEPT_VARIANCE
    effects = np.zeros(g), np.zeros((design.n_blocks, q))
    effects[0][0] = special.logit(((people * reward).sum() + 0.5) / (people.sum() + 1))

    def loss(shared: Array, own: Array) -> float:
        line = design.line(shared, own)
        seen = (people * (np.logaddexp(0, line) - reward * line)).sum()
        return float(seen + 0.5 * (prior * shared**2).sum() + 0.5 * (own**2).sum() / prior_variance)

    def information(shared: Array, own: Array) -> tuple[Array, Precision]:
        share = special.expit(design.line(shared, own))
        return share, Precision(design, people * share * (1 - share), prior_variance)

    lowest = loss(*effects)
    for _ in range(NEWTON_STEPS):
        share, precision = information(*effects)
        slope, own_slope = design.gather(people * (share - reward))
        step = precision.solve(slope + prior * effects[0], own_slope + effects[1] / prior_variance)
        # A step that overshoots is halved.
        length = 1.0
        while (reached := loss(effects[0] - length * step[0], effects[1] - length * step[1])) > lowest:
            if length < 1e-6:
                break
            length /= 2
        if reached > lowest:
            break
        effects, lowest = (effects[0] - length * step[0], effects[1] - length * step[1]), reached
        if max(np.abs(part).max() for part in step) < TOLERANCE:
            break
    each = people.sum(axis=1)
    return with_average(design.line(*effects), each), information(*effects)[1].cells(each)


def with_average(line: Array, people: Array) -> Array:
    """Rows (C, K) and, as one more, their average over people (C,)."""
    return np.concatenate([line, (people @ line / people.sum())[None]])


def contextual_posterior(
    evidence: Evidence,
    levels: Sequence[Sequence[str]],
    is_binary: bool,
    higher_is_better: bool = True,
    may_win: Array | None = None,
) -> Posterior:
    """The posterior of each cell, and as the last row that of the average of all people, (C + 1, K).

    levels: one or two columns of C texts. is_binary: whether rewards are shares of people (logistic) or means and
    ratios (linear, on standardised rewards). may_win: (C + 1, K), the arms that may be shown, all by default. Means and
    standard deviations are those of rewards; P(best) is that of the regression's own scale.
    """
    n_arms = evidence.reward.shape[1]
    design = make_design(levels, n_arms)
    people, reward = evidence.effective, evidence.reward
    centre, scale = 0.0, 1.0
    if is_binary:
        line, spread = logistic_posterior(design, reward, people)
    else:
        total = max(people.sum(), 1e-300)
        centre = (people * reward).sum() / total
        within = (people * evidence.variance).sum() / total
        scale = np.sqrt(within + (people * (reward - centre) ** 2).sum() / total) or 1.0
        # Without any noise a single person would decide.
        noise = max(within / scale**2, 1e-9)
        line, spread = linear_posterior(design, (reward - centre) / scale, people, noise)
    rank_by = line if higher_is_better else -line
    best = p_best_of_cells(rank_by if may_win is None else np.where(may_win, rank_by, -np.inf), spread)
    sd = np.sqrt(np.einsum("ckk->ck", spread))
    if is_binary:
        share = special.expit(line)
        return Posterior(share, share * (1 - share) * sd, best)
    return Posterior(centre + scale * line, scale * sd, best)


def p_best_of_cells(mean: Array, covariance: Array) -> Array:
    """P(best) of arms with joint normal posteriors: mean (C, K), covariance (C, K, K), on 4,096 fixed Sobol points.

    An arm with mean -inf is never the best.
    """
    n_arms = mean.shape[1]
    points = qmc.Sobol(n_arms, scramble=False).random_base2(LOG_POINTS)
    normal = special.ndtri(points + 0.5 / 2**LOG_POINTS)
    ridge = 1e-12 * (1e-12 + np.einsum("ckk->c", covariance))[:, None, None] * np.eye(n_arms)
    factor = np.linalg.cholesky(covariance + ridge)
    best = np.empty_like(mean)
    for context in range(len(mean)):
        drawn = factor[context] @ normal.T + mean[context][:, None]
        is_best = drawn == drawn.max(axis=0)
        best[context] = (is_best / is_best.sum(axis=0)).mean(axis=1)
    return best
