"""Assignments: how long Store.assign takes for a person, by the number of experiments. A quarter of a minute.

    python benchmarks/bench_assign.py [--people 100000] [--calls 20000]

The release is synthetic: people with two devices each, a holdout of 5 %, and experiments of three arms, half of them in
parts of layers. Every other call asks by a device, which resolves to its person first. Three runs of all calls, of
which the median counts; an assignment is a call divided by the experiments that the person has an arm of. Beside it a
call of Store.recommend for the same people, from releases with and without experiments: what arms cost those who ask
for lists.

Results go to results/assign.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from bench_speed import HERE, describe_machine, machine_line, say, table

from kindred.publishing.sqlite import publish_sqlite
from kindred.publishing.tables import TABLES
from kindred.serving import Store

N_EXPERIMENTS = (0, 1, 3, 10, 30)
RUNS = 3


def arms(n_experiments: int) -> list[dict[str, Any]]:
    """Rows of `arms`: experiments of three arms, every other one on half of a layer, and a holdout."""
    rows = []
    for number in range(n_experiments):
        is_layered = number % 2 == 1
        for arm, (start, end) in enumerate((("00000000", "55555555"), ("55555555", "aaaaaaaa"), ("aaaaaaaa", "g"))):
            row = dict.fromkeys(TABLES["arms"]) | {"experiment_id": f"experiment_{number}", "context": ""}
            row |= {"arm": f"arm_{arm}", "kind": "offer", "unit": "user", "is_control": arm == 0, "share": 1 / 3}
            row |= {"from_key": start, "to_key": end, "layer": f"layer_{number}", "salt": "2026a", "value": str(arm)}
            row |= {"layer_from_key": "00000000", "layer_to_key": "80000000" if is_layered else "g"}
            rows.append(row | {"starts_at": "2026-01-01 00:00:00", "ends_at": None})
    for arm, start, end in (("held", "00000000", "0ccccccc"), ("rest", "0ccccccc", "g")) if n_experiments else ():
        held = dict(rows[0], experiment_id="holdout_1", arm=arm, kind="holdout", is_control=arm == "held", salt="h")
        rows.append(held | {"from_key": start, "to_key": end, "layer": "holdout_1", "value": None})
    for row in rows:
        row["arm_id"] = f"{row['experiment_id']}|{row['arm']}|"
    return sorted(rows, key=lambda row: row["arm_id"])


def write_release(folder: Path, n_people: int, n_experiments: int) -> Store:
    """Publish a release of people, devices and arms, and nothing that lists at request time would need."""
    people = [f"u{number:07d}" for number in range(n_people)]
    items = json.dumps([[f"i{number:06d}", 0.5, "als", None, 1.0] for number in range(20)])

    def batch(name: str, columns: Sequence[Sequence[Any]]) -> list[Any]:
        return [pa.record_batch([pa.array(column) for column in columns], names=[*TABLES[name]])]

    def same(value: str) -> list[str]:
        return [value] * n_people

    devices = sorted((f"d{number:07d}", people[number // 2]) for number in range(2 * n_people))
    tables: dict[str, Any] = {name: [] for name in TABLES}
    tables["lists"] = batch("lists", [people, people, same("AT"), same(items), same("[]"), same("[]"), same("main")])
    tables["identities"] = batch("identities", list(zip(*devices, strict=True)))
    tables["session_settings"] = batch("session_settings", [[5], [25], [0.7], [0.7], [0.3], [True]])
    rows = arms(n_experiments)
    tables["arms"] = batch("arms", [[row[name] for row in rows] for name in TABLES["arms"]]) if rows else []
    release = {"release_id": f"20260601T000000-{n_experiments:08d}", "run_id": f"{n_experiments:08d}", "measures": "[]"}
    release |= dict.fromkeys(("as_of", "generated_at", "expires_at"), "2026-06-01 00:00:00")
    publish_sqlite(folder, tables, release, 1)
    return Store(folder)


def microseconds(call: Callable[[str], object], units: Sequence[str]) -> float:
    """The median over the runs of the mean microseconds of a call."""
    found = []
    for _ in range(RUNS):
        began = time.perf_counter()
        for unit in units:
            call(unit)
        found.append((time.perf_counter() - began) / len(units) * 1e6)
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Store.assign.")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=20_000)
    arguments = parser.parse_args()
    rows = []
    for n_experiments in N_EXPERIMENTS:
        with tempfile.TemporaryDirectory() as folder:
            store = write_release(Path(folder), arguments.people, n_experiments)
            people = [f"u{number * 7919 % arguments.people:07d}" for number in range(arguments.calls)]
            units = [f"d{unit[1:]}" if place % 2 else unit for place, unit in enumerate(people)]
            n_arms = statistics.fmean(len(store.assign(unit)) for unit in units)
            call = microseconds(store.assign, units)
            lists = microseconds(store.recommend, people)
        one = f"{call / n_arms:.1f}" if n_arms else ""
        rows.append([str(n_experiments), f"{n_arms:.1f}", f"{call:.1f}", one, f"{lists:.1f}"])
        say(f"{n_experiments} experiments: {call:.1f} µs a call, {one or 'no'} µs an assignment, list {lists:.1f} µs")
    lines = [
        "# Assignments",
        "",
        machine_line(describe_machine()),
        "",
        "Made by `python benchmarks/bench_assign.py`; its first lines say what is measured.",
        f"{arguments.people:,} people, {arguments.calls:,} calls, microseconds in the mean.",
        "",
        *table(["experiments", "arms of a person", "Store.assign", "one assignment", "Store.recommend"], rows),
    ]
    (HERE / "results" / "assign.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
