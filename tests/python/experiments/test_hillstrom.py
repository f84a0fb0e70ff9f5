"""Hillstrom's e-mail test through events and exposures, row by row: against tea-tasting, statsmodels and scipy computed
here, and against recorded figures of gbstats (EXPERIMENTS_REFERENCE.md).
"""

import duckdb
import hillstrom
import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt
from conftest import Shop
from hillstrom import TABLES, load_shop
from scipy import stats
from statsmodels.stats.multitest import multipletests

# Whole shops are built.
pytestmark = pytest.mark.slow

MEANS = ("visit", "conversion", "spend")
# {(arm, metric): bounds and p of gbstats' SequentialTwoSidedTTest, N* 5,000}
SEQUENCES = {
    ("mens", "visit"): (0.06568542916581445, 0.08749369813724804, 2.6809857682e-109),
    ("mens", "spend"): (0.3020656367286, 1.2375886750605, 8.0753740322e-06),
    ("womens", "conversion"): (0.00046145107485529675, 0.0057606639473152185, 0.007219079991386),
    ("womens", "spend"): (0.004647535197626396, 0.8441768966755671, 0.044621658499143),
    ("mens", "aov"): (-37.594355331338, 36.642803173175, 1),
}
# {(arm, metric): effect and standard error of gbstats' QuantileStatistic}
QUANTILES = {
    ("mens", "history_50"): (0.57, 2.5143974516),
    ("mens", "history_90"): (2.62, 7.7771264197),
    ("womens", "history_50"): (3.44, 2.2663156835),
    ("womens", "history_90"): (-2.90, 7.8260823730),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """All are exposed on one day: then there is one look, as in the recorded figures."""
    folder = tmp_path_factory.mktemp("hillstrom")
    people = f"select * replace (timestamp '2026-03-01 12:00:00' as shown_at) from ({hillstrom.people()})"
    shop = load_shop(Shop(folder), people)
    shop.people = people
    return shop.build(*hillstrom.BUILD, tables=TABLES, segment_by="country")


@pytest.fixture(scope="module")
def results(shop):
    """{(arm, metric): row as a dict} of everybody."""
    return rows(shop, "segment_by = ''")


def rows(shop, condition, key=("arm", "metric")):
    with duckdb.connect(shop.database, read_only=True) as connection:
        found = connection.execute(f"select * from experiment_results where {condition}").df().to_dict("records")
    return {tuple(row[column] for column in key): row for row in found}


@pytest.fixture(scope="module")
def analysis(shop):
    """{(arm, metric): tea-tasting's result}"""
    data = hillstrom.values(f"select *, arm as variant from ({shop.people})")
    # Of a pyarrow table tea-tasting's variances differ from run to run (pyarrow 26 with threads).
    table = pd.DataFrame(data)
    normal = {"use_t": False, "equal_var": False}
    metrics = {name: tt.Mean(name, **normal) for name in MEANS}
    metrics["spend_cuped"] = tt.Mean("spend", covariate="history", **normal)
    metrics["aov"] = tt.RatioOfMeans("spend", "conversion", **normal)
    found = tt.Experiment(**metrics).analyze(table, control="control", all_variants=True)
    return {(arm, name): found["control", arm][name] for arm in ("mens", "womens") for name in metrics}


@pytest.mark.parametrize("arm", ["mens", "womens"])
@pytest.mark.parametrize("name", [*MEANS, "spend_cuped", "aov"])
def test_effects__equal_tea_tasting(results, analysis, arm, name):
    ours, theirs = results[arm, name], analysis[arm, name]
    pairs = {
        "control": theirs.control,
        "treatment": theirs.treatment,
        "effect": theirs.effect_size,
        "lower": theirs.effect_size_ci_lower,
        "upper": theirs.effect_size_ci_upper,
        "lift": theirs.rel_effect_size,
        "lift_lower": theirs.rel_effect_size_ci_lower,
        "lift_upper": theirs.rel_effect_size_ci_upper,
    }
    for column, value in pairs.items():
        assert ours[column] == pytest.approx(value, rel=1e-9), column
    assert ours["p"] == pytest.approx(theirs.pvalue, rel=1e-6)


def test_effects__recorded(results):
    """Some figures of the reference, so that tea-tasting may change."""
    row = results["mens", "spend_cuped"]
    assert row["effect"] == pytest.approx(0.7674384994278021, rel=1e-9)
    assert row["standard_error"] == pytest.approx(0.1452150421941146, rel=1e-9)
    assert row["theta"] == pytest.approx(0.0012228965198244433, rel=1e-9)
    assert results["womens", "spend_cuped"]["theta"] == pytest.approx(0.001034651293586206, rel=1e-9)
    assert results["womens", "aov"]["standard_error"] == pytest.approx(12.049240157213942, rel=1e-9)
    assert (row["n_control"], row["n"], results["womens", "spend"]["n"]) == (21306, 21307, 21387)


def test_several_metrics_and_arms__equal_statsmodels(results):
    family = [(arm, name) for arm in ("mens", "womens") for name in MEANS]
    p = [results[key]["p"] for key in family]
    for column, method in {"p_adjusted": "holm", "p_adjusted_bh": "fdr_bh"}.items():
        found = [results[key][column] for key in family]
        np.testing.assert_allclose(found, multipletests(p, method=method)[1], rtol=1e-6)
    # Those that only guard are no part of it.
    assert results["mens", "aov"]["p_adjusted"] == results["mens", "aov"]["p"]


@pytest.mark.parametrize("key", list(SEQUENCES))
def test_sequences__recorded(results, key):
    lower, upper, p = SEQUENCES[key]
    assert results[key]["sequential_lower"] == pytest.approx(lower, rel=1e-9)
    assert results[key]["sequential_upper"] == pytest.approx(upper, rel=1e-9)
    assert results[key]["sequential_p"] == pytest.approx(p, rel=1e-6)


def test_winsorised__recorded(shop, results):
    assert shop.query("select cap from metric_caps") == [(243.66,)]
    mens, womens = results["mens", "spend_cut"], results["womens", "spend_cut"]
    assert mens["effect"] == pytest.approx(0.659157516584104, rel=1e-9)
    assert mens["standard_error"] == pytest.approx(0.11447303798187389, rel=1e-9)
    assert mens["p"] == pytest.approx(8.502056683e-09, rel=1e-6)
    assert womens["effect"] == pytest.approx(0.382916990436148, rel=1e-9)
    assert womens["standard_error"] == pytest.approx(0.10577623785918126, rel=1e-9)
    cut = "select count(*) from ({}) where arm in ('control', 'mens') and spend > 243.66"
    assert mens["n_winsorized"] == hillstrom.values(cut.format(shop.people))["count_star()"][0]


@pytest.mark.parametrize("key", list(QUANTILES))
def test_quantiles__recorded(results, key):
    effect, error = QUANTILES[key]
    assert results[key]["effect"] == pytest.approx(effect, rel=1e-9)
    assert results[key]["standard_error"] == pytest.approx(error, rel=1e-9)


def test_sample_ratio__equals_scipy(shop):
    [(p,)] = shop.query("select value from experiment_checks where check_name = 'srm'")
    assert p == pytest.approx(0.9036929575604196, rel=1e-8)
    counts = shop.query("select n from arm_counts where segment_by = '' order by arm")
    assert p == pytest.approx(stats.chisquare([n for (n,) in counts]).pvalue, rel=1e-8)
    assert shop.query("select check_name from experiment_checks where not is_passed") == []


def test_segments__equal_scipy(shop):
    found = rows(shop, "segment_by = 'segment' and metric = 'visit'", ("arm", "segment"))
    assert found["mens", "Rural"]["n"] + found["mens", "Rural"]["n_control"] == 6382
    for segment in ("Rural", "Surburban", "Urban"):
        of_segment = f"select visit from ({shop.people}) where zip_code = '{segment}' and arm = '{{}}'"
        control, mens = (hillstrom.values(of_segment.format(arm))["visit"] for arm in ("control", "mens"))
        row = found["mens", segment]
        assert row["effect"] == pytest.approx(mens.mean() - control.mean(), rel=1e-9)
        error = np.sqrt(mens.var(ddof=1) / len(mens) + control.var(ddof=1) / len(control))
        assert row["standard_error"] == pytest.approx(error, rel=1e-9)
    # A family of their own: two arms, three metrics, three segments.
    adjusted = rows(shop, "segment_by = 'segment' and not is_guardrail", ("arm", "metric", "segment"))
    assert len(adjusted) == 18
    expected = multipletests([row["p"] for row in adjusted.values()], method="holm")[1]
    np.testing.assert_allclose([row["p_adjusted"] for row in adjusted.values()], expected, rtol=1e-6)


def test_plans__recorded(shop):
    """The smallest effect with 21,306 people per arm, by the control's mean and deviation."""
    plans = {
        metric: (mean, mde * np.sqrt(planned / 42612))
        for metric, mean, mde, planned in shop.query(
            "select metric, base_mean, mde, planned_people from experiment_plans"
        )
    }
    for name, mde in {"visit": 0.008361833773370398, "conversion": 0.0020481419, "spend": 0.3145457662}.items():
        assert plans[name][1] == pytest.approx(mde, rel=1e-8), name
    assert plans["visit"][1] / plans["visit"][0] == pytest.approx(0.07876, rel=1e-3)


def test_moments_add_up(shop):
    """Over days and segments, to what everybody's results are made of."""
    sums = "select sum(n), sum(sum_y), sum(sum_y2) from experiment_moments where metric = 'spend' and segment_by = '{}'"
    everybody = shop.query(sums.format(""))
    for segment_by in ("segment", "activity"):
        [found] = shop.query(sums.format(segment_by))
        assert found == pytest.approx(everybody[0], rel=1e-12)
    spend = hillstrom.values(f"select count(*) n, sum(spend) y, sum(spend * spend) y2 from ({shop.people})")
    assert everybody[0] == pytest.approx([spend["n"][0], spend["y"][0], spend["y2"][0]], rel=1e-12)


def test_verdicts(results):
    verdicts = {key: row["verdict"] for key, row in results.items()}
    assert verdicts["mens", "spend"] == verdicts["womens", "visit"] == "better"
    assert verdicts["mens", "aov"] == verdicts["mens", "history_50"] == "undecided"
    assert all(row["is_valid"] and row["is_newest"] for row in results.values())
