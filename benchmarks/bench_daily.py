"""What a daily build costs beside the full one: 1 % new events, models as they were trained.

    python benchmarks/bench_daily.py [--interactions 1] [--runs 1]

In the world of bench_speed.py (speed/make_world.py): a full `dbt build` of the first 99 % of the events, all folds with
training and evaluation, as `make build` runs it; then, in the same DuckDB file, `make daily` of the same events, which
is not counted but leaves dbt a parsed project, as every daily build leaves it to the next; then `make daily` of all
events. Every test but the unit tests runs. People and items are what the events say.

Results go to results/daily.md and results/daily.json: wall seconds, CPU seconds, the ratio daily / full, and where the
time went. A run that trained although nothing was due is an error. Disk: about 2 GB at 1 M, in --work-dir.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from pathlib import Path

import duckdb
from bench_speed import BUSY_SHARE, HERE, ROOT, build_kindred, describe_machine, machine_line, make_world, say, table

NEW_SHARE = 0.01
GOAL = 0.2
TOP_NODES = 12
DAILY = {"kindred__folds": ["live"], "kindred__training": "when_due"}  # as in the Makefile


def build(world: Path, folder: Path, until: str, variables: dict[str, object]) -> dict[str, object]:
    """Build from the events up to a moment and return the run, with what the policy of training said of it."""
    run = build_kindred(world, folder, variables, ["--exclude-resource-type", "unit_test"], until)
    with duckdb.connect(str(folder / "kindred.duckdb"), read_only=True) as connection:
        is_due, reason = connection.execute("select is_due, reason from training_policy").fetchone()
    return run | {"is_due": is_due, "reason": reason}


def write_report(results: dict[str, object]) -> str:
    """Return the results as a Markdown page."""
    runs = results["runs"]
    lines = [
        "# Daily build",
        "",
        "Made by `python benchmarks/bench_daily.py`; its first lines say what is measured and how.",
        "",
        machine_line(results["machine"]),
        f"World: {results['millions']:g} million events, the last {NEW_SHARE:.0%} of them new to the daily build.",
        "",
    ]
    rows = []
    for number, (full, daily) in enumerate(runs, start=1):
        ratio = daily["wall_seconds"] / full["wall_seconds"]
        of_others = max((run["other_cpu_seconds"] or 0) / run["wall_seconds"] for run in (full, daily))
        mark = " (busy machine)" if of_others > BUSY_SHARE * results["machine"]["cores"] else ""
        cells = [f"{run[name]:,.1f}" for name in ("wall_seconds", "cpu_seconds") for run in (full, daily)]
        rows.append([f"{number}{mark}", *cells, f"{ratio:.3f}"])
    lines += table(["run", "full s", "daily s", "full CPU s", "daily CPU s", "ratio of wall seconds"], rows)
    ratio = statistics.median(daily["wall_seconds"] / full["wall_seconds"] for full, daily in runs)
    lines += ["", f"Median ratio {ratio:.3f}; the goal is at most {GOAL}: {'met' if ratio <= GOAL else 'not met'}."]
    lines += ["", "## Where the time of the last run went", ""]
    full, daily = (run["node_seconds"] for run in runs[-1])
    names = sorted({*full, *daily}, key=lambda name: -max(full.get(name, 0), daily.get(name, 0)))[:TOP_NODES]
    rows = [[name, f"{full.get(name, 0):.1f}", f"{daily.get(name, 0):.1f}"] for name in names]
    lines += table(["node", "full s", "daily s"], rows)
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the daily build against the full one.")
    parser.add_argument("--interactions", type=float, default=1, help="size of the world in millions")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "daily")
    parser.add_argument("--results-dir", type=Path, default=HERE / "results")
    args = parser.parse_args()
    args.work_dir = args.work_dir.resolve()
    args.work_dir.mkdir(parents=True, exist_ok=True)
    world = make_world(args.work_dir, args.interactions, args.seed)
    [yesterday] = duckdb.execute(
        "select cast(quantile_disc(occurred_at, ?) as varchar) from read_parquet(?)", [1 - NEW_SHARE, str(world)]
    ).fetchone()
    results = {"machine": describe_machine(), "millions": args.interactions, "runs": []}
    for number in range(1, args.runs + 1):
        folder = args.work_dir / "build"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        full = build(world, folder, yesterday, {})
        say(f"run {number}: full {full['wall_seconds']:.1f} s, {full['reason']}")
        build(world, folder, yesterday, DAILY)
        daily = build(world, folder, "infinity", DAILY)
        say(f"run {number}: daily {daily['wall_seconds']:.1f} s, {daily['reason']}")
        if daily["is_due"]:
            raise RuntimeError(f"the daily build trained anew: {daily['reason']}")
        results["runs"].append([full, daily])
        (args.results_dir / "daily.json").write_text(json.dumps(results, indent=2) + "\n")
        (args.results_dir / "daily.md").write_text(write_report(results))
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
