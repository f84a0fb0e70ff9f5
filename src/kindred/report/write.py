"""`kindred report`: one HTML file with all of it, and metrics.json beside it for agents."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path

from kindred import __version__
from kindred.built import read_built
from kindred.durable import write_whole
from kindred.report.business import business
from kindred.report.charts import count, text
from kindred.report.experiments import Experiment, read_experiments
from kindred.report.happened import happened
from kindred.report.health import health
from kindred.report.metrics import collect_all, write_metrics
from kindred.report.policies import policies
from kindred.report.releases import releases, served_release
from kindred.report.sections import Section
from kindred.report.tables import Tables

STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
# The page may run nothing and load nothing, whatever stands in it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
BUILDS = ("run_id", "as_of", "started_at", "n_events", "n_items", "n_people", "n_recommended_items", "ranker")
TITLE = "Recommendations report"


def tiles(tables: Tables, experiments: Sequence[Experiment]) -> str:
    """The first figures that somebody asks for."""
    found: list[tuple[str, str]] = []
    smallest = tables.smallest_cell
    builds = tables.rows("builds", BUILDS, "order by started_at desc, run_id limit 1")
    if builds and (builds[0]["n_people"] or 0) >= smallest:
        found.append((count(builds[0]["n_people"]), "people with a list"))
        found.append((count(builds[0]["n_recommended_items"]), f"of {count(builds[0]['n_items'])} items in lists"))
    quality = tables.rows(
        "evaluation_metrics", ("value", "n_users"),
        "where fold = 'backtest' and policy = 'main' and generator = 'blend' and user_group = 'all' and metric = 'ndcg'"
        " and k = 10",
    )  # fmt: skip
    if quality and quality[0]["n_users"] >= smallest:
        found.append((f"{quality[0]['value']:.3f}", f"ndcg@10 offline, {count(quality[0]['n_users'])} people"))
    shown = tables.rows(
        "list_performance", ("ctr", "n_people"),
        "where run_id = '' and generator = '' and position = 0 and kind = '' and policy = 'main'",
    )  # fmt: skip
    if shown and shown[0]["n_people"] >= smallest:
        found.append((f"{100 * shown[0]['ctr']:.1f} %", f"clicks per impression, {count(shown[0]['n_people'])} people"))
    gates = tables.rows("publish_gates", ("is_passed", "is_overridden", "evaluated_at"), "order by evaluated_at desc")
    gates = [gate for gate in gates if gate["evaluated_at"] == gates[0]["evaluated_at"]]
    if gates:
        passed = [gate for gate in gates if gate["is_passed"]]
        found.append((f"{len(passed)} of {len(gates)}", "publish gates pass"))
    if experiments:
        verdicts = [one.verdict() for one in experiments]
        decided = sum(verdict in ("better", "worse", "decided") for verdict in verdicts)
        found.append((f"{decided} of {len(experiments)}", "experiments have a verdict"))
    shown_tiles = "".join(
        f'<div class="tile"><b>{text(value)}</b><small>{text(what)}</small></div>' for value, what in found
    )
    return f'<div class="tiles">{shown_tiles}</div>' if found else ""


def render(tables: Tables, experiments: Sequence[Experiment], served: str | None, now: datetime.datetime) -> str:
    """The page. now: when it is written, UTC."""
    sections: list[Section] = [
        happened(experiments),
        policies(tables),
        business(tables),
        health(tables),
        releases(tables, served),
    ]
    builds = tables.rows("builds", BUILDS, "order by started_at desc, run_id limit 1")
    when = ""
    if builds:
        build = builds[0]
        when = f"The build of {build['started_at']:%Y-%m-%d %H:%M} UTC, as of {build['as_of']:%Y-%m-%d}"
        if build["n_events"] is not None:
            when += f": {count(build['n_events'])} usable events, {count(build['n_items'])} items"
        when += ". "
    links = "".join(f'<a href="#{one.key}">{text(one.title)}</a>' for one in sections)
    body = "".join(one.html(number) for number, one in enumerate(sections, start=1))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="robots" content="noindex">
<title>{TITLE}</title>
<link rel="icon" href="data:,">
<style>
{STYLE}</style>
</head>
<body>
<header>
<h1>{TITLE}</h1>
<p>{text(when, 300)}Nobody is named here, and figures about fewer than {tables.smallest_cell} people are left out.</p>
{tiles(tables, experiments)}
<nav aria-label="Sections">{links}</nav>
</header>
<main>{body}</main>
<footer>Written {now:%Y-%m-%d %H:%M} UTC by kindred {text(__version__)} from the tables of the last build. Intervals \
are of level {100 * (1 - tables.alpha):g} %. Times are UTC, money is in the one currency of the inputs.</footer>
</body>
</html>
"""


def write_report(options: Sequence[str], folder: str | None, output: Path | None) -> list[str]:
    """Write both files and return the lines to print.

    options: dbt's. folder: the serving folder, None = where builds publish. Errors: RuntimeError where the tables can't
    be read now, OSError where the files can't be written.
    """
    tables = Tables(read_built(options))
    with tables.opened():
        if not tables.has("builds"):
            raise RuntimeError("kindred has no tables here: run `dbt build` first, with the same --target and --vars")
        place = Path(folder) if folder else tables.folder(os.environ.get("KINDRED_SERVING_PATH", ""))
        experiments = read_experiments(tables)
        content = collect_all(tables, experiments)
        page = render(tables, experiments, served_release(place), datetime.datetime.now(datetime.UTC))
    metrics = write_metrics(place, content)
    path = output or place / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page.encode())
    return [f"the report: {path} ({metrics.name} for agents: {metrics.parent})"]
