"""The statistics as SQL: against scipy and statsmodels, on both warehouses."""

import json
import re

import duckdb
import numpy as np
import pytest
from conftest import run_dbt
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

ALPHA = 0.05
# (n, planned people): the bound of confseq.boundaries.normal_mixture_bound at alpha .05 (EXPERIMENTS_REFERENCE.md).
BOUNDS = {(2000, 5000): 139.69964791354485, (42613, 5000): 664.7979784926193, (42613, 42613): 626.5556562884976}
TAILS = [0.0, 0.1, 0.5, 1.0, 1.959963984540054, 3.0, 5.0, 7.0, 7.0710678, 7.08, 8.3, 12.0, 20.0, 30.0, 36.0]
PROBABILITIES = [1e-300, 1e-50, 1e-12, 1e-6, 0.001, 0.025, 0.07, 0.075, 0.2, 0.5, 0.6, 0.925, 0.95, 0.975, 0.999999]
CHI2 = [1e-6, 0.1, 0.20253125, 1.0, 3.84, 10.0, 50.0, 200.0, 1000.0]
# k of n: the shares whose intervals are computed.
SHARES = [(3894, 21307), (0, 5), (5, 5), (1, 2), (7, 1000000)]
P_VALUES = [0.01, 0.04, 0.0005, 0.03, 0.04, 0.9, None, 1e-200]


def macro(name, *arguments, **named):
    given = [repr(argument) for argument in arguments] + [f"{key}={value!r}" for key, value in named.items()]
    return f"{{{{ kindred.{name}({', '.join(given)}) }}}}"


def column(values, name="x"):
    """A query of one column of numbers with their places; text is how both warehouses read them exactly."""
    rows = (
        f"select {place} as place, {'null' if value is None else repr(str(value))}::double as {name}"
        for place, value in enumerate(values)
    )
    return " union all ".join(rows)


def questions():
    """{name: query of one column `answer`, in the order of `place`}"""
    tails, chi2 = column(TAILS), [(x, df) for x in CHI2 for df in range(1, 21)]
    pairs = " union all ".join(
        f"select {place} as place, '{x}'::double as x, {df} as df" for place, (x, df) in enumerate(chi2)
    )
    bounds = " union all ".join(
        f"select {place} as place, {n} as n, {planned} as planned" for place, (n, planned) in enumerate(BOUNDS)
    )
    half_width = macro("sequence_half_width", "1.0e0", "n", "planned")
    adjusted = macro("adjusted_p", "given", "family", ["p"], "place")
    asked = {
        "tail": f"select place, {macro('normal_tail', 'x')} as answer from ({tails}) as given",
        "two_sided": f"select place, {macro('two_sided_p', 'x')} as answer from ({column([-1.5, 9.0, None])}) as given",
        "quantile": f"select place, {macro('normal_quantile', 'x')} as answer from ({column(PROBABILITIES)}) as given",
        "chi2": f"select place, {macro('chi2_tail', 'x', 'df')} as answer from ({pairs}) as given",
        "half_width": f"select place, {half_width} as answer from ({bounds})",
        "sequence_p": f"select place, {macro('sequence_p', 'x', '5000', '4000')} as answer from ({tails})",
    }
    shares = " union all ".join(f"select {place} as place, {k} as k, {n} as n" for place, (k, n) in enumerate(SHARES))
    for side in ("lower", "upper"):
        asked[side] = f"select place, {macro('wilson_bound', 'k', 'n', side)} as answer from ({shares}) as given"
    for name in ("p_holm", "p_bh"):
        asked[name] = (
            f"with given as (select 'f' as family, * from ({column(P_VALUES, 'p')}) as rows_of), {adjusted} "
            f"select place, {name} as answer from adjusted"
        )
    return asked


@pytest.fixture(scope="module", params=["duckdb", pytest.param("snowflake", marks=pytest.mark.snowflake)])
def answers(request, tmp_path_factory):
    """{name: list of answers}, of a warehouse."""
    cursor = request.getfixturevalue("snowflake").cursor() if request.param == "snowflake" else None
    asked = questions()
    sql = " union all ".join(
        f"select '{name}' as name, place, answer from ({query}) as q" for name, query in asked.items()
    )
    folder = tmp_path_factory.mktemp(request.param)
    result = run_dbt(
        *("compile", "--inline", sql, "--quiet", "--target", request.param, "--output", "json"),
        target=folder,
        database=folder / "x.duckdb",
    )
    assert result.returncode == 0, result.output
    compiled = json.loads(re.search(r"\{.*\}", result.printed, re.DOTALL).group())["compiled"]
    rows = (cursor or duckdb).execute(f"select * from ({compiled}) as q order by name, place").fetchall()
    found = {}
    for name, _place, answer in rows:
        found.setdefault(name, []).append(answer)
    return found


def test_normal_tail(answers):
    np.testing.assert_allclose(answers["tail"], stats.norm.sf(TAILS), rtol=9e-9)
    np.testing.assert_allclose(answers["two_sided"][:2], 2 * stats.norm.sf([1.5, 9.0]), rtol=9e-9)
    assert answers["two_sided"][2] is None


def test_normal_quantile(answers):
    expected = stats.norm.ppf(PROBABILITIES)
    np.testing.assert_allclose(answers["quantile"], expected, rtol=3e-15, atol=3e-15)


def test_chi2_tail(answers):
    expected = [stats.chi2.sf(x, df) for x in CHI2 for df in range(1, 21)]
    np.testing.assert_allclose(answers["chi2"], expected, rtol=9e-9)


def test_wilson_bound(answers):
    expected = [proportion_confint(k, n, method="wilson") for k, n in SHARES]
    found = list(zip(answers["lower"], answers["upper"], strict=True))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found[0], (0.17762499082, 0.18800306164), rtol=1e-10)


def test_sequence(answers):
    """The bound of confseq is of a sum, ours of a mean with a standard error of 1."""
    widths = [bound / np.sqrt(n) for (n, _planned), bound in BOUNDS.items()]
    np.testing.assert_allclose(answers["half_width"], widths, rtol=1e-13)
    spread = 5000 * (-2 * np.log(ALPHA) + np.log(1 - 2 * np.log(ALPHA))) / 4000
    z = np.array(TAILS)
    expected = np.minimum(1, np.exp(np.log(spread + 1) / 2 - z**2 * spread / (2 * (spread + 1))))
    np.testing.assert_allclose(answers["sequence_p"], expected, rtol=1e-12)
    # The p is at alpha where the interval touches zero.
    half = np.sqrt(2 * (spread + 1) / spread * np.log(np.sqrt(spread + 1) / ALPHA))
    at_border = np.exp(np.log(spread + 1) / 2 - half**2 * spread / (2 * (spread + 1)))
    assert at_border == pytest.approx(ALPHA)


@pytest.mark.parametrize(("name", "method"), [("p_holm", "holm"), ("p_bh", "fdr_bh")])
def test_adjusted_p(answers, name, method):
    given = [p for p in P_VALUES if p is not None]
    found = [p for p in answers[name] if p is not None]
    np.testing.assert_allclose(found, multipletests(given, method=method)[1], rtol=1e-12)
    assert [p is None for p in answers[name]] == [p is None for p in P_VALUES]
