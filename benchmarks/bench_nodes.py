"""What a person costs on a node of Snowflake, what a fit costs in one procedure, and what 10 million people would: a
calculation from what one process takes here. Five minutes.

    python benchmarks/bench_nodes.py [--interactions 2000000]

The events are those of `speed/make_world.py`; the catalogue has 100,000 items, of which the events touch some. The
settings are those that `auto` chooses for 10 million people: 16 factors of ALS, 32 of `spectral`, sessions of 50 items.
The people are copied seven times for `sessions`, so that items have as many sessions as in a large shop.

fits    Each runs in a process of its own, forked after the interactions were read; its memory is the peak beyond them.
        CPU seconds are those of all threads.
people  What the models do with partitions of people, without Snowflake: a partition comes as the data frame of pandas
        that a table function gets, and the lists go as one. `content` is left out, which lists as `neighbors` does.
        Of the ranker, features and candidates are drawn: 50 of each of nine generators among 250 items of a person,
        scored by one booster of 100 trees.

The world has as many interactions a person at every size, so that what is measured grows with the people. What doesn't
is said beside the table.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from bench_speed import HERE, paragraph, say, table
from scipy.sparse import csr_matrix, vstack

sys.path.insert(0, str(HERE / "speed"))
from make_world import make_world

from kindred.generators import content, item_to_item
from kindred.generators.als import solve_user_factors, train_item_factors
from kindred.generators.factor_tables import FactorLister
from kindred.generators.lists import Lister, people_of
from kindred.generators.profile_tables import ProfileLister
from kindred.generators.sessions import GENERATOR as SESSIONS
from kindred.generators.sessions import SessionLister
from kindred.generators.spectral import GENERATOR as SPECTRAL
from kindred.generators.spectral import ItemFactors
from kindred.histories import History, make_history
from kindred.matrices import csr_bytes, encode_ids, read_weights, to_confidences, vector_column
from kindred.nodes import write_staged
from kindred.ranking.boosters import Boosters
from kindred.ranking.cross_scores import FittedScores
from kindred.ranking.features import ranker_feature_names
from kindred.ranking.scoring import BlendInUse, Policy, Scoring, score_partition
from kindred.ranking.tables import ITEM_COLUMNS, USER_COLUMNS
from kindred.warehouse import frame_to_table, read_table

N_ITEMS, N_CANDIDATES, N_NEIGHBORS = 100_000, 50, 100
N_PARTITIONS, PEOPLE_PER_PARTITION = 3, 2_000
ALS_FACTORS, SPECTRAL_FACTORS, SESSION_ITEMS, COPIES = 16, 32, 50, 7
PEOPLE = 10_000_000
GENERATORS = ["als", "content", "history", "neighbors", "popular", "sequence", "sessions", "slim", "spectral"]
COLUMNS = {"user_id": pa.string(), "item_id": pa.string(), "weight": pa.float64(), "is_excluded": pa.bool_()}
COLUMNS |= {"last_at": pa.timestamp("us")}


def load(connection: duckdb.DuckDBPyConnection, events: Path) -> None:
    connection.execute(f"""
        create table interactions as select
            'live' as fold, user_id, item_id,
            case event_type when 'view' then 1.0 when 'purchase' then 5 else 3 end::double as weight,
            event_type = 'purchase' as is_excluded, occurred_at as last_at
        from read_parquet('{events}')
    """)


def in_process(function: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """What a function returns in a process of its own, with the CPU seconds and the MiB beyond those at its start."""
    # What was freed here and not given back would count as there before.
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def run() -> None:
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        found = dict(function())
        cpu, peak = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answers.put(json.dumps({"cpu_seconds": round(cpu, 3), "extra_mib": (peak - before) / 1024} | found))

    process = context.Process(target=run)
    process.start()
    found = json.loads(answers.get())
    process.join()
    return found


def partitions(connection: duckdb.DuckDBPyConnection) -> list[Any]:
    """The rows of some partitions, as data frames of pandas."""
    n_people = connection.execute("select count(distinct user_id) from interactions").fetchone()[0]
    buckets = 1 + n_people // PEOPLE_PER_PARTITION
    bucket = f"hash(user_id) % {buckets}"
    names = ", ".join(COLUMNS)
    rows = f"select {names} from interactions where {bucket} ="
    return [connection.execute(f"{rows} {number}").df() for number in range(min(N_PARTITIONS, buckets))]


def time_lists(lister: Lister, frames: list[Any], known: Any) -> dict[str, Any]:
    """CPU milliseconds of a person: of making the history from a data frame, and of the lists."""
    reading = listing = n_people = 0.0
    random = np.random.default_rng(0)
    for frame in frames:
        began = time.process_time()
        tables = {"interactions": frame_to_table(frame, COLUMNS), "people": pa.table({"user_id": [], "made_from": []})}
        tables["people"] = tables["people"].cast(pa.schema([("user_id", pa.string()), ("made_from", pa.string())]))
        if isinstance(lister, FactorLister):
            users = encode_ids(tables["interactions"]["user_id"])[0]
            vectors = random.standard_normal((len(users), ALS_FACTORS), dtype=np.float32)
            columns = {
                "user_id": users,
                "factors": vector_column(vectors),
                "made_from": pa.nulls(len(users), pa.string()),
            }
            tables["people"] = pa.table(columns)
            tables["interactions"] = tables["interactions"].select(["user_id", "item_id", "is_excluded"])
        people = people_of(tables, lister, known)
        middle = time.process_time()
        rows = pa.Table.from_batches([lister.rows(people, N_CANDIDATES)]).to_pandas()
        reading, listing = reading + middle - began, listing + time.process_time() - middle
        n_people += len(people)
        assert len(rows) > 0
    return {"reading_ms": 1e3 * reading / n_people, "lists_ms": 1e3 * listing / n_people, "n_people": n_people}


def staged_mib(lister: Lister) -> float:
    with tempfile.TemporaryFile() as file:
        write_staged(lister, file)
        return file.tell() / 2**20


def time_generator(fit: Callable[[], Any], to_lister: Callable[[Any], Lister], frames: list[Any], known: Any) -> Any:
    fitting = in_process(lambda: {"is_fitted": fit() is not None})

    def lists() -> dict[str, Any]:
        lister = to_lister(fit())
        return time_lists(lister, frames, known) | {"staged_mib": staged_mib(lister)}

    found = in_process(lists)
    return found | {"fit_cpu_seconds": fitting["cpu_seconds"], "fit_extra_mib": fitting["extra_mib"]}


def time_generators(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What each generator fits in one procedure, and what a person costs on a node."""
    relation = connection.table("interactions")
    reading = in_process(lambda: read_costs(connection))
    rows = read_table(relation, ["user_id", "item_id", "weight", "last_at"])
    catalogue = pa.array([f"i{number:06}" for number in range(N_ITEMS)])
    own = make_history("live", rows)
    history = own.among(catalogue)
    known, frames = own.items, partitions(connection)
    _, _, weights = read_weights(relation, "live")
    shown = np.ones(N_ITEMS, dtype=bool)
    found: dict[str, Any] = {"reading": reading}

    def of_profile(generator: Any, settings: Mapping[str, Any], fitted: Any) -> Lister:
        return ProfileLister("live", generator, catalogue, fitted, settings, "")

    for generator in item_to_item():
        if generator is not content.GENERATOR:
            say(generator.name)
            settings = generator.defaults()
            found[generator.name] = time_generator(
                partial(fit_neighbors, generator, settings, own, catalogue),
                partial(of_profile, generator, settings),
                *(frames, known),
            )
    say("spectral")
    settings = SPECTRAL.defaults() | {"factors": SPECTRAL_FACTORS}
    random = np.random.default_rng(0).standard_normal((N_ITEMS, SPECTRAL_FACTORS), dtype=np.float32)
    found["spectral"] = time_generator(
        lambda: SPECTRAL.fit(own, settings).vectors,
        lambda _: of_profile(SPECTRAL, settings, ItemFactors(random, np.ones(N_ITEMS))),
        *(frames, known),
    )
    say("sessions")
    settings = SESSIONS.defaults() | {"n_items": SESSION_ITEMS}
    crowd = copies(history)
    found["sessions"] = time_generator(
        lambda: SessionLister(settings, crowd, shown), lambda lister: lister, *(frames, known)
    ) | session_sizes(SessionLister(settings, crowd, shown))
    say("als")
    confidences = to_confidences(weights, 1.0)
    found["als"] = time_generator(
        lambda: train_item_factors(confidences, ALS_FACTORS, 1, 30.0) is not None,
        lambda _: FactorLister("live", catalogue, np.ascontiguousarray(random[:, :ALS_FACTORS])),
        *(frames, None),
    )
    vectors = np.ascontiguousarray(random[: weights.shape[1], :ALS_FACTORS])
    solving = in_process(lambda: {"n": len(solve_user_factors(confidences, vectors, 30.0))})
    found["als_user_factors"] = solving
    say("scoring")
    found["scoring"] = in_process(lambda: scoring_costs(own, catalogue, frames))
    found["world"] = {
        "n_rows": rows.num_rows, "n_entries": int(own.matrix.nnz),
        "n_people": len(own.users), "n_items": len(own.items),
        "history_bytes": csr_bytes(own.matrix) + own.steps.nbytes,
    }  # fmt: skip
    return found


def copies(history: History) -> History:
    """COPIES times the people of a history, so that items have as many sessions as in a large shop."""
    users = pa.concat_arrays([pc.binary_join_element_wise(str(n), history.users, "") for n in range(COPIES)])
    matrix = vstack([history.matrix] * COPIES).tocsr()
    steps, moments = np.tile(history.steps, COPIES), np.tile(history.moments, COPIES)
    return History(history.fold, users, history.items, matrix, steps, moments)


def fit_neighbors(generator: Any, settings: Mapping[str, Any], history: History, catalogue: Any) -> Any:
    """What a generator fits to a history, among the items of a catalogue."""
    neighbors = generator.fit(history, settings, N_NEIGHBORS)
    places = encode_ids(history.items, catalogue)[1]
    entries = neighbors.tocoo()
    return csr_matrix((entries.data, (places[entries.row], places[entries.col])), shape=(len(catalogue),) * 2)


def scoring_costs(own: History, catalogue: Any, frames: list[Any]) -> dict[str, Any]:
    """CPU milliseconds of a person in `score_partition`, with random features and a booster of 100 trees.

    Each of GENERATORS proposes 50 of 250 items that are drawn for the person.
    """
    import lightgbm

    random = np.random.default_rng(0)
    names = pa.array(GENERATORS)
    columns = {name: random.random(N_ITEMS) for name in ITEM_COLUMNS}
    columns |= {name: random.integers(0, 99, N_ITEMS).astype(str) for name in ("category", "brand")}
    columns["is_recommendable"] = np.ones(N_ITEMS, dtype=bool)
    items = pa.table({"item_id": catalogue} | columns)
    vectors = random.standard_normal((N_ITEMS, SPECTRAL_FACTORS), dtype=np.float32)
    of_profile = [
        (GENERATORS.index(generator.name), generator, fit_neighbors(generator, settings, own, catalogue), settings)
        for generator, settings in ((generator, generator.defaults()) for generator in item_to_item())
        if generator is not content.GENERATOR
    ]
    by_spectral = ItemFactors(vectors, np.ones(N_ITEMS))
    of_profile.append((GENERATORS.index("spectral"), SPECTRAL, by_spectral, SPECTRAL.defaults()))
    item_vectors = np.ascontiguousarray(vectors[:, :ALS_FACTORS])
    scores = FittedScores(catalogue, of_profile, GENERATORS.index("als"), item_vectors)
    features = ranker_feature_names(names)
    rows = random.random((20_000, len(features)), dtype=np.float32)
    data = lightgbm.Dataset(rows, rows[:, :7].sum(axis=1) > 3.5, feature_name=features)
    ranker = BlendInUse.__new__(BlendInUse)
    ranker.boosters, ranker.weights = Boosters([lightgbm.train({"verbosity": -1, "num_leaves": 31}, data, 100)]), {}
    blend = pa.table({"generator": names, "weight": [1.0] * len(names)})
    scoring = Scoring("live", 100, [Policy("main", None, True)], ranker, blend, items, scores, own.items)
    cpu = n_people = n_rows = 0.0
    for frame in frames:
        users = np.unique(frame["user_id"])[: PEOPLE_PER_PARTITION // 2]
        frame = frame[frame["user_id"].isin(users)]
        candidates = random_candidates(random, users, catalogue)
        of_users = pd.DataFrame({"user_id": users} | {name: random.random(len(users)) for name in USER_COLUMNS})
        of_users[["top_category", "top_brand"]] = "1"
        began = time.process_time()
        tables = {
            "users": pa.Table.from_pandas(of_users),
            "interactions": frame_to_table(frame, COLUMNS),
            "candidates": pa.Table.from_pandas(candidates),
            "vectors": pa.table({"user_id": users, "factors": vector_column(vectors[: len(users), :ALS_FACTORS])}),
        }
        found = pa.Table.from_batches(score_partition("live", tables, scoring)).to_pandas()
        cpu, n_people, n_rows = cpu + time.process_time() - began, n_people + len(users), n_rows + len(found)
    return {"ms": 1e3 * cpu / n_people, "n_people": n_people, "n_rows": n_rows}


def random_candidates(random: np.random.Generator, users: Any, catalogue: Any) -> Any:
    drawn = random.integers(0, N_ITEMS, (len(users), 250))
    parts = []
    for name in GENERATORS:
        chosen = np.take_along_axis(drawn, random.permuted(np.tile(np.arange(250), (len(users), 1)), axis=1), axis=1)
        chosen = chosen[:, :N_CANDIDATES]
        parts.append(
            pd.DataFrame(
                {
                    "user_id": np.repeat(users, N_CANDIDATES),
                    "item_id": catalogue.take(pa.array(chosen.ravel())).to_pandas(),
                    "generator": name,
                    "score": random.random(chosen.size),
                    "rank": np.tile(np.arange(1.0, N_CANDIDATES + 1), len(users)),
                }
            ).drop_duplicates(["user_id", "item_id"])
        )
    return pd.concat(parts, ignore_index=True)


def session_sizes(lister: SessionLister) -> dict[str, float]:
    neighbors = lister.neighbors
    lengths = np.diff(neighbors.proposals.indptr)
    return {"index_entries": neighbors.index.nnz, "n_sessions": len(lengths), "session_length": float(lengths.mean())}


def read_costs(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Interactions as Snowflake hands them over, to a history: through a data frame of pandas."""

    def read() -> pa.Table:
        frame = connection.execute("select user_id, item_id, weight, last_at from interactions").df()
        return frame_to_table(frame, {name: COLUMNS[name] for name in frame.columns})

    return {"n": make_history("live", read()).matrix.nnz}


def write_report(found: Mapping[str, Any]) -> str:
    """The measured figures, and what they make of PEOPLE people, as a Markdown page."""
    world = found["world"]
    n_people, n_entries, n_rows = world["n_people"], world["n_entries"], world["n_rows"]
    to_people = PEOPLE / n_people
    fitted = [name for name in found if "fit_cpu_seconds" in found[name]]
    rounds = {"als": 15}

    def bytes_per_entry(name: str) -> float:
        return found[name]["fit_extra_mib"] * 2**20 / n_entries / (COPIES if name == "sessions" else 1)

    def fit_seconds(name: str) -> float:
        return found[name]["fit_cpu_seconds"] * rounds.get(name, 1) / (COPIES if name == "sessions" else 1)

    fits = []
    for name in fitted:
        # Of SLIM people are a sample, and each item is a regression; the others grow with the people.
        is_sampled = name == "slim"
        hours = fit_seconds(name) * (N_ITEMS / world["n_items"] if is_sampled else to_people) / 3600
        gib = (4e6 if is_sampled else n_entries * to_people) * bytes_per_entry(name) / 2**30
        measured = [f"{fit_seconds(name):.2f}", f"{bytes_per_entry(name):.0f}"]
        fits.append([f"`{name}`", *measured, f"{hours:.2f}", f"{gib:.0f}" if gib >= 1 else f"{gib:.1f}"])
    solving = found["als_user_factors"]["cpu_seconds"] * to_people / 3600
    reading = found["reading"]["extra_mib"] * 2**20 / n_rows
    own = world["history_bytes"] / n_entries
    scores = {
        "`als_candidates`": sum(found["als"][name] for name in ("reading_ms", "lists_ms")),
        "`neighbor_candidates` without `content`": found["neighbors"]["reading_ms"]
        + sum(found[name]["lists_ms"] for name in ("neighbors", "sequence", "slim")),
        "`session_candidates`": sum(found["sessions"][name] for name in ("reading_ms", "lists_ms")),
        "`spectral_candidates`": sum(found["spectral"][name] for name in ("reading_ms", "lists_ms")),
        "`scored_candidates`": found["scoring"]["ms"],
    }
    total = sum(scores.values())
    rows = [[name, f"{ms:.2f}", f"{ms * PEOPLE / 3.6e6:.1f}"] for name, ms in [*scores.items(), ("all", total)]]
    length = found["sessions"]["session_length"]
    return "\n".join(
        [
            "# What people cost on the nodes of Snowflake",
            "",
            *paragraph(
                "Made by `python benchmarks/bench_nodes.py`; its first lines say what is measured and how. The columns",
                f"of {PEOPLE / 1e6:.0f} million people are a **calculation**: what was measured of {n_people:,} people",
                f"with {n_rows / n_people:.0f} interactions each, {n_entries / n_people:.0f} of them in a history,",
                f"times {to_people:,.0f}. Nothing was run on Snowflake. Cores are those of the machine that measured.",
            ),
            "",
            "## Made of each person, on all nodes",
            "",
            *table(["model", "CPU ms per person", "core hours, 10 M people"], rows),
            "",
            "## Fitted in one procedure",
            "",
            *paragraph(
                "Of the fold live. Memory is beyond that of the history. ALS has 15 iterations of 16 factors,",
                f"`spectral` 32 factors. `slim` grows with the items, here {world['n_items']:,}, there {N_ITEMS:,},",
                "and takes a sample of 4 million entries. All else grows with the people.",
            ),
            "",
            *table(["generator", "CPU s here", "bytes per entry", "core hours, 10 M", "GiB, 10 M"], fits),
            "",
            *paragraph(
                f"`als_user_factors` takes {solving:.2f} core hours.",
                f"A history has {own:.1f} bytes per entry,",
                f"{own * n_entries * to_people / 2**30:.0f} GiB for 10 M people. To read interactions through a data",
                f"frame of pandas, sort them and make the history takes {reading:.0f} bytes per interaction at its",
                f"peak, {reading * n_rows * to_people / 2**30:.0f} GiB for 10 M people with",
                f"{n_rows / n_people:.0f} each, {reading * 20 * PEOPLE / 2**30:.0f} GiB with 20 each.",
            ),
            "",
            "## What is staged",
            "",
            *paragraph(
                f"With {N_ITEMS:,} items: neighbours of one generator, 100 each,",
                f"{N_ITEMS * 100 * 8 / 2**20:.0f} MiB at most; vectors of ALS {found['als']['staged_mib']:.0f} MiB and",
                f"of `spectral` {found['spectral']['staged_mib']:.0f} MiB. Sessions: 300 of each item,",
                f"{N_ITEMS * 300 * 8 / 2**20:.0f} MiB, and the items of those sessions. They are 10 M sessions at",
                f"most, of {length:.0f} items each: {PEOPLE * length * 8 / 2**30:.1f} GiB, and their ids.",
            ),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, default=2_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        make_world(Path(folder) / "events.parquet", options.interactions)
        connection.execute("set threads = 2")
        load(connection, Path(folder) / "events.parquet")
        found = time_generators(connection)
    (HERE / "results/nodes.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (HERE / "results/nodes.md").write_text(write_report(found), encoding="utf-8")


if __name__ == "__main__":
    main()
