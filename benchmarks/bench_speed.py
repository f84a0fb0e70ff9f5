"""Speed and memory of a whole `dbt build` of kindred, beside the bare script that does the same without it.

    python benchmarks/bench_speed.py --interactions 1 2 4 8 20 --runs 3 [--spark [SIZE ...]]

For each size a world is made once (speed/make_world.py). Then the two take turns, A B A B:

A. `dbt build` of the live fold: a new DuckDB file that holds nothing but a view of the Parquet file, and a new target
   folder, so that dbt parses the project from nothing. Every model, seed and test of the project runs.
B. speed/bare_script.py, one process, on the same Parquet file: ALS alone, with the same weights and parameters. It
   trains for 15 iterations, implicit's default, and kindred for as many as its own default says.

With --spark, speed/spark_als.py runs once per size given (all sizes where none is given).

Reported: wall seconds (median, least, most), CPU seconds, peak resident memory in MiB of the largest process
(measure.py says what that means), the ratio A / B of the medians and of each pair of runs, how alike the lists are, and
the seconds of each dbt node in the last run of a size. Runs in which something else used the machine are marked.
Results go to results/speed.md and results/speed.json after each size.

Both need the project's environment (dbt-duckdb, implicit, pyarrow, threadpoolctl); Spark may have its own
(--spark-python). Sizes are millions of distinct (user, item) pairs. Disk: about 3 GB at 20 M, in --work-dir.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import re
import shlex
import shutil
import statistics
import sys
import textwrap
from collections.abc import Iterable
from datetime import datetime
from importlib import metadata
from pathlib import Path

import duckdb
from measure import Cost, measure

from kindred.generators.als import GENERATOR as ALS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
EVENT_TYPES = ("view", "add_to_cart", "purchase")
DEFAULT_WEIGHTS, DEFAULT_HALF_LIFE_DAYS = {"view": 1.0, "add_to_cart": 3.0, "purchase": 5.0}, 90.0
PACKAGES = ("dbt-core", "dbt-duckdb", "duckdb", "implicit", "numpy", "scipy", "pyarrow")
TOP_NODES = 25
OLD_NODE = "model reasons"  # explanations since 0.1.0
STARTUP = "dbt start-up and parsing"
BUSY_SHARE = 0.05  # of the cores, used by others: above it, a run is marked


def read_event_weights(path: Path) -> tuple[dict[str, float], float]:
    """Return (weight per event type, half-life in days) of the project's seed, or the defaults where there is none.

    Raises ValueError where the world's types don't share one half-life, as the bare script knows only one.
    """
    if not path.exists():
        return DEFAULT_WEIGHTS, DEFAULT_HALF_LIFE_DAYS
    with path.open(newline="") as file:
        rows = {row["event_type"]: row for row in csv.DictReader(file)}
    half_lives = {rows[event_type]["half_life_days"] for event_type in EVENT_TYPES}
    if len(half_lives) != 1 or "" in half_lives:
        raise ValueError(f"{path.name}: {', '.join(EVENT_TYPES)} need one and the same half_life_days: {half_lives}")
    return {event_type: float(rows[event_type]["weight"]) for event_type in EVENT_TYPES}, float(half_lives.pop())


def count_cores() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe_machine() -> dict[str, object]:
    """Return cores, memory and versions; nothing that names the machine."""
    memory_gib = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3)
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "none"
    return {
        "cores": count_cores(),
        "memory_gib": memory_gib,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions,
    }


def paragraph(*texts: str) -> list[str]:
    """Return the texts as the lines of one paragraph."""
    return textwrap.wrap(" ".join(texts), width=120, break_long_words=False, break_on_hyphens=False)


def name_note(runs: Iterable[dict[str, object]]) -> str:
    """Return the sentence that is due where a run is of before version 0.1.0, whose nodes had other names."""
    if not any(OLD_NODE in run["node_seconds"] for run in runs):
        return ""
    return (
        "Nodes have the names of the code that was measured: "
        "[docs/upgrading.md](../../docs/upgrading.md) has the names of today."
    )


def machine_line(machine: dict[str, object]) -> str:
    """Return what describe_machine found as a sentence of a report."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"Machine: {machine['cores']} cores, {machine['memory_gib']} GiB of memory, {machine['system']}; {versions}."


def last_json_line(output: str) -> dict:
    """Return the last line of an output that is a JSON object."""
    return json.loads(next(line for line in reversed(output.splitlines()) if line.startswith("{")))


def find_dbt() -> str:
    """Return the dbt of this Python's environment, else the first on the path."""
    beside = Path(sys.executable).parent / "dbt"
    found = str(beside) if beside.exists() else shutil.which("dbt")
    if not found:
        raise FileNotFoundError("no dbt beside this Python nor on the path: pip install -r requirements.txt")
    return found


def name_node(unique_id: str) -> str:
    """Return a readable name: kind and name without package and hash."""
    kind, _, rest = unique_id.partition(".")
    name = re.sub(r"\.[0-9a-f]{10}$", "", rest.partition(".")[2])
    return f"{kind} {name}"


def parse_moment(text: str) -> datetime:
    """Return the moment of dbt's ISO text; Python 3.10 doesn't know the Z."""
    return datetime.fromisoformat(text.removesuffix("Z"))


def read_node_seconds(run_results: Path, wall_seconds: float) -> dict[str, float]:
    """Return seconds per node, most first, and what of the wall time lies outside the nodes (STARTUP)."""
    results = json.loads(run_results.read_text())["results"]
    moments = [
        parse_moment(timing[moment])
        for result in results
        for timing in result["timing"]
        for moment in ("started_at", "completed_at")
        if timing.get(moment)
    ]
    span = (max(moments) - min(moments)).total_seconds() if moments else 0.0
    nodes: dict[str, float] = {}
    for result in results:
        name = name_node(result["unique_id"])
        nodes[name] = nodes.get(name, 0.0) + result["execution_time"]
    ordered = dict(sorted(nodes.items(), key=lambda pair: (-pair[1], pair[0])))
    return {STARTUP: round(wall_seconds - span, 2)} | {name: round(seconds, 2) for name, seconds in ordered.items()}


def as_run(cost: Cost, **more: object) -> dict[str, object]:
    """Return a run as it goes into the JSON."""
    return {
        "wall_seconds": cost.wall_seconds,
        "cpu_seconds": cost.cpu_seconds,
        "peak_rss_mib": cost.peak_rss_mib,
        "other_cpu_seconds": cost.other_cpu_seconds,
        **more,
    }


def make_world(work_dir: Path, millions: float, seed: int) -> Path:
    """Return the Parquet file of the world of a size, which is made where it isn't there yet."""
    label = f"{millions:g}"
    world = work_dir / f"world_{label}m_{seed}.parquet"
    if not world.exists():
        say(f"{label} M: making the world")
        command = [sys.executable, HERE / "speed" / "make_world.py", "--interactions", label]
        measure([*command, "--output", world, "--seed", str(seed)], log_path=work_dir / "make_world.log")
    return world


def build_kindred(
    world: Path,
    folder: Path,
    variables: dict[str, object],
    dbt_args: list[str],
    until: str = "infinity",
    target: str = "target",
) -> dict[str, object]:
    """Run `dbt build` on the world's events up to a moment, in the folder's DuckDB file, and return the run.

    target: dbt's target folder in the folder, for settings that differ from run to run.
    """
    database = folder / "kindred.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema if not exists raw")
        path = str(world).replace("'", "''")
        connection.execute(f"""
            create or replace view raw.events as
            select * from read_parquet('{path}') where occurred_at <= timestamp '{until}'
        """)
    variables = {"kindred__inputs": {"events": "raw.events"}} | variables
    command = [find_dbt(), "--no-use-colors", "build", "--project-dir", ROOT, "--profiles-dir", ROOT]
    command += ["--target-path", folder / target, "--log-path", folder / "logs", "--vars", json.dumps(variables)]
    env = {
        "KINDRED_DUCKDB_PATH": str(database),
        "KINDRED_TEMP_DIRECTORY": str(folder / "temp"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    run_results = folder / target / "run_results.json"
    run_results.unlink(missing_ok=True)
    cost = measure([*command, *dbt_args], cwd=ROOT, env=env, log_path=folder / "dbt.log")
    return as_run(
        cost,
        database_mib=round(database.stat().st_size / 1024**2, 1),
        # {} with --no-write-json
        node_seconds=read_node_seconds(run_results, cost.wall_seconds) if run_results.exists() else {},
    )


def run_kindred(args: argparse.Namespace, world: Path, folder: Path) -> dict[str, object]:
    """Build the live fold in a fresh DuckDB file and return the run; the file stays in folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    variables = {
        "kindred__folds": ["live"],
        "kindred__lists": {"segment_by": "", "n_recommendations": args.n_recommendations},
        "kindred__generators": {
            "als": {
                "factors": args.factors,
                "iterations": args.kindred_iterations,
                "regularization": args.regularization,
                "alpha": args.alpha,
            }
        },
    }
    return build_kindred(world, folder, variables, shlex.split(args.dbt_args))


def run_script(
    args: argparse.Namespace, python: str, script: str, world: Path, folder: Path, more: tuple[str, ...] = ()
) -> dict[str, object]:
    """Run a script of speed/ with the parameters of kindred and return the run; its lists and log stay in folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    weights = [f"{event_type}={weight}" for event_type, weight in args.event_weights.items()]
    command = [python, HERE / "speed" / script, world, folder / "lists.parquet", "--event-weights", *weights]
    for option in ("half_life_days", "factors", "iterations", "regularization", "alpha", "n_recommendations"):
        command += [f"--{option.replace('_', '-')}", str(getattr(args, option))]
    cost = measure([*command, *more], cwd=folder, log_path=folder / "script.log")
    report = last_json_line(cost.output)
    run = as_run(cost, step_seconds=report["seconds"], rows_written=report["rows_written"])
    # What a script reports itself counts more: Spark adds up its processes, the JVM among them, which wait4 misses.
    run["peak_rss_mib"] = max(run["peak_rss_mib"], report["peak_rss_mib"])
    run["cpu_seconds"] = max(run["cpu_seconds"], report.get("cpu_seconds", 0.0))
    return run


def bench_size(args: argparse.Namespace, millions: float) -> dict[str, object]:
    """Measure one size and return everything known about it."""
    label = f"{millions:g}"
    folder = args.work_dir / label
    world = make_world(args.work_dir, millions, args.seed)

    size: dict[str, object] = {"millions": millions, "kindred": [], "bare": []}
    for number in range(1, args.runs + 1):
        size["kindred"].append(run_kindred(args, world, folder / "kindred"))
        say(f"{label} M, run {number}: kindred {size['kindred'][-1]['wall_seconds']:.1f} s")
        size["bare"].append(run_script(args, sys.executable, "bare_script.py", world, folder / "bare"))
        say(f"{label} M, run {number}: bare script {size['bare'][-1]['wall_seconds']:.1f} s")

    command = [sys.executable, HERE / "speed" / "compare_lists.py", folder / "kindred" / "kindred.duckdb"]
    log_path = folder / "compare.log"
    size["lists"] = last_json_line(measure([*command, folder / "bare" / "lists.parquet"], log_path=log_path).output)
    last_bare = last_json_line((folder / "bare" / "script.log").read_text())
    size |= {name: last_bare[name] for name in ("events", "interactions", "people", "items")}

    if args.spark is not None and (not args.spark or millions in args.spark):
        more = ("--driver-memory", args.spark_memory, "--cores", str(count_cores()))
        size["spark"] = run_script(args, args.spark_python, "spark_als.py", world, folder / "spark", more)
        say(f"{label} M: spark {size['spark']['wall_seconds']:.1f} s")
    if not args.keep:
        shutil.rmtree(folder)
    return size


def summarize(size: dict[str, object]) -> dict[str, object]:
    """Return medians, ranges and ratios of a size."""
    summary: dict[str, object] = {}
    for side in ("kindred", "bare"):
        for figure in ("wall_seconds", "cpu_seconds", "peak_rss_mib"):
            values = [run[figure] for run in size[side]]
            summary[f"{side}_{figure}"] = {
                "median": round(statistics.median(values), 2),
                "least": round(min(values), 2),
                "most": round(max(values), 2),
            }
    pairs = zip(size["kindred"], size["bare"], strict=True)
    summary["pairwise_ratios"] = [round(kindred["wall_seconds"] / bare["wall_seconds"], 3) for kindred, bare in pairs]
    for figure in ("wall_seconds", "cpu_seconds", "peak_rss_mib"):
        medians = summary[f"kindred_{figure}"]["median"], summary[f"bare_{figure}"]["median"]
        summary[f"ratio_{figure}"] = round(medians[0] / medians[1], 3)
    return summary


def show_range(figure: dict[str, float], digits: int) -> str:
    return f"{figure['median']:,.{digits}f} ({figure['least']:,.{digits}f}–{figure['most']:,.{digits}f})"


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return a Markdown table: the first column to the left, the others to the right."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]


def write_report(results: dict[str, object]) -> str:
    """Return the results as a Markdown page."""
    machine, parameters, sizes = results["machine"], results["parameters"], results["sizes"]
    lines = [
        "# Speed and memory",
        "",
        *paragraph(
            "Made by `make bench-speed`; the first lines of `benchmarks/bench_speed.py` say what is measured and how.",
            "**kindred** is a whole `dbt build` of the live fold: parsing, seeds, input checks, every generator,",
            "lists, baselines, tables for apps and all tests. **bare** is `benchmarks/speed/bare_script.py`: read,",
            "fit, write, nothing else.",
            name_note(run for size in sizes for run in size["kindred"]),
        ),
        "",
        machine_line(machine),
        f"Parameters of both: {', '.join(f'{name} {value}' for name, value in parameters.items())}.",
        f"dbt command: `{' '.join(['dbt build', results['dbt_args']]).strip()}`.",
        f"Runs: {results['runs']} of each, in turns. Figures are the median (least–most); ratios are kindred / bare.",
        "",
        "## Wall seconds",
        "",
    ]
    rows = []
    for size in sizes:
        summary = size["summary"]
        pairwise = ", ".join(f"{ratio:.2f}" for ratio in summary["pairwise_ratios"])
        rows.append(
            [
                f"{size['millions']:g} M",
                f"{size['people']:,}",
                f"{size['items']:,}",
                show_range(summary["kindred_wall_seconds"], 1),
                show_range(summary["bare_wall_seconds"], 1),
                f"**{summary['ratio_wall_seconds']:.2f}**",
                pairwise,
            ]
        )
    lines += table(["interactions", "people", "items", "kindred s", "bare s", "ratio", "ratio of each pair"], rows)

    lines += ["", "## CPU and memory", ""]
    rows = []
    for size in sizes:
        summary = size["summary"]
        rows.append(
            [
                f"{size['millions']:g} M",
                show_range(summary["kindred_cpu_seconds"], 1),
                show_range(summary["bare_cpu_seconds"], 1),
                f"{summary['ratio_cpu_seconds']:.2f}",
                show_range(summary["kindred_peak_rss_mib"], 0),
                show_range(summary["bare_peak_rss_mib"], 0),
                f"{summary['ratio_peak_rss_mib']:.2f}",
                f"{size['kindred'][-1]['database_mib']:,.0f}",
            ]
        )
    header = ["interactions", "kindred CPU s", "bare CPU s", "ratio", "kindred peak MiB", "bare peak MiB", "ratio"]
    lines += table([*header, "DuckDB file MiB"], rows)

    lines += [
        "",
        "## The same work?",
        "",
        *paragraph(
            "kindred does more: it runs every generator, blends them, and writes explanations, item pages and the",
            "release. The ratio is the cost of the whole against ALS alone. The table has the people and rows of the",
            "lists of the last run, and the share of bare's rows that kindred's blended lists also have. Where ALS is",
            "the only generator the share is about 95 %; `benchmarks/speed/compare_lists.py` says why.",
        ),
        "",
    ]
    rows = [
        [
            f"{size['millions']:g} M",
            f"{size['lists']['kindred_people']:,}",
            f"{size['lists']['kindred_rows']:,}",
            f"{size['lists']['bare_people']:,}",
            f"{size['lists']['bare_rows']:,}",
            f"{size['lists']['shared_share']:.1%}",
        ]
        for size in sizes
    ]
    lines += table(["interactions", "kindred people", "kindred rows", "bare people", "bare rows", "shared"], rows)

    with_spark = [size for size in sizes if "spark" in size]
    if with_spark:
        lines += [
            "",
            "## Spark",
            "",
            f"`benchmarks/speed/spark_als.py`, local[{machine['cores']}], one run; CPU and peak memory are added up",
            "over its processes.",
            "",
        ]
        rows = [
            [
                f"{size['millions']:g} M",
                f"{size['spark']['wall_seconds']:,.1f}",
                f"{size['spark']['cpu_seconds']:,.1f}",
                f"{size['spark']['peak_rss_mib']:,.0f}",
                f"{size['spark']['wall_seconds'] / size['summary']['kindred_wall_seconds']['median']:.1f}",
            ]
            for size in with_spark
        ]
        lines += table(["interactions", "wall s", "CPU s", "peak MiB", "wall s / kindred's"], rows)

    columns = [size["kindred"][-1]["node_seconds"] for size in sizes]
    names = list(columns[-1])[: TOP_NODES + 1]
    lines += [
        "",
        "## Where kindred's seconds go",
        "",
        *paragraph(
            f"Last run of each size; the {TOP_NODES} longest nodes of the last size. Nodes run side by side, so their",
            "sum may exceed the wall time. The rest of the time is dbt's own start, parsing and end.",
        ),
        "",
    ]
    rows = [[f"`{name}`" if name != STARTUP else name] for name in names]
    for row, name in zip(rows, names, strict=True):
        row += [f"{column[name]:,.2f}" if name in column else "" for column in columns]
    lines += table(["seconds", *[f"{size['millions']:g} M" for size in sizes]], rows)

    lines += ["", "## Where the bare script's seconds go", ""]
    columns = [size["bare"][-1]["step_seconds"] for size in sizes]
    rows = [[step, *[f"{column[step]:,.2f}" for column in columns]] for step in columns[-1]]
    lines += table(["seconds", *[f"{size['millions']:g} M" for size in sizes]], rows)

    busy = find_disturbed(sizes, machine["cores"])
    if busy:
        lines += ["", f"Runs in which others used more than {BUSY_SHARE:.0%} of the cores: {'; '.join(busy)}."]
    return "\n".join(lines) + "\n"


def find_disturbed(sizes: list[dict], cores: int) -> list[str]:
    """Return the runs in which the rest of the machine was busy, in words."""
    busy = []
    for size in sizes:
        for side in ("kindred", "bare"):
            for number, run in enumerate(size[side], start=1):
                share = (run["other_cpu_seconds"] or 0.0) / (run["wall_seconds"] * cores)
                if share > BUSY_SHARE:
                    busy.append(f"{size['millions']:g} M {side} run {number} ({share:.0%})")
    return busy


def say(message: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {message}", flush=True)


def add_comparison_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Add what a comparison of kindred with others takes: parameters of ALS, Spark, the world, folders."""
    parser.add_argument("--spark-python", default=sys.executable, help="Python that has pyspark")
    parser.add_argument("--spark-memory", default="8g", help="heap of Spark's JVM")
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--regularization", type=float, default=10.0)
    parser.add_argument("--alpha", type=float, default=10.0)
    parser.add_argument("--n-recommendations", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20, help="of the world")
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / name)
    parser.add_argument("--results-dir", type=Path, default=HERE / "results")
    parser.add_argument("--keep", action="store_true", help="keep databases, lists and logs of the last runs")


def describe_parameters(args: argparse.Namespace, **more: float) -> dict[str, float]:
    """Return the parameters that all sides have, as the report names them."""
    of_als = ("factors", "iterations", "regularization", "alpha", "half_life_days")
    return {
        **{name: getattr(args, name) for name in of_als},
        **{f"weight of {event_type}": weight for event_type, weight in args.event_weights.items()},
        **more,
        "items per list": args.n_recommendations,
    }


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure kindred's dbt build against a bare script.")
    parser.add_argument("--interactions", type=float, nargs="+", default=[1, 2, 4, 8, 20], help="millions of pairs")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--spark", type=float, nargs="*", metavar="SIZE", help="sizes for Spark; none given = all")
    default = ALS.settings["iterations"].default
    parser.add_argument("--kindred-iterations", type=int, default=default, help="of ALS in kindred; default: its own")
    parser.add_argument("--dbt-args", default="", help='more for dbt: --dbt-args="--exclude-resource-type unit_test"')
    add_comparison_arguments(parser, "speed")
    args = parser.parse_args()
    args.event_weights, args.half_life_days = read_event_weights(ROOT / "seeds" / "config" / "event_weights.csv")
    args.work_dir = args.work_dir.resolve()
    args.work_dir.mkdir(parents=True, exist_ok=True)
    return args


def main() -> None:
    args = parse_arguments()
    results: dict[str, object] = {
        "machine": describe_machine(),
        "parameters": describe_parameters(args)
        | {"iterations": f"{args.iterations} (kindred {args.kindred_iterations})"},
        "runs": args.runs,
        "dbt_args": args.dbt_args,
        "sizes": [],
    }
    args.results_dir.mkdir(parents=True, exist_ok=True)
    for millions in args.interactions:
        size = bench_size(args, millions)
        size["summary"] = summarize(size)
        results["sizes"].append(size)
        (args.results_dir / "speed.json").write_text(json.dumps(results, indent=2) + "\n")
        (args.results_dir / "speed.md").write_text(write_report(results))
        say(f"{millions:g} M: kindred / bare = {size['summary']['ratio_wall_seconds']:.2f}")
    disturbed = find_disturbed(results["sizes"], results["machine"]["cores"])
    if disturbed:
        say(f"the machine was busy with other things, don't publish: {'; '.join(disturbed)}")


if __name__ == "__main__":
    main()
