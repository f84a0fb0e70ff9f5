"""How often people buy again, whether they still do, and what they spend: models of purchase histories.

BG/NBD: P. Fader, B. Hardie, K. Lee, "Counting your customers the easy way: an alternative to the Pareto/NBD model",
Marketing Science 2005. Gamma-Gamma: P. Fader, B. Hardie, "The Gamma-Gamma model of monetary value", 2013.
NBD: A. Ehrenberg, "The pattern of consumer purchases", Applied Statistics 1959.
Times are in weeks. Counts of equal histories are fitted once, with parameters as logarithms so that they stay positive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize, special

# A fit of more histories takes longer and says nothing more: a sample of them by chance, always the same.
MOST_HISTORIES = 50_000
LEAST_PEOPLE = 100
LEAST_REPEATS = 30
# Beyond, the chance to leave is 0 or the same for all, or the pace is, and the likelihood is flat.
LEAST_PARAMETER, GREATEST_PARAMETER = 1e-3, 1e3
# Purchases that the shop's mean counts for beside a person's own, where no model of spend can be had.
PRIOR_PURCHASES = 2.0
HIGHEST_CORRELATION = 0.3


@dataclass(frozen=True)
class Histories:
    """Purchase histories, one entry per person who has bought.

    frequency: days with a purchase after the first. recency: weeks from the first to the last of them. age: weeks from
    the first to now. mean_spend: of the days after the first, in the shop's currency; 0 = none.
    """

    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    mean_spend: np.ndarray

    def __len__(self) -> int:
        return len(self.frequency)


@dataclass(frozen=True)
class Fit:
    """A fitted model. name: bg_nbd, nbd or shrunk_mean for purchases, gamma_gamma or shrunk_mean for spend."""

    name: str
    parameters: tuple[float, ...]
    note: str = ""
    log_likelihood: float = field(default=float("nan"))


# Purchases ------------------------------------------------------------------------------------------------------------


def fit_purchases(histories: Histories) -> Fit:
    """How often people buy: BG/NBD; NBD where that is degenerate; a shrunk mean where too few bought again.

    Its note says why it isn't BG/NBD.
    """
    n_repeats = int((histories.frequency > 0).sum())
    if len(histories) < LEAST_PEOPLE or n_repeats < LEAST_REPEATS:
        return Fit(
            "shrunk_mean",
            (1.0, shrunk_exposure(histories)),
            f"{len(histories)} people bought and {n_repeats} of them again; a model needs {LEAST_PEOPLE} and"
            f" {LEAST_REPEATS}: everybody's rate is shrunk to the shop's",
        )
    fit = fit_bg_nbd(histories)
    if not is_degenerate(fit):
        return fit
    r, _, a, b = fit.parameters
    why = f"a {a:.2g}, b {b:.2g}): the data don't tell when people leave"
    if r > GREATEST_PARAMETER:
        why = f"r {r:.2g}): all buy at one pace, as subscribers do, which tells nothing of who leaves"
    nbd = fit_nbd(histories)
    return Fit("nbd", nbd.parameters, f"BG/NBD is degenerate ({why}, so nobody does (NBD)", nbd.log_likelihood)


def shrunk_exposure(histories: Histories) -> float:
    """The weeks in which the shop's mean buyer buys once more, as a gamma prior with shape 1 has them."""
    n_repeats = float(histories.frequency.sum())
    return max(float(histories.age.sum()), 1.0) / max(n_repeats, 1.0)


def is_degenerate(fit: Fit) -> bool:
    """Whether the distribution of the chance to leave, or that of rates, has lost its shape: its formulas are nan."""
    values = np.array(fit.parameters[2:])
    is_out = ~np.isfinite(values) | (values < LEAST_PARAMETER) | (values > GREATEST_PARAMETER)
    return bool(is_out.any() or not fit.parameters[0] <= GREATEST_PARAMETER)


def counted(histories: Histories) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Frequency, recency and age of different histories, and how many people have each."""
    rows = np.column_stack([histories.frequency, histories.recency, histories.age]).astype(float)
    if len(rows) > MOST_HISTORIES:
        rows = rows[np.random.default_rng(0).choice(len(rows), MOST_HISTORIES, replace=False)]
    rows, counts = np.unique(rows, axis=0, return_counts=True)
    return rows[:, 0], rows[:, 1], rows[:, 2], counts.astype(float)


def fit_bg_nbd(histories: Histories) -> Fit:
    """BG/NBD's r, alpha, a, b by maximum likelihood."""
    x, t_x, age, counts = counted(histories)
    is_repeat = x > 0
    safe = np.where(is_repeat, x, 1.0)

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha, a, b = np.exp(logs)
        stays = -(r + x) * np.log(alpha + age)
        leaves = np.log(a) - np.log(b + safe - 1) - (r + x) * np.log(alpha + t_x)
        leaves = np.where(is_repeat, leaves, -np.inf)
        both = np.logaddexp(stays, leaves)
        p_stays, p_leaves = np.exp(stays - both), np.exp(leaves - both)
        ones = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
        beta = special.gammaln(a + b) - special.gammaln(b) + special.gammaln(b + x) - special.gammaln(a + b + x)
        digamma = special.digamma
        joint = digamma(a + b) - digamma(a + b + x)
        gradient = [
            digamma(r + x)
            - digamma(r)
            + np.log(alpha)
            - p_stays * np.log(alpha + age)
            - p_leaves * np.log(alpha + t_x),
            r / alpha - (r + x) * (p_stays / (alpha + age) + p_leaves / (alpha + t_x)),
            joint + p_leaves / a,
            joint - digamma(b) + digamma(b + x) - p_leaves / (b + safe - 1),
        ]
        scale = -1.0 / counts.sum()
        slopes = np.array([counts @ one * value for one, value in zip(gradient, (r, alpha, a, b), strict=True)])
        return scale * float(counts @ (ones + beta + both)), scale * slopes

    logs, least = minimize(loss, np.array([0.0, np.log(max(float(counts @ age) / counts.sum(), 1e-3)), 0.0, 0.5]))
    return Fit("bg_nbd", tuple(np.exp(logs).tolist()), log_likelihood=-least * float(counts.sum()))


def fit_nbd(histories: Histories) -> Fit:
    """NBD's r and alpha by maximum likelihood: BG/NBD where nobody leaves."""
    x, _, age, counts = counted(histories)

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha = np.exp(logs)
        value = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + age)
        gradient = [
            special.digamma(r + x) - special.digamma(r) + np.log(alpha) - np.log(alpha + age),
            r / alpha - (r + x) / (alpha + age),
        ]
        scale = -1.0 / counts.sum()
        slopes = np.array([counts @ one * number for one, number in zip(gradient, (r, alpha), strict=True)])
        return scale * float(counts @ value), scale * slopes

    logs, least = minimize(loss, np.array([0.0, np.log(max(float(counts @ age) / counts.sum(), 1e-3))]))
    return Fit("nbd", tuple(np.exp(logs).tolist()), log_likelihood=-least * float(counts.sum()))


def minimize(loss: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray) -> tuple[np.ndarray, float]:
    """Where a loss with its gradient is least, and how much it is there; parameters stay within e^-30 and e^30."""
    options = {"maxiter": 1000, "maxfun": 2000, "ftol": 1e-15, "gtol": 1e-10}
    found = optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(-30.0, 30.0)] * len(start), options=options
    )
    return found.x, float(found.fun)


def expected_purchases(fit: Fit, histories: Histories, weeks: float) -> np.ndarray:
    """Purchase days that each person is expected to have in the next weeks, at least 0."""
    x, age = histories.frequency, histories.age
    r, alpha = fit.parameters[:2]
    if fit.name != "bg_nbd":
        return (r + x) / (alpha + age) * weeks
    _, _, a, b = fit.parameters
    # The chance is the same for a near 1, where the formula is 0 / 0.
    a = a if abs(a - 1) > 1e-6 else 1 + 1e-6
    hypergeometric = special.hyp2f1(r + x, b + x, a + b + x - 1, weeks / (alpha + age + weeks))
    lived = 1 - ((alpha + age) / (alpha + age + weeks)) ** (r + x) * hypergeometric
    return np.maximum((a + b + x - 1) / (a - 1) * lived * p_active(fit, histories), 0.0)


def p_active(fit: Fit, histories: Histories) -> np.ndarray:
    """The probability that a person still buys; nan where the model doesn't tell (all but BG/NBD)."""
    if fit.name != "bg_nbd":
        return np.full(len(histories), np.nan)
    r, alpha, a, b = fit.parameters
    x, t_x, age = histories.frequency, histories.recency, histories.age
    logs = np.log(a) - np.log(np.maximum(b + x - 1, 1e-300)) + (r + x) * np.log((alpha + age) / (alpha + t_x))
    return special.expit(-np.where(x > 0, logs, -np.inf))


def p_no_purchase(fit: Fit, histories: Histories, weeks: float) -> np.ndarray:
    """The probability that a person buys on no day of the next weeks."""
    r, alpha = fit.parameters[:2]
    silent = ((alpha + histories.age) / (alpha + histories.age + weeks)) ** (r + histories.frequency)
    if fit.name != "bg_nbd":
        return silent
    # Who is active can leave after a purchase only.
    return 1 - p_active(fit, histories) * (1 - silent)


# Spend ----------------------------------------------------------------------------------------------------------------


def fit_spend(histories: Histories) -> Fit:
    """The model of what people spend on a purchase day: Gamma-Gamma, or the mean shrunk to the shop's.

    Its note says why it isn't Gamma-Gamma, and where spend depends on frequency more than Gamma-Gamma assumes.
    """
    is_known = (histories.frequency > 0) & (histories.mean_spend > 0)
    x, means = histories.frequency[is_known], histories.mean_spend[is_known]
    shop = float((x @ means) / x.sum()) if len(x) else 0.0
    if len(x) < LEAST_REPEATS:
        return Fit("shrunk_mean", (shop,), f"{len(x)} people with spend on a second day: spend is shrunk to the shop's")
    fit = fit_gamma_gamma(x, means)
    notes = []
    correlation = float(np.corrcoef(x, means)[0, 1]) if x.std() > 0 and means.std() > 0 else 0.0
    if correlation > HIGHEST_CORRELATION:
        notes.append(f"who buys often spends more (correlation {correlation:.2f}): spend of others is overestimated")
    q = fit.parameters[1]
    if not q > 1 or not np.isfinite(fit.parameters).all():
        notes.append(f"Gamma-Gamma has no mean (q {q:.2g}): spend is shrunk to the shop's")
        return Fit("shrunk_mean", (shop,), "; ".join(notes))
    return Fit("gamma_gamma", fit.parameters, "; ".join(notes), fit.log_likelihood)


def fit_gamma_gamma(x: np.ndarray, means: np.ndarray) -> Fit:
    """Gamma-Gamma's p, q, v by maximum likelihood, of people with x repeated purchases of a mean above 0."""
    if len(x) > MOST_HISTORIES:
        chosen = np.random.default_rng(0).choice(len(x), MOST_HISTORIES, replace=False)
        x, means = x[chosen], means[chosen]
    unit = float(means.mean())
    scaled = means / unit

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, v = np.exp(logs)
        px, total = p * x, x * scaled + v
        value = (
            special.gammaln(px + q) - special.gammaln(px) - special.gammaln(q) + q * np.log(v)
            + (px - 1) * np.log(scaled) + px * np.log(x) - (px + q) * np.log(total)
        )  # fmt: skip
        digamma = special.digamma
        gradient = [
            x * (digamma(px + q) - digamma(px) + np.log(scaled) + np.log(x) - np.log(total)),
            digamma(px + q) - digamma(q) + np.log(v) - np.log(total),
            q / v - (px + q) / total,
        ]
        slopes = np.array([one.mean() * number for one, number in zip(gradient, (p, q, v), strict=True)])
        return -float(value.mean()), -slopes

    logs, least = minimize(loss, np.array([1.0, 1.0, 0.0]))
    p, q, v = np.exp(logs).tolist()
    # A density per unit of the shop's currency.
    return Fit("gamma_gamma", (p, q, v * unit), log_likelihood=-len(x) * (least + float(np.log(unit))))


def expected_spend(fit: Fit, histories: Histories) -> np.ndarray:
    """What each person is expected to spend on a purchase day, at least 0."""
    x, means = histories.frequency, histories.mean_spend
    known = np.where(means > 0, x, 0.0)
    if fit.name == "gamma_gamma":
        p, q, v = fit.parameters
        weight = p * known / (p * known + q - 1)
        return (1 - weight) * v * p / (q - 1) + weight * means
    [shop] = fit.parameters
    return np.maximum((known * means + PRIOR_PURCHASES * shop) / (known + PRIOR_PURCHASES), 0.0)
