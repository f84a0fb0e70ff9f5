"""What vectors of texts bring to lists: the same build with and without the setting text_encoder, person by person.

    python benchmarks/bench_text.py [--only movielens sample online_retail]

movielens and online_retail are the shops of bench_new_items.py, whose first lines say how a tenth of the items is new:
titles, years and genres of films; descriptions of a wholesaler's things. `sample` is the sample shop as it is. Lists
are of all items, old and new. Settings are the defaults; nothing was chosen on the people who are evaluated. Needs
../shared/data (or KINDRED_DATA=folder) and `pip install 'kindred[text]'`. Sets that weren't run keep their results in
results/text.json; results/text.md is written from it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench_new_items import EVENTS, FOLDS, ITEMS, PLACED_ITEMS, SETS
from bench_quality import DATA, RESULTS, SPLIT_IN_TIME, Benchmark, Project
from bench_speed import paragraph

NAMES = ("movielens", "online_retail", "sample")
GENERATORS = ("content", "als", "blend")
GROUPS = {"all": "all targets", "new_items": "new items alone"}
SETTINGS = {"off": {}, "on": {"kindred__generators": {"text_encoder": "wordllama"}}}


def benchmark_of(name: str) -> Benchmark:
    if name == "sample":
        return Benchmark(name, "The sample shop", "", 20, settings={"kindred__tables": {"experiments": "experiments"}})
    title, needs, met, described = SETS[name]
    met, described = met.format(data=DATA), described.format(data=DATA)
    tables = {
        "placed": PLACED_ITEMS.format(met=met, described=described),
        "events": EVENTS.format(met=met),
        "items": ITEMS,
    }
    settings = {**SPLIT_IN_TIME, "kindred__inputs": {"events": "raw.events", "items": "raw.items"}}
    return Benchmark(name, title, needs, 20, tables, settings)


def recalls(project: Project) -> dict[tuple[str, str, int], dict[str, float]]:
    """{(generator, target group, k): {user_id: recall}}."""
    found: dict[tuple[str, str, int], dict[str, float]] = {}
    for row in project.query(f"""
        select generator, target_group, k, user_id, recall from user_metrics
        where fold = 'backtest' and policy = 'main' and target_group in {tuple(GROUPS)} and k in (10, 20)
            and generator in {GENERATORS}
    """):
        found.setdefault((row["generator"], row["target_group"], row["k"]), {})[row["user_id"]] = row["recall"]
    return found


def mean(numbers: list[float]) -> list[float]:
    """[Mean, standard error]."""
    average = sum(numbers) / len(numbers)
    return [average, (sum((n - average) ** 2 for n in numbers) / max(len(numbers) - 1, 1) / len(numbers)) ** 0.5]


def compare(off: dict, on: dict) -> list[dict]:
    """A row per generator, group and k: both means, and the mean difference of the same people."""
    rows = []
    for key in sorted(off.keys() & on.keys()):
        assert off[key].keys() == on[key].keys(), f"{key}: the builds evaluate other people"
        differences = [on[key][user] - off[key][user] for user in off[key]]
        row = dict(zip(("generator", "group", "k"), key, strict=True)) | {"n_people": len(differences)}
        row |= {"off": mean([*off[key].values()]), "on": mean([*on[key].values()]), "difference": mean(differences)}
        rows.append(row)
    return rows


def run(name: str) -> list[dict]:
    found = {}
    for setting, more in SETTINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            project = Project(Path(folder), benchmark_of(name))
            kinds = ("--resource-type", "seed", "--resource-type", "model")
            project.dbt("build", *kinds, "--select", "+user_metrics", **FOLDS, **more)
            found[setting] = recalls(project)
    return compare(found["off"], found["on"])


def report(results: dict[str, list[dict]]) -> str:
    lines = ["# Text vectors", ""]
    lines += paragraph(
        "Made by `python benchmarks/bench_text.py`, whose first lines say how: recall without and with",
        "`text_encoder: wordllama`. ± is the standard error over people, of a difference that of the person-by-person",
        "differences.",
    )
    for name in NAMES:
        if name not in results:
            continue
        lines += ["", f"## {benchmark_of(name).title}", ""]
        lines += ["| generator | targets | people | k | without | with | difference |"]
        lines += ["|---|---|---:|---:|---:|---:|---:|"]
        for row in results[name]:
            cells = " | ".join(f"{row[part][0]:.4f} ± {row[part][1]:.4f}" for part in ("off", "on"))
            difference = "{:+.4f} ± {:.4f}".format(*row["difference"])
            about = f"{row['generator']} | {GROUPS[row['group']]} | {row['n_people']:,} | {row['k']}"
            lines.append(f"| {about} | {cells} | {difference} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NAMES)
    given = parser.parse_args()
    stored = RESULTS / "text.json"
    for name in given.only or NAMES:
        needs = benchmark_of(name).needs
        if not (DATA / needs).exists():
            print(f"bench_text: no {DATA / needs}: {name} is left out; set KINDRED_DATA", file=sys.stderr)
            continue
        rows = run(name)
        results = json.loads(stored.read_text()) if stored.exists() else {}
        results[name] = rows
        print(report({name: rows}), flush=True)
        stored.write_text(json.dumps(results, indent=2) + "\n")
        stored.with_suffix(".md").write_text(report(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
