"""The second section: policies by offline, off-policy and online value, side by side."""

from __future__ import annotations

from kindred.report.cells import Cells, Row, keep
from kindred.report.charts import Html, Mark, count, figure, grid, interval_text, rows_chart, table, tag
from kindred.report.sections import Section, z_of
from kindred.report.tables import Tables

DEPTH = 10
EVALUATION = ("policy", "generator", "user_group", "metric", "value", "standard_error", "n_users")
VALUES = ("source", "policy", "kind", "estimator", "value", "lower", "upper", "n_lists", "n_people", "is_reliable",
          "note")  # fmt: skip
LISTS = ("policy", "kind", "n_people", "n_lists", "n_impressions", "ctr", "ctr_standard_error")
GROUPS = {"cold": "no liked item before", "warm": "1 to 9 liked items", "hot": "10 liked items or more"}
GROUPS |= {"new_items": "items that fewer than 5 people had touched", "discoveries": "items new to the person"}
METRICS = {
    "ndcg": "liked items by place in the list, discounted",
    "recall": "share of the liked items that stand in the list",
    "precision": "share of the list that was liked",
    "hit_rate": "share of people with a hit",
    "coverage": "share of the catalogue in lists",
    "diversity": "difference between items of a list",
    "novelty": "bits; how unusual the items are",
    "gini": "inequality of items in lists; lower is more even",
}


def evaluated(row: Row, name: str, z: float, more: str = "", tone: str = "") -> Mark:
    """A row of evaluation_metrics as a mark."""
    error = row["standard_error"]
    # No such metric is below 0.
    lower, upper = (None, None) if error is None else (max(0, row["value"] - z * error), row["value"] + z * error)
    told, interval = interval_text(row["value"], lower, upper)
    return Mark(name, row["value"], lower, upper, told, interval, tone, more)


def policies(tables: Tables) -> Section:
    smallest, z = tables.smallest_cell, z_of(tables)
    rows = tables.rows(
        "evaluation_metrics", EVALUATION,
        f"where fold = 'backtest' and k = {DEPTH} order by policy, generator, user_group, metric",
    )  # fmt: skip
    by_group = keep(
        rows, ["n_users"], smallest,
        lambda row: (row["policy"], row["generator"], row["metric"])
        if row["user_group"] in ("cold", "warm", "hot")
        else None,
    )  # fmt: skip
    figures = [
        offline_figure(by_group, z, smallest),
        *off_policy_figures(tables, smallest),
        online_figure(tables, z, smallest),
    ]
    of_main = [
        generators_figure(by_group, z, smallest),
        groups_figure(by_group, z, smallest),
        metrics_figure(by_group),
    ]
    return Section(
        "policies",
        "Policies",
        "What each way of making lists is worth: offline on held-out days, off-policy on lists that others made, and "
        "online on lists that people saw. Only an experiment compares like with like online.",
        [part for part in (grid(figures), grid(of_main, "22rem")) if part],
        "Nothing is evaluated yet: build the fold backtest (a daily build leaves it out).",
    )


def offline_figure(cells: Cells, z: float, smallest: int) -> str:
    rows = [
        row
        for row in cells.rows
        if row["generator"] == "blend" and row["user_group"] == "all" and row["metric"] == "ndcg"
    ]
    if not rows:
        return ""
    marks = [evaluated(row, str(row["policy"]), z, f"{count(row['n_users'])} people") for row in rows]
    return figure(
        "Offline: the backtest",
        rows_chart(marks),
        f"{count(rows[0]['n_users'])} people, the same for each policy",
        f"ndcg@{DEPTH}, 0 to 1",
        "Higher is better. Intervals from the variance between people.",
    )


def off_policy_figures(tables: Tables, smallest: int) -> list[str]:
    """Doubly robust values of places and of lists, kindred's own log and a foreign one apart."""
    rows = tables.rows(
        "policy_values", VALUES,
        "where period = 'all' and estimator in ('dr', 'cascade_dr') order by source, kind desc, policy",
    )  # fmt: skip
    found = []
    for source, kind in dict.fromkeys((row["source"], row["kind"]) for row in rows):
        cells = keep([row for row in rows if (row["source"], row["kind"]) == (source, kind)], ["n_people"], smallest)
        if not cells:
            continue
        marks = []
        for row in cells.rows:
            told, interval = interval_text(row["value"], row["lower"], row["upper"])
            is_reliable = bool(row["is_reliable"])
            marks.append(
                Mark(
                    str(row["policy"]),
                    row["value"],
                    row["lower"],
                    row["upper"],
                    told,
                    interval if is_reliable else "don't rely on it",
                    "" if is_reliable else "muted",
                    f"{count(row['n_people'])} people" if is_reliable else str(row["note"] or ""),
                )
            )
        whose = "foreign log" if source == "foreign" else "own log"
        found.append(
            figure(
                f"Off-policy: {kind}s of the {whose}",
                rows_chart(marks),
                f"{count(max(row['n_people'] for row in cells.rows))} people, "
                f"{count(max(row['n_lists'] for row in cells.rows))} lists",
                f"reward of a {kind}" + (" (clicks)" if source == "own" else ""),
                "Doubly robust, without showing the policy to anybody.",
                cells.n_left_out,
                smallest,
            )
        )
    return found


def online_figure(tables: Tables, z: float, smallest: int) -> str:
    rows = tables.rows(
        "list_performance", LISTS,
        "where run_id = '' and generator = '' and position = 0 and kind = '' order by policy",
    )  # fmt: skip
    cells = keep(rows, ["n_people"], smallest)
    if not cells:
        return ""
    marks = []
    for row in cells.rows:
        error = row["ctr_standard_error"]
        lower, upper = (None, None) if error is None else (max(0, row["ctr"] - z * error), row["ctr"] + z * error)
        told, interval = interval_text(row["ctr"], lower, upper, is_share=True)
        marks.append(
            Mark(
                str(row["policy"]), row["ctr"], lower, upper, told, interval, "",
                f"{count(row['n_people'])} people, {count(row['n_lists'])} lists",
            )
        )  # fmt: skip
    return figure(
        "Online: lists that were shown",
        rows_chart(marks, is_share=True),
        f"{count(sum(row['n_impressions'] for row in cells.rows))} impressions",
        "clicks per impression",
        "Policies were shown to different people at different times.",
        cells.n_left_out,
        smallest,
    )


def generators_figure(cells: Cells, z: float, smallest: int) -> str:
    rows = [
        row
        for row in cells.rows
        if row["policy"] in ("main", None) and row["user_group"] == "all" and row["metric"] == "ndcg"
    ]
    if len(rows) < 2:
        return ""
    rows.sort(key=lambda row: (-row["value"], str(row["generator"])))
    marks = [
        evaluated(
            row,
            "published lists" if row["generator"] == "blend" else str(row["generator"]),
            z,
            tone="better" if row["generator"] == "blend" else "",
        )
        for row in rows
    ]
    return figure(
        "Generators, each alone, and what is published",
        rows_chart(marks, with_zero=True),
        f"{count(rows[0]['n_users'])} people, the same for each",
        f"ndcg@{DEPTH} of policy main, 0 to 1",
        "A person for whom a generator has no list counts 0.",
    )


def groups_figure(cells: Cells, z: float, smallest: int) -> str:
    rows = {
        row["user_group"]: row
        for row in cells.rows
        if row["policy"] == "main"
        and row["generator"] == "blend"
        and row["metric"] == "ndcg"
        and row["user_group"] in GROUPS
    }
    if not rows:
        return ""
    marks = [
        evaluated(rows[group], group, z, f"{meaning}, {count(rows[group]['n_users'])} people")
        for group, meaning in GROUPS.items()
        if group in rows
    ]
    return figure(
        "For whom the published lists are good",
        rows_chart(marks, with_zero=True),
        f"{count(max(row['n_users'] for row in rows.values()))} people in the largest group",
        f"ndcg@{DEPTH} of policy main, 0 to 1",
        "",
        len(GROUPS) - len(rows),
        smallest,
    )


def metrics_figure(cells: Cells) -> str:
    rows = [row for row in cells.rows if row["generator"] == "blend" and row["user_group"] == "all"]
    names = list(dict.fromkeys(str(row["policy"]) for row in rows))[:4]
    values = {(str(row["policy"]), row["metric"]): row for row in rows}
    if not names:
        return ""
    body = []
    for metric, meaning in METRICS.items():
        found = [values.get((name, metric)) for name in names]
        if any(found):
            shown = [interval_text(row["value"], None, None)[0] if row else "-" for row in found]
            body.append([Html(f"{tag(metric)}"), meaning, *shown])
    return figure(
        "The published lists by other metrics",
        table(["metric", "meaning", *names], body, range(2, 2 + len(names))),
        f"{count(max(row['n_users'] for row in rows))} people",
        f"as told, in the first {DEPTH} places",
    )
