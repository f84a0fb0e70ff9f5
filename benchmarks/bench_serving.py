"""Serving: how long publication takes, and what readers meet in the meantime. Five to six minutes.

    python benchmarks/bench_serving.py [--people 1000000] [--items 100000] [--only PART ...]

The world is synthetic and seeded (serving_world.py); everything goes through kindred's own code: publish_sqlite and
publish_postgres of kindred.publishing, kindred.serving.Store, `kindred serve`, `kindred rollback`.

publication  release_* tables in a DuckDB file to a release that apps read, three times; to PostgreSQL once, where its
             binaries are found.
lookups      published lists of random people while releases are published (serving_readers.py says what counts as torn,
             backwards or empty).
identities   the same lists by the id of a device, two of each person, and what those ids add to a release.
sessions     lists for sessions of 1 to 20 random items, every other one of a known person: Store.recommend in process,
             then POST /session (serving_load.py says how latency is counted).
rollback     roll_back and `kindred rollback` at five releases; the first read after the link moved.

Results go to results/serving.md and results/serving.json after each part; parts that aren't run keep their figures.
Runs in which something else used the machine are marked. Disk: about 10 GB in --work-dir, removed in the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import serving_world
from bench_speed import BUSY_SHARE, HERE, ROOT, describe_machine, machine_line, say, table
from measure import read_busy_seconds
from serving_load import send_at_rate, session_bodies
from serving_readers import FAULTS, percentile, read_during

from kindred.publishing.folder import list_releases, resume, roll_back
from kindred.publishing.postgres import publish_postgres
from kindred.publishing.sqlite import publish_sqlite
from kindred.serving import Store

N_KEPT = 5
N_READERS = 8
PACED_RATE = 250.0  # calls per second of each reader
HTTP_RATE = 500.0
SMALL = 10_000  # people of the world whose releases follow each other fast
NOBODY = 65534
KINDRED = [sys.executable, "-m", "kindred.cli"]


class Serving:
    """The world in a DuckDB file, the serving folder beside it, and the number of the last version."""

    def __init__(self, folder: Path, n_people: int, n_items: int):
        self.n_people, self.n_items, self.version = n_people, n_items, 0
        folder.mkdir(parents=True)
        self.folder = folder / "serving"
        self.connection = duckdb.connect(str(folder / "world.duckdb"), config={"preserve_insertion_order": False})
        serving_world.make_world(self.connection, n_people, n_items)

    def publish(self) -> tuple[float, float]:
        """Make the next version and publish it; (seconds of the publication alone, MiB)."""
        self.version += 1
        release = serving_world.make_version(self.connection, self.version)
        tables = serving_world.release_tables(self.connection)
        began = time.perf_counter()
        path, _ = publish_sqlite(self.folder, tables, release, N_KEPT)
        return time.perf_counter() - began, path.stat().st_size / 1024**2


def milliseconds(seconds: list[float]) -> dict[str, float]:
    """Return p50, p99 and the most of sorted seconds, in ms, and how many they are."""
    figures = {"p50_ms": percentile(seconds, 0.5), "p99_ms": percentile(seconds, 0.99), "max_ms": seconds[-1]}
    return {name: round(1000 * value, 3) for name, value in figures.items()} | {"n": len(seconds)}


def figure(what: str, value: float, unit: str, goal: float | None = None) -> dict[str, object]:
    return {"what": what, "value": round(value, 3), "unit": unit, "goal": goal}


# Publication ----------------------------------------------------------------------------------------------------------


def bench_publication(serving: Serving) -> dict[str, object]:
    runs = [serving.publish() for _ in range(3)]
    seconds = [run[0] for run in runs]
    figures = [
        figure("publication, SQLite, median of 3", statistics.median(seconds), "s", 8),
        figure("publication, SQLite, slowest of 3", max(seconds), "s"),
        figure("release, SQLite", runs[-1][1], "MiB"),
    ]
    with postgres_server(serving.folder.parent) as address:
        if address:
            tables = serving_world.release_tables(serving.connection)
            began = time.perf_counter()
            _, n_bytes, _ = publish_postgres(address, tables, serving_world.release_of(serving.version))
            figures += [
                figure("publication, PostgreSQL, once", time.perf_counter() - began, "s"),
                figure("release, PostgreSQL, with indexes", n_bytes / 1024**2, "MiB"),
            ]
    return {"figures": figures}


@contextlib.contextmanager
def postgres_server(parent: Path):
    """The address of a PostgreSQL server that lives as long as this; None where there are no binaries or no psycopg."""
    places = [Path(place) for place in os.environ["PATH"].split(":")]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    binaries = next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)
    try:
        import psycopg
    except ImportError:
        binaries = None
    if binaries is None:
        yield None
        return
    folder = Path("/tmp") / f"kindred_bench_{os.getpid()}"  # a path that another user may enter
    folder.mkdir()
    # PostgreSQL refuses to run as root.
    user = NOBODY if os.geteuid() == 0 else None
    if user:
        os.chown(folder, user, -1)
    given = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = None
    try:
        initdb = [binaries / "initdb", "-D", folder / "data", "-U", "kindred", "-A", "trust"]
        subprocess.run(initdb, check=True, **given)
        options = ["-k", folder, "-c", "listen_addresses=", "-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB"]
        server = subprocess.Popen([binaries / "postgres", "-D", folder / "data", *options], **given)
        address = f"host={folder} user=kindred dbname=postgres"
        for _ in range(200):
            with contextlib.suppress(psycopg.Error):
                psycopg.connect(address).close()
                break
            time.sleep(0.1)
        yield address
    finally:
        if server:
            server.terminate()
            server.wait()
        shutil.rmtree(folder)


# Lookups --------------------------------------------------------------------------------------------------------------


def bench_lookups(serving: Serving, small: Serving) -> dict[str, object]:
    rows = []

    def measure_reads(name, of, n_readers, rate, seconds, use_threads=False):
        of.publish()
        publications = []

        def work():
            until = time.perf_counter() + seconds
            while time.perf_counter() < until or not publications:
                publications.append(of.publish()[0])

        found = read_during(work, of.folder, of.n_people, n_readers, rate, use_threads)
        row = {"readers": name, "people": of.n_people, "rate": rate and rate * n_readers}
        row |= milliseconds(found["seconds"]) | found["faults"]
        row |= {"publications": len(publications), "publication_s": round(statistics.median(publications), 2)}
        rows.append(row)
        say(f"lookups: {row}")

    processes, threads = f"{N_READERS} processes", f"{N_READERS} threads of one process"
    measure_reads(processes, serving, N_READERS, PACED_RATE, 50)
    measure_reads(processes, serving, N_READERS, None, 15)
    measure_reads(threads, serving, N_READERS, PACED_RATE / 2, 15, use_threads=True)
    measure_reads(processes, small, N_READERS, PACED_RATE, 15)
    paced = rows[0]
    figures = [
        figure("lookup, 8 paced processes, during publications, p50", paced["p50_ms"], "ms", 0.2),
        figure("lookup, 8 paced processes, during publications, p99", paced["p99_ms"], "ms", 1),
        figure("reads, all lines", sum(row["n"] for row in rows), "", None),
    ]
    figures += [figure(f"reads {name}, all lines", sum(row[name] for row in rows), "", 0) for name in FAULTS]
    return {"figures": figures, "rows": rows}


# Identities -----------------------------------------------------------------------------------------------------------


def bench_identities(serving: Serving) -> dict[str, object]:
    store, draw, seconds = Store(serving.folder), random.Random(3), {"user": [], "device": []}
    for number in range(40_000):
        person = draw.randrange(serving.n_people)
        by = "device" if number % 2 else "user"
        asked = serving_world.device_id(2 * person + draw.randrange(2)) if by == "device" else ""
        asked = asked or serving_world.user_id(person)
        began = time.perf_counter()
        answer = store.recommend(asked)
        seconds[by].append(time.perf_counter() - began)
        if "-p-" not in answer["list_id"]:
            raise RuntimeError(f"{asked} did not get the list of person {person}")
    n_bytes = (serving.folder / "current.sqlite").stat().st_size
    serving.connection.execute("alter table release_identities rename to all_identities")
    serving.connection.execute("create table release_identities as select * from all_identities limit 0")
    without_seconds, mib_without = serving.publish()
    serving.connection.execute("drop table release_identities")
    serving.connection.execute("alter table all_identities rename to release_identities")
    by_user, by_device = (milliseconds(sorted(seconds[by])) for by in ("user", "device"))
    figures = [
        figure("publication without further ids, SQLite, once", without_seconds, "s"),
        figure("lookup by user id, one process, p50", by_user["p50_ms"], "ms"),
        figure("lookup by device id, one process, p50", by_device["p50_ms"], "ms", 0.2),
        figure("lookup by device id, one process, p99", by_device["p99_ms"], "ms", 1),
        figure("release with 2 devices a person, larger by", 100 * (n_bytes / 1024**2 / mib_without - 1), "%", 15),
    ]
    return {"figures": figures}


# Sessions -------------------------------------------------------------------------------------------------------------


def bench_sessions(serving: Serving) -> dict[str, object]:
    store, draw, rows = Store(serving.folder), random.Random(4), []
    for name, least, most in (("1", 1, 1), ("5", 5, 5), ("20", 20, 20), ("1 to 20", 1, 20)):
        seconds = []
        for number in range(4000 if least < most else 1000):
            session = [serving_world.item_id(draw.randrange(serving.n_items)) for _ in range(draw.randint(least, most))]
            user = serving_world.user_id(draw.randrange(serving.n_people)) if number % 2 else None
            began = time.perf_counter()
            answer = store.recommend(user, session)
            seconds.append(time.perf_counter() - began)
            if len(answer["items"]) != 20:
                raise RuntimeError(f"a list of {len(answer['items'])} items for {user}, {session}")
        rows.append({"session": name, "where": "in process"} | milliseconds(sorted(seconds)))
    with http_service(serving.folder) as port:
        send_at_rate(port, "/session", session_bodies(500, serving.n_people, serving.n_items, 5), HTTP_RATE, 5)
        bodies = session_bodies(15_000, serving.n_people, serving.n_items, 6)
        found = send_at_rate(port, "/session", bodies, HTTP_RATE, 6)
    if found["statuses"] != {200: len(bodies)} or found["n_short"]:
        raise RuntimeError(f"answers over HTTP: {found['statuses']}, {found['n_short']} short lists")
    rows.append({"session": "1 to 20", "where": f"HTTP, {HTTP_RATE:g}/s"} | milliseconds(found["seconds"]))
    figures = [
        figure("session list, in process, p50", rows[-2]["p50_ms"], "ms"),
        figure("session list, in process, p99", rows[-2]["p99_ms"], "ms", 1),
        figure("session list, HTTP at 500 requests/s, p50", rows[-1]["p50_ms"], "ms"),
        figure("session list, HTTP at 500 requests/s, p99", rows[-1]["p99_ms"], "ms", 5),
    ]
    return {"figures": figures, "rows": rows}


@contextlib.contextmanager
def http_service(folder: Path):
    """`kindred serve` on a free port of this machine, as `make serve` runs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    service = subprocess.Popen([*KINDRED, "serve", "--folder", folder, "--port", str(port)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.1)
        yield port
    finally:
        service.terminate()
        service.wait()


# Rollback -------------------------------------------------------------------------------------------------------------


def bench_rollback(serving: Serving) -> dict[str, object]:
    while len(list_releases(serving.folder)) < N_KEPT:
        serving.publish()
    store, names = Store(serving.folder), [one["release_id"] for one in list_releases(serving.folder)]
    rollbacks, first_reads = [], []
    for number in range(50):
        release_id = names[number % N_KEPT]
        began = time.perf_counter()
        roll_back(serving.folder, release_id, "bench", "measured")
        rollbacks.append(time.perf_counter() - began)
        began = time.perf_counter()
        answer = store.recommend(serving_world.user_id(number))
        first_reads.append(time.perf_counter() - began)
        if answer["release_id"] != release_id:
            raise RuntimeError(f"read {answer['release_id']} after a rollback to {release_id}")
    command = [*KINDRED, "rollback", "--folder", serving.folder, names[1]]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    by_command = time.perf_counter() - began
    resume(serving.folder)
    figures = [
        figure(f"rollback at {N_KEPT} releases, in process, slowest of 50", max(rollbacks), "s", 1),
        figure(f"rollback at {N_KEPT} releases, by command", by_command, "s", 1),
        figure("first read after the link moved, median of 50", 1000 * statistics.median(first_reads), "ms"),
        figure("first read after the link moved, slowest of 50", 1000 * max(first_reads), "ms"),
    ]
    return {"figures": figures}


# Report ---------------------------------------------------------------------------------------------------------------


def show(value: object) -> str:
    if value is None:
        return ""
    return (
        f"{value:,.3g}"
        if isinstance(value, float) and value < 100
        else f"{value:,.0f}"
        if value != str(value)
        else value
    )


def write_report(results: dict[str, object]) -> str:
    """Return the results as a Markdown page."""
    parts = results["parts"]
    lines = [
        "# Serving",
        "",
        "Made by `python benchmarks/bench_serving.py`; its first lines say what is measured and how.",
        "",
        machine_line(results["machine"]),
        f"World: {results['people']:,} people with 20 items each, {results['items']:,} items with 25 neighbours each.",
        "",
    ]
    rows = []
    for part in parts.values():
        for one in part["figures"]:
            met = "" if one["goal"] is None else "yes" if one["value"] <= one["goal"] else "**no**"
            goal = "" if one["goal"] is None else f"≤ {one['goal']:g} {one['unit']}".rstrip()
            rows.append([one["what"], f"{show(one['value'])} {one['unit']}".rstrip(), goal, met])
    lines += table(["figure", "measured", "goal", "met"], rows)
    if "lookups" in parts:
        lines += [
            "",
            "## Lookups during publications",
            "",
            "The plain published list of a random person. The readers share the cores with the build that makes and",
            "publishes one version after the other. Paced readers begin `calls/s` calls a second together; unpaced",
            "ones (no rate) keep all cores busy, so their slowest calls are those that waited for a core.",
            "",
        ]
        columns = {"readers": "readers", "people": "people", "rate": "calls/s", "n": "reads", "p50_ms": "p50 ms"}
        columns |= {"p99_ms": "p99 ms", "max_ms": "max ms", "publications": "publications"}
        columns |= {"publication_s": "s each"} | {name: name for name in FAULTS}
        rows = [[show(row[name]) for name in columns] for row in parts["lookups"]["rows"]]
        lines += table(list(columns.values()), rows)
    if "sessions" in parts:
        lines += [
            "",
            "## Session lists",
            "",
            "In process: one caller, one call after the other. HTTP: an open load of Poisson arrivals against a",
            "service of two processes, latency counted from the moment the request should have been sent.",
            "",
        ]
        columns = {"session": "items of the session", "where": "where", "n": "lists"}
        columns |= {"p50_ms": "p50 ms", "p99_ms": "p99 ms", "max_ms": "max ms"}
        rows = [[show(row[name]) for name in columns] for row in parts["sessions"]["rows"]]
        lines += table(list(columns.values()), rows)
    busy = [f"{name} ({part['other_share']:.0%})" for name, part in parts.items() if part["other_share"] > BUSY_SHARE]
    if busy:
        lines += ["", f"Parts in which others used more than {BUSY_SHARE:.0%} of the cores: {', '.join(busy)}."]
    return "\n".join(lines) + "\n"


def own_cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure publication, lookups, session lists and rollback.")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts; default: all")
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".bench" / "serving")
    parser.add_argument("--results-dir", type=Path, default=HERE / "results")
    return parser.parse_args()


PARTS = ("publication", "lookups", "identities", "sessions", "rollback")


def main() -> None:
    args = parse_arguments()
    path = args.results_dir / "serving.json"
    results = json.loads(path.read_text()) if path.exists() else {"parts": {}}
    results |= {"machine": describe_machine(), "people": args.people, "items": args.items}
    shutil.rmtree(args.work_dir, ignore_errors=True)
    args.results_dir.mkdir(parents=True, exist_ok=True)
    say(f"making a world of {args.people:,} people")
    serving = Serving(args.work_dir.resolve() / "large", args.people, args.items)
    small = Serving(args.work_dir.resolve() / "small", min(SMALL, args.people), 1000)
    serving.publish()
    parts = {
        "publication": lambda: bench_publication(serving),
        "lookups": lambda: bench_lookups(serving, small),
        "identities": lambda: bench_identities(serving),
        "sessions": lambda: bench_sessions(serving),
        "rollback": lambda: bench_rollback(serving),
    }
    for name in args.only:
        busy, own, began = read_busy_seconds(), own_cpu_seconds(), time.perf_counter()
        part = parts[name]()
        wall = time.perf_counter() - began
        others = max(0.0, (read_busy_seconds() or 0) - (busy or 0) - (own_cpu_seconds() - own))
        part["other_share"] = round(others / wall / results["machine"]["cores"], 3)
        results["parts"][name] = part
        results["parts"] = {one: results["parts"][one] for one in PARTS if one in results["parts"]}
        path.write_text(json.dumps(results, indent=2) + "\n")
        (args.results_dir / "serving.md").write_text(write_report(results))
        say(f"{name} in {wall:.0f} s: " + "; ".join(f"{one['what']} {one['value']}" for one in part["figures"]))
    shutil.rmtree(args.work_dir)


if __name__ == "__main__":
    main()
