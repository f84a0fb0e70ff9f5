"""metrics.json in the serving folder: figures and experiments as agents may read them, while a build writes the tables.

`kindred report` writes the file, whole or not at all. It names nobody, and cells of few people are not in it. Reading
it needs the standard library alone.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from kindred.durable import write_whole
from kindred.report.cells import Row, keep

if TYPE_CHECKING:
    from kindred.report.experiments import Experiment
    from kindred.report.tables import Tables

FILE = "metrics.json"
VERSION = 1
# Newest days of a metric by day.
N_DAYS = 90


@dataclass(frozen=True)
class Metric:
    """Where a metric stands: the table, the column of its value, and what its rows are told apart by.

    error or bounds: the column of its standard error, or those of its interval. people: the column that counts those
    whom the value rests on, n_unit. also_enough: other counts that must reach the smallest cell. parts: rows that add
    up to a total, by the columns that such rows share.
    """

    name: str
    description: str
    unit: str
    table: str
    value: str
    by: tuple[str, ...]
    people: str
    n_unit: str = "people"
    error: str = ""
    bounds: tuple[str, str] | None = None
    rest: str = ""
    also: tuple[str, ...] = ()
    also_enough: tuple[str, ...] = ()
    parts: Callable[[Row], Hashable | None] | None = None


def of_activity(row: Row) -> Hashable | None:
    """cold, warm and hot people are all."""
    if row["user_group"] not in ("cold", "warm", "hot"):
        return None
    return tuple(row[name] for name in ("policy", "generator", "k"))


EVALUATION = {
    "ndcg": ("gain of the liked items in the list, discounted by place, 0 to 1", "share of the ideal list"),
    "recall": ("share of the liked items that stand in the list", "share of liked items"),
    "precision": ("share of the list's items that were liked", "share of the list"),
    "hit_rate": ("share of people with at least one liked item in the list", "share of people"),
}
LISTS = {
    "ctr": ("clicks on lists / impressions of their items", "clicks per impression", "ctr_standard_error"),
    "conversion_rate": ("purchases after a click on a list / impressions", "purchases per impression", ""),
    "revenue_per_list": ("revenue of these purchases / lists", "money per list", ""),
}
# By their names in the semantic layer: (column, meaning, unit, other counts that must be enough).
DAILY = {
    "active_people": ("n_active", "people with an event", "people", ()),
    "new_people": ("n_new", "people with their first event", "people", ("n_new",)),
    "sessions": ("n_sessions", "sessions", "sessions", ()),
    "orders": ("n_orders", "orders", "orders", ("n_orders",)),
    "revenue": ("revenue", "value of purchases", "money", ("n_orders",)),
    "ctr": ("ctr", "clicks / impressions", "clicks per impression", ()),
    "conversion_rate": ("conversion_rate", "orders / sessions", "orders per session", ("n_orders",)),
    "aov": ("aov", "revenue / orders", "money per order", ("n_orders",)),
}
METRICS = [
    *(
        Metric(
            f"offline_{name}",
            f"Offline, in the backtest: {meaning}.",
            unit,
            "evaluation_metrics",
            "value",
            ("policy", "generator", "user_group", "k"),
            "n_users",
            error="standard_error",
            rest=f"where fold = 'backtest' and metric = '{name}' order by policy nulls last, generator nulls first,"
            " user_group, k",
            parts=of_activity,
        )
        for name, (meaning, unit) in EVALUATION.items()
    ),
    *(
        Metric(
            f"list_{name}",
            f"Online, of lists that were shown: {meaning}.",
            unit,
            "list_performance",
            name,
            ("policy", "kind"),
            "n_people",
            error=error,
            rest="where run_id = '' and generator = '' and position = 0 order by policy, kind",
            parts=lambda row: None if row["kind"] == "" else row["policy"],
        )
        for name, (meaning, unit, error) in LISTS.items()
    ),
    Metric(
        "policy_value",
        "Off-policy: what a policy would have earned, had it made the lists of others. Look at is_reliable first.",
        "reward per place or list (clicks)",
        "policy_values",
        "value",
        ("source", "policy", "period", "kind", "estimator"),
        "n_people",
        bounds=("lower", "upper"),
        rest="where period = 'all' order by source, policy, kind, estimator",
        also=("is_reliable", "note"),
    ),
    *(
        Metric(
            name,
            f"By UTC day and segment ('' = all people): {meaning}. n: people active on the day.",
            unit,
            "daily_metrics",
            column,
            ("day", "segment"),
            "n_active",
            error=f"{column}_standard_error" if column in ("ctr", "conversion_rate", "aov") else "",
            rest="where day > (select max(day) from {table}) - " + str(N_DAYS) + " order by day, segment",
            also_enough=enough,
            parts=lambda row: None if row["segment"] == "" else row["day"],
        )
        for name, (column, meaning, unit, enough) in DAILY.items()
    ),
    Metric(
        "retention",
        "Share of a week's new people who were active so many weeks after their first event.",
        "share of people",
        "cohorts",
        "retention",
        ("cohort_week", "age_weeks", "segment"),
        "n_people",
        bounds=("lower", "upper"),
        rest="where retention is not null and age_weeks in (1, 4, 12) order by cohort_week, age_weeks, segment",
        parts=lambda row: None if row["segment"] == "" else (row["cohort_week"], row["age_weeks"]),
    ),
]


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, float) and value != value:
        return None
    return value


def collect(metric: Metric, tables: Tables, z: float) -> dict[str, Any] | None:
    """A metric with its rows; None where its table was not built."""
    if not tables.has(metric.table):
        return None
    columns = [*metric.by, metric.value, metric.people, *(metric.bounds or ()), *metric.also, *metric.also_enough]
    columns += [metric.error] if metric.error else []
    found = tables.rows(metric.table, columns, metric.rest.replace("{table}", tables.connection.name(metric.table)))
    cells = keep(found, [metric.people, *metric.also_enough], tables.smallest_cell, metric.parts)
    rows = []
    for row in cells.rows:
        value = row[metric.value]
        lower, upper = (row[name] for name in metric.bounds) if metric.bounds else (None, None)
        if metric.error and value is not None and row[metric.error] is not None:
            lower, upper = value - z * row[metric.error], value + z * row[metric.error]
        # A generator's own list has no policy, a policy's list no generator.
        shown = {name: "" if row[name] is None else row[name] for name in metric.by} | {
            "value": value,
            "lower": lower,
            "upper": upper,
        }
        shown |= {"n": row[metric.people]} | {name: row[name] for name in metric.also}
        rows.append({name: plain(one) for name, one in shown.items()})
    return {
        "description": metric.description,
        "unit": metric.unit,
        "n_unit": metric.n_unit,
        "rows": rows,
        "n_left_out": cells.n_left_out,
    }


RESULT = ("arm", "metric", "segment_by", "segment", "n_control", "n", "control", "treatment", "effect", "lift",
          "is_guardrail", "verdict", "note")  # fmt: skip


def describe(experiment: Experiment) -> dict[str, Any]:
    """An experiment as agents read it."""

    def result(row: Row) -> Row:
        lower, upper, p = experiment.interval(row)
        return {name: plain(row[name]) for name in RESULT} | {"lower": lower, "upper": upper, "p": p}

    row = experiment.row
    told = ("experiment_id", "kind", "allocation", "stopping", "metric", "starts_at", "ends_at")
    return {name: plain(row[name]) for name in told} | {
        "verdict": experiment.verdict(),
        "sentences": experiment.sentences(),
        # What a check took all verdicts from is no result.
        "results": []
        if experiment.failed
        else [result(one) for one in [*experiment.results.rows, *experiment.segments.rows]],
        "n_left_out": experiment.results.n_left_out + experiment.segments.n_left_out,
        "checks": [
            {name: plain(check[name]) for name in ("check_name", "is_passed", "is_decisive", "explanation")}
            for check in experiment.checks
        ],
    }


def collect_all(tables: Tables, experiments: Sequence[Experiment]) -> dict[str, Any]:
    """The content of metrics.json."""
    z = NormalDist().inv_cdf(1 - tables.alpha / 2)
    found = {metric.name: collect(metric, tables, z) for metric in METRICS}
    builds = tables.rows("builds", ("run_id", "as_of"), "order by started_at desc, run_id limit 1")
    build = {name: plain(value) for name, value in builds[0].items()} if builds else {"run_id": None, "as_of": None}
    published = tables.rows("releases", ("store",), "order by published_at desc, release_id desc limit 1")
    return {
        "version": VERSION,
        "written_at": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S}",
        **build,
        # Where the newest release is: sqlite, postgres or warehouse.
        "store": published[0]["store"] if published else None,
        "level": 1 - tables.alpha,
        "smallest_cell": tables.smallest_cell,
        "metrics": {name: one for name, one in found.items() if one},
        "experiments": [describe(experiment) for experiment in experiments],
    }


def write_metrics(folder: Path, content: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1).encode())
    return path


def read_metrics(folder: Path) -> dict[str, Any]:
    """metrics.json of a folder. Errors: RuntimeError where there is none, or another version wrote it."""
    path = folder / FILE
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RuntimeError(f"there is no {path}: `kindred report` writes it after a build") from None
    except ValueError as error:
        raise RuntimeError(f"{path} can't be read: {error}; `kindred report` writes it again") from error
    if found.get("version") != VERSION:
        raise RuntimeError(f"{path} is of another version: `kindred report` of this version writes it again")
    return found
