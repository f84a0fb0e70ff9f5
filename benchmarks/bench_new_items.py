"""Items that no training has seen: who proposes them to the right people, by the project's own main path.

    python benchmarks/bench_new_items.py [--only movielens online_retail beauty]

Of each set a tenth of the items (by a hash) is new in the fold `backtest`: all that people did with them lies in its
horizon. A tenth of the others is new in `tuning` in the same way, so that the ranker learns on training rows what a new
item is worth. Of what people did with the other items, a tenth lies in each horizon, too: new items compete with what
people go on to choose of the old ones. Everything else is training. Settings are the defaults.

Two builds: in `all`, lists are made of all items; in `new`, rules exclude the old ones, so that lists are made of new
items alone. Evaluated are people with a history who went on to meet new items: the user group `new_items`.

movielens      MovieLens ml-latest-small, ratings of 3.5 stars and more; title, year and genres.
online_retail  UCI Online Retail, purchases; descriptions and prices.
beauty         Amazon Beauty 5-core; anonymous attributes.

Needs ../shared/data (or KINDRED_DATA=folder); a set that is absent is left out with a message. Writes
benchmarks/results/new_items.md and new_items.json; sets that weren't run keep their results.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench_quality import DATA, RESULTS, SPLIT_IN_TIME, Benchmark, Project
from bench_speed import paragraph

# One row per person and item, in a schema `raw`: met (user_id, item_id), described (the contract of items).
SETS = {
    "movielens": (
        "MovieLens ml-latest-small",
        "ml_latest_small/ratings.parquet",
        """
        select userId as user_id, movieId as item_id from '{data}/ml_latest_small/ratings.parquet' where rating >= 3.5
        """,
        """
        select movieId as item_id, title, replace(genres, '|', ' ') as description, cast(null as double) as price
        from '{data}/ml_latest_small/movies.parquet'
        """,
    ),
    "online_retail": (
        "UCI Online Retail",
        "uci_online_retail/online_retail_2010_2011.parquet",
        """
        select distinct CustomerID as user_id, StockCode as item_id
        from '{data}/uci_online_retail/online_retail_2010_2011.parquet'
        where CustomerID is not null and Quantity > 0 and UnitPrice > 0
        """,
        """
        select
            StockCode as item_id, min_by(Description, (-n_lines, Description)) as title,
            cast(null as varchar) as description, min_by(price, (-n_lines, Description)) as price
        from (
            select StockCode, Description, count(*) as n_lines, median(UnitPrice) as price
            from '{data}/uci_online_retail/online_retail_2010_2011.parquet'
            where Quantity > 0 and UnitPrice > 0
            group by StockCode, Description
        )
        group by StockCode
        """,
    ),
    "beauty": (
        "Amazon Beauty",
        "amazon_beauty_seq/sequences.parquet",
        "select user_id, item_id from '{data}/amazon_beauty_seq/sequences.parquet'",
        """
        select
            item_id, cast(null as varchar) as title, cast(null as double) as price,
            string_agg('attribute' || attribute_id, ' ' order by attribute_id) as description
        from '{data}/amazon_beauty_seq/item_attributes.parquet'
        group by item_id
        """,
    ),
}
PLACED_ITEMS = """
    select
        cast(item_id as varchar) as item_id, title, description, price,
        case tenth when 0 then 'backtest' when 1 then 'tuning' else 'old' end as new_in
    from (
        select *, cast(concat('0x', substr(md5(concat('item ', item_id)), 1, 7)) as integer) % 10 as tenth
        from ({described}) where item_id in (select item_id from ({met}))
    )
"""
EVENTS = """
    select
        concat(user_id, '-', met.item_id) as event_id, cast(user_id as varchar) as user_id, items.item_id,
        'rate' as event_type,
        case
            when new_in = 'backtest' or (new_in = 'old' and tenth = 0) then timestamp '2024-01-02 12:00:00'
            when new_in = 'tuning' or (new_in = 'old' and tenth = 1) then timestamp '2024-01-01 12:00:00'
            else timestamp '2023-12-31 12:00:00' - to_days(tenth)
        end as occurred_at
    from (
        select *, cast(concat('0x', substr(md5(concat(user_id, '|', item_id)), 1, 7)) as integer) % 10 as tenth
        from ({met})
    ) as met
    inner join raw.placed as items on cast(met.item_id as varchar) = items.item_id
"""
# An item is there some hours before it is new.
ITEMS = """
    select
        * exclude (new_in),
        case new_in
            when 'old' then timestamp '2023-01-01' when 'tuning' then timestamp '2023-12-31 20:00:00'
            else timestamp '2024-01-01 20:00:00'
        end as created_at
    from raw.placed
"""
# What was new in `tuning` is old in `backtest`.
RULES = """
    select
        concat('not-', item_id) as rule_id, 'exclude' as action, item_id,
        case new_in when 'tuning' then timestamp '2024-01-01 18:00:00' end as starts_at
    from raw.placed where new_in <> 'backtest'
"""
FOLDS = {"kindred__folds": ["tuning", "backtest"]}
SHOWN = ["popular", "content", "als", "spectral", "blend"]


def measure(project: Project) -> dict:
    """{generator: {metric: [mean, standard error], leads over popular and content: [difference, standard error]}}."""
    rows = project.query("""
        select generator, user_id, k, recall from user_metrics
        where fold = 'backtest' and policy = 'main' and target_group = 'new_items' and k in (10, 20)
    """)
    values: dict = {}
    for row in rows:
        values.setdefault((row["generator"], row["k"]), {})[row["user_id"]] = row["recall"]

    def mean(numbers: list[float]) -> list[float]:
        average = sum(numbers) / len(numbers)
        return [average, (sum((n - average) ** 2 for n in numbers) / (len(numbers) - 1) / len(numbers)) ** 0.5]

    found: dict = {"n_people": len(values["popular", 20]), "generators": {}}
    for generator in sorted({name for name, _ in values}):
        mine = values[generator, 20]
        cell = {f"recall@{k}": mean(list(values[generator, k].values())) for k in (10, 20)}
        for other in ("popular", "content"):
            cell[f"lead over {other}"] = mean([mine[user] - values[other, 20][user] for user in mine])
        found["generators"][generator] = cell
    [old] = project.query("""
        select count(*) as n, avg(recall) as recall from user_metrics
        where fold = 'backtest' and policy = 'main' and target_group = 'all' and generator = 'blend' and k = 20
    """)
    return found | {"all targets": old, "best order": best_order(project)}


def best_order(project: Project) -> list[float]:
    """Recall@20 of the one list for everybody that knows how often each new item was to be chosen: a bound of popular.

    Of the new items alone. No generator can make it.
    """
    [row] = project.query("""
        with wanted as (
            select user_id, item_id from targets where fold = 'backtest' and is_new_item
        ),
        best as (select item_id from wanted group by item_id order by count(*) desc, item_id limit 20),
        per_person as (
            select user_id, avg(case when best.item_id is null then 0 else 1 end) as recall
            from wanted left join best using (item_id) group by user_id
        )
        select avg(recall) as value, stddev(recall) / sqrt(count(*)) as error from per_person
    """)
    return [row["value"], row["error"]]


def run(name: str) -> dict:
    title, needs, met, described = SETS[name]
    met, described = met.format(data=DATA), described.format(data=DATA)
    tables = {
        "placed": PLACED_ITEMS.format(met=met, described=described),
        "events": EVENTS.format(met=met),
        "items": ITEMS,
        "rules": RULES,
    }
    settings = {**SPLIT_IN_TIME, "kindred__inputs": {"events": "raw.events", "items": "raw.items"}}
    found: dict = {"title": title, "candidates": {}}
    for candidates, more in (("all", {}), ("new", {"kindred__tables": {"rules": "raw.rules"}})):
        with tempfile.TemporaryDirectory() as folder:
            benchmark = Benchmark(name, title, needs, 20, tables, settings | more)
            project = Project(Path(folder), benchmark)
            seconds = project.dbt("build", "--exclude-resource-type", "unit_test", "test", **FOLDS)
            [ranker] = project.query("select kind, note from rankers")
            found["candidates"][candidates] = measure(project) | {"ranker": ranker, "build_seconds": seconds}
            found["sizes"] = project.query("""
                select
                    count(*) filter (factors.content_share < 1) as n_learned,
                    count(*) filter (factors.content_share = 1) as n_predicted
                from als_item_factors as factors where fold = 'backtest'
            """)[0]
    return found


def report(results: dict) -> str:
    """The results as Markdown."""
    lines = [
        "# New items", "",
        *paragraph(
            "Made by `python benchmarks/bench_new_items.py`, whose first lines say how. Targets are items that are in",
            "no training. ± is the standard error over people, of a lead (of recall@20) that of the person-by-person",
            "differences. Nothing was chosen on these people's targets. `popular` has no order of items without",
            "events; \"best order\" is the one list for everybody that knows the targets, which nobody could make.",
        ),
    ]  # fmt: skip
    for result in results.values():
        sizes = result["sizes"]
        lines += ["", f"## {result['title']}", ""]
        lines += [f"{sizes['n_learned']:,} items in the training, {sizes['n_predicted']:,} new ones with content."]
        for candidates, measured in result["candidates"].items():
            of = "all items" if candidates == "all" else "new items alone"
            lines += ["", f"Lists of {of}, {measured['n_people']:,} people. Ranker: {measured['ranker']['kind']}.", ""]
            lines += ["| generator | recall@10 | recall@20 | lead over `popular` | lead over `content` |"]
            lines += ["|---|---|---|---|---|"]
            for generator in SHOWN:
                cells = measured["generators"][generator].values()
                lines.append(f"| {generator} | {' | '.join(f'{value:.4f} ± {error:.4f}' for value, error in cells)} |")
            if candidates == "new":
                value, error = measured["best order"]
                lines.append(f"| best order | | {value:.4f} ± {error:.4f} | | |")
            else:
                old = measured["all targets"]
                lines += ["", "All targets, old and new, recall@20 of the blend: "]
                lines[-1] += f"{old['recall']:.4f} ({old['n']:,} people)."
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(SETS))
    arguments = parser.parse_args()
    stored = RESULTS / "new_items.json"
    results = json.loads(stored.read_text()) if stored.exists() else {}
    for name, (_, needs, *_) in SETS.items():
        if arguments.only and name not in arguments.only:
            continue
        if not (DATA / needs).exists():
            print(f"bench_new_items: no {DATA / needs}: {name} is left out; set KINDRED_DATA", file=sys.stderr)
            continue
        results[name] = run(name)
        print(report({name: results[name]}), flush=True)
        stored.write_text(json.dumps(results, indent=2) + "\n")
        stored.with_suffix(".md").write_text(report({name: results[name] for name in SETS if name in results}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
