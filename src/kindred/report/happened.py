"""The first section: what experiments found."""

from __future__ import annotations

from collections.abc import Sequence

from kindred.experiments.report import probability
from kindred.report.cells import Row
from kindred.report.charts import (
    Mark,
    Series,
    count,
    figure,
    grid,
    interval_text,
    lines_chart,
    number,
    rows_chart,
    short_day,
    tag,
    text,
)
from kindred.report.experiments import Experiment
from kindred.report.sections import Section

TONES = {"better": "good", "decided": "good", "worse": "bad", "invalid": "bad", "set aside": "bad"}
TONES |= {"undecided": "", "no result": ""}


def people_of(rows: Sequence[Row]) -> str:
    """How many people a figure of arms beside one control rests on."""
    control = max((row["n_control"] for row in rows), default=0)
    arms = {row["arm"]: row["n"] for row in rows}
    return f"{count(control + sum(arms.values()))} people in {count(1 + len(arms), 'arm')}"


def people_in_segments(rows: Sequence[Row]) -> str:
    """As people_of; each segment has a control of its own."""
    controls = {row["segment"]: row["n_control"] for row in rows}
    n = sum(controls.values()) + sum(row["n"] for row in rows)
    return f"{count(n)} people in {count(len(controls), 'segment')}"


def mark_of(experiment: Experiment, row: Row, name: str, more: str) -> Mark:
    lower, upper, p = experiment.interval(row)
    told, interval = interval_text(row["effect"], lower, upper)
    return Mark(
        name,
        row["effect"],
        lower,
        upper,
        told,
        f"{interval}; {row['verdict']}, p {probability(p)}" if interval else f"no interval yet; {row['verdict']}",
        row["verdict"] if row["verdict"] in ("better", "worse") else "",
        more,
    )


def metric_figures(experiment: Experiment) -> list[str]:
    """A figure per metric: what each arm changes, with its interval."""
    found = []
    metrics = list(dict.fromkeys(row["metric"] for row in experiment.results.rows))
    metrics.sort(key=lambda metric: metric != experiment.row["metric"])
    kind = "valid at any number of looks" if experiment.is_sequential else "for the planned end"
    for metric in metrics:
        rows = [row for row in experiment.results.rows if row["metric"] == metric]
        # What a shop doesn't have, such as films to watch.
        if not any(row["control"] or row["treatment"] for row in rows) and metric != experiment.row["metric"]:
            continue
        marks = [
            mark_of(
                experiment, row, str(row["arm"]),
                f"{number(row['treatment'])} against {number(row['control'])}"
                + (f", lift {100 * row['lift']:+.1f} %" if row["lift"] is not None else ""),
            )
            for row in rows
        ]  # fmt: skip
        role = " (decides)" if metric == experiment.row["metric"] else " (guardrail)" if rows[0]["is_guardrail"] else ""
        found.append(
            figure(
                f"{metric}{role}",
                rows_chart(marks, with_zero=True),
                people_of(rows),
                f"{metric}, difference from {experiment.control}",
                f"{100 * experiment.level:g} % intervals, {kind}.",
            )
        )
    return found


def sequence_figure(experiment: Experiment) -> str:
    """How the effect on the deciding metric came about, day by day."""
    series = []
    for arm in dict.fromkeys(row["arm"] for row in experiment.days.rows):
        rows = [row for row in experiment.days.rows if row["arm"] == arm]
        series.append(Series(str(arm), [(row["day"], row["effect"], *experiment.interval(row)[:2]) for row in rows]))
    if not any(len(one.points) > 1 for one in series):
        return ""
    newest = {row["arm"]: row for row in experiment.days.rows}
    left = count(experiment.days.n_left_out, "day")
    return figure(
        f"{experiment.row['metric']} over days",
        lines_chart(series, with_zero=True, max_gap_days=10_000),
        f"{people_of(list(newest.values()))} by the last day",
        f"{experiment.row['metric']}, difference from {experiment.control}, of everybody exposed by a day",
        f"{left} that added fewer than {experiment.smallest} people to an arm are left out."
        if experiment.days.n_left_out
        else "",
    )


def segment_figures(experiment: Experiment) -> list[str]:
    """The deciding metric by kind of segment."""
    found = []
    for kind in dict.fromkeys(row["segment_by"] for row in experiment.segments.rows):
        rows = [
            row
            for row in experiment.segments.rows
            if row["segment_by"] == kind and row["metric"] == experiment.row["metric"]
        ]
        if len(rows) < 2:
            continue
        marks = [
            mark_of(experiment, row, f"{row['segment']}: {row['arm']}", f"{count(row['n_control'] + row['n'])} people")
            for row in rows
        ]
        found.append(
            figure(
                f"{experiment.row['metric']} by {kind}",
                rows_chart(marks, with_zero=True),
                people_in_segments(rows),
                f"{experiment.row['metric']}, difference from {experiment.control}",
                "Segments were not what the experiment was planned for: read them as hints.",
                experiment.segments.n_left_out,
                experiment.smallest,
            )
        )
    return found


def share_figure(experiment: Experiment) -> str:
    """Who gets how much of the traffic, where shares follow the results."""
    rows = experiment.shares.rows[:24]
    if not rows:
        return ""
    marks = [
        Mark(
            f"{row['arm']} ({row['context']})" if row["context"] else str(row["arm"]),
            row["share"],
            told=f"{100 * row['share']:.1f} %",
            told_more=f"best with {100 * row['p_best']:.0f} %" if row["p_best"] is not None else "",
            more=f"{count(row['n_people'])} people" + (", frozen" if row["is_frozen"] else ""),
        )
        for row in rows
    ]
    return figure(
        "Shares that follow the results",
        rows_chart(marks, is_share=True, as_bars=True),
        f"{count(sum(row['n_people'] for row in rows))} people",
        "share of the units of a context",
        "",
        experiment.shares.n_left_out,
        experiment.smallest,
    )


def interleaving_figure(experiment: Experiment) -> str:
    rows = experiment.interleaving.rows
    if not rows:
        return ""
    series = [Series("delta", [(row["day"], row["delta"], row["lower"], row["upper"]) for row in rows])]
    return figure(
        "Preference over days",
        lines_chart(series, with_zero=True, max_gap_days=10_000),
        f"{count(rows[-1]['n_people'])} people, {count(rows[-1]['n_lists'])} lists",
        f"delta: share of people who click more of {experiment.arms[0]['arm'] if experiment.arms else 'A'}, less 1/2",
    )


def checks_of(experiment: Experiment) -> str:
    """The checks in a line, and what a failed one means."""
    if not experiment.checks:
        return ""
    words, failures = [], []
    for check in experiment.checks:
        if check["is_passed"]:
            words.append(tag(check["check_name"], "good" if check["value"] is not None else ""))
            continue
        words.append(tag(f"{check['check_name']} fails", "bad" if check["is_decisive"] else "warn"))
        failures.append(
            f"<li><b>{text(check['check_name'])}</b>: {text(check['explanation'], 400)} "
            f"({number(check['value'])}, bound {number(check['bound'])})</li>"
        )
    below = f"<ul>{''.join(failures)}</ul>" if failures else ""
    return f'<p class="quiet">Checks: {" ".join(words)}</p>{below}'


def card(experiment: Experiment) -> str:
    """An experiment: its sentence, its figures, its checks."""
    row = experiment.row
    verdict = experiment.verdict()
    sentences = "".join(f'<p class="sentence">{text(one, 1000)}</p>' for one in experiment.sentences())
    until = f" to {short_day(row['ends_at'])}" if row["ends_at"] else ""
    since = f", from {short_day(row['starts_at'])}{until}" if row["starts_at"] else ""
    planned = f", {count(row['planned_people'])} people planned" if row["planned_people"] else ""
    about = f"{row['kind']}, {row['allocation']} allocation, {row['stopping']} stopping{since}{planned}"
    figures: list[str] = []
    if not experiment.failed:
        figures = [*metric_figures(experiment), sequence_figure(experiment), interleaving_figure(experiment)]
        figures += [share_figure(experiment), *segment_figures(experiment)]
    left = experiment.results.n_left_out
    note = f" {count(left, 'result')} of fewer than {experiment.smallest} people in an arm left out." if left else ""
    return (
        f'<article class="card"><h3>{text(experiment.name)} {tag(verdict, TONES[verdict])}</h3>{sentences}'
        f'<p class="quiet">{text(about, 300)}.{note}</p>{checks_of(experiment)}{grid(figures)}</article>'
    )


def happened(experiments: Sequence[Experiment]) -> Section:
    return Section(
        "experiments",
        "What happened",
        "Experiments, newest first: what each arm did beside its control, and whether it can be believed.",
        [card(experiment) for experiment in experiments],
        "There are no experiments: name a table of them (kindred__tables: {experiments: ...}) and build again.",
    )
