"""Whom the rules of pace take for a bot among people who are none.

    python benchmarks/bench_traffic.py

Retailrocket's visitors who bought something, some of whom clicked thousands of times. kindred looks at them as devices
that never log in, once as they are and once without their purchases: a purchase is what saves a person who meets a rule
of pace, so that the second figure is of people of whom nothing else speaks. Each one left out there is a person lost.

Needs ../shared/data (or KINDRED_DATA=folder). Writes benchmarks/results/traffic.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import duckdb
from bench_speed import HERE, ROOT, find_dbt, paragraph, say, table

DATA = Path(os.environ.get("KINDRED_DATA", ROOT.parent / "shared" / "data")).resolve()
EVENTS = """
    select
        cast(row_number() over (order by ts, user_id, item_id) as varchar) as event_id,
        cast(user_id as varchar) as anonymous_id,
        case event when 'cart' then 'add_to_cart' when 'buy' then 'purchase' else event end as event_type,
        cast(item_id as varchar) as item_id,
        ts as occurred_at
    from read_parquet('{data}/retailrocket_buyers/events.parquet')
"""


def find_people(path: Path, where: str) -> dict[str, tuple[int, int]]:
    """Build the room identity of the events for which `where` is true; {rule: (people left out, people to look at)}."""
    database = path / "shop.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema if not exists raw")
        connection.execute(f"create table raw.events as select * from ({EVENTS.format(data=DATA)}) where {where}")
    command = [find_dbt(), "build", "--select", "+traffic_report", "--exclude-resource-type", "unit_test"]
    command += ["--exclude-resource-type", "test"]
    command += ["--project-dir", ROOT, "--profiles-dir", ROOT, "--target-path", path / "target", "--log-path", path]
    command += ["--vars", json.dumps({"kindred__inputs": {"events": "raw.events"}})]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "KINDRED_DUCKDB_PATH": str(database)}
    )
    if done.returncode:
        raise RuntimeError(f"dbt failed:\n{done.stdout[-3000:]}")
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute("""
            select rule_id, count_if(is_left_out), count_if(not is_left_out)
            from person_traffic group by all order by all
        """).fetchall()
        [(n_people, n_heavy)] = connection.execute("""
            select count(*), count_if(n_events >= 200)
            from (select user_id, sum(n_events) as n_events from person_ids group by user_id)
        """).fetchall()
    return {"people": n_people, "people of 200 events": n_heavy} | {rule: (out, look) for rule, out, look in rows}


def main() -> None:
    results = {}
    for name, where in {"as they are": "true", "without purchases": "event_type <> 'purchase'"}.items():
        with tempfile.TemporaryDirectory() as folder:
            results[name] = find_people(Path(folder), where)
            say(f"{name}: {results[name]}")
    rows = []
    for name, found in results.items():
        rules = {rule: counts for rule, counts in found.items() if isinstance(counts, tuple)}
        left_out, looked_at = (sum(counts[place] for counts in rules.values()) for place in (0, 1))
        by_rule = ", ".join(f"{rule} {out + look}" for rule, (out, look) in rules.items()) or "none"
        n_people = found["people"]
        rows.append(
            [name, f"{n_people:,}", f"{found['people of 200 events']:,}", f"{left_out} ({left_out / n_people:.2%})"]
            + [f"{looked_at}", by_rule]
        )
    lines = [
        "# Traffic: people whom rules of pace take for bots",
        "",
        *paragraph(
            "Made by `python benchmarks/bench_traffic.py`; its first lines say what is measured. All are people:",
            "Retailrocket's visitors who bought something.",
        ),
        "",
        *table(["events", "people", "of 200 events", "left out", "to look at", "by rule"], rows),
    ]
    (HERE / "results" / "traffic.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
