"""The fourth section: whether the data arrive as usual, whether lists drift or narrow, what builds cost, who waits."""

from __future__ import annotations

from kindred.report.cells import Row, keep
from kindred.report.charts import Html, Mark, Series, count, figure, grid, lines_chart, number, rows_chart, table, tag
from kindred.report.sections import Section
from kindred.report.tables import Tables

N_DAYS = 35
N_NODES = 10
N_REASONS = 12
N_BUILDS = 30
CONCENTRATION = {
    "gini": "inequality of items in lists, 0 to 1",
    "top_share": "share of the places that the most listed items have",
    "coverage": "share of the catalogue in lists",
    "popularity_lift": "how much more popular listed items are than those that people take",
    "loop_share": "share of what people take that lists had shown them",
    "gini_held_out": "inequality of what people take who get nothing personal",
}
GATES = ("run_id", "gate", "measure", "value", "bound", "is_passed", "is_overridden", "explanation", "evaluated_at")
HEALTH = ("input", "day", "n_rows", "expected", "lower", "upper", "newest_at", "age_hours", "is_usual")
DRIFT = ("run_id", "kind", "subject", "column_name", "psi", "ks", "n", "n_reference", "noise", "is_drifted", "note")


def health(tables: Tables) -> Section:
    figures = [
        grid([gates_figure(tables)], "100%"),
        grid([*data_figures(tables), rejected_figure(tables)], "22rem"),
        grid([drift_figure(tables), *concentration_figures(tables)], "22rem"),
        grid([costs_figure(tables)], "100%"),
        grid(service_figures(tables), "100%"),
    ]
    return Section(
        "health",
        "Health",
        "What may stop a release, whether data arrive as usual, whether they drift, whether lists narrow, and what "
        "builds and answers take.",
        [part for part in figures if part],
        "Nothing is measured yet: the publish gates and the room monitoring have no rows.",
    )


def gates_figure(tables: Tables) -> str:
    rows = tables.rows("publish_gates", GATES, "order by evaluated_at desc, run_id, gate")
    rows = [row for row in rows if row["evaluated_at"] == rows[0]["evaluated_at"]]
    if not rows:
        return ""

    def state(row: Row) -> Html:
        if not row["is_passed"]:
            return Html(tag("overridden", "warn") if row["is_overridden"] else tag("stops publication", "bad"))
        return Html(tag("off") if row["explanation"] == "off" else tag("passes", "good"))

    rows.sort(key=lambda row: (row["is_passed"], row["explanation"] == "off", row["gate"]))
    body = [[row["gate"], state(row), number(row["value"]), number(row["bound"]), row["explanation"]] for row in rows]
    stopped = [row for row in rows if not row["is_passed"] and not row["is_overridden"]]
    return figure(
        "Publish gates",
        table(["gate", "", "value", "bound", "why"], body, (2, 3)),
        f"{count(len(rows), 'gate')} of the newest build",
        "as told by each gate",
        f"{count(len(stopped), 'gate')} stopped the newest lists: apps go on with the release before."
        if stopped
        else "",
    )


def data_figures(tables: Tables) -> list[str]:
    """Rows of each input by day, beside what the same weekday usually brings."""
    rows = tables.rows("data_health", HEALTH, "order by input, day")
    found = []
    for name in dict.fromkeys(row["input"] for row in rows):
        days = [row for row in rows if row["input"] == name][-N_DAYS:]
        newest = days[-1]
        unusual = [row for row in days if row["is_usual"] is False]
        series = [
            Series("rows", [(row["day"], row["n_rows"], None, None) for row in days]),
            Series("usual", [(row["day"], row["expected"], row["lower"], row["upper"]) for row in days]),
        ]
        # An input without a history has nothing to be compared with.
        if not any(row["expected"] is not None for row in days):
            series = series[:1]
        age = f" The newest row is {number(newest['age_hours'])} hours old." if newest["age_hours"] is not None else ""
        word = f"{count(len(unusual), 'unusual day')}" if unusual else "As usual"
        found.append(
            figure(
                f"{name}: rows by day",
                lines_chart(series, with_zero=True),
                f"{count(sum(row['n_rows'] for row in days))} rows in {count(len(days), 'day')}",
                "rows a day",
                f"{word}.{age}",
            )
        )
    return found


def rejected_figure(tables: Tables) -> str:
    """Events that were set aside, by reason: counts of rows, not of people."""
    if not tables.has("event_counts"):
        return ""
    rows = tables.select(
        f"select rejection_reason, sum(n_events) from {tables.connection.name('event_counts')} "
        "group by rejection_reason order by 2 desc, 1",
        ("reason", "n"),
    )
    total = sum(row["n"] for row in rows)
    rejected = [row for row in rows if row["reason"] is not None]
    if not rejected or not total:
        return ""
    # A row is a person's at most: reasons of few rows are of few people.
    shown = [row for row in rejected if row["n"] >= tables.smallest_cell][:N_REASONS]
    others = rejected[len(shown) :]
    marks = [Mark(str(row["reason"]), row["n"], told=count(row["n"])) for row in shown]
    if others:
        n_others = sum(row["n"] for row in others)
        marks.append(Mark(count(len(others), "rarer reason"), n_others, told=count(n_others), tone="muted"))
    n = sum(row["n"] for row in rejected)
    return figure(
        "Events set aside",
        rows_chart(marks, with_zero=True, as_bars=True),
        f"{count(total)} events, of which {count(n)} ({100 * n / total:.2g} %) are set aside",
        "events",
        "The table rejected_events has them, docs/inputs.md how to correct them.",
    )


def newest_run(tables: Tables, name: str, by: str) -> str:
    """The condition that keeps the rows of the newest run of a table."""
    place = tables.connection.name(name)
    return f"run_id = (select run_id from {place} order by {by} desc, run_id limit 1)"


def drift_figure(tables: Tables) -> str:
    if not tables.has("drift"):
        return ""
    rows = tables.rows(
        "drift", DRIFT,
        f"where {newest_run(tables, 'drift', 'generated_at')} order by psi desc, kind, subject, column_name",
    )  # fmt: skip
    cells = keep(rows, ["n", "n_reference"], tables.smallest_cell)
    known = [row for row in cells.rows if row["psi"] is not None]
    if not known:
        return ""
    drifted = [row for row in known if row["is_drifted"]]
    marks = [
        Mark(
            str(row["column_name"]),
            row["psi"],
            told=f"{row['psi']:.3f}",
            told_more="drifted" if row["is_drifted"] else f"chance: {number(row['noise'])}",
            tone="bad" if row["is_drifted"] else "",
            more=f"{row['kind']}{', ' + str(row['subject']) if row['subject'] else ''}, {count(row['n'])} rows",
        )
        for row in known[:N_NODES]
    ]
    return figure(
        "Drift since the release before",
        rows_chart(marks, with_zero=True, as_bars=True),
        f"{count(max(row['n'] for row in known))} rows in the largest column",
        "population stability index (0.2 is much)",
        f"{count(len(drifted))} of {count(len(known), 'column')} drifted.",
        cells.n_left_out,
        tables.smallest_cell,
    )


def concentration_figures(tables: Tables) -> list[str]:
    """How unequally lists share out the catalogue, now and over builds."""
    columns = ("run_id", "policy", "n_items", *CONCENTRATION, "is_rising", "n_releases", "generated_at")
    rows = tables.rows("concentration", columns, "where policy = '' order by generated_at desc, run_id")[:N_BUILDS]
    if not rows:
        return []
    newest = rows[0]
    body = [
        [name, meaning, number(newest[name])] for name, meaning in CONCENTRATION.items() if newest[name] is not None
    ]
    rising = " The Gini coefficient rises over releases: lists feed on themselves." if newest["is_rising"] else ""
    drawn = ""
    # A line has a point a day: the last build's.
    days = {row["generated_at"].date(): row["gini"] for row in rows[::-1]}
    if len(days) > 1:
        drawn = lines_chart([Series("gini", [(day, gini, None, None) for day, gini in days.items()])], max_gap_days=99)
    return [
        figure(
            "Concentration of lists",
            drawn + table(["figure", "meaning", "now"], body, (2,)),
            f"{count(newest['n_items'] or 0)} items in lists of {count(len(rows), 'build')}",
            "Gini coefficient, 0 = all items alike, 1 = one item alone" if drawn else "as told",
            rising.strip(),
        )
    ]


def costs_figure(tables: Tables) -> str:
    """What the newest run and its nodes took."""
    if not tables.has("run_costs"):
        return ""
    rows = tables.rows(
        "run_costs", ("node", "resource_type", "status", "seconds", "n_rows", "credits"),
        f"where {newest_run(tables, 'run_costs', 'started_at')} and seconds is not null order by seconds desc, node",
    )  # fmt: skip
    nodes = [row for row in rows if row["node"] != ""]
    if not nodes:
        return ""
    total = sum(row["seconds"] for row in nodes)
    marks = [
        Mark(
            str(row["node"]),
            row["seconds"],
            told=f"{number(row['seconds'])} s",
            told_more=f"{100 * row['seconds'] / total:.0f} %" if total else "",
            tone="bad" if row["status"] in ("error", "fail") else "",
            more=f"{count(row['n_rows'])} rows" if row["n_rows"] is not None else str(row["resource_type"]),
        )
        for row in nodes[:N_NODES]
    ]
    whole = [row for row in rows if row["node"] == ""]
    took = f"The run took {number(whole[0]['seconds'])} s; its nodes run side by side." if whole else ""
    if whole and whole[0]["credits"] is not None:
        took += f" Snowflake's compute took {number(whole[0]['credits'])} credits."
    return figure(
        "What the last run took",
        rows_chart(marks, with_zero=True, as_bars=True),
        f"{count(len(nodes), 'node')}, {number(total)} s in all",
        "seconds of a node",
        took,
    )


def service_figures(tables: Tables) -> list[str]:
    """How long apps waited, by day."""
    rows = tables.rows(
        "service_levels", ("day", "endpoint", "n", "p50_ms", "p95_ms", "p99_ms", "n_empty", "n_errors", "is_met"),
        "order by day, endpoint",
    )  # fmt: skip
    if not rows:
        return []
    days = sorted({row["day"] for row in rows})[-N_DAYS:]
    rows = [row for row in rows if row["day"] in days]
    series = []
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["endpoint"]] = totals.get(row["endpoint"], 0) + row["n"]
    busiest = sorted(totals, key=lambda name: (-totals[name], name))
    for name in busiest[:3]:
        # Of several releases on a day the slower counts.
        by_day: dict[object, float] = {}
        for row in rows:
            if row["endpoint"] == name and row["p95_ms"] is not None:
                by_day[row["day"]] = max(by_day.get(row["day"], 0.0), row["p95_ms"])
        series.append(Series(name, [(day, value, None, None) for day, value in by_day.items()]))
    body = []
    for name in busiest:
        own = [row for row in rows if row["endpoint"] == name and row["day"] == days[-1]]
        if own:
            worst = [max(row[part] or 0 for row in own) for part in ("p50_ms", "p95_ms", "p99_ms")]
            counts = [sum(row[part] or 0 for row in own) for part in ("n_empty", "n_errors")]
            is_slow = any(row["is_met"] is False for row in own)
            level = Html(tag("missed", "bad") if is_slow else tag("met", "good"))
            answers = count(sum(row["n"] for row in own))
            body.append([name, answers, *map(number, worst), *map(count, counts), level])
    header = ["endpoint", "answers", "p50", "p95", "p99", "empty", "errors", "level"]
    return [
        figure(
            "How long apps wait",
            lines_chart(series, with_zero=True) + table(header, body, range(1, 7)),
            f"{count(sum(totals.values()))} answers in {count(len(days), 'day')}",
            "milliseconds; the line is the 95th percentile",
            f"The table is of {days[-1]:%Y-%m-%d}.",
        )
    ]
