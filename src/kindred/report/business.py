"""The third section: the shop's figures, who comes back, what people are worth, what they use, what lists bring."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kindred.report.cells import Cells, Row, keep
from kindred.report.charts import (
    Mark,
    Series,
    count,
    day_of,
    figure,
    grid,
    heat_table,
    interval_text,
    lines_chart,
    number,
    rows_chart,
    short_day,
    table,
)
from kindred.report.sections import Section, z_of
from kindred.report.tables import Tables

N_DAYS = 91
N_WEEKS = 12
N_FEATURES = 12
ADDITIVE = ("n_active", "n_new", "n_sessions", "n_impressions", "n_clicks", "n_orders", "revenue", "watch_seconds")
RATIOS = {
    "ctr": ("n_clicks", "n_impressions"),
    "conversion_rate": ("n_orders", "n_sessions"),
    "aov": ("revenue", "n_orders"),
}
DAYS = ("day", *ADDITIVE, *RATIOS, *(f"{name}_standard_error" for name in RATIOS))


@dataclass(frozen=True)
class Daily:
    """A figure by day. rests_on: the columns that must reach the smallest cell; noun: what its n counts, a column."""

    column: str
    title: str
    unit: str
    noun: tuple[str, str]
    rests_on: tuple[str, ...] = ("n_active",)
    is_share: bool = False


FIGURES = (
    Daily("n_active", "Active people", "people a day", ("n_active", "days of people"), is_share=False),
    Daily("n_sessions", "Sessions", "sessions a day", ("n_sessions", "sessions")),
    Daily("n_orders", "Orders", "orders", ("n_orders", "orders"), ("n_active", "n_orders")),
    Daily("revenue", "Revenue", "money", ("n_orders", "orders"), ("n_active", "n_orders")),
    Daily("ctr", "Click rate", "clicks per impression", ("n_impressions", "impressions"), is_share=True),
    Daily("conversion_rate", "Conversion", "orders per session", ("n_sessions", "sessions"), is_share=True),
    Daily("aov", "Order value", "money per order", ("n_orders", "orders"), ("n_active", "n_orders")),
    Daily("watch_seconds", "Watch time", "seconds", ("n_active", "days of people")),
)


def business(tables: Tables) -> Section:
    figures = [
        grid(daily_figures(tables), "16rem"),
        grid([cohorts_figure(tables)], "100%"),
        grid([*value_figures(tables), *adoption_figures(tables), *list_value_figures(tables)], "22rem"),
    ]
    return Section(
        "business",
        "Business",
        "The shop's figures over the last quarter, who came back, what people are expected to be worth, and what the "
        "lists brought.",
        [part for part in figures if part],
        "The room metrics is not built, or nothing happened before the as-of date.",
    )


# Days -------------------------------------------------------------------------------------------------------------


def by_week(rows: Sequence[Row]) -> list[Row]:
    """Whole weeks of days, from Monday on; ratios are those of the sums."""
    weeks: dict[datetime.date, list[Row]] = {}
    for row in rows:
        day = day_of(row["day"])
        weeks.setdefault(day - datetime.timedelta(days=day.weekday()), []).append(row)
    found = []
    for monday, days in sorted(weeks.items()):
        if len(days) < 7:
            continue
        week: Row = {"day": monday} | {name: sum(row[name] or 0 for row in days) for name in ADDITIVE}
        for name, (above, below) in RATIOS.items():
            week |= {name: week[above] / week[below] if week[below] else None, f"{name}_standard_error": None}
        found.append(week)
    return found


def daily_figures(tables: Tables) -> list[str]:
    """A figure each, by day, or by week where most days rest on too few."""
    smallest, z = tables.smallest_cell, z_of(tables)
    rows = tables.rows("daily_metrics", DAYS, f"where segment = '' order by day desc limit {N_DAYS}")[::-1]
    found = []
    for one in FIGURES:
        of_days = [row for row in rows if row[one.column] is not None]
        # What a shop doesn't have, such as films to watch.
        if not any(row[one.column] for row in of_days):
            continue
        cells, period = keep(of_days, one.rests_on, smallest), "day"
        if len(cells.rows) < 0.8 * len(of_days):
            cells, period = keep(by_week(of_days), one.rests_on, smallest), "week"
        if len(cells.rows) < 2:
            continue
        points = []
        for row in cells.rows:
            value: Any = row[one.column]
            error: Any = row.get(f"{one.column}_standard_error")
            lower = upper = None
            if error is not None:
                lower, upper = max(0, value - z * error), value + z * error
            points.append((row["day"], value, lower, upper))
        column, noun = one.noun
        newest = cells.rows[-1]
        found.append(
            figure(
                f"{one.title} by {period}",
                lines_chart(
                    [Series(one.title, points)],
                    with_zero=True,
                    is_share=one.is_share,
                    max_gap_days=7 if period == "week" else 1,
                    height="7rem",
                ),
                f"{count(sum(row[column] for row in cells.rows))} {noun}",
                one.unit,
                f"The last {period}: {interval_text(newest[one.column], None, None, one.is_share)[0]}.",
                cells.n_left_out,
                smallest,
            )
        )
    return found


# People -----------------------------------------------------------------------------------------------------------


def cohorts_figure(tables: Tables) -> str:
    """Who came back, by the week of the first visit and its age."""
    smallest = tables.smallest_cell
    rows = tables.rows(
        "cohorts", ("cohort_week", "age_weeks", "n_people", "n_active", "retention"),
        f"where segment = '' and age_weeks <= {N_WEEKS} order by cohort_week, age_weeks",
    )  # fmt: skip
    weeks = list(dict.fromkeys(row["cohort_week"] for row in rows))[-N_WEEKS:]
    cells = keep([row for row in rows if row["cohort_week"] in weeks and row["age_weeks"] > 0], ["n_people"], smallest)
    shares = {(row["cohort_week"], row["age_weeks"]): row["retention"] for row in cells.rows}
    people = {row["cohort_week"]: row["n_people"] for row in cells.rows}
    ages = sorted({age for _, age in shares})
    if not ages or not any(share is not None for share in shares.values()):
        return ""
    return figure(
        "Who came back",
        heat_table(
            "week of",
            [str(age) for age in ages],
            [(short_day(week), [shares.get((week, age)) for age in ages]) for week in weeks if week in people],
        ),
        f"{count(sum(people.values()))} people in {count(len(people), 'cohort')}",
        "percent of a cohort that was active, by weeks since its first visit",
        "A blank week is not over yet.",
        cells.n_left_out,
        smallest,
    )


def value_figures(tables: Tables) -> list[str]:
    """What customers are expected to bring in 90 days, by how likely it is that they still are customers.

    Where the model doesn't tell (p_active is null), by fifths of the customers instead.
    """
    if not tables.has("customer_values"):
        return []
    smallest = tables.smallest_cell
    place = tables.connection.name("customer_values")
    bins = {
        "by the chance to be still active": ("least(4, floor(p_active * 5))", "p_active is not null"),
        "by fifths of the customers": ("5 - ntile(5) over (order by value_90d desc, user_id)", "value_90d is not null"),
    }
    for by, (bin_of, known) in bins.items():
        rows = tables.select(
            f"""
            select bin, count(*), avg(value_90d), sum(value_90d)
            from (select {bin_of} as bin, value_90d from {place} where {known}) as binned
            group by bin
            order by bin desc
            """,
            ("bin", "n", "mean", "total"),
        )
        cells = keep(rows, ["n"], smallest, lambda row: "all")
        if cells:
            return [value_figure(tables, by, cells)]
    return []


def value_figure(tables: Tables, by: str, cells: Cells) -> str:
    total = sum(row["total"] or 0 for row in cells.rows)
    names = {4: "the first fifth", 3: "second", 2: "third", 1: "fourth", 0: "the last fifth"}
    marks = [
        Mark(
            names[int(row["bin"])] if "fifths" in by else f"{20 * row['bin']:.0f} to {20 * row['bin'] + 20:.0f} %",
            row["mean"],
            told=number(row["mean"]),
            told_more=f"{100 * row['total'] / total:.0f} % of all value" if total else "",
            more=count(row["n"], "person", "people"),
        )
        for row in cells.rows
    ]
    place = tables.connection.name("customer_values")
    models = [name for (name,) in tables.connection.rows(f"select model from {place} group by model order by model")]
    return figure(
        f"Customer value {by}",
        rows_chart(marks, with_zero=True, as_bars=True),
        f"{count(sum(row['n'] for row in cells.rows))} customers",
        "money per person expected in 90 days",
        f"Model: {', '.join(str(name) for name in models)}.",
        cells.n_left_out,
        tables.smallest_cell,
    )


def adoption_figures(tables: Tables) -> list[str]:
    """Who has used what."""
    smallest = tables.smallest_cell
    rows = tables.rows(
        "adoption", ("feature", "n_eligible", "n_adopters", "adoption", "lower", "upper", "median_days_to_value"),
        "where segment = '' order by adoption desc, feature",
    )  # fmt: skip
    cells = keep(rows, ["n_adopters", "n_eligible"], smallest)
    shown = [row for row in cells.rows if row["feature"] != ""][:N_FEATURES]
    shown = [row for row in cells.rows if row["feature"] == ""] + shown
    if not shown:
        return []
    marks = []
    for row in shown:
        told, interval = interval_text(row["adoption"], row["lower"], row["upper"], is_share=True)
        days = row["median_days_to_value"]
        more = f"half of all people after {count(days, 'day')}" if days is not None else ""
        tone = "better" if row["feature"] == "" else ""
        name = str(row["feature"] or "anything")
        marks.append(Mark(name, row["adoption"], row["lower"], row["upper"], told, interval, tone, more))
    return [
        figure(
            "Adoption by category",
            rows_chart(marks, with_zero=True, is_share=True),
            f"{count(max(row['n_eligible'] for row in shown))} people",
            "share of people who have used it",
            "",
            cells.n_left_out,
            smallest,
        )
    ]


def list_value_figures(tables: Tables) -> list[str]:
    """What lists brought: by attribution, and beside people who were held out."""
    smallest = tables.smallest_cell
    columns = (
        "experiment_id",
        "metric",
        "attributed",
        "incremental",
        "lower",
        "upper",
        "n_people",
        "n_holdout",
        "note",
    )
    rows = tables.rows("list_value", columns, "where segment = '' order by experiment_id, metric")
    for row in rows:
        row["n_least"] = row["n_people"] if row["n_holdout"] is None else min(row["n_people"], row["n_holdout"])
    cells = keep(rows, ["n_least"], smallest)
    if not cells:
        return []
    body = []
    for row in cells.rows:
        told, interval = interval_text(row["incremental"], row["lower"], row["upper"])
        people = count(row["n_people"]) + (f" and {count(row['n_holdout'])} held out" if row["n_holdout"] else "")
        body.append([row["experiment_id"] or "all lists", row["metric"], number(row["attributed"]),
                     f"{told} ({interval})" if interval else told, people])  # fmt: skip
    return [
        figure(
            "What lists brought",
            table(["experiment", "metric", "by attribution", "beyond people without", "people"], body, (2, 3)),
            f"{count(max(row['n_people'] for row in cells.rows))} people",
            "as the metric: money, people who bought, or purchases",
            "Attribution counts what was bought after a click on a list; only people held out tell what would not have "
            "been bought without it.",
            cells.n_left_out,
            smallest,
        )
    ]
