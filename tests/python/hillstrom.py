"""The e-mail test of K. Hillstrom (64,000 people, three arms) as a shop: its rows as events and exposures.

What was bought before the e-mail (history) is a purchase before the exposure, so that it is the covariate of spend.
"""

import duckdb
import pytest
import skips
from conftest import REPOSITORY

DATA = REPOSITORY.parent / "shared/data/ab_hillstrom/hillstrom.parquet"
ARMS = {"control": "No E-Mail", "mens": "Mens E-Mail", "womens": "Womens E-Mail"}
BUILD = ["--select", "+group:experiments"]
METRIC = {
    **dict.fromkeys(("denominator", "covariate_days", "winsorize_at", "quantile", "event_type")),
    **{"statistic": "mean", "window_days": "14", "is_guardrail": "true", "higher_is_better": "true"},
}


def metric(name, numerator, event_type="purchase", **given):
    return METRIC | {"metric": name, "numerator": numerator, "event_type": event_type} | given


METRICS = [
    metric("visit", "people", "view", is_guardrail="false"),
    metric("conversion", "people", is_guardrail="false"),
    metric("spend", "value", is_guardrail="false"),
    metric("spend_cuped", "value", covariate_days="60"),
    metric("aov", "value", statistic="ratio", denominator="orders"),
    metric("spend_cut", "value", winsorize_at="0.999"),
    metric("history_50", "value", "watch", statistic="quantile", quantile="0.5"),
    metric("history_90", "value", "watch", statistic="quantile", quantile="0.9"),
]


def people(select="true"):
    """A query of the people: user_id, arm and the columns of the data."""
    if not DATA.exists():
        pytest.skip(f"{skips.NO_DATA}: {DATA}")
    cases = " ".join(f"when '{text}' then '{arm}'" for arm, text in ARMS.items())
    return f"""
        select * from (
            select
                concat('p', row_number() over ()) as user_id,
                case segment {cases} end as arm,
                timestamp '2026-03-01 12:00:00' + interval (row_number() over () % 7) day as shown_at,
                *
            from '{DATA}'
        ) where {select}
    """


def event_rows(people):
    return f"""
        with people as ({people}),
        happened as (
            select user_id, 'exposure' as event_type, null::double as value, shown_at as occurred_at,
                '{{"experiment": "email", "arm": "' || arm || '"}}' as properties
            from people
            union all
            select user_id, 'purchase', history, shown_at - interval 10 day, null from people
            union all
            select user_id, 'watch', history, shown_at + interval 1 day, null from people
            union all
            select user_id, 'view', null, shown_at + interval 2 day, null from people where visit = 1
            union all
            select user_id, 'purchase', spend, shown_at + interval 3 day, null from people where conversion = 1
            union all
            select 'last', 'view', null, timestamp '2026-04-30 12:00:00', null
        )
        select
            concat(user_id, '-', row_number() over (order by user_id, occurred_at, event_type)) as event_id,
            user_id, event_type, case when event_type <> 'exposure' then 'thing' end as item_id, occurred_at, value,
            case when event_type = 'purchase' then concat(user_id, occurred_at) end as order_id, properties
        from happened
    """


def experiment(**given):
    empty = dict.fromkeys(
        ("layer", "layer_from", "layer_to", "unit", "allocation", "metric", "planned_people", "ends_at")
    )
    row = {"experiment_id": "email", "kind": "offer", "salt": None, "stopping": "sequential", "starts_at": "2026-03-01"}
    return empty | row | {"metric": "spend"} | given


def arm(name, share, experiment_id="email", **given):
    empty = dict.fromkeys(("policy", "min_price", "max_price"))
    row = {"experiment_id": experiment_id, "arm": name, "share": repr(share), "value": name, "position": None}
    return empty | row | {"is_control": str(name == "control").lower()} | given


def load_shop(shop, people, experiments=None, arms=None, metrics=None):
    """The shop's tables for these people; experiments and arms by default the e-mail test with equal shares."""
    shop.load(
        events=event_rows(people),
        users=f"select user_id, zip_code as country from ({people})",
        experiments=rows_of(experiments or [experiment()]),
        experiment_arms=rows_of(arms or [arm(name, 1 / 3) for name in ARMS]),
        experiment_metrics=rows_of(metrics or METRICS),
    )
    return shop


def rows_of(rows):
    """A query of rows of text."""
    quoted = [
        ", ".join(f"{'null' if value is None else repr(value)}::varchar as {name}" for name, value in row.items())
        for row in rows
    ]
    return " union all ".join(f"select {row}" for row in quoted)


TABLES = {name: f"raw.{name}" for name in ("experiments", "experiment_arms", "experiment_metrics")}


def values(query):
    """A query's columns as numpy arrays."""
    return duckdb.sql(query).fetchnumpy()
