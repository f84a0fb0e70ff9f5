"""What it costs to find out which ids are one person, beside the whole build.

    python benchmarks/bench_identity.py --events 1 20

For each size, in millions of events, a world is made of 1 person and 2 devices for each 20 events: a third of the
events has no user id, 1 % of the devices is used by two people, 1 % of the people has a second user id that a link
joins, 2 % of the events name no session. Items are 20,000, by falling popularity. The build of the fold live then runs
in three commands on one new DuckDB file, without tests: all that `identity` reads, the room `identity`, and the rest.

Reported: wall seconds of the nodes of each (without dbt's start), the share of `identity` in the whole, the peak
resident memory of the command that builds it, and its longest nodes. Results go to results/identity.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import duckdb
from bench_speed import STARTUP, as_run, find_dbt, read_node_seconds, say
from measure import measure

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STEPS = {
    "inputs": ["--select", "+group:identity", "--exclude", "group:identity"],
    "identity": ["--select", "group:identity"],
    "rest": ["--exclude", "+group:identity"],
}
NO_TESTS = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"]


def make_world(path: Path, millions: float, events_per_person: int = 20) -> None:
    """Write events and links as Parquet files into the folder `path`."""
    n_events = int(millions * 1_000_000)
    n_people = n_events // events_per_person
    with duckdb.connect() as connection:
        connection.execute(f"""
            copy (
                with drawn as (
                    select
                        r,
                        hash(r * 7919) % {n_people} as person,
                        hash(r * 31) % 2 as device_number,
                        hash(r * 104729) % 1000003 / 1000003 as luck,
                        timestamp '2026-03-01' + interval 1 second * cast(hash(r * 13) % 7776000 as bigint) as moment
                    from range({n_events}) as numbers (r)
                ),

                placed as (
                    select
                        *,
                        -- Of a hundred devices one is the next person's too.
                        md5(cast((person + if(hash(person, 5) % 100 = 0, 1, 0)) * 2 + device_number as varchar))
                            as device
                    from drawn
                )

                select
                    'e' || r as event_id,
                    if(
                        hash(r * 17) % 3 = 0, null,
                        if(hash(person, 9) % 100 = 0 and device_number = 1, 'old', 'u') || person
                    ) as user_id,
                    device as anonymous_id,
                    if(r % 50 = 0, null, device || '-' || strftime(moment, '%j')) as session_id,
                    case when luck < 0.7 then 'view' when luck < 0.85 then 'add_to_cart' else 'purchase' end
                        as event_type,
                    'i' || cast(floor(20000 * luck * luck * (hash(r * 3) % 1000003 / 1000003)) as integer) as item_id,
                    moment as occurred_at
                from placed
            ) to '{path}/events.parquet'
        """)
        connection.execute(f"""
            copy (
                select 'old' || person as left_id, 'u' || person as right_id
                from range({n_people}) as people (person) where hash(person, 9) % 100 = 0
            ) to '{path}/identity_links.parquet'
        """)


def run(path: Path, step: str) -> dict[str, object]:
    """Run one of STEPS in the folder `path`."""
    inputs = {name: f"raw.{name}" for name in ("events", "identity_links")}
    variables = {"kindred__inputs": inputs, "kindred__folds": ["live"], "kindred__serving": {"store": "none"}}
    command = [find_dbt(), "--no-use-colors", "build", *STEPS[step]]
    command += NO_TESTS
    command += ["--project-dir", ROOT, "--profiles-dir", ROOT, "--vars", json.dumps(variables)]
    command += ["--target-path", path / "target", "--log-path", path / "logs"]
    env = {"KINDRED_DUCKDB_PATH": str(path / "kindred.duckdb"), "KINDRED_TEMP_DIRECTORY": str(path / "temp")}
    cost = measure(command, cwd=ROOT, env=env, log_path=path / f"{step}.log")
    nodes = read_node_seconds(path / "target/run_results.json", cost.wall_seconds)
    return as_run(cost, node_seconds=nodes, seconds=cost.wall_seconds - nodes[STARTUP])


def report(results: list[dict[str, object]]) -> str:
    lines = [
        "# Identity",
        "",
        "Made by `python benchmarks/bench_identity.py`; its first lines say what is measured. Seconds are without",
        "dbt's start and parsing.",
        "",
        "| events | ids | people | inputs s | identity s | rest s | its share | its MiB | its longest nodes |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for size in results:
        longest = ", ".join(f"{name} {seconds:.1f}" for name, seconds in size["longest"])
        seconds = " | ".join(f"{size[step]:.1f}" for step in STEPS)
        lines.append(
            f"| {size['millions']:g} M | {size['n_ids']:,} | {size['n_people']:,} | {seconds} "
            f"| **{size['share']:.1%}** | {size['mib']:,.0f} | {longest} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the room identity beside the whole build.")
    parser.add_argument("--events", type=float, nargs="+", default=[1, 20], help="millions of events")
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "identity")
    parser.add_argument("--results-dir", type=Path, default=HERE / "results")
    args = parser.parse_args()
    results = []
    for millions in args.events:
        path = (args.work_dir / f"{millions:g}").resolve()
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        say(f"{millions:g} M: making the world")
        make_world(path, millions)
        with duckdb.connect(str(path / "kindred.duckdb")) as connection:
            connection.execute("create schema raw")
            for name in ("events", "identity_links"):
                connection.execute(f"create view raw.{name} as select * from read_parquet('{path}/{name}.parquet')")
        runs = {step: run(path, step) for step in STEPS}
        seconds = {step: one["seconds"] for step, one in runs.items()}
        nodes = [pair for pair in runs["identity"]["node_seconds"].items() if pair[0] != STARTUP]
        with duckdb.connect(str(path / "kindred.duckdb"), read_only=True) as connection:
            counts = "select count(*) as n_ids, count(distinct user_id) as n_people from identities"
            n_ids, n_people = connection.execute(counts).fetchall()[0]
        size = {"millions": millions, "n_ids": n_ids, "n_people": n_people, "longest": nodes[:4]} | seconds
        size |= {"share": seconds["identity"] / sum(seconds.values()), "mib": runs["identity"]["peak_rss_mib"]}
        results.append(size)
        say(f"{millions:g} M: {seconds}, share {size['share']:.1%}, {size['mib']:,.0f} MiB")
        args.results_dir.mkdir(parents=True, exist_ok=True)
        (args.results_dir / "identity.md").write_text(report(results), encoding="utf-8")
        shutil.rmtree(path)


if __name__ == "__main__":
    main()
