"""Search: how long a query takes, what a release's texts and vectors cost. About three minutes.

    python benchmarks/bench_search.py [--items 100000] [--release target/sample/shop_serving]

Synthetic: a catalogue of so many items, each with a title of four words, a description of thirty and a vector of 128
numbers; words are drawn by Zipf's law from a vocabulary of half as many as items. It is published by kindred's own
publish_sqlite, and asked by Store.search in process: queries of one to four words of a title, every fifth with a
misspelt word, for nobody and for a random person of 1,000, by words and meaning. Vectors of items and queries are
drawn: what is measured is time, not quality. Processor: time of all threads, which says more on a machine at work.
Real: the same questions for the titles of a release that a build has published.

Results go to results/search.md.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import serving_world
from bench_speed import HERE, describe_machine, machine_line, say, table
from serving_readers import percentile

from kindred import search as searching
from kindred.publishing.sqlite import publish_sqlite
from kindred.serving import Store
from kindred.texts import LENGTH, Encoder, load_encoder

N_QUERIES = 300
N_PEOPLE = 1_000


def make_catalogue(connection: duckdb.DuckDBPyConnection, n_items: int) -> None:
    """Write titles, release_item_texts and release_text_encoder of a synthetic catalogue."""
    draw = np.random.default_rng(1)
    n_words = n_items // 2
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(letters[draw.integers(0, 26, size)]) for size in draw.integers(4, 11, n_words)]
    drawn = np.minimum(draw.zipf(1.15, (n_items, 34)), n_words) - 1
    rows = [[words[number] for number in row] for row in drawn]
    vectors = draw.normal(size=(n_items, LENGTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    path = Path(connection.execute("select path from duckdb_databases() where not internal").fetchone()[0])
    lines = path.with_suffix(".jsonl")
    with lines.open("w", encoding="utf-8") as file:
        for number, (row, vector) in enumerate(zip(rows, vectors, strict=True)):
            said = {"item_id": serving_world.item_id(number), "title": " ".join(row[:4]), "attributes": None}
            said |= {"description": " ".join(row[4:]), "vector": str([round(value, 4) for value in vector.tolist()])}
            file.write(json.dumps(said) + "\n")
    columns = "{item_id: varchar, title: varchar, description: varchar, attributes: varchar, vector: varchar}"
    connection.execute(f"create or replace table texts as from read_json('{lines}', columns = {columns})")
    lines.unlink()
    connection.execute(
        "update release_items set title = texts.title from texts where texts.item_id = release_items.item_id"
    )
    connection.execute("create or replace table release_item_texts as select * exclude (title) from texts")
    connection.execute(
        "create or replace table release_text_encoder as select 'drawn' as text_encoder, 'drawn' as weights"
    )


def publish(connection: duckdb.DuckDBPyConnection, folder: Path, version: int) -> tuple[float, float]:
    """(Seconds of the publication, MiB of the release.)"""
    release = serving_world.make_version(connection, version)
    began = time.perf_counter()
    path, _ = publish_sqlite(folder, serving_world.release_tables(connection), release, 1)
    return time.perf_counter() - began, path.stat().st_size / 1024**2


def queries_of(titles: list[str]) -> list[str]:
    draw = random.Random(1)
    queries = []
    for number in range(N_QUERIES):
        words = draw.choice(titles).split()
        words = draw.sample(words, min(draw.randrange(1, 5), len(words)))
        if number % 5 == 0:
            words[0] = words[0][:2] + draw.choice("xyz") + words[0][2:]
        queries.append(" ".join(words))
    return queries


def ask(store: Store, titles: list[str], people: list[str]) -> list[list[object]]:
    """Rows (who asks, ms of p50, p99, the processor's p50 and p99); the first search, which reads the texts, beside."""
    began, worked = time.perf_counter(), time.process_time()
    store.search("something")
    first = f"{time.perf_counter() - began:.2f} s", "", f"{time.process_time() - worked:.2f} s", ""
    rows: list[list[object]] = [["the first of a release", *first]]
    for who, users in (("nobody known", [None]), ("a person", people)):
        seconds, of_processor = [], []
        for number, query in enumerate(queries_of(titles)):
            began, worked = time.perf_counter(), time.process_time()
            store.search(query, users[number % len(users)])
            seconds.append(time.perf_counter() - began)
            of_processor.append(time.process_time() - worked)
        figures = [percentile(sorted(some), share) for some in (seconds, of_processor) for share in (0.5, 0.99)]
        rows.append([who, *(f"{1000 * value:.2f} ms" for value in figures)])
    return rows


HEADER = ["who asks", "p50", "p99", "processor, p50", "processor, p99"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--release", type=Path, help="a serving folder, too")
    given = parser.parse_args()
    parts = []
    with tempfile.TemporaryDirectory() as work:
        connection = duckdb.connect(f"{work}/world.duckdb")
        serving_world.make_world(connection, N_PEOPLE, given.items)
        bare = publish(connection, Path(work, "serving"), 1)
        make_catalogue(connection, given.items)
        said = publish(connection, Path(work, "serving"), 2)
        connection.execute("update release_item_texts set vector = null")
        words = publish(connection, Path(work, "other"), 2)
        rows = [["neither", *bare], ["texts", *words], ["texts and vectors", *said]]
        rows = [[what, f"{seconds:.2f} s", f"{size:,.0f} MiB"] for what, seconds, size in rows]
        parts.append(f"A release of {given.items:,} items and {N_PEOPLE:,} people, published with\n")
        parts.extend(table(["what of each item", "publication", "size"], rows))
        draw = np.random.default_rng(2)

        def encode(texts: list[str]) -> np.ndarray:
            return draw.normal(size=(len(texts), LENGTH))

        searching.load_encoder = lambda where: Encoder("drawn", encode)
        people = [serving_world.user_id(number) for number in range(N_PEOPLE)]
        titles = [title for (title,) in connection.execute("select title from release_items").fetchall()]
        parts.append(f"\n{N_QUERIES:,} queries of these {given.items:,} items, one after the other\n")
        parts.extend(table(HEADER, ask(Store(Path(work, "serving")), titles, people)))
        say("synthetic done")
    if given.release:
        searching.load_encoder = load_encoder
        store = Store(given.release)
        titles = store.read(
            None, lambda reader: [row[0] for row in reader.connection.execute("select title from items")]
        )
        people = [person["user_id"] for person in store.people(100)["people"]]
        method = store.search("something")["method"].replace("_", " ")
        parts.append(f"\nThe release of a build, {len(titles):,} items, by {method}\n")
        parts.extend(table(HEADER, ask(Store(given.release), [*filter(None, titles)], people)))
    lines = ["# Search", "", "Made by `python benchmarks/bench_search.py`; its first lines say what is measured.", ""]
    (HERE / "results" / "search.md").write_text(
        "\n".join([*lines, machine_line(describe_machine()), "", *parts]) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
