"""How many people interleaving needs beside an A/B test for the same power, in a simulated shop. One minute.

    python benchmarks/bench_interleaving.py [--people 20000]

People differ in how much they click. Each has 30 candidates of known relevance, which two rankers see through noise of
their own; a list has ten places, and a click needs a look (rarer further down) and relevance. Interleaving: everybody
gets one list, drafted by src/kindred/ranking/interleaving.py and read by the models interleaving_sums and
interleaving_results. A/B: half of as many people get the list of each ranker, read by Welch's z of clicks per person.
z² / people is what a person tells; the ratio of both is how many times fewer people interleaving needs.

Writes benchmarks/results/interleaving.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from bench_speed import HERE, ROOT, find_dbt, paragraph, say, table

from kindred.ranking.interleaving import coin, team_draft

CANDIDATES, PLACES = 30, 10
LOOKS = 1 / np.log2(np.arange(PLACES) + 2)
# Noise of ranker A and of ranker B. None: B's list is A's.
PAIRS = {"a little better": (0.06, 0.08), "better": (0.06, 0.1), "much better": (0.06, 0.16), "as good": (0.1, 0.1)}
ABOVE = """
    create table list_outcomes (
        list_id varchar, user_id varchar, item_id varchar, kind varchar, n_clicks bigint, shown_at timestamp
    );
    create table checked_experiments (experiment_id varchar, planned_people double);
    create view interleaved_lists as
    select 'e' as experiment_id, list_id, item_id, team from shown;
"""


class Shop:
    """People, what they like, and the ten best items of two rankers for each."""

    def __init__(self, noise: tuple[float, float | None], n_people: int, seed: int):
        self.draw = draw = np.random.default_rng(seed)
        self.relevance = draw.beta(1, 8, (n_people, CANDIDATES))
        self.activity = draw.gamma(1.0, 1.0, n_people)
        seen = [self.relevance + sigma * draw.normal(size=self.relevance.shape) for sigma in noise if sigma is not None]
        orders = [np.argsort(-scores, axis=1, kind="stable")[:, :PLACES] for scores in seen]
        self.first, self.second = orders[0], orders[-1]

    def clicks(self, lists: np.ndarray, people: np.ndarray) -> np.ndarray:
        """Return which places of the people's lists are clicked."""
        chance = self.activity[people, None] * self.relevance[people[:, None], lists] * LOOKS
        return self.draw.random(lists.shape) < np.minimum(chance, 1)

    def split_test(self) -> tuple[float, float]:
        """Return (z of B's clicks per person less A's in two halves of the people, lift of A)."""
        people = np.arange(len(self.activity))
        by_arm = [
            self.clicks(orders[people[arm::2]], people[arm::2]).sum(axis=1)
            for arm, orders in enumerate((self.first, self.second))
        ]
        (mean_a, mean_b), errors = [c.mean() for c in by_arm], [c.var(ddof=1) / len(c) for c in by_arm]
        return (mean_a - mean_b) / np.sqrt(sum(errors)), mean_a / mean_b - 1

    def interleave(self) -> pa.Table:
        """Return a row per place that was shown: list_id, user_id, item_id, team, n_clicks."""
        drafts = []
        for person, (first, second) in enumerate(zip(self.first.tolist(), self.second.tolist(), strict=True)):
            coins = (coin("run", f"u{person}", number) for number in range(1, PLACES + 1))
            drafts.append(team_draft(first, second, coins))
        items = np.array([[item for item, _team in drafted] for drafted in drafts])
        people = np.arange(len(drafts))
        clicks = self.clicks(items, people)
        names = [f"u{person}" for person in people for _ in range(PLACES)]
        return pa.table(
            {
                "list_id": names,
                "user_id": names,
                "item_id": [str(item) for item in items.ravel()],
                "team": pa.array([team for drafted in drafts for _item, team in drafted], pa.string()),
                "n_clicks": clicks.ravel().astype(int),
            }
        )


def results(shown: pa.Table, database: Path) -> dict[str, float]:
    """Build the project's models on what was shown; return the row of interleaving_results."""
    with duckdb.connect(str(database)) as connection:
        connection.execute("create table shown as from shown")
        connection.execute(ABOVE)
        connection.execute("""
            insert into list_outcomes by name
            select * exclude (team), 'person' as kind, timestamp '2026-05-01' as shown_at from shown
        """)
    models = ["interleaved_clicks", "interleaving_sums", "interleaving_results"]
    folder = str(database.parent / "target")
    command = [find_dbt(), "build", "--select", *models, "--exclude-resource-type", "test", "unit_test"]
    command += ["--target-path", folder, "--log-path", folder]
    given = {"KINDRED_DUCKDB_PATH": str(database), "DBT_PROFILES_DIR": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | given)
    if done.returncode:
        raise RuntimeError(f"dbt failed:\n{done.stdout[-3000:]}")
    with duckdb.connect(str(database), read_only=True) as connection:
        [row] = connection.sql("select * from interleaving_results").to_arrow_table().to_pylist()
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description="How many people interleaving needs beside an A/B test.")
    parser.add_argument("--people", type=int, default=20_000)
    arguments = parser.parse_args()
    rows = []
    for name, noise in PAIRS.items():
        shop = Shop(noise, arguments.people, seed=1)
        split_z, lift = shop.split_test()
        with tempfile.TemporaryDirectory() as folder:
            row = results(shop.interleave(), Path(folder) / "interleaving.duckdb")
        fewer = "" if noise[0] == noise[1] else f"{(row['z'] / split_z) ** 2:.1f}"
        rows.append(
            [name, f"{100 * lift:+.1f} %", f"{split_z:.2f}", f"{row['z']:.2f}", f"{row['p']:.2g}"]
            + [f"{row['delta']:+.4f}", f"{row['wins']:,}", f"{row['losses']:,}", f"{row['ties']:,}", fewer]
        )
        say(name)
    header = ["ranker A is", "lift of clicks", "z, A/B", "z, interleaving", "p", "delta"]
    header += ["wins", "losses", "ties", "times fewer people"]
    lines = [
        "# Interleaving beside an A/B test",
        "",
        *paragraph(
            f"Made by `python benchmarks/bench_interleaving.py` with {arguments.people:,} people for each test; the",
            "first lines of the script say what is simulated.",
        ),
        "",
        *table(header, rows),
    ]
    (HERE / "results" / "interleaving.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
