"""Recommendation quality on Gowalla (LightGCN protocol) through the project's own main path: events in, metrics out.

    python benchmarks/bench_quality.py [--factors 64 256] [--minutes 30]

The published training rows are events before the moment of the fold `backtest`, the test rows events in its horizon.
A tenth of each person's training rows (seeded choice) lies in the horizon of the fold `tuning`: alpha and
regularization are chosen there, by recall@20, and never see a test row. Then `backtest` is built with the choice.
Beside it stands a bare script: implicit alone, same parameters, same seed, on the same rows.

Protocol: all items but the person's training items are ranked; recall@20 = hits / test items of the person, ndcg@20
with the ideal list cut at 20, mean over people with test items (He et al., "LightGCN", SIGIR 2020).

Needs ../shared/data/gowalla (or KINDRED_DATA=folder that holds gowalla/); says so and stops where it is absent.
Writes benchmarks/results/quality.md and quality.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
AS_OF = "2024-01-03"  # horizons of one day: tuning is judged on January 1st, backtest on the 2nd
ITERATIONS = 15
RATE_WEIGHT = 4.0  # `rate` without a value: weight 4, no half-life, excluded from lists, a target
# One line through the grid at a time: alpha first, then regularization at the best alpha.
ALPHAS = (1.0, 3.0, 10.0, 30.0)
REGULARIZATIONS = (1.0, 10.0, 30.0, 100.0, 300.0)
PUBLISHED = {  # recall@20, ndcg@20, as reported by the papers and the BARS leaderboard
    "ItemKNN": (0.1570, 0.1214),
    "LightGCN": (0.1830, 0.1554),
    "UltraGCN": (0.1862, 0.1580),
    "BSPM-EM": (0.1920, 0.1597),
}


def write_events(source: Path, database: Path) -> None:
    """Lay the split out in time, as a table raw.events of a new DuckDB file."""
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema raw")
        connection.execute(
            f"""
            create table raw.events as
            with numbered as (
                select
                    *,
                    row_number() over (partition by user_id, split order by hash(user_id, item_id)) as place,
                    count(*) over (partition by user_id, split) as n_rows
                from read_parquet('{source}')
            )
            select
                concat(split, '-', user_id, '-', item_id) as event_id,
                cast(user_id as varchar) as user_id,
                cast(item_id as varchar) as item_id,
                'rate' as event_type,
                case
                    when split = 'test' then timestamp '2024-01-02 12:00:00'
                    when place <= n_rows // 10 then timestamp '2024-01-01 12:00:00'
                    else timestamp '2023-12-31 12:00:00'
                end as occurred_at
            from numbered
            """
        )


class Project:
    """kindred on one DuckDB file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "quality.duckdb"

    def build(self, fold: str, models: list[str] | None = None, **settings) -> float:
        """Build one fold, wholly or the models named; returns wall seconds."""
        variables = {
            "kindred__events": "raw.events",
            "kindred__items": "",
            "kindred__users": "",
            "kindred__consents": "",
            "kindred__segment_by": "",
            "kindred__as_of": AS_OF,
            "kindred__horizon_days": 1,
            "kindred__folds": [fold],
            "kindred__als_iterations": ITERATIONS,
            **{f"kindred__{name}": value for name, value in settings.items()},
        }
        command = [
            str(Path(sys.executable).parent / "dbt"), "--quiet",
            *(["run", "--select", *models] if models else ["build", "--exclude-resource-type", "unit_test"]),
            "--vars", json.dumps(variables), "--profiles-dir", str(ROOT), "--project-dir", str(ROOT),
            "--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs"),
        ]  # fmt: skip
        environment = {
            **os.environ,
            "KINDRED_DUCKDB_PATH": str(self.database),
            "KINDRED_TEMP_DIRECTORY": str(self.folder / "temp"),
        }
        started = time.monotonic()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - started

    def metrics(self, fold: str) -> dict[str, dict[str, tuple[float, float, int]]]:
        """{model: {metric: (value, standard error, people)}} at 20, over all people."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            rows = connection.execute(
                "select model, metric, value, standard_error, n_users from evaluation_metrics "
                "where fold = ? and segment = 'all' and k = 20",
                [fold],
            ).fetchall()
        table: dict[str, dict] = {}
        for model, metric, value, error, n_users in rows:
            table.setdefault(model, {})[metric] = (value, error, n_users)
        return table


RETRAINED = ["als_item_factors", "als_user_factors", "als_candidates", "ranked", "user_metrics", "exposure_metrics"]


def tune(project: Project, factors: int, deadline: float) -> tuple[dict, list[dict]]:
    """Choose alpha, then regularization, on the fold `tuning`; returns (choice, trials)."""
    trials: list[dict] = []

    def trial(alpha: float, regularization: float) -> float:
        for done in trials:
            if (done["alpha"], done["regularization"]) == (alpha, regularization):
                return done["recall"]
        parameters = {"als_factors": factors, "als_alpha": alpha, "als_regularization": regularization}
        seconds = project.build("tuning", [*RETRAINED, "evaluation_metrics"], **parameters)
        recall = project.metrics("tuning")["als"]["recall"][0]
        trials.append({"factors": factors, "alpha": alpha, "regularization": regularization, "recall": recall})
        print(f"  {factors} factors, alpha {alpha:g}, regularization {regularization:g}: "
              f"tuning recall@20 {recall:.4f} ({seconds:.0f} s)", flush=True)  # fmt: skip
        return recall

    def best_of(values, pick):
        """The best pair on one line through the grid, of those that the budget leaves time for."""
        scores = {pick(value): trial(*pick(value)) for value in values if time.monotonic() < deadline or not trials}
        return max(scores, key=scores.get) if scores else None

    alpha, regularization = ALPHAS[-2], REGULARIZATIONS[2]
    for _ in range(2):
        fixed_regularization = regularization
        alpha, _ = best_of(ALPHAS, lambda x, y=fixed_regularization: (x, y)) or (alpha, regularization)
        fixed_alpha = alpha
        _, regularization = best_of(REGULARIZATIONS, lambda y, x=fixed_alpha: (x, y)) or (alpha, regularization)
    return {"als_factors": factors, "als_alpha": alpha, "als_regularization": regularization}, trials


def bare_script(source: Path, factors: int, alpha: float, regularization: float) -> tuple[float, float]:
    """recall@20 and ndcg@20 of implicit alone, in float64 numpy, on the published split."""
    import numpy as np
    from implicit.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    frame = duckdb.sql(f"select user_id, item_id, split = 'test' as is_test from read_parquet('{source}')").fetchnumpy()
    shape = (int(frame["user_id"].max()) + 1, int(frame["item_id"].max()) + 1)

    def matrix(rows, value):
        values = np.full(rows.sum(), value, dtype=np.float32)
        return csr_matrix((values, (frame["user_id"][rows], frame["item_id"][rows])), shape=shape)

    is_test = frame["is_test"].astype(bool)
    train, test = matrix(~is_test, 1 + alpha * RATE_WEIGHT), matrix(is_test, 1)
    with threadpool_limits(limits=1, user_api="blas"):
        als = AlternatingLeastSquares(
            factors=factors, regularization=regularization, iterations=ITERATIONS, random_state=0
        )
        als.fit(train, show_progress=False)
        lists, _ = als.recommend(np.arange(shape[0]), train, N=20)
    gains = 1 / np.log2(np.arange(2, 22))
    recalls, ndcgs = [], []
    for user in np.flatnonzero(np.diff(test.indptr)):
        wanted = test.indices[test.indptr[user] : test.indptr[user + 1]]
        hits = np.isin(lists[user], wanted)
        recalls.append(hits.sum() / len(wanted))
        ndcgs.append((hits * gains).sum() / gains[: len(wanted)].sum())
    return float(np.mean(recalls)), float(np.mean(ndcgs))


def write_report(rows: list[dict], trials: list[dict]) -> None:
    """results/quality.md and quality.json."""
    RESULTS.mkdir(exist_ok=True)
    lines = [
        "# Quality: Gowalla, LightGCN protocol",
        "",
        "`make bench-quality`. Through the main path: events in, `evaluation_metrics` out; alpha and regularization",
        "chosen on the fold `tuning` (a tenth of the training rows); judged once on the published test rows.",
        "",
        "| model | recall@20 | ± | ndcg@20 | ± | parameters |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        errors = [f"{row[name]:.4f}" if row.get(name) else "" for name in ("recall_error", "ndcg_error")]
        lines.append(
            f"| {row['model']} | {row['recall']:.4f} | {errors[0]} | {row['ndcg']:.4f} | {errors[1]} "
            f"| {row.get('parameters', '')} |"
        )
    lines += ["", "Trials on `tuning`:", "", "| factors | alpha | regularization | recall@20 |", "|---|---|---|---|"]
    for trial in trials:
        lines.append(
            f"| {trial['factors']} | {trial['alpha']:g} | {trial['regularization']:g} | {trial['recall']:.4f} |"
        )
    (RESULTS / "quality.md").write_text("\n".join(lines) + "\n")
    (RESULTS / "quality.json").write_text(json.dumps({"rows": rows, "trials": trials}, indent=2) + "\n")
    print("\n".join(lines))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--minutes", type=float, default=15, help="budget of the search, per number of factors")
    arguments = parser.parse_args()
    source = Path(os.environ.get("KINDRED_DATA", ROOT.parent / "shared" / "data")) / "gowalla" / "interactions.parquet"
    if not source.exists():
        print(f"bench_quality: no {source}; set KINDRED_DATA to the folder that holds gowalla/", file=sys.stderr)
        return 1

    rows, trials = [], []
    for name, (recall, ndcg) in PUBLISHED.items():
        rows.append({"model": f"published: {name}", "recall": recall, "ndcg": ndcg})
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        write_events(source, project.database)
        choices = []
        for factors in arguments.factors:
            print(f"ALS with {factors} factors", flush=True)
            if not choices:
                project.build("tuning", als_factors=8, als_iterations=1)
            choice, made = tune(project, factors, time.monotonic() + 60 * arguments.minutes)
            choices.append(choice)
            trials += made
        for number, choice in enumerate(choices):
            project.build("backtest", None if number == 0 else [*RETRAINED, "evaluation_metrics"], **choice)
            metrics = project.metrics("backtest")
            factors, alpha, regularization = choice.values()
            parameters = f"{factors} factors, alpha {alpha:g}, regularization {regularization:g}"
            for model in (["popular"] if number == 0 else []) + ["als", "recommendations"]:
                (recall, recall_error, _), (ndcg, ndcg_error, _) = metrics[model]["recall"], metrics[model]["ndcg"]
                rows.append({
                    "model": f"kindred: {model}", "recall": recall, "recall_error": recall_error, "ndcg": ndcg,
                    "ndcg_error": ndcg_error, "parameters": "" if model == "popular" else parameters,
                })  # fmt: skip
            recall, ndcg = bare_script(source, factors, alpha, regularization)
            rows.append({"model": "bare implicit script", "recall": recall, "ndcg": ndcg, "parameters": parameters})
            als = metrics["als"]
            print(f"{parameters}: als against the bare script: recall {als['recall'][0] / recall - 1:+.2%}, "
                  f"ndcg {als['ndcg'][0] / ndcg - 1:+.2%}", flush=True)  # fmt: skip
    write_report(rows, trials)
    return 0


if __name__ == "__main__":
    sys.exit(main())
