"""What protecting people in published figures costs.

    python benchmarks/bench_privacy.py --events 1 20

min_people: the sample shop and the two examples are built as they are and with 5 people behind each figure (neighbours,
popularity, trends, bundles); reported are the blend's figures on the fold backtest. Needs ../shared/data (or
KINDRED_DATA=folder) for the examples.

epsilon: the 20 most liked items of a world of bench_identity (1 person for each 20 events), by counts as they are and
by private_popularity with epsilon 1: how many stay among the first 20, if 5 or 20 items of a person count.

Writes benchmarks/results/privacy.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from pathlib import Path

import duckdb
from bench_identity import make_world
from bench_speed import HERE, ROOT, find_dbt, paragraph, say, table

DATA = Path(os.environ.get("KINDRED_DATA", ROOT.parent / "shared" / "data")).resolve()
EXAMPLES = {"online_retail": "uci_online_retail", "retailrocket": "retailrocket_buyers"}
NO_TESTS = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"]
FIGURES = """
    select metric, round(value, 4), round(standard_error, 4)
    from {schema}.evaluation_metrics
    where fold = 'backtest' and policy = 'main' and generator = 'blend' and user_group = 'all' and k = 20
        and metric in ('recall', 'ndcg', 'coverage')
"""


def run_dbt(project: Path, *arguments: object, **environment: str) -> None:
    done = subprocess.run(
        [find_dbt(), *map(str, arguments)],
        cwd=project,
        capture_output=True,
        text=True,
        env={**os.environ, "KINDRED_DATA": str(DATA), **environment},
    )
    if done.returncode:
        raise RuntimeError(f"dbt {arguments[0]} failed:\n{done.stdout[-3000:]}")


def with_few(folder: Path) -> list[list[str]]:
    """Rows of shop, min_people, recall, ndcg, coverage."""
    ignored = shutil.ignore_patterns(".*", "target", "logs", "dbt_packages", "*.duckdb*", "*_serving")
    copy = shutil.copytree(ROOT, folder / "kindred", ignore=ignored)
    rows = []
    shops = {"sample": (copy, "kindred.duckdb", "main")}
    for example, data in EXAMPLES.items():
        if (DATA / data).exists():
            shops[example] = (copy / "examples" / example, f"{example}.duckdb", "main_kindred")
            run_dbt(copy / "examples" / example, "deps")
        else:
            say(f"{example} is left out: {DATA} doesn't have it")
    for shop, (project, database, schema) in shops.items():
        for least in (1, 5):
            settings = json.dumps({"kindred__privacy": {"min_people": least}, "kindred__serving": {"store": "none"}})
            run_dbt(project, "build", *NO_TESTS, "--vars", settings, DBT_PROFILES_DIR=str(project))
            with duckdb.connect(str(project / database), read_only=True) as connection:
                found = {row[0]: row[1:] for row in connection.execute(FIGURES.format(schema=schema)).fetchall()}
            cells = [f"{found[name][0]:.4f} ± {found[name][1] or 0:.4f}" for name in ("recall", "ndcg")]
            rows.append([shop, str(least), *cells, f"{found['coverage'][0]:.3f}"])
            say(" ".join(rows[-1]))
    return rows


def with_noise(folder: Path, millions: float) -> list[list[str]]:
    """Rows of events, people, items that count, items told of, and how many of the 20 most liked are among its 20."""
    path = folder / f"{millions:g}"
    path.mkdir(parents=True)
    make_world(path, millions)
    database = path / "kindred.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema raw")
        for name in ("events", "identity_links"):
            connection.execute(f"create view raw.{name} as select * from read_parquet('{path}/{name}.parquet')")
    rows = []
    for n_items in (5, 20):
        variables = {
            "kindred__inputs": {"events": "raw.events", "identity_links": "raw.identity_links"},
            "kindred__folds": ["live"],
            "kindred__privacy": {"epsilon": 1, "max_items_per_person": n_items},
        }
        select = "+private_popularity" if n_items == 5 else "privacy_budget private_popularity"
        run_dbt(
            ROOT,
            *("build", *NO_TESTS, "--select", *select.split(), "--vars", json.dumps(variables)),
            *("--target-path", path / "target", "--log-path", path / "logs"),
            DBT_PROFILES_DIR=str(ROOT),
            KINDRED_DUCKDB_PATH=str(database),
            KINDRED_TEMP_DIRECTORY=str(path / "temp"),
        )
        with duckdb.connect(str(database), read_only=True) as connection:
            n_people, exact, private, n_told = connection.execute("""
                with liked as (
                    select item_id, count(*) as n from interactions where fold = 'live' and weight > 0 group by item_id
                )
                select
                    (select count(*) from user_features where fold = 'live'),
                    (select list(item_id) from (from liked order by n desc, item_id limit 20)),
                    (select list(item_id) from (
                        from private_popularity where segment = '' order by n_people desc, item_id limit 20
                    )),
                    (select count(*) from private_popularity where segment = '')
            """).fetchall()[0]
        kept = len(set(exact) & set(private or []))
        rows.append([f"{millions:g} M", f"{n_people:,}", str(n_items), f"{n_told:,}", f"{kept} of 20"])
        say(" ".join(rows[-1]))
    shutil.rmtree(path)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what min_people and epsilon cost.")
    parser.add_argument("--events", type=float, nargs="+", default=[1, 20], help="millions of events")
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "privacy")
    args = parser.parse_args()
    shutil.rmtree(args.work_dir, ignore_errors=True)
    args.work_dir.mkdir(parents=True)
    few = with_few(args.work_dir)
    noisy = [row for millions in args.events for row in with_noise(args.work_dir, millions)]
    lines = [
        "# Privacy of published figures",
        "",
        *paragraph(
            "Made by `python benchmarks/bench_privacy.py`; its first lines say what is measured. The blend of all",
            "generators on the fold backtest, k = 20:",
        ),
        "",
        *table(["shop", "min_people", "recall", "ndcg", "coverage"], few),
        "",
        *paragraph("private_popularity with epsilon 1:"),
        "",
        *table(["events", "people", "items that count", "items told of", "most liked items kept"], noisy),
    ]
    (HERE / "results" / "privacy.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    shutil.rmtree(args.work_dir)


if __name__ == "__main__":
    main()
