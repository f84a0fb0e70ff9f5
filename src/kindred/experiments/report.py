"""Results and plans as text: rows of experiment_results, experiment_checks and experiment_plans in, lines out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

from kindred.built import BuiltTables, Warehouse
from kindred.connection import as_dicts, quoted

Row = Mapping[str, Any]
RESULTS = (
    "day", "arm", "segment_by", "segment", "metric", "n_control", "n", "control", "treatment", "effect", "lower",
    "upper", "lift", "lift_lower", "lift_upper", "p_adjusted", "sequential_lower", "sequential_upper",
    "sequential_p_adjusted", "is_guardrail", "verdict", "note",
)  # fmt: skip
EXPERIMENTS = ("experiment_id", "kind", "stopping", "metric", "planned_people", "problem", "starts_at", "ends_at")
CHECKS = ("check_name", "value", "bound", "is_passed", "is_decisive", "explanation")
PROBLEMS = ("problem", "source", "n_exposures", "n_people", "explanation")
PLANS = (
    "experiment_id", "metric", "n_people", "base_mean", "base_sd", "people_per_day", "planned_people", "is_declared",
    "mde", "mde_lift", "days_needed",
)  # fmt: skip


def read(connection: Warehouse, table: str, columns: Sequence[str], rest: str = "") -> list[dict[str, Any]]:
    """Rows of one of kindred's tables, as dicts."""
    sql = f"select {', '.join(columns)} from {connection.name(table)} {rest}"
    return as_dicts(columns, connection.rows(sql))


def number(value: Any) -> str:
    """A figure with four significant digits; - = none."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def probability(value: Any) -> str:
    return "-" if value is None else "<.0001" if value < 1e-4 else f"{value:.4f}".lstrip("0") or "0"


def share(value: Any) -> str:
    return "-" if value is None else f"{100 * value:+.1f} %"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows under their header, in columns as wide as their widest cell."""
    widths = [max(len(str(row[place])) for row in [header, *rows]) for place in range(len(header))]
    return ["  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [header, *rows]]  # fmt: skip


def result_lines(experiment: Row, results: Sequence[Row], checks: Sequence[Row], problems: Sequence[Row]) -> list[str]:
    """What `kindred results` says of an experiment. results: of its newest day, of one kind of segment."""
    name = experiment["experiment_id"]
    if experiment["problem"]:
        return [f"{name} can't be used: {experiment['problem']}"]
    until = f" to {experiment['ends_at']:%Y-%m-%d}" if experiment["ends_at"] else ""
    lines = [
        f"{name}: {experiment['kind']}, {experiment['stopping']} stopping,"
        f" from {experiment['starts_at']:%Y-%m-%d}{until}, decided by {experiment['metric']}"
    ]
    is_sequential = experiment["stopping"] == "sequential"
    lower, upper, p = (
        ("sequential_lower", "sequential_upper", "sequential_p_adjusted")
        if is_sequential
        else ("lower", "upper", "p_adjusted")
    )
    if not results:
        lines.append("no results yet: nobody has been exposed for as long as the window of a metric")
    if results:
        [first, *_others] = results
        kind = f", by {first['segment_by']}" if first["segment_by"] else ""
        lines += [f"people exposed until {first['day']:%Y-%m-%d}{kind}; effects with"
                  f" {'always-valid' if is_sequential else 'fixed'} intervals, p after Holm", ""]  # fmt: skip
    rows = [
        [
            *([row["segment"]] if row["segment_by"] else []),
            row["metric"] + (" (guardrail)" if row["is_guardrail"] else ""),
            row["arm"],
            f"{row['n_control']:,} / {row['n']:,}",
            number(row["control"]),
            number(row["treatment"]),
            f"{number(row['effect'])} ({number(row[lower])} to {number(row[upper])})",
            share(row["lift"]),
            probability(row[p]),
            row["verdict"],
            row["note"],
        ]
        for row in sorted(results, key=lambda row: (row["segment"], row["is_guardrail"],
                                                    row["metric"] != experiment["metric"], row["metric"], row["arm"]))
    ]  # fmt: skip
    header = ["metric", "arm", "people", "control", "arm's", "effect", "lift", "p", "verdict", "why"]
    if rows:
        lines += table([*(["segment"] if results[0]["segment_by"] else []), *header], rows)
    lines.append("")
    failed = [check for check in checks if not check["is_passed"]]
    for check in sorted(failed, key=lambda check: (not check["is_decisive"], check["check_name"])):
        word = "FAILS" if check["is_decisive"] else "note"
        lines.append(
            f"check {check['check_name']} {word}: {check['explanation']}"
            f" ({number(check['value'])}, bound {number(check['bound'])})"
        )
    judged = [check for check in checks if check["is_passed"] and check["value"] is not None]
    if judged:
        lines.append(f"checks passed: {', '.join(sorted(check['check_name'] for check in judged))}")
    unjudged = [check["check_name"] for check in checks if check["is_passed"] and check["value"] is None]
    if unjudged:
        lines.append(f"nothing to judge by: {', '.join(sorted(unjudged))}")
    lines += [
        f"{row['n_exposures']:,} exposures ({row['source']}) of {row['n_people']:,} people count for nothing,"
        f" {row['problem']}: {row['explanation']}"
        for row in problems
    ]
    return lines


def show_results(connection: BuiltTables, name: str | None, segment_by: str) -> list[str]:
    """The lines of `kindred results`. Errors: RuntimeError where there is no such experiment."""
    where = f"where experiment_id = '{quoted(name)}'" if name else ""
    with connection.connected():
        experiments = read(connection, "checked_experiments", EXPERIMENTS, f"{where} order by experiment_id")
        if name and not experiments:
            raise RuntimeError(f"there is no experiment '{name}' in the table experiments, or it was not built since")
        lines = [] if experiments else ["there is no experiment: docs/experiments.md says how to declare one"]
        for experiment in experiments:
            one = f"where experiment_id = '{quoted(experiment['experiment_id'])}'"
            newest = f"{one} and is_newest and segment_by = '{quoted(segment_by)}'"
            lines += result_lines(
                experiment,
                read(connection, "experiment_results", RESULTS, newest),
                read(connection, "experiment_checks", CHECKS, one),
                read(connection, "exposure_problems", PROBLEMS, f"{one} order by problem, source"),
            )
            lines.append("")
    return lines[:-1] if lines and not lines[-1] else lines


def people_needed(mean: float, deviation: float, lift: float, alpha: float, power: float) -> float:
    """People of two arms of equal size that show a relative lift of a mean."""
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return 4 * (z * deviation / (lift * mean)) ** 2


def duration(people: float, people_per_day: float | None) -> str:
    return f"{math.ceil(people / people_per_day):,} days" if people_per_day else "-"


def plan_rows(plans: Sequence[Row], lift: float | None, alpha: float, power: float) -> list[list[str]]:
    rows = []
    for plan in plans:
        people, effect, relative = plan["planned_people"], plan["mde"], plan["mde_lift"]
        if lift is not None:
            if not plan["base_mean"]:
                continue
            # Arms of unequal size need more: as the table's own plan says.
            equal = people_needed(plan["base_mean"], plan["base_sd"], plan["mde_lift"], alpha, power)
            people = people_needed(plan["base_mean"], plan["base_sd"], lift, alpha, power) * people / equal
            effect, relative = lift * plan["base_mean"], lift
        rows.append(
            [
                plan["experiment_id"],
                plan["metric"],
                number(plan["base_mean"]),
                number(plan["base_sd"]),
                number(effect),
                share(relative),
                f"{math.ceil(people):,}",
                number(plan["people_per_day"]),
                duration(people, plan["people_per_day"]),
            ]  # fmt: skip
        )
    return rows


def show_plans(connection: BuiltTables, name: str | None, lift: float | None) -> list[str]:
    """The lines of `kindred plan`. Errors: RuntimeError where there is nothing to plan from."""
    where = f"where experiment_id = '{quoted(name)}'" if name else ""
    with connection.connected():
        setting = connection.setting("experiments")
        plans = read(connection, "experiment_plans", PLANS, f"{where} order by experiment_id, metric")
    if not plans:
        raise RuntimeError(
            f"there is no plan{f' of {name}' if name else ''}: declare the experiment with a date in the future and run"
            " dbt build; or give --mean and --sd (of a share only --mean) with --lift"
        )
    header = ["experiment", "metric", "mean", "deviation", "effect", "lift", "people of both arms", "a day", "takes"]
    alpha, power = float(setting["alpha"]), float(setting["power"])
    return [
        *table(header, plan_rows(plans, lift, alpha, power)),
        "",
        f"effects that are found with power {power:g} at alpha {alpha:g}; a sequential test needs up to twice as many",
    ]


def plan_by_hand(mean: float, deviation: float | None, lift: float, per_day: float | None) -> list[str]:
    """A plan without a warehouse, with the defaults of kindred__experiments; a share's deviation follows from it.

    Errors: RuntimeError for figures that can't be planned with.
    """
    if deviation is None and not 0 < mean < 1:
        raise RuntimeError("--mean is no share between 0 and 1: give --sd, the standard deviation per person")
    if mean == 0 or lift == 0:
        raise RuntimeError("--mean and --lift: give numbers other than 0")
    if (deviation is not None and deviation <= 0) or (per_day is not None and per_day <= 0):
        raise RuntimeError("--sd and --people-per-day: give numbers above 0")
    people = people_needed(mean, deviation if deviation is not None else math.sqrt(mean * (1 - mean)), lift, 0.05, 0.8)
    takes = f", {duration(people, per_day)}" if per_day else ""
    return [
        f"{math.ceil(people):,} people in two arms of equal size{takes}: a lift of {share(lift)} is found with"
        " power 0.8 at alpha 0.05; a sequential test needs up to twice as many"
    ]
