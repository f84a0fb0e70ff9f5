"""How many items of a session its list should look at, how fast an older one should count less, and how many neighbours
of each item it needs. Three minutes.

    python benchmarks/bench_sessions.py

Neighbours are built as of a date by the project's own models (`release_neighbors`), on the two examples that have real
sessions; the sessions are those of the weeks after it, none of them from the rows that the examples hold back for
evaluation. Each is cut at a place: the items before are the session, those after it are looked for in the list's first
20. The list is that of an unknown visitor, by the formula of src/kindred/serving/recommend.sql.

online_retail  Invoices, cut at three random places each: the share found of what follows, of 20 at most.
retailrocket   Clicks with pauses of less than half an hour, cut at every place: whether the next item is found, if it
               isn't one clicked before.

Needs ../shared/data (or KINDRED_DATA=folder). Writes benchmarks/results/sessions.md.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import duckdb
from bench_speed import HERE, ROOT, find_dbt, paragraph, say, table

DATA = Path(os.environ.get("KINDRED_DATA", ROOT.parent / "shared" / "data")).resolve()
MOST_NEIGHBORS = 50
SETTINGS = [(steps, decay, 25) for steps in (3, 4, 5, 6, 8, 20) for decay in (0.9, 0.8, 0.7, 0.6)]
SETTINGS += [(5, 0.7, n_neighbors) for n_neighbors in (10, 15, 20, 30, 40, 50)]
N_SHOWN = 20
# A session is (key, item) in the order of the rows.
SESSIONS = {
    "online_retail": """
        select InvoiceNo, StockCode
        from (select *, row_number() over () as line from read_parquet('{data}/uci_online_retail/*.parquet'))
        where InvoiceDate >= '{start}' and InvoiceDate < '{end}' and Quantity > 0
        order by InvoiceNo, line
    """,
    "retailrocket": """
        select
            concat(user_id, '-', sum(is_new) over (partition by user_id order by ts, item_id rows unbounded preceding)),
            cast(item_id as varchar)
        from (
            select
                *,
                cast(ts - lag(ts, 1, ts) over clicks > interval '30 minutes' as integer) as is_new
            from read_parquet('{data}/retailrocket_buyers/events.parquet')
            window clicks as (partition by user_id order by ts, item_id)
        )
        where ts >= '{start}' and ts < '{end}'
        order by user_id, ts, item_id
    """,
}
WINDOWS = {
    "online_retail": [("2011-08-01", "2011-09-01"), ("2011-09-01", "2011-10-01"), ("2011-10-01", "2011-11-01")],
    "retailrocket": [("2015-07-18", "2015-08-15"), ("2015-08-15", "2015-09-05"), ("2015-09-05", "2015-09-19")],
}


def read_neighbors(example: str, project: Path, start: str) -> dict[str, dict[str, float]]:
    """Build release_neighbors of an example as of a date; {item_id: {neighbor_id: score}}."""
    settings = json.dumps({"kindred__as_of": f"{start} 00:00:00", "kindred__folds": ["live"]})
    for command in (["deps"], ["seed"], ["run", "--select", "+release_neighbors", "--vars", settings]):
        done = subprocess.run(
            [find_dbt(), *command],
            cwd=project,
            capture_output=True,
            text=True,
            env={**os.environ, "KINDRED_DATA": str(DATA)},
        )
        if done.returncode:
            raise RuntimeError(f"dbt {command[0]} of {example} failed:\n{done.stdout[-3000:]}")
    with duckdb.connect(str(project / f"{example}.duckdb"), read_only=True) as connection:
        rows = connection.execute("select item_id, neighbors from main_kindred.release_neighbors").fetchall()
    return {item_id: json.loads(neighbors) for item_id, neighbors in rows}


def cut_sessions(example: str, start: str, end: str) -> list[tuple[list[str], set[str]]]:
    """Return (items of the session, newest first and each once; what is looked for)."""
    sessions = defaultdict(list)
    for key, item in duckdb.sql(SESSIONS[example].format(data=DATA, start=start, end=end)).fetchall():
        sessions[key].append(item)
    draw, cases = random.Random(1), []
    for items in sessions.values():
        if example == "online_retail":
            items = list(dict.fromkeys(items))
            places = [draw.randint(1, min(len(items) - 1, 20)) for _ in range(3)] if len(items) > 2 else []
        else:
            places = range(1, len(items))
        for place in places:
            session = list(dict.fromkeys(reversed(items[:place])))
            wanted = set(items[place:] if example == "online_retail" else items[place : place + 1]) - set(session)
            if wanted:
                cases.append((session, wanted))
    return cases


def share_found(cases, neighbors, n_steps: int, decay: float, n_neighbors: int) -> float:
    """Return the mean over sessions of found / min(20, looked for)."""
    shares = []
    for session, wanted in cases:
        scores = defaultdict(float)
        for step, lead in enumerate(session[:n_steps]):
            for item, score in itertools.islice(neighbors.get(lead, {}).items(), n_neighbors):
                scores[item] += decay**step * score
        ranked = sorted(scores.keys() - session, key=lambda item: (-scores[item], item))
        shares.append(len(wanted.intersection(ranked[:N_SHOWN])) / min(N_SHOWN, len(wanted)))
    return statistics.fmean(shares)


def main() -> None:
    columns, figures = [], []
    for example, windows in WINDOWS.items():
        if not any(DATA.glob(f"{'uci_' if example == 'online_retail' else ''}{example}*")):
            say(f"{example} is left out: {DATA} doesn't have it")
            continue
        with tempfile.TemporaryDirectory() as folder:
            # Examples find kindred two folders up.
            ignored = shutil.ignore_patterns(".*", "target", "logs", "dbt_packages", "*.duckdb*", "*_serving")
            copy = shutil.copytree(ROOT, Path(folder) / "kindred", ignore=ignored)
            model = copy / "models" / "publishing" / "release_session_settings.sql"
            pattern = r"cast\(\d+ as bigint\) as n_neighbors"
            text, n_changed = re.subn(pattern, f"cast({MOST_NEIGHBORS} as bigint) as n_neighbors", model.read_text())
            if n_changed != 1:
                raise RuntimeError(f"{model.name} doesn't say how many neighbours it keeps")
            model.write_text(text)
            for start, end in windows:
                neighbors = read_neighbors(example, copy / "examples" / example, start)
                cases = cut_sessions(example, start, end)
                columns.append(f"{example}, {start} ({len(cases):,})")
                figures.append([share_found(cases, neighbors, *setting) for setting in SETTINGS])
                say(columns[-1])
    rows = [
        [*(f"{value:g}" for value in setting), *(f"{figure:.4f}" for figure in row), f"{statistics.fmean(row):.4f}"]
        for setting, *row in zip(SETTINGS, *figures, strict=True)
    ]
    lines = [
        "# Session lists: number of items, weight of older items, and neighbours of each",
        "",
        *paragraph(
            "Made by `make bench-sessions`; the first lines of `benchmarks/bench_sessions.py` say what is measured and",
            "how. The newest item of a session has weight 1, each item before it `decay` times the weight of the next.",
            "In brackets: sessions.",
        ),
        "",
        *table(["items", "decay", "neighbours", *columns, "mean"], rows),
    ]
    (HERE / "results" / "sessions.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
