"""What it costs to read a tracker's raw tables instead of a ready table of events.

    python benchmarks/bench_trackers.py --rows 1 20

For each size, in millions of raw rows, a Snowplow schema with contexts as JSON columns is made, and the table of the
very same events in the shape of the input `events`. Then the two are built in turns up to `person_events`, the table
from which everything else is made: a new DuckDB file and a new target folder for each run.

Of the rows 86 % are product views, 6 % lists of five products, 4 % additions to a cart, 2 % orders of two products and
2 % page pings. Reported: wall seconds of the whole command, seconds of its nodes without dbt's start, peak resident
memory, and the ratio. Results go to results/trackers.md.
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
PREFIX = "com_snowplowanalytics_snowplow_ecommerce_"
# A raw row's kind by its number; products by the row's number and place.
WORLD = """
    select
        r,
        case
            when r % 50 = 0 then 'page_ping'
            when r % 50 = 1 then 'transaction'
            when r % 50 < 4 then 'add_to_cart'
            when r % 50 < 7 then 'list_view'
            else 'product_view'
        end as kind,
        case when r % 50 = 0 then 0 when r % 50 = 1 then 2 when r % 50 between 4 and 6 then 5 else 1 end as n_products,
        'd' || hash(r * 7919) % {n_people} as device,
        'i' || hash(r * 31) % 20000 as item,
        timestamp '2026-03-01' + interval 1 second * (hash(r * 13) % 7776000) as moment
    from range({n_rows}) as numbers (r)
"""


def make_worlds(folder: Path, millions: float) -> None:
    """Write raw.parquet and ready.parquet, the same events."""
    n_rows = int(millions * 1_000_000)
    world = WORLD.format(n_rows=n_rows, n_people=max(1, n_rows // 100))
    with duckdb.connect() as connection:
        connection.execute(f"""
            copy (
                select
                    'e' || r as event_id,
                    if(kind = 'page_ping', 'page_ping', 'snowplow_ecommerce_action') as event_name,
                    cast(null as varchar) as user_id,
                    device as domain_userid,
                    cast(null as varchar) as domain_sessionid,
                    moment as derived_tstamp,
                    moment + interval 2 second as collector_tstamp,
                    if(kind = 'page_ping', null, '{{"type": "' || kind || '", "name": null}}')
                        as unstruct_event_{PREFIX}snowplow_ecommerce_action_1,
                    '[' || array_to_string(list_transform(
                        range(n_products),
                        lambda p: '{{"id": "' || item || '-' || p || '", "price": "12.5", "quantity": 1}}'
                    ), ',') || ']' as contexts_{PREFIX}product_1,
                    if(kind = 'transaction', '[{{"transaction_id": "o' || r || '"}}]', null)
                        as contexts_{PREFIX}transaction_1
                from ({world}) as rows
            ) to '{folder}/raw.parquet'
        """)
        connection.execute(f"""
            copy (
                select
                    'e' || r || '/' || p as event_id,
                    device as anonymous_id,
                    case kind
                        when 'product_view' then 'view' when 'list_view' then 'impression'
                        when 'transaction' then 'purchase' else kind
                    end as event_type,
                    item || '-' || p as item_id,
                    moment as occurred_at,
                    1.0 as quantity,
                    if(kind = 'transaction', 12.5, null) as value,
                    if(kind = 'transaction', 'o' || r, null) as order_id,
                    if(kind = 'list_view', p + 1, null) as position
                from ({world}) as rows, unnest(range(n_products)) as products (p)
            ) to '{folder}/ready.parquet'
        """)


def build(folder: Path, name: str, table: str, variables: dict[str, object]) -> dict[str, object]:
    """Build up to person_events on a view of the Parquet file, and return the run with its number of events."""
    run_folder = folder / name
    shutil.rmtree(run_folder, ignore_errors=True)
    run_folder.mkdir(parents=True)
    database = run_folder / "kindred.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema raw")
        connection.execute(f"create view raw.{table} as select * from read_parquet('{folder}/{name}.parquet')")
    command = [find_dbt(), "--no-use-colors", "build", "--select", "+person_events"]
    command += ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"]
    command += ["--project-dir", ROOT, "--profiles-dir", ROOT, "--vars", json.dumps(variables)]
    command += ["--target-path", run_folder / "target", "--log-path", run_folder / "logs"]
    env = {"KINDRED_DUCKDB_PATH": str(database), "KINDRED_TEMP_DIRECTORY": str(run_folder / "temp")}
    cost = measure(command, cwd=ROOT, env=env, log_path=run_folder / "dbt.log")
    run = as_run(cost, node_seconds=read_node_seconds(run_folder / "target/run_results.json", cost.wall_seconds))
    with duckdb.connect(str(database), read_only=True) as connection:
        run["n_events"] = connection.sql("select count(*) from person_events").fetchall()[0][0]
    return run


def report(results: list[dict[str, object]]) -> str:
    lines = [
        "# Trackers",
        "",
        "Made by `python benchmarks/bench_trackers.py`; its first lines say what is measured. **tracker** reads raw",
        "Snowplow rows, **ready** a table of the same events; both end with `person_events`. Seconds are without",
        "dbt's start and parsing.",
        "",
        "| raw rows | events | tracker s | ready s | ratio | tracker MiB | ready MiB | tracker's longest nodes |",
        "|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for size in results:
        longest = ", ".join(f"{name} {seconds:.1f}" for name, seconds in size["longest"])
        lines.append(
            f"| {size['millions']:g} M | {size['n_events']:,} | {size['tracker']:.1f} | {size['ready']:.1f} "
            f"| **{size['tracker'] / size['ready']:.2f}** | {size['tracker_mib']:,.0f} | {size['ready_mib']:,.0f} "
            f"| {longest} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a tracker's raw tables against a ready table of events.")
    parser.add_argument("--rows", type=float, nargs="+", default=[1, 20], help="millions of raw rows")
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "trackers")
    parser.add_argument("--results-dir", type=Path, default=HERE / "results")
    args = parser.parse_args()
    results = []
    for millions in args.rows:
        folder = (args.work_dir / f"{millions:g}").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        say(f"{millions:g} M: making the world")
        make_worlds(folder, millions)
        runs = {
            "raw": build(folder, "raw", "events", {"kindred__trackers": {"snowplow": "raw"}}),
            "ready": build(folder, "ready", "events", {"kindred__inputs": {"events": "raw.events"}}),
        }
        seconds = {name: run["wall_seconds"] - run["node_seconds"][STARTUP] for name, run in runs.items()}
        assert runs["raw"]["n_events"] == runs["ready"]["n_events"], "the tracker gives other events"
        nodes = [pair for pair in runs["raw"]["node_seconds"].items() if pair[0] != STARTUP]
        size = {"millions": millions, "n_events": runs["raw"]["n_events"], "longest": nodes[:4]}
        size |= {"tracker": seconds["raw"], "ready": seconds["ready"]}
        size |= {"tracker_mib": runs["raw"]["peak_rss_mib"], "ready_mib": runs["ready"]["peak_rss_mib"]}
        results.append(size)
        say(f"{millions:g} M: {seconds['raw']:.1f} s against {seconds['ready']:.1f} s")
        args.results_dir.mkdir(parents=True, exist_ok=True)
        (args.results_dir / "trackers.md").write_text(report(results), encoding="utf-8")


if __name__ == "__main__":
    main()
