"""How often the intervals of policy_values cover the truth, on simulated logs whose truth is known. Five minutes.

    python benchmarks/bench_off_policy.py [--logs 500] [--rows 2000 20000]

Each log has people with one list of four places, for each of which one of six items is drawn. People click half as
often as planted or half as often again, so that the places of one person hang together. Logs are evaluated for a policy
near the logging policy and for one far from it, as a foreign log whose evaluated_policy names the repetition: one build
of the project's own models estimates all repetitions. The truth is the planted chance of a click.

covered        share of logs whose 95 % interval has the truth in it; with 500 logs chance alone moves it by 2 points
spread         standard deviation of the values between logs / mean of the standard errors: 1 is due
effective      effective_people / n_people
believed       share of logs that is_reliable believes; `of these` is covered, of those alone

Writes benchmarks/results/off_policy.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from bench_speed import HERE, ROOT, find_dbt, paragraph, say, table

ITEMS, PLACES = 6, 4
MODELS = [
    *("foreign_log", "foreign_policies", "earlier_lists", "earlier_policy_lists", "earlier_arm_shares", "shown_lists"),
    *("own_items", "own_places", "foreign_items", "foreign_places", "checked_foreign_places", "logged_places"),
    *(
        "evaluated_items",
        "evaluated_places",
        "reward_estimates",
        "expected_rewards",
        "valued_people",
        "estimated_people",
    ),
    *("estimated_values", "policy_values"),
]
# Tables of rooms above, of which a foreign log needs none.
ABOVE = """
    create table list_outcomes (
        list_id varchar, user_id varchar, item_id varchar, kind varchar, n_clicks bigint, shown_at timestamp
    );
    create table forgotten_ids (id_hash varchar);
    create table forgotten_key as select 'key' as hash_key;
    create schema raw;
"""
ESTIMATORS = ["ips", "snips", "dr", "switch_dr", "sips", "iips", "rips", "cascade_dr"]


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True)


def plan_world(distance: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the chance of a click, and the logged and the evaluated probabilities, by place and item."""
    draw = np.random.default_rng(7)
    chances = draw.uniform(0.02, 0.3, (PLACES, ITEMS))
    tilt, other = draw.normal(size=(PLACES, ITEMS)), draw.normal(size=(PLACES, ITEMS))
    step = {"near": 0.2, "far": 1.2}[distance]
    return chances, softmax(0.4 * tilt), softmax(0.4 * tilt + step * other)


def simulate(distance: str, n_logs: int, n_rows: int) -> tuple[pa.Table, pa.Table, float]:
    """Return the foreign log of all repetitions, what the policy shows, and the truth of a place."""
    chances, logged, evaluated = plan_world(distance)
    draw = np.random.default_rng(n_rows)
    n_people = n_rows // PLACES
    shape = (n_logs, n_people, PLACES)
    place = np.broadcast_to(np.arange(PLACES), shape)
    bounds = logged.cumsum(axis=1)
    item = np.minimum((draw.random(shape)[..., None] > bounds[place]).sum(axis=-1), ITEMS - 1).astype(np.int8)
    activity = draw.choice([0.5, 1.5], (n_logs, n_people, 1))
    reward = draw.random(shape) < chances[place, item] * activity
    log_number = np.broadcast_to(np.arange(n_logs)[:, None, None], shape)
    person = np.broadcast_to(np.arange(n_people)[None, :, None], shape)
    names = pa.array([f"log_{number}" for number in range(n_logs)])
    log = pa.table(
        {
            "list_id": pa.array(person.ravel()),
            "user_id": pa.array(person.ravel()),
            "item_id": pa.array(item.ravel()),
            "rank": pa.array(place.ravel() + 1),
            "propensity": pa.array(logged[place, item].ravel()),
            "reward": pa.array(reward.ravel().astype(float)),
            "evaluated_policy": pa.DictionaryArray.from_arrays(pa.array(log_number.ravel()), names).cast(pa.string()),
        }
    )
    cells = [(name, place, item) for name in names.to_pylist() for place in range(PLACES) for item in range(ITEMS)]
    policies = pa.table(
        {
            "evaluated_policy": [name for name, _place, _item in cells],
            "rank": [place + 1 for _name, place, _item in cells],
            "item_id": [item for _name, _place, item in cells],
            "propensity": [evaluated[place, item] for _name, place, item in cells],
        }
    )
    return log, policies, float((evaluated * chances).sum() / PLACES)


def evaluate(distance: str, n_logs: int, n_rows: int) -> list[list[str]]:
    """Return a row of the page for each estimator."""
    log, policies, truth = simulate(distance, n_logs, n_rows)
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "logs.duckdb"
        with duckdb.connect(str(database)) as connection:
            connection.execute(ABOVE)
            connection.execute("create table raw.foreign_log as from log")
            connection.execute("create table raw.foreign_policies as from policies")
        del log, policies
        tables = {"foreign_log": "raw.foreign_log", "foreign_policies": "raw.foreign_policies"}
        command = [find_dbt(), "build", "--select", *MODELS, "--exclude-resource-type", "test", "unit_test"]
        command += ["--vars", json.dumps({"kindred__tables": tables}), "--target-path", folder, "--log-path", folder]
        given = {"KINDRED_DUCKDB_PATH": str(database), "KINDRED_TEMP_DIRECTORY": folder, "DBT_PROFILES_DIR": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | given)
        if done.returncode:
            raise RuntimeError(f"dbt failed:\n{done.stdout[-3000:]}")
        with duckdb.connect(str(database), read_only=True) as connection:
            rows = connection.execute(
                """
                select
                    estimator,
                    kind,
                    avg(value),
                    avg(cast($truth * if(kind = 'list', $places, 1) between lower and upper as int)),
                    stddev_samp(value) / avg(standard_error),
                    avg(effective_people / n_people),
                    avg(cast(is_reliable as int)),
                    avg(cast($truth * if(kind = 'list', $places, 1) between lower and upper as int))
                        filter (where is_reliable),
                    count(*)
                from policy_values
                where period = 'all'
                group by all
                """,
                {"truth": truth, "places": PLACES},
            ).fetchall()
    page = []
    for estimator, kind, value, covered, spread, effective, believed, of_these, n in sorted(
        rows, key=lambda row: ESTIMATORS.index(row[0])
    ):
        if n != n_logs:
            raise RuntimeError(f"{estimator} has values of {n} logs, not {n_logs}")
        bias = value / (truth * (PLACES if kind == "list" else 1)) - 1
        page.append(
            [f"{distance}, {n_rows:,}", estimator, f"{covered:.3f}", f"{spread:.3f}", f"{100 * bias:+.2f} %"]
            + [f"{effective:.2f}", f"{believed:.3f}", "" if of_these is None else f"{of_these:.3f}"]
        )
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description="How often intervals of policy_values cover the truth.")
    parser.add_argument("--logs", type=int, default=500)
    parser.add_argument("--rows", type=int, nargs="+", default=[2000, 20_000])
    arguments = parser.parse_args()
    rows = []
    for n_rows in arguments.rows:
        for distance in ("near", "far"):
            rows += evaluate(distance, arguments.logs, n_rows)
            say(f"{distance}, {n_rows:,} rows")
    header = ["policy, rows", "estimator", "covered", "spread", "bias", "effective", "believed", "of these"]
    lines = [
        "# What a policy would have earned: how often the interval is right",
        "",
        *paragraph(
            f"Made by `python benchmarks/bench_off_policy.py`, {arguments.logs} simulated logs per line; the script's",
            "first lines say what is simulated and what the columns mean.",
        ),
        "",
        *table(header, rows),
    ]
    (HERE / "results" / "off_policy.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
