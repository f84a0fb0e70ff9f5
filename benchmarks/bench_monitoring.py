"""What the room monitoring costs in a build, and the request log in a request.

    python benchmarks/bench_monitoring.py [--millions 1 4] [--folds live] [--work-dir folder]

A world of bench_speed is built twice, all folds or those that are named and without tests, so that the second build has
a served one to compare with; the table run_costs of that second build says what each node took. Time of models that are
parts of others (ephemeral) is in theirs: all that gates read is in publish_gates. Nodes run four at a time, so that the
sum of seconds is more than the wall time they add.

The request log: 200,000 lines written by one process, microseconds each.

Writes benchmarks/results/monitoring.md.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import duckdb
from bench_speed import HERE, ROOT, find_dbt, make_world, paragraph, say, table
from measure import measure

from kindred.serving.request_log import RequestLog

NODES = ("data_health", "drift_bins", "drift", "publish_gates", "concentration", "run_costs", "service_levels")
N_LINES = 200_000


def build(database: Path, world: Path, folder: Path, folds: list[str] | None) -> None:
    """One full build of the events of a world; folds: None = all."""
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema if not exists raw")
        connection.execute(f"create or replace view raw.events as from read_parquet('{world}')")
    command = [find_dbt(), "build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    command += ["--project-dir", ROOT, "--profiles-dir", ROOT, "--target-path", folder / "target"]
    variables = {"kindred__inputs": {"events": "raw.events"}} | ({"kindred__folds": folds} if folds else {})
    command += ["--log-path", folder, "--vars", json.dumps(variables)]
    environment = {"KINDRED_DUCKDB_PATH": str(database), "KINDRED_TEMP_DIRECTORY": str(folder / "temp")}
    measure(command, cwd=ROOT, env=environment, log_path=folder / "build.log")


def costs(database: Path) -> dict[str, float]:
    """{node: seconds} of the newest run; '' = the run."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            "select node, seconds from run_costs where started_at = (select max(started_at) from run_costs)"
        ).fetchall()
    return dict(rows)


def microseconds_per_line(folder: Path) -> float:
    log = RequestLog(folder / "lines")
    began = time.perf_counter()
    for _ in range(N_LINES):
        log.write("/session", 200, 0.00071, "20260501T055001-1f0a2b3c", False)
    return (time.perf_counter() - began) / N_LINES * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="What monitoring costs.")
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 4])
    parser.add_argument("--folds", nargs="+", help="folds to build; none given = all")
    parser.add_argument("--work-dir", type=Path, default=Path(tempfile.gettempdir()) / "kindred_bench")
    given = parser.parse_args()
    given.work_dir.mkdir(parents=True, exist_ok=True)
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    measured = {}
    for millions in given.millions:
        world = make_world(given.work_dir, millions, 20)
        with tempfile.TemporaryDirectory(dir=given.work_dir) as name:
            folder = Path(name)
            for number in (1, 2):
                build(folder / "kindred.duckdb", world, folder, given.folds)
                measured[millions] = costs(folder / "kindred.duckdb")
                say(f"{millions:g} M, build {number}: {measured[millions]['']:.1f} s")
    with tempfile.TemporaryDirectory(dir=given.work_dir) as name:
        per_line = microseconds_per_line(Path(name))
    rows = [[f"`{node}`", *(f"{found.get(node, 0):.2f}" for found in measured.values())] for node in NODES]
    sums = [sum(found.get(node, 0) for node in NODES) for found in measured.values()]
    rows.append(["monitoring", *(f"{total:.2f}" for total in sums)])
    of_nodes = [sum(seconds for node, seconds in found.items() if node) for found in measured.values()]
    rows.append(["all nodes", *(f"{total:.1f}" for total in of_nodes)])
    rows.append(["share", *(f"{own / total:.1%}" for own, total in zip(sums, of_nodes, strict=True))])
    rows.append(["the run", *(f"{found['']:.1f}" for found in measured.values())])
    lines = [
        "# What monitoring costs",
        "",
        *paragraph(
            "Made by `python benchmarks/bench_monitoring.py`; its first lines say what is measured. Seconds of each",
            f"node in the second of two builds of {', '.join(given.folds) if given.folds else 'all folds'}.",
        ),
        "",
        *table(["node", *(f"{millions:g} M events" for millions in measured)], rows),
        "",
        *paragraph(f"A line of the request log takes {per_line:.1f} µs."),
    ]
    (HERE / "results" / "monitoring.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
