"""kindred's whole build beside the field's libraries, on the same events, with recall on a day that none of them saw.

    python benchmarks/bench_peers.py --peers-python PYTHON [--interactions 1 4] [--runs 2] [--spark 2]

For each size a world is made once (speed/make_world.py) and its last day is cut off (speed/held_out_day.py). Then
kindred and the bare libraries take turns, A B A B, and each of the others runs once:

kindred             `dbt build` of the folds tuning and live without tests: a new DuckDB file that holds nothing but a
                    view of the Parquet file, and a new target folder.
bare libraries      speed/bare_libraries.py, one process: seven generators and LightGBM's ranker, taught on the last 14
                    days (kindred's fold tuning ends where these begin); written by hand with implicit, LensKit,
                    scikit-learn, scipy and LightGBM.
RecTools, LensKit   speed/library_model.py, one process per model: a model alone, as the library recommends by it.
Spark               speed/spark_als.py for the sizes of --spark, once: ALS alone. Its lists hold touched items.

All get the same event weights, half-life and parameters. No side may recommend what a person touched before, and any
event counts as a hit, so kindred is given a table of event weights in which every type excludes the item and is a
target; random places (exploration_share) are off. All else is kindred's default. OMP_WAIT_POLICY is passive for all:
LightGBM's threads, which else spin while they wait for one another, took 7 times the CPU seconds on a busy machine.

Reported: wall seconds (median, least, most), CPU seconds, peak resident memory in MiB of the largest process
(measure.py says what that means), recall@20 on the held-out day with its standard error over people, and the seconds of
each part. Runs in which something else used the machine are marked. Results go to results/peers.md and
results/peers.json after each size; what wasn't run keeps its results, so that --runs 0 --peers MODEL adds a model.

PYTHON has benchmarks/requirements-peers.txt; a virtual environment of its own, as RecTools wants an old numpy.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import statistics
import sys
from pathlib import Path

import duckdb
from bench_speed import (
    BUSY_SHARE,
    EVENT_TYPES,
    ROOT,
    STARTUP,
    add_comparison_arguments,
    build_kindred,
    count_cores,
    describe_machine,
    describe_parameters,
    last_json_line,
    machine_line,
    make_world,
    paragraph,
    read_event_weights,
    run_script,
    say,
    show_range,
    table,
)
from measure import measure

HERE = Path(__file__).resolve().parent
BARE = "bare libraries"
PEERS = ("rectools als", "rectools neighbors", "lenskit als", "lenskit neighbors", "lenskit slim")
PEER_PACKAGES = (
    "implicit",
    "pm-implicit",
    "lightgbm",
    "RecTools",
    "lenskit",
    "scikit-learn",
    "scipy",
    "numpy",
    "torch",
)
TITLES = {"rectools": "RecTools", "lenskit": "LensKit", "als": "ALS", "neighbors": "item kNN", "slim": "SLIM"}
DBT_ARGS = "--exclude-resource-types unit_test test"
LARGEST_MILLIONS = 20
TOP_NODES = 15


def describe_peers(python: str, work_dir: Path) -> dict[str, str]:
    """Return the versions of the libraries of the peers' environment."""
    code = f"""
import importlib.metadata as metadata, json, platform
versions = {{"python": platform.python_version()}}
for package in {PEER_PACKAGES}:
    try:
        versions[package] = metadata.version(package)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(versions))
"""
    log_path = work_dir / "versions.log"
    return last_json_line(measure([python, "-c", code], log_path=log_path).output)


def hold_out(world: Path, folder: Path) -> tuple[Path, Path]:
    """Return the Parquet files of the events before the world's last day and of that day."""
    learned, held_out = folder / "learned.parquet", folder / "held_out.parquet"
    command = [sys.executable, HERE / "speed" / "held_out_day.py", "split", world, learned, held_out]
    measure(command, log_path=folder / "split.log")
    return learned, held_out


def run_kindred(args: argparse.Namespace, learned: Path, folder: Path) -> dict[str, object]:
    """Build the folds tuning and live in a fresh DuckDB file and return the run; folder keeps it and the lists."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "kindred.duckdb")) as connection:
        connection.execute("create schema raw")
        connection.execute("""
            create table raw.event_weights (
                event_type varchar, weight double, half_life_days double, neutral_value double,
                excludes_item boolean, is_target boolean
            )
        """)
        rows = [(name, weight, args.half_life_days) for name, weight in args.event_weights.items()]
        connection.executemany("insert into raw.event_weights values (?, ?, ?, null, true, true)", rows)
    variables = {
        "kindred__folds": ["tuning", "live"],
        "kindred__tables": {"event_weights": "raw.event_weights"},
        "kindred__lists": {
            "segment_by": "",
            "n_recommendations": args.n_recommendations,
            "n_candidates": args.n_candidates,
        },
        "kindred__ranking": {"exploration_share": 0},
        "kindred__generators": {
            "n_neighbors": args.n_neighbors,
            "als": {
                "factors": args.factors,
                "iterations": args.iterations,
                "regularization": args.regularization,
                "alpha": args.alpha,
            },
            "spectral": {"factors": args.factors},
        },
    }
    run = build_kindred(learned, folder, variables, shlex.split(DBT_ARGS))
    command = [sys.executable, HERE / "speed" / "held_out_day.py", "lists", folder / "kindred.duckdb"]
    found = measure([*command, folder / "lists.parquet"], log_path=folder / "lists.log")
    return run | last_json_line(found.output)


def run_peer(args: argparse.Namespace, script: str, learned: Path, folder: Path, *more: str) -> dict[str, object]:
    """Run a script of the peers' environment and return the run; its lists stay in folder."""
    more = ("--n-neighbors", str(args.n_neighbors), *more)
    run = run_script(args, args.peers_python, script, learned, folder, more)
    report = last_json_line((folder / "script.log").read_text())
    return run | {name: report[name] for name in ("n_trees", "recall_of_labels") if name in report}


def recall_of(lists: Path, learned: Path, held_out: Path) -> dict[str, float]:
    # Spark writes a folder.
    files = lists / "*.parquet" if lists.is_dir() else lists
    command = [sys.executable, HERE / "speed" / "held_out_day.py", "recall", files, learned, held_out]
    return last_json_line(measure(command, log_path=held_out.parent / "recall.log").output)


def count_world(learned: Path) -> dict[str, int]:
    path = str(learned).replace("'", "''")
    query = f"select count(*), count(distinct user_id), count(distinct item_id) from read_parquet('{path}')"
    return dict(zip(("events", "people", "items"), duckdb.execute(query).fetchone(), strict=True))


def bench_size(args: argparse.Namespace, millions: float, known: dict[str, object]) -> dict[str, object]:
    """Measure one size and return everything about it; known: what earlier calls measured on the same world."""
    label = f"{millions:g}"
    folder = args.work_dir / label
    folder.mkdir(parents=True, exist_ok=True)
    learned, held_out = hold_out(make_world(args.work_dir, millions, args.seed), folder)
    sides: dict[str, list[dict]] = dict(known.get("sides", {}))
    recalls: dict[str, dict] = dict(known.get("recall", {}))
    size = {"millions": millions, **count_world(learned), "sides": sides, "recall": recalls}

    def keep(side: str, run: dict[str, object], number: int = 0) -> None:
        sides[side] = [*sides[side], run] if number else [run]
        say(f"{label} M: {side} {run['wall_seconds']:.1f} s, {run['peak_rss_mib']:,.0f} MiB")
        recalls[side] = recall_of(folder / side / "lists.parquet", learned, held_out)

    for number in range(args.runs):
        keep("kindred", run_kindred(args, learned, folder / "kindred"), number)
        more = ("--n-candidates", str(args.n_candidates))
        keep(BARE, run_peer(args, "bare_libraries.py", learned, folder / BARE, *more), number)
    # A model alone is context, not the comparison: once is enough.
    for peer in args.peers:
        library, model = peer.split()
        if library == "lenskit" and millions > args.lenskit_up_to:
            continue
        more = ("--library", library, "--model", model)
        keep(peer, run_peer(args, "library_model.py", learned, folder / peer, *more))
    if millions in (args.spark or ()):
        more = ("--driver-memory", args.spark_memory, "--cores", str(count_cores()))
        keep("spark als", run_script(args, args.spark_python, "spark_als.py", learned, folder / "spark als", more))
    if not args.keep:
        shutil.rmtree(folder)
    return size


def spread(runs: list[dict], figure: str) -> dict[str, float]:
    values = [run[figure] for run in runs]
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def median_seconds(size: dict, side: str, figure: str = "wall_seconds") -> float:
    return spread(size["sides"][side], figure)["median"]


def title(side: str) -> str:
    return " ".join(TITLES.get(word, word) for word in side.replace("spark", "Spark").split())


def median_parts(runs: list[dict], parts: str) -> dict[str, float]:
    """Return the median seconds of each part, in the order of the last run."""
    return {name: statistics.median(run[parts].get(name, 0.0) for run in runs) for name in runs[-1][parts]}


def estimate_largest(sizes: list[dict]) -> list[str]:
    """Return the paragraph that extends the growth between the last two sizes to 20 M, if it wasn't measured."""
    if len(sizes) < 2 or sizes[-1]["millions"] >= LARGEST_MILLIONS:
        return []
    first, last = sizes[-2:]
    estimates = {}
    for side in ("kindred", BARE):
        seconds = median_seconds(first, side, "cpu_seconds"), median_seconds(last, side, "cpu_seconds")
        slope = (seconds[1] - seconds[0]) / (last["millions"] - first["millions"])
        estimates[side] = seconds[1] + slope * (LARGEST_MILLIONS - last["millions"])
    return [
        "",
        "## 20 M, estimated",
        "",
        *paragraph(
            f"Not measured. On the straight line through {first['millions']:g} M and {last['millions']:g} M,",
            f"{LARGEST_MILLIONS} M would take kindred {estimates['kindred']:,.0f} CPU seconds and the {BARE}",
            f"{estimates[BARE]:,.0f}, a ratio of {estimates['kindred'] / estimates[BARE]:.2f}. The catalogue grows",
            "with the events, so that parts of both grow faster than the line.",
        ),
    ]


def write_report(results: dict[str, object]) -> str:
    """Return the results as a Markdown page."""
    machine, sizes = results["machine"], results["sizes"]
    parameters = ", ".join(f"{name} {value}" for name, value in results["parameters"].items())
    runs = ", ".join(f"{len(size['sides']['kindred'])} at {size['millions']:g} M" for size in sizes)
    peers = ", ".join(f"{name} {version}" for name, version in results["peer_versions"].items())
    lines = [
        "# Peers",
        "",
        *paragraph(
            "Made by `make bench-peers`; the first lines of `benchmarks/bench_peers.py` say what is measured and how.",
            "**kindred** is a whole `dbt build` of the folds `tuning` and `live` without tests, with the ranker it",
            "chose. **bare libraries** is `benchmarks/speed/bare_libraries.py`: the same generators and a ranker,",
            "written by hand with the field's libraries; it has no checks, explanations, rules, tables for apps or",
            "release. The others are one model alone, by `benchmarks/speed/library_model.py`.",
            "What installs, and why these libraries: [docs/benchmarks.md](../../docs/benchmarks.md#peers).",
        ),
        "",
        machine_line(machine),
        f"The peers' environment: {peers}.",
        f"Parameters of all: {parameters}.",
        f"dbt command: `dbt build {results['dbt_args']}`.",
        *paragraph(
            f"Runs of kindred and of the bare libraries, in turns: {runs}; one of each model. Seconds are the median",
            "(least–most), MiB the most. Recall@20 is the mean over people ± its standard error, on the day that was",
            "cut off. kindred has its default settings but for the parameters above. What else the bare libraries set,",
            "similarities, penalties and decays, was chosen on the label days of a world of 0.1 M pairs.",
        ),
    ]
    for size in sizes:
        recalls = size["recall"]
        lines += [
            "",
            f"## {size['millions']:g} M",
            "",
            *paragraph(
                f"{size['events']:,} events of {size['people']:,} people and {size['items']:,} items;",
                f"{recalls['kindred']['people']:,} of these people touched {recalls['kindred']['targets']:,} new items",
                "on the held-out day.",
            ),
            "",
        ]
        rows = []
        bare_seconds = median_seconds(size, BARE)
        bare_cpu_seconds = median_seconds(size, BARE, "cpu_seconds")
        for side, runs in size["sides"].items():
            recall = recalls[side]
            rows.append(
                [
                    f"**{title(side)}**" if side in ("kindred", BARE) else title(side),
                    show_range(spread(runs, "wall_seconds"), 1),
                    f"{median_seconds(size, side) / bare_seconds:.2f}",
                    f"{median_seconds(size, side, 'cpu_seconds'):,.1f}",
                    f"{median_seconds(size, side, 'cpu_seconds') / bare_cpu_seconds:.2f}",
                    f"{spread(runs, 'peak_rss_mib')['most']:,.0f}",
                    f"{recall['recall']:.4f} ± {recall['error']:.4f}",
                    f"{recall['lists']:,}",
                ]
            )
        header = ["", "wall s", "/ bare", "CPU s", "/ bare", "peak MiB", "recall@20", "lists"]
        lines += table(header, rows)
        last = size["sides"]["kindred"][-1]
        lines += ["", *paragraph(f"kindred's ranker was `{last['ranker']}`: {last['note']}.")]
        if "spark als" in size["sides"]:
            lines += ["", *paragraph("Spark's lists hold items that people touched before, which lowers its recall.")]
    lines += estimate_largest(sizes)

    labels = [f"{size['millions']:g} M" for size in sizes]
    lines += ["", "## Where the bare libraries' seconds go", ""]
    lines += [*paragraph("Both rounds together: the one that teaches the ranker and the one that makes the lists."), ""]
    columns = [median_parts(size["sides"][BARE], "step_seconds") for size in sizes]
    recalls = sizes[-1]["sides"][BARE][-1]["recall_of_labels"]
    rows = [
        [part, *[f"{column[part]:,.2f}" for column in columns], f"{recalls[part]:.4f}" if part in recalls else ""]
        for part in columns[-1]
    ]
    lines += table(["seconds", *labels, f"recall@20 of the labels, {labels[-1]}"], rows)

    lines += ["", "## Where kindred's seconds go", ""]
    lines += [
        *paragraph(
            f"The {TOP_NODES} longest nodes of the last size, both folds in one. Nodes run side by side, so their sum",
            "may exceed the wall time.",
        ),
        "",
    ]
    columns = [median_parts(size["sides"]["kindred"], "node_seconds") for size in sizes]
    names = list(columns[-1])[: TOP_NODES + 1]
    rows = [
        [name if name == STARTUP else f"`{name}`", *[f"{column.get(name, 0.0):,.2f}" for column in columns]]
        for name in names
    ]
    lines += table(["seconds", *labels], rows)

    steps = ("read", "dataset", "fit", "recommend", "write")
    rows = [
        [f"{title(side)}, {label}", *[f"{size['sides'][side][-1]['step_seconds'][step]:,.2f}" for step in steps]]
        for side in PEERS
        for size, label in zip(sizes, labels, strict=True)
        if side in size["sides"]
    ]
    if rows:
        lines += ["", "## Where the seconds of a model alone go", ""]
        lines += table(["seconds", *steps], rows)

    busy = find_disturbed(sizes, machine["cores"])
    if busy:
        lines += [
            "",
            *paragraph(
                f"Runs in which others used more than {BUSY_SHARE:.0%} of the cores: {'; '.join(busy)}.",
                "Their wall seconds are too long, by unequal parts; compare CPU seconds.",
            ),
        ]
    return "\n".join(lines) + "\n"


def find_disturbed(sizes: list[dict], cores: int) -> list[str]:
    """Return the runs in which the rest of the machine was busy, in words."""
    busy = []
    for size in sizes:
        for side, runs in size["sides"].items():
            for number, run in enumerate(runs, start=1):
                share = (run["other_cpu_seconds"] or 0.0) / (run["wall_seconds"] * cores)
                # Spark's JVM isn't waited for, and counts as others.
                if share > BUSY_SHARE and side != "spark als":
                    busy.append(f"{size['millions']:g} M {title(side)} run {number} ({share:.0%})")
    return busy


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure kindred's build beside the field's libraries.")
    parser.add_argument("--interactions", type=float, nargs="+", default=[1, 4], help="millions of pairs")
    parser.add_argument("--runs", type=int, default=2, help="of kindred and of the bare libraries")
    parser.add_argument("--peers-python", required=True, help="Python that has benchmarks/requirements-peers.txt")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="models that run alone")
    parser.add_argument("--lenskit-up-to", type=float, default=1.0, metavar="SIZE", help="LensKit takes 10 ms a person")
    parser.add_argument("--spark", type=float, nargs="+", metavar="SIZE", help="sizes for Spark")
    parser.add_argument("--n-neighbors", type=int, default=100)
    parser.add_argument("--n-candidates", type=int, default=50)
    add_comparison_arguments(parser, "peers")
    args = parser.parse_args()
    event_weights, args.half_life_days = read_event_weights(ROOT / "seeds" / "config" / "event_weights.csv")
    args.event_weights = {event_type: event_weights[event_type] for event_type in EVENT_TYPES}
    # The scripts run in folders of their own; a resolved link would leave the virtual environment.
    args.peers_python = os.path.abspath(shutil.which(args.peers_python) or args.peers_python)
    args.work_dir = args.work_dir.resolve()
    args.work_dir.mkdir(parents=True, exist_ok=True)
    return args


def main() -> None:
    args = parse_arguments()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    results: dict[str, object] = {
        "machine": describe_machine(),
        "peer_versions": describe_peers(args.peers_python, args.work_dir),
        "parameters": describe_parameters(args, neighbours=args.n_neighbors, candidates=args.n_candidates),
        "dbt_args": DBT_ARGS,
    }
    args.results_dir.mkdir(parents=True, exist_ok=True)
    written = args.results_dir / "peers.json"
    sizes = {size["millions"]: size for size in json.loads(written.read_text())["sizes"]} if written.exists() else {}
    for millions in args.interactions:
        sizes[millions] = size = bench_size(args, millions, sizes.get(millions, {}))
        results["sizes"] = [sizes[known] for known in sorted(sizes)]
        written.write_text(json.dumps(results, indent=2) + "\n")
        (args.results_dir / "peers.md").write_text(write_report(results))
        ratio = median_seconds(size, "kindred") / median_seconds(size, BARE)
        say(f"{millions:g} M: kindred / bare libraries = {ratio:.2f}")
    disturbed = find_disturbed(results["sizes"], results["machine"]["cores"])
    if disturbed:
        say(f"the machine was busy with other things, don't publish: {'; '.join(disturbed)}")


if __name__ == "__main__":
    main()
