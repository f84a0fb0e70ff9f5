"""Recommendation quality on four public data sets through the project's own main path: events in, metrics out.

    python benchmarks/bench_quality.py [--minutes 10] [--only gowalla beauty retailrocket online_retail] [--no-tuning]

Each set is laid out as events: what a published split trains on lies before the moment of the fold `backtest`, what
it tests on in its horizon. `make tune` searches on the fold `tuning`, which holds training rows alone, for so many
minutes; then one `dbt build` of both folds trains, learns the ranker on `tuning` and evaluates on `backtest`. Nothing
is chosen on a test row, and no setting is given by hand.

gowalla        Check-ins, split and protocol of LightGCN (He et al., SIGIR 2020): all items but the person's training
               items are ranked; recall@20 = hits / test items of the person, ndcg@20 with the ideal list cut at 20,
               mean over people. A tenth of each person's training rows (a seeded block) is evaluated in `tuning`.
beauty         Amazon Beauty 5-core, leave-one-out, full ranking: recall@10 and ndcg@10 of each person's last item. The
               item before it is evaluated in `tuning`. Reviews of one day have no order: a seeded shuffle decides.
retailrocket   Buyers' clicks; recall@20 of one held-out purchase each, of an item not touched before. `tuning` is
               evaluated on the last item that each buyer bought, with all that the buyer did with it held back.
beauty_transformer  The same with the generator `transformer`; needs JAX (pip install kindred[deep]).
online_retail  A wholesaler's invoices, the last four weeks held back; examples/online_retail. Discoveries are items
               that the customer hadn't bought before; online_retail_new takes what was bought off the lists.

Needs ../shared/data (or KINDRED_DATA=folder); a set that is absent is left out with a message. Writes
benchmarks/results/quality.md and quality.json; sets that weren't run keep their results.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
from bench_speed import paragraph

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("KINDRED_DATA", ROOT.parent / "shared" / "data")).resolve()
RESULTS = ROOT / "benchmarks" / "results"
# Horizons of one day: `tuning` is evaluated on January 1st, `backtest` on the 2nd. `rate` without a value: weight 4, no
# half-life, kept out of later lists, a target.
SPLIT_IN_TIME = {
    "kindred__inputs": {"events": "raw.events"},
    "kindred__lists": {"segment_by": ""},
    "kindred__as_of": "2024-01-03",
    "kindred__horizon_days": 1,
}
# The data has no times, so a tenth of each person's training rows is evaluated in `tuning`, and the others stand on
# nine days by chance: that their order says nothing is for the search to find out. The tenth is a block, from a random
# place on, of the person's items in the order of their numbers, which follows the file: what stands side by side
# there is alike (cosine of the people .092 for neighbours, .039 twenty places apart), and single rows would be
# evaluated with their like in the training, which flatters models that overfit (blocked cross-validation: Roberts et
# al., Ecography 2017). By md5, here and below: DuckDB's hash() of two columns orders the items of different people
# alike.
GOWALLA = """
    with numbered as (
        select
            *,
            row_number() over (partition by user_id, split order by item_id) - 1 as place,
            row_number() over (partition by user_id, split order by md5(concat(user_id, '|', item_id))) as chance,
            count(*) over (partition by user_id, split) as n_rows
        from read_parquet('{data}/gowalla/interactions.parquet')
    ),
    placed as (
        select
            *,
            (place + cast(concat('0x', substr(md5(cast(user_id as varchar)), 1, 7)) as integer)) % n_rows
                < n_rows / 10.0 as is_evaluated
        from numbered
    )
    select
        concat(split, '-', user_id, '-', item_id) as event_id,
        cast(user_id as varchar) as user_id,
        cast(item_id as varchar) as item_id,
        'rate' as event_type,
        timestamp '2024-01-01 12:00:00'
        + to_days(cast(case when split = 'test' then 1 when is_evaluated then 0 else -1 - chance % 9 end as integer))
            as occurred_at
    from placed
"""
BEAUTY = """
    with ordered as (
        select
            user_id, item_id, ts,
            row_number() over (
                partition by user_id order by ts desc, md5(concat(user_id, '|', item_id))
            ) as place_from_end
        from read_parquet('{data}/amazon_beauty_seq/sequences.parquet')
    ),
    stepped as (
        select *, dense_rank() over (partition by user_id, place_from_end > 2 order by ts desc) as days_back
        from ordered
    )
    select
        concat(user_id, '-', place_from_end) as event_id,
        cast(user_id as varchar) as user_id,
        cast(item_id as varchar) as item_id,
        'rate' as event_type,
        case place_from_end
            when 1 then timestamp '2024-01-02 12:00:00'
            when 2 then timestamp '2024-01-01 12:00:00'
            else timestamp '2023-12-31 12:00:00' - to_days(cast(days_back as integer))
        end as occurred_at
    from stepped
"""
BEAUTY_ITEMS = """
    select
        cast(items.item_id as varchar) as item_id,
        string_agg('attribute' || attribute_id, ' ' order by attribute_id) as description
    from (select distinct item_id from read_parquet('{data}/amazon_beauty_seq/sequences.parquet')) as items
    left join read_parquet('{data}/amazon_beauty_seq/item_attributes.parquet') as attributes
        on items.item_id = attributes.item_id
    group by items.item_id
"""


# What is held out is one purchase of each buyer, of an item that the buyer hadn't touched before, after the last
# click. So `tuning` is evaluated on the same kind of thing: all that a buyer did with the last item bought lies in its
# horizon.
RETAILROCKET = """
    with clicks as (select distinct * from read_parquet('{data}/retailrocket_buyers/events.parquet')),
    last_bought as (
        select user_id, max_by(item_id, (ts, item_id)) as item_id
        from clicks
        where event = 'buy'
        group by user_id
    ),
    laid_out as (
        select
            clicks.user_id,
            clicks.item_id,
            case clicks.event when 'cart' then 'add_to_cart' when 'buy' then 'purchase' else 'view' end as event_type,
            case
                when last_bought.item_id is null then clicks.ts
                else timestamp '2015-09-19' + to_seconds(row_number() over (order by clicks.ts, clicks.user_id) // 4)
            end as occurred_at
        from clicks
        left join last_bought using (user_id, item_id)
        union all
        select user_id, item_id, 'purchase', timestamp '2015-09-20 12:00:00'
        from read_parquet('{data}/retailrocket_buyers/test_purchases.parquet')
    )
    select
        row_number() over (order by user_id, item_id, event_type, occurred_at) as event_id,
        cast(user_id as varchar) as user_id,
        cast(item_id as varchar) as item_id,
        event_type,
        occurred_at
    from laid_out
"""


@dataclass
class Benchmark:
    """A data set, where it is, how it becomes a shop, and what was published for it (recall, ndcg)."""

    name: str
    title: str
    needs: str
    k: int
    tables: dict[str, str] = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    example: str = ""
    edits: dict[str, tuple[str, str]] = field(default_factory=dict)
    user_groups: tuple[str, ...] = ("all",)
    published: dict[str, tuple[float, float]] = field(default_factory=dict)
    module: str = ""


BENCHMARKS = [
    Benchmark(
        name="gowalla", title="Gowalla, LightGCN protocol", needs="gowalla/interactions.parquet", k=20,
        tables={"events": GOWALLA}, settings=SPLIT_IN_TIME,
        published={
            "ItemKNN": (0.1570, 0.1214), "EASE": (0.1765, 0.1467), "LightGCN": (0.1830, 0.1554),
            "UltraGCN": (0.1862, 0.1580), "SimpleX": (0.1872, 0.1557), "BSPM-EM": (0.1920, 0.1597),
        },
    ),
    Benchmark(
        name="beauty", title="Amazon Beauty, leave-one-out, full ranking", needs="amazon_beauty_seq/sequences.parquet",
        k=10, tables={"events": BEAUTY, "items": BEAUTY_ITEMS},
        settings={**SPLIT_IN_TIME, "kindred__inputs": {"events": "raw.events", "items": "raw.items"}},
        published={
            "GRU4Rec": (0.0283, 0.0137), "SASRec": (0.0605, 0.0318), "S3-Rec": (0.0647, 0.0327),
            "TIGER": (0.0648, 0.0384),
        },
    ),
    Benchmark(
        name="retailrocket", title="Retailrocket buyers, purchases from earlier views, carts and buys",
        needs="retailrocket_buyers/events.parquet", k=20, tables={"events": RETAILROCKET},
        settings={**SPLIT_IN_TIME, "kindred__as_of": "2015-09-21"},
    ),
    Benchmark(
        name="online_retail", title="UCI Online Retail, last four weeks",
        needs="uci_online_retail/online_retail_2010_2011.parquet", k=20, example="online_retail",
        user_groups=("all", "discoveries"),
    ),
    Benchmark(
        name="online_retail_new", title="UCI Online Retail, last four weeks, lists of items not bought before",
        needs="uci_online_retail/online_retail_2010_2011.parquet", k=20, example="online_retail",
        edits={"seeds/shop_event_weights.csv": ("purchase,5,90,,false", "purchase,5,90,,true")},
    ),
]  # fmt: skip
[BEAUTY_SET] = [benchmark for benchmark in BENCHMARKS if benchmark.name == "beauty"]
BENCHMARKS.append(
    replace(
        BEAUTY_SET,
        name="beauty_transformer",
        title=f"{BEAUTY_SET.title}, with the transformer",
        settings=BEAUTY_SET.settings | {"kindred__generators": {"transformer": {"minutes": 30}}},
        module="jax",
    )
)


class Project:
    """kindred, or one of its examples, on a DuckDB file in a folder of its own."""

    def __init__(self, folder: Path, benchmark: Benchmark) -> None:
        self.folder = folder
        self.database = folder / "quality.duckdb"
        self.schema, self.project, self.settings = "main", ROOT, benchmark.settings
        if benchmark.example:
            self.schema, self.project = "main_kindred", folder / "kindred" / "examples" / benchmark.example
            parts = ("macros", "models", "python_models", "functions", "seeds", "tests")
            for part in (*parts, f"examples/{benchmark.example}"):
                shutil.copytree(ROOT / part, folder / "kindred" / part)
            shutil.copy(ROOT / "dbt_project.yml", folder / "kindred")
            for path, (old, new) in benchmark.edits.items():
                text = (self.project / path).read_text()
                assert old in text, f"{path} has no {old}"
                (self.project / path).write_text(text.replace(old, new))
            self.dbt("deps")
        with duckdb.connect(str(self.database)) as connection:
            connection.execute("create schema raw")
            for name, select in benchmark.tables.items():
                connection.execute(f"create table raw.{name} as {select.format(data=DATA)}")

    def dbt(self, *arguments: str, **settings) -> float:
        """Run dbt; returns wall seconds."""
        command = [
            str(Path(sys.executable).parent / "dbt"), "--quiet", *arguments,
            "--profiles-dir", str(self.project), "--project-dir", str(self.project),
        ]  # fmt: skip
        if arguments[0] != "deps":
            command += [
                "--vars",
                json.dumps({**self.settings, **settings}),
                "--target-path",
                str(self.folder / "target"),
            ]
        environment = {
            **os.environ,
            "KINDRED_DATA": str(DATA),
            "KINDRED_DUCKDB_PATH": str(self.database),
            "KINDRED_TEMP_DIRECTORY": str(self.folder / "temp"),
        }
        started = time.monotonic()
        subprocess.run(command, cwd=self.project, env=environment, check=True)
        return time.monotonic() - started

    def query(self, sql: str) -> list[dict]:
        with duckdb.connect(str(self.database), read_only=True) as connection:
            connection.execute(f"set search_path = '{self.schema},main'")
            found = connection.execute(sql)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def run(benchmark: Benchmark, minutes: float) -> dict:
    """Tune, build and evaluate one data set."""
    folds = {"kindred__folds": ["tuning", "backtest"]}
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), benchmark)
        tuning_seconds = 0.0
        if minutes:
            print(f"{benchmark.name}: searching for {minutes:g} minutes", flush=True)
            selection = ["--select", "+tuning_trials"]
            tuning_seconds = project.dbt("build", "--exclude-resource-type", "unit_test", "test", *selection,
                                         kindred__tune_minutes=minutes, **folds)  # fmt: skip
        build_seconds = project.dbt("build", "--exclude-resource-type", "unit_test", **folds)
        metrics = project.query(f"""
            select
                generator, user_group, metric, value, standard_error, n_users, lead_of_recommendations,
                lead_standard_error
            from evaluation_metrics
            where fold = 'backtest' and policy = 'main' and metric in ('recall', 'ndcg') and k = {benchmark.k}
        """)
        best = project.query("""
            select generator, settings, ndcg from tuning_trials
            qualify row_number() over (partition by generator order by ndcg desc, trial) = 1 order by generator
        """)
        [ranker] = project.query("select kind, note from rankers")
        training = []
        if "transformer" in project.settings.get("kindred__generators", {}):
            training = project.query("""
                select fold, n_steps, n_held_out, recall, session_recall from transformer_parameters
                group by all order by all
            """)
    values: dict = {}
    for row in metrics:
        if row["user_group"] in benchmark.user_groups:
            cell = values.setdefault(row["user_group"], {"n_people": row["n_users"], "generators": {}})
            measured = [
                row[name] for name in ("value", "standard_error", "lead_of_recommendations", "lead_standard_error")
            ]
            cell["generators"].setdefault(row["generator"], {})[row["metric"]] = measured
    return {
        "title": benchmark.title, "k": benchmark.k, "user_groups": values,
        "published": benchmark.published, "best": best, "training": training,
        "ranker": ranker, "minutes": minutes, "tuning_seconds": tuning_seconds, "build_seconds": build_seconds,
    }  # fmt: skip


def report(results: dict) -> str:
    """The results as Markdown."""
    lines = [
        "# Quality on public data", "",
        *paragraph(
            "Made by `make bench-quality`. Events go in, `evaluation_metrics` of the fold `backtest` comes out.",
            "`make tune` chooses the settings and the fold `tuning` trains the ranker, on training rows only. ± is the",
            "standard error over people; for the blend's lead it is that of the person-by-person differences",
            "(`lead_of_recommendations`). A lead of more than two standard errors is not chance.",
        ),
    ]  # fmt: skip
    for result in results.values():
        k = result["k"]
        for user_group, cell in result["user_groups"].items():
            suffix = "" if user_group == "all" else f", {user_group}"
            lines += ["", f"## {result['title']}{suffix} ({cell['n_people']:,} people)", "",
                      f"| generator | recall@{k} | ± | blend ahead by | ± | ndcg@{k} | ± | blend ahead by | ± |",
                      "|---" * 9 + "|"]  # fmt: skip
            if user_group == "all":
                for name, (recall, ndcg) in result["published"].items():
                    lines.append(f"| published: {name} | {recall:.4f} | | | | {ndcg:.4f} | | | |")
            ordered = sorted(cell["generators"].items(), key=lambda item: item[1]["recall"][0])
            for name, values in ordered:
                numbers = [*values["recall"], *values["ndcg"]]
                if name == "blend":
                    numbers[2:4] = numbers[6:8] = "", ""
                cells = [number if number == "" else f"{number:.4f}" for number in numbers]
                lines.append(f"| {name} | {' | '.join(cells)} |")
        seconds = f"{result['tuning_seconds']:.0f} s (budget {result['minutes']:g} min)"
        lines += ["", f"Ranker: {result['ranker']['kind']}; {result['ranker']['note']}."]
        lines += [f"Search {seconds}, build of both folds {result['build_seconds']:.0f} s.", ""]
        lines += [
            f"- {row['generator']}: {row['settings']} (ndcg@20 on `tuning` {row['ndcg']:.4f})" for row in result["best"]
        ]
        lines += [
            f"- transformer, {row['fold']}: {row['n_steps']:,} steps; recall@10 of the newest items of "
            f"{row['n_held_out']:,} people {row['recall']:.4f}, by vectors of sessions {row['session_recall']:.4f}"
            for row in result.get("training", [])
        ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="budget of the search, per data set")
    parser.add_argument("--only", nargs="+", choices=[benchmark.name for benchmark in BENCHMARKS])
    parser.add_argument("--no-tuning", action="store_true", help="the defaults, for comparison; writes nothing")
    arguments = parser.parse_args()
    stored = RESULTS / "quality.json"
    results = json.loads(stored.read_text()) if stored.exists() else {}
    for benchmark in BENCHMARKS:
        if arguments.only and benchmark.name not in arguments.only:
            continue
        if not (DATA / benchmark.needs).exists():
            print(f"bench_quality: no {DATA / benchmark.needs}: {benchmark.name} is left out; set KINDRED_DATA to the "
                  "folder that holds it", file=sys.stderr)  # fmt: skip
            continue
        if benchmark.module and not importlib.util.find_spec(benchmark.module):
            print(f"bench_quality: no {benchmark.module}: {benchmark.name} is left out", file=sys.stderr)
            continue
        result = run(benchmark, 0 if arguments.no_tuning else arguments.minutes)
        print(report({benchmark.name: result}), flush=True)
        if not arguments.no_tuning:
            results[benchmark.name] = result
            RESULTS.mkdir(exist_ok=True)
            stored.write_text(json.dumps(results, indent=2, default=str) + "\n")
            stored.with_suffix(".md").write_text(report(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
