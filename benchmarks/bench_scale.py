"""Scale: what a whole `dbt build` costs at sizes far apart, node by node, and whether its release answers.

    python benchmarks/bench_scale.py [--interactions 1 20 100] [--memory-limit 4GB]

For each size, in millions of distinct (user, item) pairs, a world is made once (speed/make_world.py), and kindred
builds its live fold with its default settings: a new DuckDB file that holds nothing but a view of the Parquet file, and
a new target folder. Every model, seed and data test of the project runs; unit tests, which read no data, don't. The
last node publishes a release; lists of random people are then read from it in one process.

Reported: wall and CPU seconds, peak resident memory of the largest process (measure.py says what that means), rows of
the tables that apps read, latency of reads, and the seconds of each node at each size with its growth: the exponent e
of seconds ~ interactions^e between two sizes. An exponent above 1 grows faster than the input.

--memory-limit bounds DuckDB (KINDRED_MEMORY_LIMIT); Python models come on top. Above 50 M one model is built at a time
(--threads 1 of dbt), as docs/orchestration.md says: two large models side by side need the memory of both. Results go
to results/scale.md and results/scale.json after each size; sizes that aren't run keep their figures. Builds in which
something else used the machine are marked. 100 M: 12 minutes for the world, see the page for the rest; disk 60 GB in
--work-dir.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import time
from pathlib import Path

import duckdb
from bench_speed import (
    BUSY_SHARE,
    HERE,
    ROOT,
    STARTUP,
    build_kindred,
    count_cores,
    describe_machine,
    machine_line,
    make_world,
    paragraph,
    say,
    table,
)
from serving_readers import percentile

from kindred.serving import Store

RESULTS = HERE / "results"
READS = 20_000
ONE_THREAD_ABOVE = 50  # millions
TOP_NODES = 40
LEAST_SECONDS = 2.0  # at the larger size: below it a node's seconds are dbt's own
COUNTED = ("interactions", "recommendation_lists", "release_lists", "release_items")


def read_lists(folder: Path, database: Path, n_reads: int) -> dict[str, object]:
    """Read published lists of random people; their number, latency in ms, and the lists of fewer than 20 items."""
    with duckdb.connect(str(database), read_only=True) as connection:
        people = [
            user_id
            for (user_id,) in connection.execute(
                f"select user_id from release_lists using sample reservoir({n_reads} rows) repeatable (20)"
            ).fetchall()
        ]
    random.Random(20).shuffle(people)
    store = Store(folder)
    seconds, short = [], 0
    for user_id in people:
        began = time.perf_counter()
        answer = store.recommend(user_id)
        seconds.append(time.perf_counter() - began)
        short += len(answer["items"]) < 20
    seconds.sort()
    return {
        "reads": len(seconds),
        "p50_ms": round(1000 * percentile(seconds, 0.5), 3),
        "p99_ms": round(1000 * percentile(seconds, 0.99), 3),
        "short": short,
    }


def count_rows(database: Path) -> dict[str, int]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return {name: connection.execute(f"select count(*) from {name}").fetchall()[0][0] for name in COUNTED}


def bench_size(work_dir: Path, millions: float, memory_limit: str) -> dict[str, object]:
    """Build, count and read one size; its database is removed, its world is kept."""
    world = make_world(work_dir, millions, seed=20)
    folder = work_dir / f"{millions:g}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["KINDRED_MEMORY_LIMIT"] = memory_limit
    threads = 1 if millions > ONE_THREAD_ABOVE else 4
    say(f"{millions:g} M: building")
    dbt_args = ["--exclude-resource-type", "unit_test", "--threads", str(threads)]
    build = build_kindred(world, folder, {"kindred__folds": ["live"]}, dbt_args)
    database = folder / "kindred.duckdb"
    size = {
        "millions": millions,
        "memory_limit": memory_limit,
        "threads": threads,
        "build": build,
        "rows": count_rows(database),
        "reads": read_lists(folder / "kindred_serving", database, READS),
    }
    shutil.rmtree(folder)
    return size


def growth(smaller: float, larger: float, ratio: float) -> float | None:
    """Return the exponent e of larger / smaller = ratio^e; None where the larger is too short to tell."""
    return math.log(larger / smaller) / math.log(ratio) if larger >= LEAST_SECONDS and smaller > 0 else None


def write_report(results: dict[str, object]) -> str:
    """Return the results as a Markdown page."""
    sizes = results["sizes"]
    names = [f"{size['millions']:g} M" for size in sizes]
    lines = [
        "# Scale",
        "",
        *paragraph(
            "Made by `python benchmarks/bench_scale.py`, whose first lines say what is measured and how: a whole",
            "`dbt build` of the live fold with default settings, data tests included, and reads of the release that it",
            "published.",
        ),
        "",
        machine_line(results["machine"]),
        "",
    ]
    rows = [
        [
            name,
            f"{size['rows']['release_lists']:,}",
            f"{size['rows']['release_items']:,}",
            f"{size['build']['wall_seconds']:,.0f}",
            f"{size['build']['cpu_seconds']:,.0f}" if size["build"]["cpu_seconds"] else "not measured",
            f"{size['build']['peak_rss_mib']:,.0f}",
            size["memory_limit"],
            str(size["threads"]),
            f"{size['build']['database_mib']:,.0f}",
            f"{size['reads']['p50_ms']:.2f}",
            f"{size['reads']['p99_ms']:.2f}",
            f"{size['reads']['short']:,} of {size['reads']['reads']:,}",
        ]
        for name, size in zip(names, sizes, strict=True)
    ]
    header = ["interactions", "people", "items", "wall s", "CPU s", "peak MiB", "DuckDB's limit", "threads"]
    lines += table([*header, "DuckDB file MiB", "read p50 ms", "read p99 ms", "short lists"], rows)
    busy = [
        f"{name} ({share:.0%})"
        for name, size in zip(names, sizes, strict=True)
        if (share := (size["build"]["other_cpu_seconds"] or 0) / size["build"]["wall_seconds"] / count_cores())
        > BUSY_SHARE
    ]
    if busy:
        lines += ["", f"Builds in which others used more than {BUSY_SHARE:.0%} of the cores: {'; '.join(busy)}."]

    for name, size in zip(names, sizes, strict=True):
        if "note" in size:
            lines += ["", *paragraph(f"{name}: {size['note']}")]

    columns = [size["build"]["node_seconds"] for size in sizes]
    longest = [node for node in columns[-1] if node != STARTUP][:TOP_NODES]
    pairs = list(zip(range(len(sizes)), range(1, len(sizes)), strict=False))
    lines += [
        "",
        "## Seconds and growth per node",
        "",
        *paragraph(
            f"The {TOP_NODES} longest nodes of the last size. Where several threads run nodes side by side, a node's",
            "seconds include waiting for cores. Growth is the exponent between two sizes; empty where the larger took",
            f"less than {LEAST_SECONDS:g} s.",
        ),
        "",
    ]
    header = ["node", *names, *[f"growth {names[smaller]} to {names[larger]}" for smaller, larger in pairs]]
    rows = []
    for node in longest:
        row = [f"`{node}`", *[f"{column[node]:,.1f}" if node in column else "" for column in columns]]
        for smaller, larger in pairs:
            ratio = sizes[larger]["millions"] / sizes[smaller]["millions"]
            exponent = growth(columns[smaller].get(node, 0.0), columns[larger].get(node, 0.0), ratio)
            row.append("" if exponent is None else f"{exponent:.2f}")
        rows.append(row)
    lines += table(header, rows)
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a whole build at sizes far apart.")
    parser.add_argument("--interactions", type=float, nargs="+", default=[1, 20, 100], help="millions of pairs")
    parser.add_argument("--memory-limit", default="4GB", help="DuckDB's")
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "scale")
    args = parser.parse_args()
    work_dir = args.work_dir.resolve()
    work_dir.mkdir(parents=True, exist_ok=True)
    path = RESULTS / "scale.json"
    results = json.loads(path.read_text()) if path.exists() else {"sizes": []}
    for millions in args.interactions:
        size = bench_size(work_dir, millions, args.memory_limit)
        say(f"{millions:g} M: {size['build']['wall_seconds']:.0f} s, {size['build']['peak_rss_mib']:,.0f} MiB")
        others = [other for other in results["sizes"] if other["millions"] != millions]
        results["sizes"] = sorted([*others, size], key=lambda one: one["millions"])
        results["machine"] = describe_machine()
        path.write_text(json.dumps(results, indent=2) + "\n")
        (RESULTS / "scale.md").write_text(write_report(results))


if __name__ == "__main__":
    main()
