"""What a daily build costs beside the full one, and what an hourly one: 1 % new events, models as they were trained.

    python benchmarks/bench_daily.py [--interactions 1 4] [--runs 1]

In the world of bench_speed.py (speed/make_world.py): a full `dbt build` of all events but the last, all folds with
training and evaluation, as `make build` runs it; then, in the same DuckDB file, `make daily` of the same events, which
is not counted but leaves dbt a parsed project, as every daily build leaves it to the next; then `make daily` with 1 %
of the events more; then, prepared in the same way, `make hourly` with the last 24th of 1 % more. Every test but the
unit tests runs. People and items are what the events say.

Results go to results/daily.md and results/daily.json: wall seconds, CPU seconds, the ratio daily / full, and where the
time went; sizes that aren't run keep their figures. A run that trained although nothing was due is an error. Disk:
about 2 GB at 4 M, in --work-dir.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import statistics
from pathlib import Path

import duckdb
from bench_speed import (
    BUSY_SHARE,
    HERE,
    ROOT,
    STARTUP,
    build_kindred,
    describe_machine,
    machine_line,
    make_world,
    name_note,
    paragraph,
    say,
    table,
)

NEW_SHARE = 0.01
HOURS = 24
GOAL = 0.2
TOP_NODES = 12
# Variables, arguments and target folder as in the Makefile.
FULL = {}, ["--exclude-resource-type", "unit_test"], "target"
UNWRITTEN = ["--no-write-json", "--log-level-file", "none"]
DAILY = {"kindred__folds": ["live"], "kindred__train": "when_due"}, [*FULL[1], *UNWRITTEN], "target"
UNBOUNDED = {"kindred__training": dict.fromkeys(("age_days", "new_events_share", "drift"), "off")}
HOURLY = DAILY[0] | UNBOUNDED, ["--selector", "hourly", *UNWRITTEN], "target/hourly"


def build(world: Path, folder: Path, until: str, kind: tuple[dict[str, object], list[str], str]) -> dict[str, object]:
    """Build from the events up to a moment and return the run, with what training_policy says of it."""
    variables, arguments, target = kind
    run = build_kindred(world, folder, variables, arguments, until, target)
    with duckdb.connect(str(folder / "kindred.duckdb"), read_only=True) as connection:
        is_due, reason = connection.execute("select is_due, reason from training_policy").fetchone()
        # Of daily and hourly builds dbt writes no JSON files.
        nodes = connection.execute("""
            select resource_type || ' ' || node, round(sum(seconds), 2)
            from run_costs
            where node <> '' and run_id = (select run_id from run_costs order by started_at desc limit 1)
            group by all
            order by sum(seconds) desc
        """).fetchall()
    of_nodes = seconds_of_nodes((folder / "dbt.log").read_text())
    startup = {STARTUP: round(run["wall_seconds"] - of_nodes, 2)}
    return run | {"node_seconds": startup | dict(nodes), "is_due": is_due, "reason": reason}


def seconds_of_nodes(output: str) -> int:
    """Return the seconds from the first line about a node to the last one in what dbt printed."""
    first, *_, last = (
        60 * (60 * int(hours) + int(minutes)) + int(seconds)
        for hours, minutes, seconds in re.findall(r"^(\d\d):(\d\d):(\d\d)  \d+ of \d+ ", output, flags=re.MULTILINE)
    )
    return (last - first) % 86_400


def write_report(results: dict[str, object]) -> str:
    """Return the results as a Markdown page."""
    lines = [
        "# Daily build",
        "",
        *paragraph(
            "Made by `make bench-daily`; the first lines of `benchmarks/bench_daily.py` say what is measured and how.",
            name_note(run for size in results["sizes"] for pair in size["runs"] for run in pair),
        ),
        "",
        machine_line(results["machine"]),
        *paragraph(
            f"{100 * NEW_SHARE:g} % of the events are new to the daily build, and to the hourly one the last",
            f"{100 * NEW_SHARE / HOURS:.3f} %. The goal is a ratio of at most {GOAL}.",
        ),
        "",
    ]
    rows = []
    for size in results["sizes"]:
        for number, runs in enumerate(size["runs"], start=1):
            full, daily = runs[:2]
            of_others = max((run["other_cpu_seconds"] or 0) / run["wall_seconds"] for run in runs)
            mark = " (busy machine)" if of_others > BUSY_SHARE * results["machine"]["cores"] else ""
            cells = [
                f"{run[name]:,.1f}" if run else ""
                for name in ("wall_seconds", "cpu_seconds")
                for run in (*runs, *[None] * (3 - len(runs)))
            ]
            people = f"{size['new_people']:,} of {size['people']:,}"
            ratio = daily["wall_seconds"] / full["wall_seconds"]
            rows.append([f"{size['millions']:g} M, run {number}{mark}", people, *cells, f"{ratio:.3f}"])
    header = ["events", "people with new ones", "full s", "daily s", "hourly s", "full CPU s", "daily CPU s"]
    lines += table([*header, "hourly CPU s", "ratio of wall seconds, daily / full"], rows)
    for size in results["sizes"]:
        ratio = statistics.median(runs[1]["wall_seconds"] / runs[0]["wall_seconds"] for runs in size["runs"])
        verdict = "met" if ratio <= GOAL else "not met"
        lines += ["", f"## {size['millions']:g} million events: median ratio {ratio:.3f}, the goal is {verdict}", ""]
        nodes = [run["node_seconds"] for run in size["runs"][-1]]
        names = sorted({*itertools.chain(*nodes)}, key=lambda name: -max(one.get(name, 0) for one in nodes))[:TOP_NODES]
        rows = [[name, *(f"{one[name]:.1f}" if name in one else "" for one in nodes)] for name in names]
        lines += table(["node, last run", "full s", "daily s", "hourly s"][: 1 + len(nodes)], rows)
    return "\n".join(lines) + "\n"


def bench_size(millions: float, runs: int, seed: int, work_dir: Path) -> dict[str, object]:
    """Measure one size and return everything known about it."""
    world = make_world(work_dir, millions, seed)
    share_of_hour = NEW_SHARE / HOURS
    yesterday, an_hour_ago = (
        duckdb.execute(
            "select cast(quantile_disc(occurred_at, ?) as varchar) from read_parquet(?)", [1 - share, str(world)]
        ).fetchone()[0]
        for share in (NEW_SHARE + share_of_hour, share_of_hour)
    )
    people, new_people = duckdb.execute(
        """
        select
            count(distinct user_id),
            count(distinct case when occurred_at > ?::timestamp and occurred_at <= ?::timestamp then user_id end)
        from read_parquet(?)
        """,
        [yesterday, an_hour_ago, str(world)],
    ).fetchone()
    size = {"millions": millions, "people": people, "new_people": new_people, "runs": []}
    for number in range(1, runs + 1):
        folder = work_dir / "build"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        runs = [build(world, folder, yesterday, FULL)]
        say(f"{millions:g} M, run {number}: full {runs[0]['wall_seconds']:.1f} s, {runs[0]['reason']}")
        for name, kind, before, until in (
            ("daily", DAILY, yesterday, an_hour_ago),
            ("hourly", HOURLY, an_hour_ago, "infinity"),
        ):
            build(world, folder, before, kind)
            run = build(world, folder, until, kind)
            say(f"{millions:g} M, run {number}: {name} {run['wall_seconds']:.1f} s, {run['reason']}")
            if run["is_due"]:
                raise RuntimeError(f"the {name} build trained again: {run['reason']}")
            runs.append(run)
        size["runs"].append(runs)
        shutil.rmtree(folder)
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the daily build against the full one.")
    parser.add_argument("--interactions", type=float, nargs="+", default=[1, 4], help="sizes of the world in millions")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "daily")
    parser.add_argument("--results-dir", type=Path, default=HERE / "results")
    args = parser.parse_args()
    args.work_dir = args.work_dir.resolve()
    args.work_dir.mkdir(parents=True, exist_ok=True)
    args.results_dir.mkdir(parents=True, exist_ok=True)
    path = args.results_dir / "daily.json"
    results = json.loads(path.read_text()) if path.exists() else {"sizes": []}
    results["machine"] = describe_machine()
    for millions in args.interactions:
        size = bench_size(millions, args.runs, args.seed, args.work_dir)
        others = [other for other in results["sizes"] if other["millions"] != millions]
        results["sizes"] = sorted([*others, size], key=lambda one: one["millions"])
        path.write_text(json.dumps(results, indent=2) + "\n")
        (args.results_dir / "daily.md").write_text(write_report(results))


if __name__ == "__main__":
    main()
