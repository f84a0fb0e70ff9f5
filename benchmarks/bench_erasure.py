"""What it costs to forget people, beside a daily build.

    python benchmarks/bench_erasure.py [--people 1000000] [--forgotten 100]

In the world of bench_identity.py with 5 events per person and 2 devices each: a full `dbt build` of the fold live of
the first 99 % of the events, a daily build of the same (not counted; it leaves dbt a parsed project), a daily build of
all events, and `kindred forget` of so many people, each named by one device. Builds run without tests, with 20
candidates of each generator and 10 recommendations for each person, so that a large world fits on a disk.

Reported: wall seconds, peak resident memory, and bytes of the DuckDB file before and after. Results go to
results/erasure.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import duckdb
from bench_daily import DAILY, NEW_SHARE
from bench_identity import NO_TESTS, make_world
from bench_speed import HERE, ROOT, as_run, build_kindred, describe_machine, machine_line, say
from measure import measure

EVENTS_PER_PERSON = 5
LISTS = {"kindred__lists": {"n_candidates": 20, "n_recommendations": 10}}


def forget(folder: Path, ids: Path) -> dict[str, object]:
    """Run `kindred forget` and return the run with what it printed."""
    variables = {"kindred__inputs": {"events": "raw.events"}} | DAILY | LISTS
    command = [sys.executable, "-m", "kindred.cli", "forget", ids, "--vars", json.dumps(variables)]
    command += ["--target-path", folder / "target", "--log-path", folder / "logs"]
    env = {
        "KINDRED_DUCKDB_PATH": str(folder / "kindred.duckdb"),
        "KINDRED_TEMP_DIRECTORY": str(folder / "temp"),
        "DBT_PROFILES_DIR": str(ROOT),
    }
    log = folder / "forget.log"
    return as_run(measure(command, cwd=ROOT, env=env, log_path=log), printed=log.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure `kindred forget` beside a daily build.")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--forgotten", type=int, default=100)
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "erasure")
    parser.add_argument("--results-dir", type=Path, default=HERE / "results")
    args = parser.parse_args()
    folder = args.work_dir.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say("making the world")
    make_world(folder, args.people * EVENTS_PER_PERSON / 1e6, EVENTS_PER_PERSON)
    world = folder / "events.parquet"
    with duckdb.connect() as connection:
        moments = f"select quantile_disc(occurred_at, {1 - NEW_SHARE}) from read_parquet('{world}')"
        until = str(connection.execute(moments).fetchone()[0])
    say("full build")
    full = build_kindred(world, folder, {"kindred__folds": ["live"]} | LISTS, NO_TESTS, until)
    build_kindred(world, folder, DAILY | LISTS, NO_TESTS, until)
    say("daily build")
    daily = build_kindred(world, folder, DAILY | LISTS, NO_TESTS)
    with duckdb.connect(str(folder / "kindred.duckdb"), read_only=True) as connection:
        n_ids, n_people = connection.execute("select count(*), count(distinct user_id) from identities").fetchone()
        devices = connection.execute(f"""
            select min(identity_id) from identities where link = 'login'
            group by user_id order by hash(user_id) limit {args.forgotten}
        """).fetchall()
    ids = folder / "ids.txt"
    ids.write_text("".join(f"{device}\n" for (device,) in devices), encoding="utf-8")
    say(f"forgetting {args.forgotten} people")
    run = forget(folder, ids)
    rows = [("full build", full), ("daily build", daily), (f"forgetting {args.forgotten} people", run)]
    lines = [
        "# Erasure",
        "",
        f"Made by `python benchmarks/bench_erasure.py --people {args.people}`; its first lines say what is measured.",
        "",
        machine_line(describe_machine()),
        f"{n_people:,} people with {n_ids:,} ids; {args.people * EVENTS_PER_PERSON:,} events.",
        "",
        "| run | seconds | peak MiB |",
        "|---|---:|---:|",
        *(f"| {name} | {one['wall_seconds']:.1f} | {one['peak_rss_mib']:,.0f} |" for name, one in rows),
        "",
        f"Forgetting takes {run['wall_seconds'] / daily['wall_seconds']:.2f} of a daily build (goal: at most 1).",
        "What the command printed:",
        "",
        "```",
        *str(run["printed"]).replace(str(folder), "WORK_DIR").strip().splitlines(),
        "```",
    ]
    (args.results_dir / "erasure.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
