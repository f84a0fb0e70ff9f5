"""What a share of discoveries costs and brings where people buy the same things again.

    python benchmarks/bench_discoveries.py [--only online_retail complete_journey] [--fold backtest]

Two shops whose purchases exclude nothing, one build each, with a policy for each share: recall@20 and ndcg@20 of all
that people went on to buy, and of discoveries, items that they hadn't had before. A discovery's list is the same list,
so a place that a re-order takes cannot be one. Each figure stands beside its difference to share 0, with the standard
error of the differences person by person. --fold tuning is for choices: there the ranker has seen the targets.

online_retail     The wholesaler's invoices of bench_quality.py, with the settings that its last search found
                  (results/quality.json) and no new search; the last four weeks are held back.
complete_journey  A grocer's households: transactions_sample of the R package completejourney 1.1.1 (CC0), a
                  twentieth of the lines of 2,377 households in 2017, joined with its products. An item is a product
                  type. The last four weeks are held back; settings are the defaults.

Needs ../shared/data (or KINDRED_DATA=folder); a set that is absent is left out with a message. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import duckdb
from bench_quality import BENCHMARKS, DATA, RESULTS, Benchmark, Project

SHARES = ("0", "0.2", "0.5", "1")
LINES = "read_parquet('{data}/complete_journey/transactions_sample.parquet') where product_type is not null"
POLICIES = ", ".join(f"('share_{share.replace('.', '_')}', '{share}')" for share in SHARES)
POLICIES = f"select * from (values {POLICIES}) as policies (policy, discovery_share)"
[RETAIL] = [benchmark for benchmark in BENCHMARKS if benchmark.name == "online_retail"]
SHOPS = [
    replace(
        RETAIL,
        tables={"policies": POLICIES},
        settings={"kindred__tables": {"event_weights": "shop_event_weights", "policies": "raw.policies"}},
    ),
    Benchmark(
        name="complete_journey", title="Complete Journey, product types, last four weeks",
        needs="complete_journey/transactions_sample.parquet", k=20,
        tables={
            "events": f"""
                select
                    concat_ws('-', basket_id, product_id) as event_id,
                    household_id as user_id,
                    product_type as item_id,
                    basket_id as order_id,
                    'purchase' as event_type,
                    quantity,
                    sales_value as value,
                    transaction_timestamp as occurred_at
                from {LINES}
            """,
            "items": f"""
                select product_type as item_id, product_type as title, min(department) as category
                from {LINES}
                group by product_type
            """,
            "event_weights": """
                select 'purchase' as event_type, 5 as weight, 90 as half_life_days, null::double as neutral_value,
                    false as excludes_item, true as is_target
            """,
            "policies": POLICIES,
        },
        settings={
            "kindred__inputs": {"events": "raw.events", "items": "raw.items"},
            "kindred__tables": {"event_weights": "raw.event_weights", "policies": "raw.policies"},
            "kindred__lists": {"segment_by": ""},
            "kindred__horizon_days": 28,
        },
    ),
]  # fmt: skip


def policy_of(share: str) -> str:
    return f"share_{share.replace('.', '_')}"


def run(shop: Benchmark, fold: str) -> str:
    """Build and evaluate a shop; its tables as Markdown."""
    settings = {}
    if shop.name == "online_retail":
        found = json.loads((RESULTS / "quality.json").read_text())[shop.name]["best"]
        settings["kindred__generators"] = {row["generator"]: json.loads(row["settings"]) for row in found}
    folds = ["tuning"] if fold == "tuning" else ["tuning", "backtest"]
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), shop)
        project.dbt("build", "--exclude-resource-type", "unit_test", "test", "--select", "+evaluation_metrics",
                    kindred__folds=folds, **settings)  # fmt: skip
        [ranker] = project.query("select kind, note from rankers")
        people = project.query(f"""
            select policy, generator, target_group as user_group, user_id, metric, value from person_metrics
            where fold = '{fold}' and k = {shop.k} and metric in ('recall', 'ndcg')
                and target_group in ('all', 'discoveries') and generator in ('blend', 'trending')
        """)
        places = project.query(f"""
            with places as (
                select
                    ranked_lists.policy,
                    ranked_lists.user_id,
                    count(*) as n_places,
                    count(case when interactions.item_id is null then 1 end) as n_discoveries
                from ranked_lists
                left join interactions
                    on ranked_lists.fold = interactions.fold
                        and ranked_lists.user_id = interactions.user_id
                        and ranked_lists.item_id = interactions.item_id
                        and interactions.n_purchases > 0
                where ranked_lists.fold = '{fold}'
                group by all
            )
            select
                places.policy,
                sum(places.n_discoveries) / sum(places.n_places) as share,
                avg((places.n_discoveries < floor(policies.discovery_share * places.n_places + 1e-9))::integer)
                    as short_share
            from places
            join checked_policies as policies using (policy)
            group by all
        """)  # fmt: skip
    return report(shop, ranker, people, places)


def report(shop: Benchmark, ranker: dict, people: list[dict], places: list[dict]) -> str:
    """The tables of a shop as Markdown."""
    places_of = {row["policy"]: row for row in places}
    with duckdb.connect() as connection:
        import pyarrow as pa

        given = pa.Table.from_pylist(people)  # noqa: F841, DuckDB finds it
        connection.execute("create table values_of as select * from given")
        measured = connection.execute(f"""
            select
                theirs.policy, theirs.generator, theirs.user_group, theirs.metric, count(*), avg(theirs.value),
                avg(theirs.value - plain.value), stddev_samp(theirs.value - plain.value) / sqrt(count(*))
            from values_of as theirs
            join values_of as plain
                on plain.policy = '{policy_of("0")}' and plain.generator = 'blend'
                    and theirs.user_group = plain.user_group
                    and theirs.user_id = plain.user_id and theirs.metric = plain.metric
            group by all
        """).fetchall()
    cells = {row[:4]: row[4:] for row in measured}
    n_all = cells[policy_of("0"), "blend", "all", "recall"][0]
    n_discoveries = cells[policy_of("0"), "blend", "discoveries", "recall"][0]
    columns = [(group, metric) for group in ("all", "discoveries") for metric in ("recall", "ndcg")]
    lines = [
        f"## {shop.title} ({n_all:,} people, {n_discoveries:,} with discoveries)",
        "",
        "| share | " + " | ".join(f"{metric}@{shop.k} of {group} | ±" for group, metric in columns)
        + " | places that are discoveries | lists that lack some |",
        "|---" * (2 * len(columns) + 3) + "|",
    ]  # fmt: skip

    def line(name: str, policy: str, generator: str) -> str:
        parts = []
        for group, metric in columns:
            _n, value, gain, error = cells[policy, generator, group, metric]
            is_base = policy == policy_of("0") and generator == "blend"
            parts += [f"{value:.4f}", "" if is_base else f"{gain:+.4f} ± {error:.4f}"]
        of = places_of.get(policy) if generator == "blend" else None
        parts += [f"{of['share']:.1%}", f"{of['short_share']:.1%}"] if of else ["", ""]
        return f"| {name} | {' | '.join(parts)} |"

    lines += [line(share, policy_of(share), "blend") for share in SHARES]
    lines += [line("`trending` alone", "main", "trending"), "", f"Ranker: {ranker['kind']}; {ranker['note']}."]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[shop.name for shop in SHOPS])
    parser.add_argument("--fold", choices=["backtest", "tuning"], default="backtest")
    arguments = parser.parse_args()
    for shop in SHOPS:
        if arguments.only and shop.name not in arguments.only:
            continue
        if not (DATA / shop.needs).exists():
            print(f"bench_discoveries: no {DATA / shop.needs}: {shop.name} is left out; set KINDRED_DATA to the folder"
                  " that holds it", file=sys.stderr)  # fmt: skip
            continue
        print(run(shop, arguments.fold), "\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
