"""Models of purchase histories against lifetimes and recorded figures, on CDNOW and a real shop."""

import importlib.util
import os
import warnings
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import REPOSITORY, run_model
from scipy.stats import spearmanr
from skips import NO_DATA
from sklearn.metrics import roc_auc_score

from kindred.metrics import customer_values, lifetimes
from kindred.metrics.customer_values import Purchases, predict_by_history, predict_values, summarize
from kindred.metrics.lifetimes import Histories

# EXPERIMENTS_REFERENCE.md, 5: lifetimes 0.11.3, and a likelihood of one's own with scipy.
BG_NBD = (0.24259292828, 4.41353226527, 0.79288596644, 2.42575238263)
LOG_LIKELIHOOD = -9582.425560567
# (frequency, recency, age): expected purchases in 39 weeks, probability to be active.
EXPECTED = {
    (2, 30.43, 38.86): (1.22591042417, 0.72660913680),
    (0, 0, 38.86): (0.19478085794, 1),
    (5, 20, 38.86): (1.09386157894, 0.28730903281),
}
GAMMA_GAMMA = (6.24880249607, 3.74458846092, 15.44774806494)
SPEND_OF_TWO_AT_50 = 47.32981368432
DATA = Path(os.environ.get("KINDRED_DATA", REPOSITORY.parent / "shared/data")) / "uci_online_retail"


def histories(frequency, recency, age, mean_spend=None):
    zeros = np.zeros(len(frequency))
    parts = (frequency, recency, age, zeros if mean_spend is None else mean_spend)
    return Histories(*(np.asarray(part, dtype=float) for part in parts))


def read_cdnow(name):
    """A file that comes with the package lifetimes, whose own reader needs setuptools."""
    folder = Path(importlib.util.find_spec("lifetimes").origin).parent / "datasets"
    return pd.read_csv(folder / f"{name}.csv")


@pytest.fixture(scope="module")
def cdnow():
    frame = read_cdnow("cdnow_customers_summary")
    return histories(frame["frequency"], frame["recency"], frame["T"])


def test_bg_nbd__is_that_of_lifetimes(cdnow):
    fit = lifetimes.fit_purchases(cdnow)
    assert fit.name == "bg_nbd" and fit.note == ""
    np.testing.assert_allclose(fit.parameters, BG_NBD, rtol=1e-4)
    assert fit.log_likelihood == pytest.approx(LOG_LIKELIHOOD, abs=1e-6)
    asked = histories(*zip(*EXPECTED, strict=True))
    expected, active = zip(*EXPECTED.values(), strict=True)
    np.testing.assert_allclose(lifetimes.expected_purchases(fit, asked, 39), expected, rtol=1e-4)
    np.testing.assert_allclose(lifetimes.p_active(fit, asked), active, rtol=1e-4)


def test_bg_nbd__everybody_as_lifetimes_itself_expects(cdnow):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter

        model = BetaGeoFitter().fit(cdnow.frequency, cdnow.recency, cdnow.age)
        theirs = model.conditional_expected_number_of_purchases_up_to_time(
            39, cdnow.frequency, cdnow.recency, cdnow.age
        )
        alive = model.conditional_probability_alive(cdnow.frequency, cdnow.recency, cdnow.age)
    fit = lifetimes.fit_bg_nbd(cdnow)
    np.testing.assert_allclose(lifetimes.expected_purchases(fit, cdnow, 39), theirs, rtol=1e-4)
    np.testing.assert_allclose(lifetimes.p_active(fit, cdnow), alive, rtol=1e-4)


def test_no_purchase__as_simulated_people_do(cdnow):
    """People of known parameters live on: those of one history who stay silent for 39 weeks are as many as told."""
    r, alpha, a, b = 2.0, 10.0, 1.5, 4.0
    generator = np.random.default_rng(7)
    n = 400_000
    rate, leaves = generator.gamma(r, 1 / alpha, n), generator.beta(a, b, n)
    now, until = 20.0, 59.0
    time, purchases, last = np.zeros(n), np.zeros(n), np.zeros(n)
    later, is_active = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    while is_active.any():
        time = np.where(is_active, time + generator.exponential(1 / rate), np.inf)
        before = is_active & (time <= now)
        purchases, last = purchases + before, np.where(before, time, last)
        later |= is_active & (time > now) & (time <= until)
        is_active &= (time <= until) & (generator.random(n) >= leaves)
    fit = lifetimes.Fit("bg_nbd", (r, alpha, a, b))
    asked = histories(purchases, last, np.full(n, now))
    told = lifetimes.p_no_purchase(fit, asked, until - now)
    for frequency in (0, 1, 3, 6):
        group = purchases == frequency
        assert told[group].mean() == pytest.approx(1 - later[group].mean(), abs=4 * 0.5 / np.sqrt(group.sum()))


def test_gamma_gamma__is_that_of_lifetimes():
    frame = read_cdnow("cdnow_customers_summary_with_transactions")
    people = histories(frame["x"], frame["t_x"], frame["T"], frame["zbar"])
    fit = lifetimes.fit_spend(people)
    assert (fit.name, fit.note, (people.mean_spend > 0).sum()) == ("gamma_gamma", "", 946)
    np.testing.assert_allclose(fit.parameters, GAMMA_GAMMA, rtol=1e-4)
    [spend, of_the_shop] = lifetimes.expected_spend(fit, histories([2, 0], [1, 0], [9, 9], [50, 0]))
    p, q, v = GAMMA_GAMMA
    assert spend == pytest.approx(SPEND_OF_TWO_AT_50, rel=1e-4)
    assert of_the_shop == pytest.approx(p * v / (q - 1), rel=1e-4)


def test_spend__without_a_mean_is_shrunk_and_a_correlation_is_told():
    """Spend of so heavy a tail that Gamma-Gamma has no mean, and more of it for those who buy often."""
    generator = np.random.default_rng(3)
    frequency = generator.integers(1, 9, 3000).astype(float)
    heavy = histories(frequency, frequency, frequency + 5, 1 / generator.gamma(0.4, 1, 3000))
    fit = lifetimes.fit_spend(heavy)
    assert fit.name == "shrunk_mean" and "Gamma-Gamma has no mean (q " in fit.note
    shop = float((frequency @ heavy.mean_spend) / frequency.sum())
    expected = (frequency * heavy.mean_spend + 2 * shop) / (frequency + 2)
    np.testing.assert_allclose(lifetimes.expected_spend(fit, heavy), expected)

    told = lifetimes.fit_spend(histories(frequency, frequency, frequency + 5, 10 * frequency + generator.random(3000)))
    assert "who buys often spends more (correlation 1.00)" in told.note


def test_subscribers__who_pay_every_month_have_values():
    """All buy at one pace, and some left: BG/NBD has no shape of rates, and its formulas would be nan."""
    began = np.random.default_rng(4).integers(45, 210, 300)
    paid = [(person, days, 20.0) for person, first in enumerate(began) for days in range(first, person % 3 * 20, -30)]
    purchases = Purchases(*(np.array(column) for column in zip(*paid, strict=True)))
    own = predict_by_history(purchases, 90)
    assert own.model == "nbd" and "all buy at one pace" in own.note and np.isfinite(own.value).all()
    predicted = predict_values(purchases)
    assert np.isfinite(predicted.value).all() and (predicted.value >= 0).all() and "nan" not in predicted.note


def test_few_people__rates_are_shrunk_to_the_shops():
    people = histories([0, 3], [0, 4], [5, 5], [0, 20])
    fit = lifetimes.fit_purchases(people)
    assert fit.name == "shrunk_mean" and "2 people bought and 1 of them again" in fit.note
    # 3 purchases in 10 weeks: as if each had bought once in 10 / 3 weeks before.
    np.testing.assert_allclose(lifetimes.expected_purchases(fit, people, 10), [10 / (10 / 3 + 5), 40 / (10 / 3 + 5)])
    assert np.isnan(lifetimes.p_active(fit, people)).all()


def test_the_table(tmp_path):
    """People of one purchase, of two on a day, without money; nobody at all; in whatever order rows come."""
    rows = [("u2", 40, 0.0), ("u1", 3, 5.0), ("u1", 30, 7.0), ("u1", 10, 9.0)]
    connection = duckdb.connect()
    as_of = datetime(2026, 5, 15)
    columns = f"user_id varchar, days_ago bigint, revenue double, as_of timestamp default '{as_of}'"
    connection.execute(f"create table purchase_days ({columns})")
    run_model(connection, "customer_values", {})
    assert connection.execute("select count(*) from customer_values").fetchall() == [(0,)]
    found = []
    for order in (rows, rows[::-1]):
        connection.execute("delete from purchase_days")
        connection.executemany("insert into purchase_days (user_id, days_ago, revenue) values (?, ?, ?)", order)
        run_model(connection, "customer_values", {})
        found.append(connection.execute("from customer_values order by user_id").fetchall())
    assert found[0] == found[1]
    [first, second] = found[0]
    assert first[:5] == ("u1", 2, 27, 30, 7.0) and second[:6] == ("u2", 0, 0, 40, None, None)
    assert first[8] == pytest.approx(first[6] * first[7]) and min(*first[6:10], *second[6:10]) >= 0
    assert first[10] == second[10] == "shrunk_mean" and "too little history" in first[11]
    assert first[12] == second[12] == as_of


def retail():
    """(purchase days of the shop as of 2011-08-31, the number of the person of each); after it days_ago is below 1."""
    if not DATA.is_dir():
        pytest.skip(f"{NO_DATA}: there is no {DATA}, set KINDRED_DATA to the folder that has uci_online_retail")
    table = duckdb.sql(f"""
        select
            cast(CustomerID as varchar) as user_id, date '2011-08-31' - cast(InvoiceDate as date) as days_ago,
            sum(Quantity * UnitPrice) as revenue
        from '{DATA}/online_retail_2010_2011.parquet'
        where CustomerID is not null and Quantity > 0 and UnitPrice > 0
        group by all
        order by user_id, days_ago desc
    """).to_arrow_table()
    return table, np.unique(table["user_id"].to_numpy(), return_inverse=True)[1]


def test_a_real_shop__the_better_model_serves_and_the_other_is_named():
    """Chosen on what lies before 2011-08-31 alone, evaluated on 91 days after. Bounds: EXPERIMENTS_REFERENCE, 5."""
    table, person = retail()
    everything = Purchases(person, table["days_ago"].to_numpy(), table["revenue"].to_numpy())
    past, people = everything.before(0)
    orders, spend = everything.between(0, -91, people)
    assert len(people) == 3312

    predicted = predict_values(past, 91)
    assert predicted.model == "gradient_boosting"
    assert "chosen by the rank correlation with the value of the last 91 days: nbd 0.4" in predicted.note
    assert "BG/NBD is degenerate (a " in predicted.note and np.isnan(predicted.p_active).all()
    assert roc_auc_score(orders > 0, 1 - predicted.churn) >= 0.731
    assert spearmanr(predicted.value, spend)[0] >= 0.515
    best = np.argsort(-predicted.value, kind="stable")[: len(people) // 10]
    assert spend[best].sum() / spend.sum() >= 0.555
    for values in (predicted.orders, predicted.spend, predicted.value):
        assert np.isfinite(values).all() and (values >= 0).all()
    assert ((predicted.churn >= 0) & (predicted.churn <= 1)).all()

    # As in the reference, which has a day less at either end.
    other = predict_by_history(past, 91)
    assert other.orders.sum() == pytest.approx(3287.7, rel=0.01)
    assert roc_auc_score(orders > 0, 1 - np.exp(-other.orders)) == pytest.approx(0.731, abs=0.001)


def test_the_choice_looks_at_nothing_that_comes_after():
    """What the model of the table is told ends at as_of: more rows after it change nothing."""
    table, _ = retail()
    table = table.filter(pa.compute.greater(table["days_ago"], 0))
    keep = table["days_ago"].to_numpy() > 91
    earlier, _ = Purchases(
        np.unique(table["user_id"].to_numpy(), return_inverse=True)[1],
        table["days_ago"].to_numpy(),
        table["revenue"].to_numpy(),
    ).before(91)
    rows = table.filter(pa.array(keep))
    person = np.unique(rows["user_id"].to_numpy(), return_inverse=True)[1]
    same = Purchases(person, rows["days_ago"].to_numpy() - 91, rows["revenue"].to_numpy())
    for one, other in ((earlier.person, same.person), (earlier.days_ago, same.days_ago), (earlier.spend, same.spend)):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(customer_values.features(earlier), customer_values.features(same))
    assert len(summarize(earlier)) == int(person.max()) + 1
