"""What each customer will buy and spend in the next 90 days: what the dbt model `customer_values` calls.

Two models compete: BG/NBD with Gamma-Gamma, and gradient boosting on features of the history. Both learn from what lies
before the last period, both predict it, and the one serves whose values rank the people more like what they spent
there. So the choice is made on data that neither has seen, and none of the future.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.matrices import encode_ids, one_blas_thread
from kindred.metrics import lifetimes
from kindred.metrics.lifetimes import Histories
from kindred.warehouse import Relation, Session, read_table, write_table

HORIZON_DAYS = 90
# Boosting needs a period to learn from and one to be evaluated on, both after some history.
LEAST_PERIOD_DAYS = 14
LEAST_BOOSTED_PEOPLE = 200
MOST_BOOSTED_PEOPLE = 100_000
BOOSTING = {
    "loss": "poisson",
    "max_iter": 100,
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 50,
    "early_stopping": False,
    "random_state": 1,
}
SCHEMA = pa.schema(
    [
        ("user_id", pa.string()),
        ("frequency", pa.int64()),
        ("recency_days", pa.int64()),
        ("age_days", pa.int64()),
        ("mean_spend", pa.float64()),
        ("p_active", pa.float64()),
        ("expected_orders", pa.float64()),
        ("expected_spend", pa.float64()),
        ("value_90d", pa.float64()),
        ("churn", pa.float64()),
        ("model", pa.string()),
        ("note", pa.string()),
        ("as_of", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class Purchases:
    """Days with a purchase, one entry each, in the order of person and time.

    person: number of the person, from 0 without gaps. days_ago: days from then to now. spend: money of the day.
    """

    person: np.ndarray
    days_ago: np.ndarray
    spend: np.ndarray

    def __len__(self) -> int:
        return len(self.person)

    def before(self, days: int) -> tuple[Purchases, np.ndarray]:
        """What was there so many days ago, and which persons these were, by their new numbers."""
        is_known = self.days_ago > days
        people, person = np.unique(self.person[is_known], return_inverse=True)
        return Purchases(person, self.days_ago[is_known] - days, self.spend[is_known]), people

    def between(self, days: int, until: int, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Purchase days and spend of these persons from `days` to `until` days ago."""
        is_in = (self.days_ago <= days) & (self.days_ago > until)
        n_people = int(self.person.max()) + 1
        counts = np.bincount(self.person[is_in], minlength=n_people)
        spend = np.bincount(self.person[is_in], self.spend[is_in], minlength=n_people)
        return counts[people].astype(float), spend[people]


@dataclass(frozen=True)
class Prediction:
    """What each person does in the next days: purchase days, spend on one, money, and the probability of nothing."""

    model: str
    orders: np.ndarray
    spend: np.ndarray
    value: np.ndarray
    churn: np.ndarray
    p_active: np.ndarray
    note: str


def customer_values(session: Session, purchase_days: Relation) -> Any:
    """The rows of the dbt model `customer_values`: one per person of `purchase_days`.

    purchase_days: user_id, days_ago, revenue, as_of.
    """
    table = read_table(purchase_days, ["user_id", "days_ago", "revenue", "as_of"])
    if not table.num_rows:
        return write_table(session, SCHEMA, [])
    users, person = encode_ids(table["user_id"])
    days_ago = table["days_ago"].to_numpy().astype(np.int64)
    order = np.lexsort((-days_ago, person))
    spend = table["revenue"].to_numpy().astype(float)
    purchases = Purchases(person[order], days_ago[order], spend[order])
    histories, predicted = summarize(purchases), predict_values(purchases)
    unknown = np.isnan(predicted.p_active)
    columns = [
        users.cast(pa.string()),
        pa.array(histories.frequency.astype(np.int64)),
        pa.array(np.rint(histories.recency * 7).astype(np.int64)),
        pa.array(np.rint(histories.age * 7).astype(np.int64)),
        pa.array(histories.mean_spend, mask=histories.frequency == 0),
        pa.array(predicted.p_active, mask=unknown),
        pa.array(predicted.orders),
        pa.array(predicted.spend),
        pa.array(predicted.value),
        pa.array(predicted.churn),
        pa.array([predicted.model] * len(users)),
        pa.array([predicted.note] * len(users)),
        pa.array([table["as_of"][0].as_py()] * len(users), type=pa.timestamp("us")),
    ]
    return write_table(session, SCHEMA, pa.Table.from_arrays(columns, schema=SCHEMA).to_batches())


def summarize(purchases: Purchases) -> Histories:
    """The histories of all persons, by their number."""
    is_first = np.diff(purchases.person, prepend=-1) > 0
    firsts = np.flatnonzero(is_first)
    lasts = np.append(firsts[1:], len(purchases)) - 1
    frequency = (lasts - firsts).astype(float)
    repeated = np.bincount(purchases.person, np.where(is_first, 0.0, purchases.spend))
    age = purchases.days_ago[firsts] / 7
    recency = (purchases.days_ago[firsts] - purchases.days_ago[lasts]) / 7
    return Histories(frequency, recency, age, repeated / np.maximum(frequency, 1))


def predict_values(purchases: Purchases, days: int = HORIZON_DAYS) -> Prediction:
    """What all persons do in the next `days`, by the model that predicts the last period better."""
    own = predict_by_history(purchases, days)
    # Twice the period lies after the history from which boosting learns to be evaluated.
    period = min(days, int(purchases.days_ago.max()) // 3)
    past, people = purchases.before(period)
    earlier, _ = past.before(period)
    if period < LEAST_PERIOD_DAYS or own.model == "shrunk_mean" or n_people(earlier) < LEAST_BOOSTED_PEOPLE:
        return with_note(own, "too little history to compare it with gradient boosting")
    n_days, spend = purchases.between(period, 0, people)
    truth = spend if spend.any() else n_days
    candidates = [predict_by_history(past, period), predict_by_boosting(past, period, period)]
    scores = [rank_correlation(candidate.value, truth) for candidate in candidates]
    best = 1 if scores[1] > scores[0] else 0
    chosen = predict_by_boosting(purchases, period, days) if best else own
    found = ", ".join(f"{one.model} {score:.3f}" for one, score in zip(candidates, scores, strict=True))
    return with_note(chosen, f"chosen by the rank correlation with the value of the last {period} days: {found}")


def n_people(purchases: Purchases) -> int:
    """How many persons there are."""
    return int(purchases.person.max()) + 1 if len(purchases) else 0


def with_note(prediction: Prediction, text: str) -> Prediction:
    """A prediction that says something more of its model."""
    notes = [text, prediction.note]
    parts = {name: getattr(prediction, name) for name in prediction.__dataclass_fields__}
    return Prediction(**parts | {"note": "; ".join(note for note in notes if note)})


def predict_by_history(purchases: Purchases, days: int) -> Prediction:
    """By BG/NBD and Gamma-Gamma, or by what stands in for them (`lifetimes`)."""
    histories = summarize(purchases)
    frequency, money = lifetimes.fit_purchases(histories), lifetimes.fit_spend(histories)
    orders = lifetimes.expected_purchases(frequency, histories, days / 7)
    spend = lifetimes.expected_spend(money, histories)
    return Prediction(
        model=frequency.name,
        orders=orders,
        spend=spend,
        value=orders * spend,
        churn=np.clip(lifetimes.p_no_purchase(frequency, histories, days / 7), 0.0, 1.0),
        p_active=lifetimes.p_active(frequency, histories),
        note="; ".join(note for note in (frequency.note, money.note) if note),
    )


def predict_by_boosting(purchases: Purchases, period: int, days: int) -> Prediction:
    """By gradient boosting, which learns the purchase days of the last `period` from the history before it.

    Spend and the probability to be active are those of the models of histories. Longer than the period counts in
    proportion.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    past, people = purchases.before(period)
    learned, target = features(past), purchases.between(period, 0, people)[0]
    if len(people) > MOST_BOOSTED_PEOPLE:
        chosen = np.random.default_rng(0).choice(len(people), MOST_BOOSTED_PEOPLE, replace=False)
        learned, target = learned[chosen], target[chosen]
    own = predict_by_history(purchases, days)
    if not target.any():
        return own
    # Threads that wait for a busy core take ten times as long as one.
    with one_blas_thread(), threadpool_limits(limits=1, user_api="openmp"):
        booster = HistGradientBoostingRegressor(**BOOSTING).fit(learned, target)
        orders = booster.predict(features(purchases)) * days / period
    return Prediction(
        model="gradient_boosting",
        orders=orders,
        spend=own.spend,
        value=orders * own.spend,
        churn=np.exp(-orders),
        p_active=own.p_active,
        note=own.note,
    )


def features(purchases: Purchases) -> np.ndarray:
    """What boosting sees of each person: one row per person, nan where there is nothing to see.

    Purchase days and spend in all and of late, days since the last one, their mean gap and its spread, and how the
    silence compares with it.
    """
    histories = summarize(purchases)
    person, ago, spend = purchases.person, purchases.days_ago, purchases.spend
    n = len(histories)
    is_first = np.diff(person, prepend=-1) > 0
    gap = np.where(is_first, 0.0, -np.diff(ago, prepend=0)).astype(float)
    days = histories.frequency + 1
    age, silence = histories.age * 7, (histories.age - histories.recency) * 7
    total = np.bincount(person, spend, minlength=n)
    lasts = np.append(np.flatnonzero(is_first)[1:], len(person)) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_gap = histories.recency * 7 / histories.frequency
        squares = np.bincount(person, gap**2, minlength=n) - histories.frequency * mean_gap**2
        spread = np.sqrt(np.maximum(squares, 0.0) / (histories.frequency - 1))
        columns = [days, silence, age, total, total / days, spend[lasts], mean_gap, spread, silence / mean_gap]
    columns.append(days / (age + 28))
    for window in (30, 90, 180):
        is_late = ago <= window
        columns.append(np.bincount(person[is_late], minlength=n))
        if window > 30:
            columns.append(np.bincount(person[is_late], spend[is_late], minlength=n))
    rows = np.column_stack(columns).astype(float)
    rows[~np.isfinite(rows)] = np.nan
    return rows


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation; 0 where one of them is the same for all. Neither has a nan."""
    from scipy.stats import rankdata

    ranks = rankdata(one), rankdata(other)
    if ranks[0].std() == 0 or ranks[1].std() == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])
