"""Shares of Thompson sampling, plain and by context, against closed forms and independent packages."""

import importlib

import numpy as np
import pytest
from conftest import REPOSITORY
from scipy import stats
from scipy.special import betaln
from sklearn.linear_model import BayesianRidge, LogisticRegression

from kindred.experiments import contextual, shares
from kindred.experiments.shares import Evidence


def evidence(people, rewards):
    """Evidence of shares of people: arrays (C, K) of people and of those who did it."""
    people, rewards = np.atleast_2d(np.asarray(people, float)), np.atleast_2d(np.asarray(rewards, float))
    share = rewards / np.maximum(people, 1)
    return Evidence(people, people, share, share * (1 - share))


def sums(people, rewards, squares=None):
    """The six sums (6, P, C, K) of a mean: arrays (P, C, K)."""
    people, rewards = np.asarray(people, float), np.asarray(rewards, float)
    return np.stack([people, rewards, rewards if squares is None else squares, people, people, rewards])


# P(best) --------------------------------------------------------------------------------------------------------------


def closed_form(a, b, c, d):
    """P(Beta(c, d) > Beta(a, b)) by Miller's sum, for whole numbers c."""
    i = np.arange(c)
    return float(np.exp(betaln(a + i, b + d) - np.log(d + i) - betaln(1 + i, d) - betaln(a, b)).sum())


@pytest.mark.parametrize("one, other", [((51, 951), (61, 941)), ((2, 40), (3, 20)), ((1, 1), (900, 100))])
def test_two_arms__the_closed_form(one, other):
    expected = closed_form(*one, *other)
    found = shares.beta_p_best([one[0], other[0]], [one[1], other[1]])[0, 1]
    assert found == pytest.approx(expected, abs=1e-8)


def test_recorded_values():
    """EXPERIMENTS_REFERENCE 4: quadrature, mabwiser's 20,000 draws, Gauss-Hermite with 64 nodes."""
    found = shares.beta_p_best([51, 61, 46], [951, 941, 956])[0]
    assert found == pytest.approx([0.15200779980, 0.80075335781, 0.04723884240], abs=1e-6)
    assert found == pytest.approx([0.1517, 0.7999, 0.0484], abs=0.005)
    found = shares.normal_p_best([1.0, 1.1, 0.9], [0.2, 0.15, 0.3])[0]
    assert found == pytest.approx([0.2725895718, 0.5091830121, 0.2182274161], abs=1e-8)


@pytest.mark.parametrize("ratio", [1, 1e-2, 1e-4, 1e-6])
def test_a_narrow_arm_among_wide_ones_is_integrated_as_exactly(ratio):
    found = shares.normal_p_best([0.0, 0.1], [1.0, ratio])[0, 0]
    assert found == pytest.approx(stats.norm.cdf(-0.1 / np.sqrt(1 + ratio**2)), abs=1e-9)


def test_contexts_are_independent_of_one_another():
    rng = np.random.default_rng(1)
    a, b = rng.uniform(1, 300, (20, 4)), rng.uniform(1, 3000, (20, 4))
    together = shares.beta_p_best(a, b)
    assert together.sum(axis=1) == pytest.approx(np.ones(20))
    assert together[7] == pytest.approx(shares.beta_p_best(a[7], b[7])[0], abs=1e-12)
    np.testing.assert_array_equal(together, shares.beta_p_best(a, b))


# Shares ---------------------------------------------------------------------------------------------------------------


def test_floor():
    assert shares.to_shares([[1.0, 0.0, 0.0, 0.0]])[0] == pytest.approx([0.94, 0.02, 0.02, 0.02])
    assert shares.to_shares([[0.25] * 4]) == pytest.approx(0.25)


def test_floors_that_leave_nothing_are_refused():
    with pytest.raises(ValueError, match="take fewer arms"):
        shares.to_shares(np.full((1, 50), 0.02))
    assert shares.to_shares(np.full((1, 49), 1 / 49)).sum() == pytest.approx(1)


def test_shares_wait_for_a_hundred_people_of_every_arm():
    assert not shares.has_enough(evidence([[1000, 99]], [[10, 1]]))
    assert shares.has_enough(evidence([[1000, 100]], [[10, 1]]))
    # Over all contexts together.
    assert shares.has_enough(evidence([[60, 60], [40, 40]], [[1, 1], [1, 1]]))


# Evidence -------------------------------------------------------------------------------------------------------------


def test_one_period_is_what_was_counted():
    found = shares.gather(sums([[[200, 100]]], [[[20, 30]]]), [0])
    assert found.reward[0] == pytest.approx([0.1, 0.3])
    assert found.variance[0] == pytest.approx([0.09, 0.21])
    assert found.effective[0] == pytest.approx([200, 100])


def test_simpson__good_days_of_a_widened_arm():
    """Arm 1 is worse on both days, and has most of its people on the good one: of all people it looks better."""
    people = [[[900, 100]], [[100, 900]]]
    rewards = [[[90, 8]], [[40, 342]]]  # .10, .08 and .40, .38
    pooled = np.sum(rewards, axis=0) / np.sum(people, axis=0)
    assert pooled[0, 1] > pooled[0, 0]
    found = shares.gather(sums(people, rewards), [1, 0])
    assert found.reward[0, 0] - found.reward[0, 1] == pytest.approx(0.02)
    # Their level is that of all people.
    assert found.reward[0] @ [0.5, 0.5] == pytest.approx(np.sum(rewards) / 2000, abs=0.005)


def test_periods__least_squares_of_cells_and_periods():
    """numpy's solution of the regression on one column per cell and per period."""
    rng = np.random.default_rng(3)
    people = rng.integers(0, 40, (6, 2, 3)).astype(float)
    rewards = people * (rng.uniform(0, 1, (1, 2, 3)) + rng.uniform(0, 1, (6, 1, 1)))
    rewards += rng.normal(0, 1, people.shape) * (people > 0)
    x = np.zeros((people.size, 12))
    period, cell = np.divmod(np.arange(people.size), 6)
    x[np.arange(people.size), cell], x[np.arange(people.size), 6 + period] = 1, 1
    weights = np.sqrt(people.ravel())
    means = np.divide(rewards, people, out=np.zeros_like(rewards), where=people > 0).ravel()
    solution = np.linalg.lstsq(x * weights[:, None], means * weights, rcond=None)[0]
    level = solution[6:] @ people.sum(axis=(1, 2)) / people.sum()
    found = shares.gather(sums(people, rewards, squares=rewards**2), np.arange(6)[::-1])
    assert found.reward.ravel() == pytest.approx(solution[:6] + level, abs=1e-9)


def test_forgetting():
    people, rewards = [[[100, 100]], [[100, 100]]], [[[50, 10]], [[10, 50]]]
    kept = shares.gather(sums(people, rewards), [1, 0])
    assert kept.reward[0, 0] == pytest.approx(kept.reward[0, 1])
    forgetful = shares.gather(sums(people, rewards), [1, 0], forgetting=0.5)
    assert forgetful.effective[0] == pytest.approx([150, 150])
    assert forgetful.n_people[0] == pytest.approx([200, 200])
    assert forgetful.reward[0] == pytest.approx([(25 + 10) / 150, (5 + 50) / 150])
    for wrong in (0, 1.1, float("nan")):
        with pytest.raises(ValueError, match="forgetting"):
            shares.gather(sums(people, rewards), [1, 0], forgetting=wrong)


def test_a_ratio_has_the_variance_of_the_delta_method():
    rng = np.random.default_rng(5)
    d = rng.poisson(5, 4000) + 1.0
    y = rng.binomial(d.astype(int), 0.2).astype(float)
    cell = np.array([len(d), y.sum(), (y**2).sum(), d.sum(), (d**2).sum(), (y * d).sum()])
    found = shares.gather(cell.reshape(6, 1, 1, 1), [0])
    ratio = y.sum() / d.sum()
    assert found.reward[0, 0] == pytest.approx(ratio)
    assert found.variance[0, 0] == pytest.approx(np.mean((y - ratio * d) ** 2) / d.mean() ** 2)


# Posteriors -----------------------------------------------------------------------------------------------------------


def test_beta_posterior():
    found = shares.beta_posterior(evidence([[1000, 1000]], [[50, 60]]))
    for k, successes in enumerate((50, 60)):
        law = stats.beta(1 + successes, 1 + 1000 - successes)
        assert (found.mean[0, k], found.sd[0, k]) == pytest.approx((law.mean(), law.std()))
    assert found.p_best[0, 1] == pytest.approx(closed_form(51, 951, 61, 941), abs=1e-8)
    fewer = shares.beta_posterior(evidence([[1000, 1000]], [[50, 60]]), higher_is_better=False)
    assert fewer.p_best[0, 0] == pytest.approx(found.p_best[0, 1], abs=1e-8)


def test_normal_posterior__a_prior_worth_ten_people():
    given = Evidence(*(np.array([row], float) for row in ([100, 400], [100, 400], [3.0, 2.0], [4.0, 9.0])))
    found = shares.normal_posterior(given)
    pooled, spread = 2.2, (100 * (4 + 0.64) + 400 * (9 + 0.04)) / 500
    assert found.mean[0] == pytest.approx([(10 * pooled + 300) / 110, (10 * pooled + 800) / 410])
    assert found.sd[0] ** 2 == pytest.approx([(10 * spread + 400) / 110**2, (10 * spread + 3600) / 410**2])
    assert found.p_best[0, 0] > 0.99
    assert shares.normal_posterior(given, higher_is_better=False).p_best[0, 0] < 0.01


def test_nobody_did_anything__no_arm_is_better():
    given = Evidence(*(np.array([row], float) for row in ([500, 400], [500, 400], [0, 0], [0, 0])))
    assert shares.normal_posterior(given).p_best[0] == pytest.approx([0.5, 0.5])


# By context -----------------------------------------------------------------------------------------------------------

SEGMENTS = ["DE", "DE", "FR", "FR", "IT", "IT"]
ACTIVITIES = ["cold", "hot"] * 3


def dense(design):
    """The columns of a design as one matrix (C * K, n) without the intercept, and the place of the cells' rows."""
    n_contexts, n_arms, _ = design.shared.shape
    own = np.zeros((n_contexts, n_arms, design.n_blocks, design.own.shape[1]))
    for context, block in enumerate(design.block):
        own[context, :, block] = design.own
    x = np.concatenate([design.shared, own.reshape(n_contexts, n_arms, -1)], axis=2)
    return x.reshape(n_contexts * n_arms, -1)[:, 1:]


def test_design():
    """Arms, the shorter column, arms by it; and of each value of the longer one its own, and its own by arms."""
    x = dense(contextual.make_design([SEGMENTS, ACTIVITIES], 2))
    assert x.shape == (12, 2 + 2 * (1 + 2) + 3 * (1 + 2))
    assert (x.sum(axis=1) == 5).all()
    # A column of one value adds nothing.
    assert contextual.make_design([["a"] * 6, ACTIVITIES], 2).block.max() == 1
    assert not dense(contextual.make_design([["a"] * 6, ["b"] * 6], 2))[:, 2:].any()


def test_logistic__mode_of_sklearn():
    rng = np.random.default_rng(7)
    design = contextual.make_design([SEGMENTS, ACTIVITIES], 3)
    people = rng.integers(30, 300, (6, 3)).astype(float)
    success = rng.binomial(people.astype(int), rng.uniform(0.02, 0.3, (6, 3)))
    line, spread = contextual.logistic_posterior(design, success / people, people)
    x = dense(design)
    rows = np.concatenate([x, x])
    target = np.repeat([1, 0], len(x))
    weights = np.concatenate([success.ravel(), (people - success).ravel()])
    theirs = LogisticRegression(C=1.0, tol=1e-12, max_iter=10000, solver="newton-cholesky")
    theirs.fit(rows, target, sample_weight=weights)
    assert line[:-1].ravel() == pytest.approx(theirs.decision_function(x), abs=1e-5)
    # Laplace: the inverse of the penalised Hessian at the mode.
    share = theirs.predict_proba(x)[:, 1]
    full = np.hstack([np.ones((len(x), 1)), x])
    penalty = np.diag([1 / contextual.INTERCEPT_VARIANCE] + [1.0] * x.shape[1])
    covariance = np.linalg.inv((full * (people.ravel() * share * (1 - share))[:, None]).T @ full + penalty)
    cells = (full @ covariance @ full.T).reshape(6, 3, 6, 3)
    assert spread[:-1] == pytest.approx(np.stack([cells[c, :, c] for c in range(6)]), abs=1e-5)
    # The last row is the average person.
    weights = people.sum(axis=1) / people.sum()
    assert line[-1] == pytest.approx(weights @ line[:-1])
    assert spread[-1] == pytest.approx(np.einsum("c,ckdl,d->kl", weights, cells, weights), abs=1e-5)


def test_linear__posterior_of_sklearns_bayesian_ridge():
    """With the two precisions that BayesianRidge has found: its means, and the variance of its mean at each cell."""
    rng = np.random.default_rng(11)
    design = contextual.make_design([SEGMENTS, ACTIVITIES], 3)
    x = dense(design)
    people = rng.integers(20, 60, 18)
    rows = np.repeat(x, people, axis=0)
    y = rows @ rng.normal(0, 1, x.shape[1]) + rng.normal(0, 2, len(rows))
    theirs = BayesianRidge(max_iter=1000, tol=1e-10).fit(rows, y)
    means = np.array([part.mean() for part in np.split(y, people.cumsum()[:-1])])
    line, spread = contextual.linear_posterior(
        design, means.reshape(6, 3), people.reshape(6, 3).astype(float), 1 / theirs.alpha_, 1 / theirs.lambda_
    )
    expected, sd = theirs.predict(x, return_std=True)
    assert line[:-1].ravel() == pytest.approx(expected, abs=1e-4)
    # Theirs leaves the intercept's own error out: compare differences of arms, which have none.
    centred = x - rows.mean(axis=0)
    cells = (centred @ theirs.sigma_ @ centred.T).reshape(6, 3, 6, 3)
    for c in range(6):
        mine, other = spread[c], cells[c, :, c]
        assert mine[0, 0] + mine[1, 1] - 2 * mine[0, 1] == pytest.approx(
            other[0, 0] + other[1, 1] - 2 * other[0, 1], rel=1e-4
        )


def test_a_cell_of_few_people_leans_on_its_neighbours():
    people = np.full((6, 2), 2000.0)
    success = np.tile([100.0, 160.0], (6, 1))
    people[5], success[5] = 0, 0
    found = contextual.contextual_posterior(evidence(people, success), [SEGMENTS, ACTIVITIES], True)
    assert 0.6 < found.p_best[5, 1] < found.p_best[0, 1]
    assert found.sd[5, 1] > found.sd[0, 1]
    assert found.p_best.sum(axis=1) == pytest.approx(np.ones(7))


def test_two_segments_that_like_different_arms():
    people = np.full((4, 2), 3000.0)
    success = np.array([[150, 210], [150, 210], [210, 150], [210, 150]])
    levels = [["DE", "DE", "FR", "FR"], ["cold", "hot"] * 2]
    for is_binary in (True, False):
        found = contextual.contextual_posterior(evidence(people, success), levels, is_binary)
        assert (found.p_best[:2, 1] > 0.99).all() and (found.p_best[2:4, 0] > 0.99).all()
        assert found.p_best[4] == pytest.approx([0.5, 0.5], abs=0.01)
        assert found.mean[0] == pytest.approx([0.05, 0.07], abs=0.002)
    worse = contextual.contextual_posterior(evidence(people, success), levels, True, higher_is_better=False)
    assert (worse.p_best[:2, 0] > 0.99).all()


def test_cells_compare_arms_with_their_covariance():
    """Two arms that move together: what they have in common says nothing of which is better."""
    mean, own, common = np.array([[0.0, 1.0]]), 0.5, 100.0
    covariance = np.full((1, 2, 2), common) + np.eye(2) * own
    found = contextual.p_best_of_cells(mean, covariance)
    assert found[0, 1] == pytest.approx(stats.norm.cdf(1 / np.sqrt(2 * own)), abs=0.003)
    independent = np.eye(3)[None] * np.array([0.2, 0.15, 0.3]) ** 2
    found = contextual.p_best_of_cells(np.array([[1.0, 1.1, 0.9]]), independent)
    assert found[0] == pytest.approx([0.2725895718, 0.5091830121, 0.2182274161], abs=0.003)
    assert contextual.p_best_of_cells(np.array([[1.0, -np.inf, 0.9]]), independent)[0, 1] == 0


def test_shares_are_the_same_each_time():
    rng = np.random.default_rng(2)
    people = rng.integers(0, 400, (6, 4)).astype(float)
    given = evidence(people, rng.binomial(people.astype(int), 0.1))
    one, other = (contextual.contextual_posterior(given, [SEGMENTS, ACTIVITIES], True) for _ in range(2))
    np.testing.assert_array_equal(one.p_best, other.p_best)


# Regret (benchmarks/bench_bandits.py) ---------------------------------------------------------------------------------


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    return importlib.import_module("bench_bandits")


def test_regret__half_of_an_even_split(bench):
    """EXPERIMENTS_REFERENCE 7: .44 of an even split's, .49 three days late; of 30 shops, .03 either way."""
    rates = np.tile(bench.RATES, (bench.DAYS, 1))
    [(at_once, error), (late, _)] = [bench.regret(rates, 30, late=days) for days in (0, 3)]
    assert at_once < 0.44 + 3 * error and at_once < late < 0.65


def test_regret__a_sale(bench):
    """Where all arms are better for ten days, an arm is compared with those of its days."""
    sale = np.tile(bench.RATES, (bench.DAYS, 1)) * np.where(np.arange(bench.DAYS) < 10, 2.0, 1.0)[:, None]
    assert bench.regret(sale, 30)[0] < bench.regret(sale, 30, learn=bench.without_days)[0]


def test_regret__segments_that_like_different_creatives(bench):
    rates = np.array([[0.05, 0.07, 0.05]] * 3 + [[0.05, 0.05, 0.07]] * 3)
    plain, by_context = (bench.regret_of_segments(rates, is_contextual, 4)[0] for is_contextual in (False, True))
    assert by_context < 0.9 * plain


def test_time__a_thousand_contexts(bench):
    assert bench.time_shares("contextual", "people") < 5
