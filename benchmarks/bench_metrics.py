"""What the room `metrics` costs at the end of a build.

    python benchmarks/bench_metrics.py --interactions 1 20 --runs 3

For each size the world of bench_speed is made (speed/make_world.py), with a price for each purchase, and the rooms
above `metrics` are built once, which is not counted. Then `dbt run --select group:metrics` runs --runs times; what
counts is the time from the start of the first of its models to the end of the last, as dbt's run_results.json has it,
with two threads. The goal at 20 M is a tenth of a whole build of that size (results/speed.md), shared with
`monitoring`. Results go to results/metrics.md and results/metrics.json. Disk: about 4 GB at 20 M, in --work-dir.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
from pathlib import Path

import duckdb
from bench_experiments import node_seconds
from bench_speed import HERE, ROOT, describe_machine, find_dbt, machine_line, make_world, paragraph, say, table

GOAL_SECONDS = 38.7  # a tenth of 387 s
VARIABLES = {
    "kindred__inputs": {"events": "raw.events", "items": "raw.items", "users": "raw.users"},
    "kindred__folds": ["live"],
}
# The world has neither money nor lists, categories nor countries: they are added by the hash of what is there.
TABLES = {
    "events": """
        select *,
            case when event_type = 'purchase' then round(5 + pow(hash(item_id) % 1000 / 100.0, 2), 2) end as value,
            case when hash(event_id) % 5 = 0 and event_type = 'view' then concat('home', hash(session_id) % 1000) end
                as list_id
        from read_parquet('{world}')
    """,
    "items": "select distinct item_id, concat('category ', hash(item_id) % 40) as category from raw.events",
    "users": "select distinct user_id, ['DE', 'FR'][(hash(user_id) % 2)::int + 1] as country from raw.events",
}


def run_dbt(folder: Path, *arguments: str) -> dict[str, object]:
    """Run dbt on the folder's DuckDB file and return run_results.json; raises where it fails."""
    environment = os.environ | {
        "KINDRED_DUCKDB_PATH": str(folder / "kindred.duckdb"),
        "KINDRED_TEMP_DIRECTORY": str(folder / "temp"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    places = ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT), "--threads", "2"]
    paths = ["--target-path", str(folder / "target"), "--log-path", str(folder / "target")]
    command = [find_dbt(), "--quiet", *arguments, *places, *paths, "--vars", json.dumps(VARIABLES)]
    subprocess.run(command, env=environment, check=True)
    return json.loads((folder / "target/run_results.json").read_text())


def measure_size(args: argparse.Namespace, millions: float) -> dict[str, object]:
    """Measure one size and return what is known about it."""
    world = make_world(args.work_dir, millions, args.seed)
    folder = args.work_dir / f"{millions:g}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "kindred.duckdb")) as connection:
        connection.execute("create schema raw")
        for name, select in TABLES.items():
            kind = "view" if name == "events" else "table"
            connection.execute(f"create {kind} raw.{name} as {select.format(world=world)}")
    say(f"{millions:g} M: building the rooms above")
    above = ("build", "--select", "+group:metrics", "--exclude", "group:metrics")
    run_dbt(folder, *above, "--exclude-resource-type", "test", "unit_test")
    runs = []
    for number in range(1, args.runs + 1):
        seconds, nodes = node_seconds(run_dbt(folder, "run", "--select", "group:metrics"))
        say(f"{millions:g} M, run {number}: {seconds:.1f} s")
        runs.append({"seconds": round(seconds, 2), "nodes": nodes})
    with duckdb.connect(str(folder / "kindred.duckdb"), read_only=True) as connection:
        counts = {
            name: connection.execute(f"select count(*) from {name}").fetchone()[0]
            for name in ("person_days", "metric_people", "purchase_days", "customer_values")
        }
        [model] = connection.execute("select any_value(model) from customer_values").fetchone()
    shutil.rmtree(folder)
    return {"millions": millions, "runs": runs, "rows": counts, "model": model}


def write_report(results: dict[str, object]) -> str:
    """Return the results as a Markdown page."""
    lines = [
        "# What business metrics cost",
        "",
        *paragraph("Made by `python benchmarks/bench_metrics.py`; its first lines say what is measured and how."),
        "",
        machine_line(results["machine"]),
        "",
    ]
    rows = []
    for size in results["sizes"]:
        seconds = [run["seconds"] for run in size["runs"]]
        spread = f"{statistics.median(seconds):.1f} ({min(seconds):.1f}–{max(seconds):.1f})"
        found = [f"{size['rows'][name]:,}" for name in ("metric_people", "person_days", "purchase_days")]
        rows.append([f"{size['millions']:g} M", *found, spread, size["model"]])
    lines += table(
        ["events", "people", "person_days", "purchase_days", "seconds (least–most)", "customer_values"], rows
    )
    for size in results["sizes"]:
        nodes = size["runs"][-1]["nodes"]
        slowest = sorted(nodes, key=lambda name: -nodes[name])[:8]
        lines += ["", *paragraph(
            f"{size['millions']:g} M, the last run by model:",
            ", ".join(f"`{name}` {nodes[name]:.1f} s" for name in slowest) + ".",
        )]  # fmt: skip
    goals = [size for size in results["sizes"] if size["millions"] == 20]
    for size in goals:
        median = statistics.median(run["seconds"] for run in size["runs"])
        lines += [
            "",
            f"The goal of {GOAL_SECONDS} s at 20 M, shared with `monitoring`: {median:.1f} s of it are spent.",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the room metrics.")
    parser.add_argument("--interactions", type=float, nargs="+", default=[1], help="millions of events")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "metrics")
    parser.add_argument("--results-dir", type=Path, default=HERE / "results")
    args = parser.parse_args()
    args.work_dir = args.work_dir.resolve()
    args.work_dir.mkdir(parents=True, exist_ok=True)
    results = {"machine": describe_machine(), "sizes": []}
    for millions in args.interactions:
        results["sizes"].append(measure_size(args, millions))
        args.results_dir.mkdir(parents=True, exist_ok=True)
        (args.results_dir / "metrics.json").write_text(json.dumps(results, indent=2) + "\n")
        (args.results_dir / "metrics.md").write_text(write_report(results))


if __name__ == "__main__":
    main()
