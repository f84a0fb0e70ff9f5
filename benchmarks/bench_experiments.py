"""From exposures to results: 1 million people, 3 arms, 7 metrics, 28 days, 5 segments.

    python benchmarks/bench_experiments.py [--people 1] [--runs 3]

People are exposed once, evenly over 28 days, and have about 8 other events each: views, watches, purchases and returns
before and after. The rooms above `experiments` are built once, which is not counted. Then `dbt run --select
group:experiments` runs --runs times; what counts is the time from the start of the first of its models to the end of
the last, as dbt's run_results.json has it, with two threads. Results go to results/experiments.md and
results/experiments.json. Disk: about 2 GB a million people, in --work-dir.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
from bench_speed import HERE, ROOT, describe_machine, machine_line, paragraph, say, table

GOAL_SECONDS = 20
TOP_NODES = 12
VARIABLES = {
    "kindred__inputs": {"events": "raw.events", "users": "raw.users"},
    "kindred__tables": {name: f"raw.{name}" for name in ("experiments", "experiment_arms", "experiment_metrics")},
    "kindred__folds": ["live"],
}
# An event each for so many people in a hundred, in the 28 days before and the 14 after their exposure.
EVENTS = [("view", 300, 300), ("watch", 60, 60), ("purchase", 20, 25), ("return", 2, 3)]
METRICS = [
    ("views", "mean", "events", None, "view", None),
    ("conversion", "mean", "people", None, "purchase", None),
    ("orders", "mean", "orders", None, "purchase", None),
    ("revenue", "mean", "value", None, "purchase", "0.999"),
    ("aov", "ratio", "value", "orders", "purchase", None),
    ("watch_seconds", "mean", "value", None, "watch", "0.999"),
    ("returns", "mean", "events", None, "return", None),
]


def make_shop(database: Path, n_people: int) -> int:
    """Write the raw tables; returns the number of events. Everything is a hash: the same in every run."""
    connection = duckdb.connect(str(database))
    connection.execute("create schema raw")
    connection.execute(f"""
        create table raw.users as
        select concat('u', i) as user_id, concat('country ', hash(i) % 5) as country from range({n_people}) t(i)
    """)
    parts = [
        f"""
        select concat('{kind}{side}', n) as event_id, concat('u', n % {n_people}) as user_id, '{kind}' as event_type,
            concat('i', hash(n, 7) % 5000) as item_id,
            timestamp '2026-02-01' + interval (n % {n_people} % 28) day + interval (hash(n, 3) % 86000) second
                {"+" if side == "a" else "-"} interval (hash(n, 5) % {13 if side == "a" else 27} + 1) day
                as occurred_at,
            round(5 + 100 * pow((hash(n, 9) % 1000) / 1000.0, 3), 2)::double as value, null as properties
        from range({n_people * count // 100}) t(n)
        """
        for kind, *counts in EVENTS
        for side, count in zip("ba", counts, strict=True)
    ]
    parts.append(f"""
        select concat('x', i), concat('u', i), 'exposure', null,
            timestamp '2026-02-01' + interval (i % 28) day + interval (hash(i, 3) % 86000) second, null,
            concat('{{"experiment": "offers", "arm": "arm', hash(i, 11) % 3, '"}}')
        from range({n_people}) t(i)
    """)
    connection.execute(f"create table raw.events as {' union all '.join(parts)}")
    experiment = {"experiment_id": "offers", "kind": "offer", "stopping": "sequential", "starts_at": "2026-02-01"}
    arms = [("offers", f"arm{n}", str(1 / 3), str(n == 0).lower(), f"offer{n}") for n in range(3)]
    columns = {
        "experiments": (tuple(experiment), [tuple(experiment.values())]),
        "experiment_arms": (("experiment_id", "arm", "share", "is_control", "value"), arms),
        "experiment_metrics": (
            ("metric", "statistic", "numerator", "denominator", "event_type", "winsorize_at", "window_days",
             "covariate_days"),
            [(*row, "14", "28") for row in METRICS],
        ),
    }  # fmt: skip
    for name, (names, rows) in columns.items():
        connection.execute(f"create table raw.{name} ({', '.join(f'{column} varchar' for column in names)})")
        connection.executemany(f"insert into raw.{name} values ({', '.join('?' * len(names))})", rows)
    [n_events] = connection.execute("select count(*) from raw.events").fetchone()
    connection.close()
    return n_events


def run_dbt(folder: Path, *arguments: str) -> dict[str, object]:
    """Run dbt and return run_results.json; raises where it fails."""
    environment = os.environ | {
        "KINDRED_DUCKDB_PATH": str(folder / "kindred.duckdb"),
        "KINDRED_TEMP_DIRECTORY": str(folder / "temp"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--quiet", *arguments]
    places = ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT), "--threads", "2"]
    paths = ["--target-path", str(folder / "target"), "--log-path", str(folder / "target")]
    subprocess.run([*command, *places, *paths, "--vars", json.dumps(VARIABLES)], env=environment, check=True)
    return json.loads((folder / "target/run_results.json").read_text())


def node_seconds(results: dict[str, object]) -> tuple[float, dict[str, float]]:
    """Seconds from the first model's start to the last one's end, and those of each."""
    spans = {}
    for result in results["results"]:
        times = {part["name"]: part for part in result["timing"]}
        if result["unique_id"].startswith("model.") and "execute" in times:
            moments = [datetime.fromisoformat(times[part][end].replace("Z", "+00:00")) for part, end in
                       (("compile", "started_at"), ("execute", "completed_at"))]  # fmt: skip
            spans[result["unique_id"].split(".")[-1]] = moments
    wall = max(end for _start, end in spans.values()) - min(start for start, _end in spans.values())
    return wall.total_seconds(), {name: (end - start).total_seconds() for name, (start, end) in spans.items()}


def write_report(results: dict[str, object]) -> str:
    """Return the results as a Markdown page."""
    median = statistics.median(run["seconds"] for run in results["runs"])
    verdict = "met" if median <= GOAL_SECONDS else "not met"
    lines = [
        "# From exposures to results",
        "",
        *paragraph(
            "Made by `python benchmarks/bench_experiments.py`; its first lines say what is measured and how.",
        ),
        "",
        machine_line(results["machine"]),
        f"{results['people']:,} people, 3 arms, {len(METRICS)} metrics, 28 days, 5 segments, "
        f"{results['events']:,} events; {results['rows']:,} rows of results.",
        f"Median {median:.1f} s of {len(results['runs'])} runs, two threads; "
        f"the goal of {GOAL_SECONDS} s is {verdict}.",
        "",
    ]
    names = sorted(results["runs"][-1]["nodes"], key=lambda name: -results["runs"][-1]["nodes"][name])[:TOP_NODES]
    rows = [[name, *(f"{run['nodes'][name]:.1f}" for run in results["runs"])] for name in names]
    lines += table(["model", *(f"run {number} s" for number in range(1, len(results["runs"]) + 1))], rows)
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure exposures to results.")
    parser.add_argument("--people", type=float, default=1, help="millions of people")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "experiments")
    parser.add_argument("--results-dir", type=Path, default=HERE / "results")
    args = parser.parse_args()
    folder = args.work_dir.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    n_people = int(args.people * 1_000_000)
    results = {"machine": describe_machine(), "people": n_people, "runs": []}
    results["events"] = make_shop(folder / "kindred.duckdb", n_people)
    say(f"{results['events']:,} events; building the rooms above")
    run_dbt(folder, "build", "--select", "+group:experiments", "--exclude-resource-type", "test", "unit_test")
    for number in range(1, args.runs + 1):
        seconds, nodes = node_seconds(run_dbt(folder, "run", "--select", "group:experiments"))
        say(f"run {number}: {seconds:.1f} s")
        results["runs"].append({"seconds": seconds, "nodes": nodes})
    with duckdb.connect(str(folder / "kindred.duckdb"), read_only=True) as connection:
        [results["rows"]] = connection.execute("select count(*) from experiment_results").fetchone()
    args.results_dir.mkdir(parents=True, exist_ok=True)
    (args.results_dir / "experiments.json").write_text(json.dumps(results, indent=2) + "\n")
    (args.results_dir / "experiments.md").write_text(write_report(results))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
