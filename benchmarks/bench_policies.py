"""What a further policy costs, and what experiments cost a shop that has none.

    python benchmarks/bench_policies.py [--people 100] [--policies 0 3] [--runs 1] [--before FOLDER]

A shop of --people thousand people with about 20 events each, in which people of a taste keep to a tenth of the items,
is built in full in turns: without experiments; with an experiment of lists between `main` and so many further policies,
whose arms have equal shares. The cost of a further policy is (the build with most policies - that with the experiment
and `main` alone) / their number / the build without experiments. What the rooms of experiments take in that build says
what they cost those who have none. With --before a checkout of another commit is built without experiments, too, in
turns with this one.

What counts is CPU seconds, which other work on the machine changes little; wall seconds stand beside them. Results go
to results/policies.md and results/policies.json. Disk: about 2 GB for 100 thousand people, in --work-dir.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from pathlib import Path

import bench_speed
import duckdb
from bench_speed import HERE, ROOT, build_kindred, describe_machine, machine_line, paragraph, say, table

GOAL = 0.1
GOAL_WITHOUT = 0.05
N_EVENTS, N_TASTES, N_ITEMS = 20, 10, 5000
# Each changes something else, so that nothing is shared by chance.
POLICIES = [
    (f"p{n}", diversity, share) for n, diversity, share in ((1, 0.1, 0.1), (2, 0.5, 0), (3, 0, 0.2), (4, 0.9, 0))
]


def make_world(folder: Path, n_people: int) -> Path:
    """Write the events; everything is a hash, the same in every run."""
    world = folder / f"people_{n_people}.parquet"
    if not world.exists():
        duckdb.execute(f"""
            copy (
                select
                    concat('e', n) as event_id,
                    concat('u', n // {N_EVENTS}) as user_id,
                    case when hash(n, 1) % 10 < 8 then 'view' else 'purchase' end as event_type,
                    -- Small ranks of a taste are liked most; one event in four is of any taste.
                    concat('i', cast(floor(pow(hash(n, 2) % 1000000 / 1e6, 2) * {N_ITEMS // N_TASTES}) as bigint)
                        * {N_TASTES} + case when hash(n, 3) % 4 = 0 then hash(n, 4) % {N_TASTES}
                            else hash(n // {N_EVENTS}, 5) % {N_TASTES} end) as item_id,
                    timestamp '2026-01-01' + interval (hash(n, 6) % {120 * 86400}) second as occurred_at
                from range({n_people * N_EVENTS}) as t(n)
            ) to '{world}'
        """)
    return world


def name_policies(database: Path, n_policies: int) -> dict[str, object]:
    """Write the tables of an experiment between main and so many policies; returns the variables that name them."""
    arms = ["main", *(name for name, *_ in POLICIES[:n_policies])]
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema if not exists raw")
        connection.execute("create or replace table raw.policies (policy text, diversity text, exploration_share text)")
        rows = [("main", None, None), *((name, str(one), str(share)) for name, one, share in POLICIES[:n_policies])]
        connection.executemany("insert into raw.policies values (?, ?, ?)", rows)
        connection.execute("""
            create or replace table raw.experiments as
            select 'home' as experiment_id, 'lists' as kind, '2026-01-01' as starts_at
        """)
        connection.execute("create or replace table raw.arms (experiment_id text, arm text, share text, policy text)")
        shares = [("home", arm, str(1 / len(arms)), arm) for arm in arms]
        connection.executemany("insert into raw.arms values (?, ?, ?, ?)", shares)
        connection.execute("alter table raw.arms add column is_control text")
        connection.execute("update raw.arms set is_control = (arm = 'main')::text")
    tables = {"policies": "raw.policies", "experiments": "raw.experiments", "experiment_arms": "raw.arms"}
    return {"kindred__tables": tables}


def build(world: Path, folder: Path, n_policies: int | None, root: Path) -> dict[str, object]:
    """A full build in an empty file; n_policies: None = experiments aren't named."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    variables = {} if n_policies is None else name_policies(folder / "kindred.duckdb", n_policies)
    bench_speed.ROOT = root
    try:
        return build_kindred(world, folder, variables, ["--exclude-resource-type", "test", "unit_test"])
    finally:
        bench_speed.ROOT = ROOT
        shutil.rmtree(folder)


def median(runs: list[dict[str, object]], figure: str) -> float:
    return statistics.median(run[figure] for run in runs)


def room_seconds(nodes: dict[str, float]) -> tuple[float, float]:
    """Seconds of the nodes of the rooms policies and experiments, and of all nodes of a build."""
    rooms = [ROOT / kind / room for kind in ("models", "python_models") for room in ("policies", "experiments")]
    ours = {f"model {path.stem}" for room in rooms for path in room.rglob("*.*") if path.suffix in (".sql", ".py")}
    seconds = {name: value for name, value in nodes.items() if name != bench_speed.STARTUP}
    return sum(value for name, value in seconds.items() if name in ours), sum(seconds.values())


def write_report(results: dict[str, object]) -> str:
    """Return the results as a Markdown page."""
    lines = ["# Policies", ""]
    lines += paragraph(
        "Made by `python benchmarks/bench_policies.py`; its first lines say what is measured and how. "
        f"The goals are at most {GOAL:.0%} of a full build for a further policy at 1 million people, and at most "
        f"{GOAL_WITHOUT:.0%} more where there are no experiments.",
    )
    lines += ["", machine_line(results["machine"])]
    for size in results["sizes"]:
        builds = size["builds"]
        rows = [
            [
                name,
                f"{len(runs)}",
                *(f"{median(runs, f):,.1f}" for f in ("cpu_seconds", "wall_seconds", "other_cpu_seconds")),
            ]
            for name, runs in builds.items()
        ]
        lines += ["", f"## {size['people']:,} people, {size['people'] * N_EVENTS:,} events", ""]
        lines += table(["build", "runs", "CPU s, median", "wall s, median", "CPU s of other work"], rows)
        plain = median(builds["no experiments"], "cpu_seconds")
        numbers = sorted(int(name.split()[0]) for name in builds if "polic" in name)
        lines.append("")
        if len(numbers) > 1 and numbers[0] == 0:
            first, last = (median(builds[f"{n} further policies"], "cpu_seconds") for n in (numbers[0], numbers[-1]))
            cost = (last - first) / numbers[-1] / plain
            verdict = "met" if cost <= GOAL else "not met"
            lines.append(f"A further policy costs {cost:.1%} of a build without experiments (CPU seconds): {verdict}.")
        ours, all_nodes = room_seconds(builds["no experiments"][-1]["node_seconds"])
        lines += paragraph(
            f"Without experiments the nodes of the rooms policies and experiments take {ours:.1f} of {all_nodes:.1f} "
            f"seconds of all nodes: {ours / all_nodes:.1%}."
        )
        if "the other commit" in builds:
            more = plain / median(builds["the other commit"], "cpu_seconds") - 1
            verdict = "met" if more <= GOAL_WITHOUT else "not met"
            lines.append(f"Without experiments a build takes {more:+.1%} beside {size['before']}: {verdict}.")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what policies cost.")
    parser.add_argument("--people", type=int, default=100, help="in thousands")
    parser.add_argument("--policies", type=int, nargs="+", default=[0, 3])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--before", type=Path, help="a checkout of another commit")
    parser.add_argument("--before-name", default="the commit before policies")
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "policies")
    parser.add_argument("--results-dir", type=Path, default=HERE / "results")
    args = parser.parse_args()
    args.work_dir = args.work_dir.resolve()
    args.work_dir.mkdir(parents=True, exist_ok=True)
    path = args.results_dir / "policies.json"
    results = json.loads(path.read_text()) if path.exists() else {"sizes": []}
    results["machine"] = describe_machine()
    n_people = args.people * 1000
    world = make_world(args.work_dir, n_people)
    size = {"people": n_people, "before": args.before_name, "builds": {}}
    plan = [("no experiments", None, ROOT)] + [(f"{n} further policies", n, ROOT) for n in sorted({0, *args.policies})]
    if args.before:
        plan.append(("the other commit", None, args.before.resolve()))
    for _ in range(args.runs):
        for name, n_policies, root in plan:
            run = build(world, args.work_dir / "build", n_policies, root)
            size["builds"].setdefault(name, []).append(run)
            say(f"{n_people:,} people, {name}: {run['cpu_seconds']:.1f} CPU s, {run['wall_seconds']:.1f} s")
        others = [other for other in results["sizes"] if other["people"] != n_people]
        results["sizes"] = sorted([*others, size], key=lambda one: one["people"])
        path.write_text(json.dumps(results, indent=2) + "\n")
        (args.results_dir / "policies.md").write_text(write_report(results))


if __name__ == "__main__":
    main()
