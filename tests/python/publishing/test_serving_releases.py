"""Publication: apps read the old lists or the new ones, whatever happens to the build, the disk or the server."""

import contextlib
import datetime
import json
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from conftest import NO_TESTS, REPOSITORY, FakeDbt, Shop, load_python_model
from releases_model import run_releases

from kindred.erasure.stores import erase_postgres
from kindred.ids import id_hash
from kindred.publishing import folder as publishing
from kindred.publishing import postgres as postgres_module
from kindred.publishing import sqlite as sqlite_module
from kindred.publishing.postgres import publish_postgres
from kindred.publishing.release import batches_of
from kindred.publishing.sqlite import publish_sqlite
from kindred.publishing.tables import TABLES
from kindred.publishing.withdraw import COLUMNS, Leaving, from_postgres
from kindred.run import CURRENT
from kindred.serving import Store
from kindred.texts import unpacked

NOBODY = 65534
N_LISTS = 400
ARM = (
    "e|a|",
    "e",
    "",
    "a",
    "offer",
    "user",
    False,
    True,
    1.0,
    "00000000",
    "g",
    "e",
    "00000000",
    "g",
    "e",
    None,
    "x",
    None,
    None,
)
ARM += ("2026-01-01 00:00:00", None)
DAY = datetime.datetime(2026, 6, 1)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shop_serving"


def release_of(version):
    return {
        "release_id": f"{version:08d}-abcdef12",
        "run_id": f"abcdef12-{version}",
        "as_of": "2026-06-01 00:00:00",
    } | {
        "generated_at": f"2026-06-01 {version:08d}",
        "expires_at": "2026-06-03",
        "measures": json.dumps([{"gate": "people", "measure": version}]),
    }


def tables_of(version, n_lists=N_LISTS, n_batches=4, pause=0.0):
    """Tables of a release in which every text says which version it is of."""

    def lists():
        for start in range(0, n_lists, -(-n_lists // n_batches)):
            users = [f"u{user:06d}" for user in range(start, min(start + -(-n_lists // n_batches), n_lists))]
            items = json.dumps([[f"i{version}", 0.5, "als", None, 1.0]] * 20)
            rows = [users, [f"abcdef12-p-{version}"] * len(users), ["AT"] * len(users), ["hot"] * len(users)]
            rows += [[items] * len(users), ["[]"] * len(users), ["[]"] * len(users), ["main"] * len(users)]
            rows += [["[]"] * len(users)]
            yield pa.record_batch(rows, names=[*TABLES["lists"]])
            time.sleep(pause)

    def row(name, *values):
        return [pa.record_batch([[value] for value in values], names=[*TABLES[name]])]

    return {
        "lists": lists(),
        "list_rules": row("list_rules", "u000000", '[["spring","pin","1"]]'),
        "identities": row("identities", "phone", "u000000"),
        "items": row("items", f"i{version}", 1, "Müg", None, "b", 2.5, True, False, ""),
        "item_texts": row("item_texts", f"i{version}", "Words", "{}", "AAA="),
        "text_encoder": row("text_encoder", "wordllama", "weights"),
        "neighbors": row("neighbors", f"i{version}", "{}"),
        "item_pages": row("item_pages", f"i{version}", "[]", "[]"),
        "segments": row("segments", "", f'[["i{version}",1.0,"popular"]]', "[]", "[]", "[]"),
        "generators": row("generators", "als", "your_history"),
        "reason_texts": row("reason_texts", "en|popular", "en", "popular", None, "popular"),
        "session_settings": row("session_settings", 5, 25, 0.7, 0.7, 0.3, True, False),
        "arms": row("arms", *ARM),
        "item_arms": row("item_arms", "a", "[]"),
    }


def publish(folder, version, tables=None, n_kept=5):
    return publish_sqlite(folder, tables or tables_of(version), release_of(version), n_kept)[0]


def read(folder, user="u000000"):
    """The version that apps read; raises where the file isn't whole or says two versions."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/current.sqlite?mode=ro", uri=True)) as connection:
        [(release_id, n_lists)] = connection.execute("select release_id, n_lists from release").fetchall()
        [(items,)] = connection.execute("select items from lists where user_id = ?", [user]).fetchall()
        [(fallback,)] = connection.execute("select fallback from segments where segment = ''").fetchall()
    found = {item[0] for item in json.loads(items) + json.loads(fallback)} | {f"i{int(release_id[:8])}"}
    assert len(found) == 1 and n_lists == N_LISTS, (found, n_lists)
    return int(found.pop()[1:])


def names(folder):
    """The versions that are kept, and whatever else lies about."""
    files = sorted(path.name for path in [*(folder / "releases").iterdir(), *folder.iterdir()])
    usual = ("lock", "current.sqlite", "releases", "served.json")
    others = [name for name in files if name not in usual and name[0] != "0"]
    return [int(name[:8]) for name in files if name[0] == "0"], others


# A release ------------------------------------------------------------------------------------------------------------


def test_release__is_one_whole_file_behind_a_relative_link(folder):
    path = publish(folder, 1)
    assert os.readlink(folder / "current.sqlite") == f"releases/{path.name}"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        counts = {name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in TABLES}
        assert counts == dict.fromkeys(TABLES, 1) | {"lists": N_LISTS}
        expected = release_of(1)
        measures = expected.pop("measures")
        expected |= {"n_lists": N_LISTS, "n_items": 1, "measures": measures}
        assert connection.execute("select * from release").fetchall() == [tuple(expected.values())]
        item = connection.execute("select * from items").fetchone()
        assert item == ("i1", 1, "Müg", None, "b", 2.5, 1, 0, "")
        definitions = connection.execute("select sql from sqlite_schema where type = 'table'").fetchall()
        assert all("primary key" in sql and "without rowid" in sql for (sql,) in definitions)
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        # What a service of before version 0.1.0 asks for.
        assert connection.execute("select source, reason from sources").fetchall() == [("als", "your_history")]
    assert publishing.read_release(folder / "current.sqlite") == expected
    served = json.loads((folder / "served.json").read_text(encoding="utf-8"))
    assert served == {name: expected[name] for name in ("release_id", "run_id", "generated_at")} | {
        "measures": [{"gate": "people", "measure": 1}]
    }


def test_release__the_last_are_kept_and_what_dead_builds_left_is_removed(folder):
    for version in range(1, 5):
        publish(folder, version, n_kept=3)
    for name in (".00000004-dead.tmp", ".00000004-dead.tmp-journal"):
        (folder / "releases" / name).write_text("half", encoding="utf-8")
    publish(folder, 5, n_kept=3)
    assert names(folder) == ([3, 4, 5], [])
    # The same lists once more, as after `dbt retry`: no older one is lost for it, and what is read is never removed.
    publish(folder, 5, n_kept=1)
    assert names(folder) == ([5], []) and read(folder) == 5


def test_release__a_reader_may_hold_a_removed_one(folder):
    publish(folder, 1)
    with contextlib.closing(sqlite3.connect(f"file:{folder}/current.sqlite?mode=ro", uri=True)) as connection:
        cursor = connection.execute("select user_id from lists")
        cursor.fetchone()
        for version in range(2, 5):
            publish(folder, version, n_kept=1)
        assert names(folder) == ([4], [])
        assert len(cursor.fetchall()) == N_LISTS - 1
        assert connection.execute("select release_id from release").fetchone() == (release_of(1)["release_id"],)


# Faults ---------------------------------------------------------------------------------------------------------------


def fails(folder, message, version=2, **given):
    """Publication must fail with this message, leave nothing behind and change nothing for apps."""
    before = names(folder)
    with pytest.raises(RuntimeError, match=message):
        publish(folder, version, **given)
    assert names(folder) == before
    assert not list(folder.glob(".*"))


def test_fault__two_builds_at_once(folder):
    publish(folder, 1)
    with publishing.locked(folder):
        fails(folder, "another build or rollback is at work in .*shop_serving: try again")
    publish(folder, 2)


def test_fault__the_lists_are_older_than_what_is_served(folder):
    publish(folder, 3)
    fails(folder, "release 00000003-abcdef12, which apps read, was made at .* later than these lists")
    assert read(folder) == 3


def test_fault__the_source_breaks_in_the_middle(folder):
    publish(folder, 1)
    tables = tables_of(2)

    def broken():
        yield next(tables["lists"])
        raise RuntimeError("the warehouse is gone")

    fails(folder, "the warehouse is gone", tables=tables | {"lists": broken()})
    assert read(folder) == 1


def test_fault__a_list_stands_twice(folder):
    publish(folder, 1)
    twice = [*tables_of(2)["lists"], *tables_of(2)["lists"]]
    fails(folder, "UNIQUE constraint failed", tables=tables_of(2) | {"lists": iter(twice)})
    assert read(folder) == 1


def test_fault__there_are_no_lists(folder):
    publish(folder, 1)
    fails(folder, "has no lists and isn't published", tables=tables_of(2, n_lists=0) | {"lists": iter(())})
    assert read(folder) == 1


def test_fault__rows_are_lost_on_the_way(folder, monkeypatch):
    publish(folder, 1)
    monkeypatch.setattr(
        sqlite_module, "rows_of", lambda batch: list(zip(*batch.to_pydict().values(), strict=True))[:-1]
    )
    fails(folder, "rows where .* were written")
    assert read(folder) == 1


def test_fault__the_disk_is_full(folder):
    publish(folder, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        fails(folder, "can't be written to .* see that the folder can be written, has space for one more release")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read(folder) == 1
    publish(folder, 2)
    assert read(folder) == 2


@contextlib.contextmanager
def not_as_root():
    """Root may write everywhere; other users run the tests as who they are."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("place", [".", "releases"])
def test_fault__a_folder_that_cannot_be_written(place):
    with tempfile.TemporaryDirectory() as parent:
        os.chmod(parent, 0o777)
        folder = Path(parent) / "shop_serving"
        with not_as_root():
            publish(folder, 1)
            (folder / place).chmod(0o555)
            fails(folder, "can't be written to .*Permission denied|can't be written to .*unable to open")
            assert read(folder) == 1
            (folder / place).chmod(0o755)
            publish(folder, 2)
            assert read(folder) == 2


def test_fault__the_folder_is_a_file(tmp_path):
    (tmp_path / "shop_serving").write_text("", encoding="utf-8")
    with pytest.raises(RuntimeError, match="can't be written to"):
        publish(tmp_path / "shop_serving", 1)


@pytest.mark.parametrize("fault", ["missing", "dangling", "copy", "elsewhere", "corrupt", "empty"])
def test_fault__a_wrong_link_is_put_right(folder, tmp_path, fault):
    path = publish(folder, 1)
    link = folder / "current.sqlite"
    if fault == "corrupt":
        path.write_bytes(b"no database" * 1000)
    elif fault == "empty":
        path.write_bytes(b"")
    else:
        link.unlink()
    if fault == "dangling":
        path.unlink()
        link.symlink_to("releases/gone.sqlite")
    elif fault == "copy":
        link.write_bytes(path.read_bytes())
    elif fault == "elsewhere":
        link.symlink_to(tmp_path)
    publish(folder, 2)
    assert os.readlink(link) == "releases/00000002-abcdef12.sqlite" and read(folder) == 2


def test_fault__a_folder_in_the_place_of_the_link(folder):
    publish(folder, 1)
    (folder / "current.sqlite").unlink()
    (folder / "current.sqlite").mkdir()
    served = (folder / "served.json").read_text(encoding="utf-8")
    fails(folder, "current.sqlite isn't a folder")
    assert (folder / "served.json").read_text(encoding="utf-8") == served


def test_fault__after_the_link_moved_is_no_failure_of_the_publication(folder, monkeypatch, capsys):
    """An old release that can't be removed, a disk that doesn't sync: apps read the new one, and that is said."""
    publish(folder, 1)
    real = publishing.sync

    def sync(path):
        if publishing.current_id(folder) == release_of(2)["release_id"]:
            raise OSError("the disk is gone")
        real(path)

    monkeypatch.setattr(publishing, "sync", sync)
    publish(folder, 2, n_kept=1)
    assert read(folder) == 2
    assert "00000002-abcdef12 is published, but " in (said := capsys.readouterr().out) and "the disk is gone" in said
    monkeypatch.undo()
    publish(folder, 3, n_kept=1)
    assert names(folder) == ([3], [])


def test_fault__killed_when_the_link_had_moved(folder, monkeypatch):
    """What the gates read says what apps read, in publications and in rollbacks."""

    def served():
        return json.loads((folder / "served.json").read_text(encoding="utf-8"))["release_id"]

    publish(folder, 1)
    real = publishing.move_link

    def move_link(folder, release_id):
        real(folder, release_id)
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "move_link", move_link)
    with pytest.raises(KeyboardInterrupt):
        publish(folder, 2)
    assert read(folder) == 2 and served() == release_of(2)["release_id"]
    with pytest.raises(KeyboardInterrupt):
        publishing.roll_back(folder, None, "me", "")
    assert read(folder) == 1 and served() == release_of(1)["release_id"]
    assert publishing.read_rollback(folder)["is_held"]


def test_fault__killed_just_before_the_link_moves(folder, monkeypatch):
    """The gates compare with the release that served.json names: the next publication lets apps read it first."""
    publish(folder, 1)
    served = folder / "served.json"
    before = served.read_text(encoding="utf-8")
    publish(folder, 2)
    publishing.move_link(folder, release_of(1)["release_id"])
    with publishing.locked(folder):
        publishing.finish_move(folder)
    assert read(folder) == 2
    # What has failed, and not been killed, leaves both as they were.
    publishing.move_link(folder, release_of(1)["release_id"])
    served.write_text(before, encoding="utf-8")

    def fail(folder, release_id):
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "move_link", fail)
    with pytest.raises(KeyboardInterrupt):
        publish(folder, 3)
    assert read(folder) == 1 and served.read_text(encoding="utf-8") == before


def publish_for_ever(folder, version):
    while True:
        publish(folder, version, tables_of(version, n_batches=8, pause=0.002))
        version += 1


def read_for_ever(folder, stop, failures, n_reads):
    last = 0
    while not stop.is_set():
        try:
            version = read(folder, f"u{random.randrange(N_LISTS):06d}")
            assert version >= last, f"back from {last} to {version}"
            last = version
            n_reads.value += 1
        except Exception as error:
            failures.put(repr(error))


def test_kill__of_publications_at_any_moment_shows_nobody_anything(folder):
    """20 publications end by kill -9 while two processes read; each next one works without help."""
    publish(folder, 1)
    processes = multiprocessing.get_context("fork")
    stop, failures = processes.Event(), processes.Queue()
    counts = [processes.Value("q", 0) for _ in range(2)]
    readers = [processes.Process(target=read_for_ever, args=(folder, stop, failures, count)) for count in counts]
    for reader in readers:
        reader.start()
    moments = random.Random(4)
    dead_in_the_middle = 0
    try:
        for _ in range(20):
            before = read(folder)
            writer = processes.Process(target=publish_for_ever, args=(folder, before + 1))
            writer.start()
            time.sleep(0.05 + moments.random() / 5)
            assert writer.is_alive(), f"publication failed after version {before}"
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
            dead_in_the_middle += any((folder / "releases").glob(".*"))
            assert read(folder) >= before
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert failures.empty(), failures.get()
    assert dead_in_the_middle >= 5, "hardly any kill met a publication under way"
    assert min(count.value for count in counts) > 100
    last = read(folder)
    publish(folder, last + 1)
    assert read(folder) == last + 1 and names(folder)[1] == []


def test_kill__the_checker_sees_an_unsafe_publication(folder):
    """What the test above relies on: a file that is written in place is caught."""
    path = publish(folder, 1)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("update segments set fallback = replace(fallback, 'i1', 'i2')")
        connection.commit()
    with pytest.raises(AssertionError):
        read(folder)


@dataclass
class Watcher:
    """An app that reads all the time, and what it may never see."""

    folder: Path
    users: list
    done: threading.Event = field(default_factory=threading.Event)
    problems: list = field(default_factory=list)
    releases: dict = field(default_factory=dict)  # release_id: the version of all that was read of it
    n_reads: int = 0

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.done.set()
        self.thread.join()

    def watch(self):
        store, draw, last = Store(self.folder), random.Random(1), ""
        while not self.done.is_set():
            try:
                user = draw.choice(self.users)
                last = self.check(store.recommend(user, with_facts=True), last)
                last = self.check(store.recommend(user, session=["i007", "i031"], with_facts=True), last)
                self.n_reads += 1
            except Exception as error:
                self.problems.append(repr(error))

    def check(self, answer, last):
        release_id = answer["release_id"]
        assert release_id >= last, f"back from {last} to {release_id}"
        assert answer["list_id"][:8] == release_id[-8:], (answer["list_id"], release_id)
        assert len(answer["items"]) == 20
        versions = {item["title"].split(" v")[-1] for item in answer["items"]}
        versions.add(self.releases.setdefault(release_id, min(versions)))
        assert len(versions) == 1, (release_id, versions)
        return release_id


def test_kill__the_watcher_sees_what_it_may_never_see():
    def answer(release_id, list_id="abcdef12-p-1", titles=("tea v1", "mug v1"), n=10):
        return {"release_id": release_id, "list_id": list_id, "items": [{"title": title} for title in titles * n]}

    watcher = Watcher(Path(), [])
    last = watcher.check(answer("20260601T000000-abcdef12"), "")
    bad = [answer("20260531T000000-abcdef12"), answer("20260602T000000-99999999"), answer(last, n=9)]
    bad += [answer(last, titles=("tea v1", "mug v2")), answer(last, titles=("tea v2", "mug v2"))]
    for wrong in bad:
        with pytest.raises(AssertionError):
            watcher.check(wrong, last)
    assert watcher.check(answer(last), last) == last


@pytest.mark.slow
def test_kill__of_whole_builds_at_any_moment(sample_shop, tmp_path):
    """20 builds, each of another catalogue, are killed while an app reads, half of them while they publish."""
    shop = Shop(tmp_path)
    with duckdb.connect(shop.database) as connection:
        connection.execute(f"attach '{sample_shop.database}' as sample (read_only); create schema raw")
        for name in ("events", "items", "users", "consents"):
            connection.execute(f"create table raw.{name} as from sample.sample_{name}")
            shop.tables.append(name)
        connection.execute("alter table raw.items add column name varchar; update raw.items set name = title")
    folder = tmp_path / "shop_serving"
    settings = {"kindred__folds": ["live"]}

    def next_version(version):
        shop.run(f"update raw.items set title = name || ' v{version}'")

    next_version(0)
    shop.build(**settings)
    users = shop.column("select distinct user_id from recommendations order by 1 limit 50")
    command = [sys.executable, "-c", "import sys; from dbt.cli.main import dbtRunner as r; r().invoke(sys.argv[1:])"]
    given, target = shop.placed(settings)
    command += [
        "build",
        *NO_TESTS,
        "--project-dir",
        REPOSITORY,
        "--profiles-dir",
        REPOSITORY,
        "--vars",
        json.dumps(given),
    ]
    command += ["--target-path", target, "--log-path", target]
    environment = os.environ | {
        "KINDRED_DUCKDB_PATH": str(shop.database),
        "KINDRED_TEMP_DIRECTORY": str(tmp_path / "temp"),
        "DBT_USE_COLORS": "false",
    }
    draw = random.Random(4)

    def kill(when):
        """Kill a build after so many lines of what it says, or when it publishes; returns the lines that it said."""
        lines, link = 0, publishing.current_id(folder)
        build = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            for line in build.stdout:
                lines += 1
                is_publishing = "START python incremental model main.releases" in line
                if lines == when or (is_publishing and isinstance(when, str)):
                    break
            while build.poll() is None and publishing.current_id(folder) == link:
                is_written = any((folder / "releases").glob(".*.tmp"))
                if when not in ("written", "served") or (when == "written" and is_written):
                    break
                time.sleep(0.0005)
            assert build.poll() is None, f"the build had ended before it was killed ({when})"
        finally:
            build.kill()
            build.wait()
            build.stdout.close()
        return lines

    with Watcher(folder, users) as app:
        # How much a build says until it publishes; killed right then.
        next_version(1)
        n_lines = kill("begun")
        moments = [draw.randrange(1, n_lines) for _ in range(10)] + ["begun", "written", "served"] * 3
        draw.shuffle(moments)
        n_moved = 0
        for version, when in enumerate(moments, start=2):
            before = publishing.current_id(folder)
            next_version(version)
            kill(when)
            n_moved += publishing.current_id(folder) != before
        assert n_moved >= 3, "no kill met the moment after the link had moved"
        before = publishing.read_release(folder / "current.sqlite")
        next_version(len(moments) + 2)
        shop.build(**settings)
        n_reads = app.n_reads
        while app.n_reads < n_reads + 2 and not app.problems:
            time.sleep(0.01)
    assert app.problems == []
    assert app.n_reads > 1000 and len(app.releases) > n_moved
    last = publishing.read_release(folder / "current.sqlite")
    assert last["run_id"] == shop.value("select distinct run_id from recommendations")
    assert app.releases[last["release_id"]] == str(len(moments) + 2)
    newest = "select distinct compared_run_id from publish_gates qualify evaluated_at = max(evaluated_at) over ()"
    assert shop.value(newest) == before["run_id"]
    assert {before["run_id"], last["run_id"]} <= set(shop.column("select run_id from releases"))
    assert not list((folder / "releases").glob(".*"))


# Rollback -------------------------------------------------------------------------------------------------------------


def releases_cli(folder, *arguments):
    command = [sys.executable, "-m", "kindred.cli", *arguments, "--folder", folder]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


def test_rollback__goes_back_at_once_and_holds_until_resumed(folder):
    for version in (1, 2, 3):
        publish(folder, version)
    code, output, seconds = releases_cli(folder, "rollback", "--reason", "empty lists")
    assert (code, read(folder)) == (0, 2) and seconds < 1, (output, seconds)
    assert "apps read 00000002-abcdef12 now, before 00000003-abcdef12" in output
    # The gates compare with what is served now, by its own figures.
    served = json.loads((folder / "served.json").read_text(encoding="utf-8"))
    assert served["release_id"] == "00000002-abcdef12"
    assert served["measures"] == [{"gate": "people", "measure": 2}]
    rollback = json.loads((folder / "rollback.json").read_text(encoding="utf-8"))
    assert rollback | {"by": None, "at": None} == {
        "serves": "00000002-abcdef12",
        "from": "00000003-abcdef12",
        "reason": "empty lists",
        "is_held": True,
        "by": None,
        "at": None,
    }
    code, output, _ = releases_cli(folder, "releases")
    lines = output.splitlines()
    assert [line[:11] for line in lines[:3]] == ["  00000003-", "* 00000002-", "  00000001-"]
    assert "publication is held since" in lines[3]
    assert releases_cli(folder, "resume")[0] == 0
    assert not publishing.read_rollback(folder)["is_held"]
    assert "no hold" in releases_cli(folder, "resume")[1]
    assert read(folder) == 2
    publish(folder, 4)
    assert read(folder) == 4 and publishing.read_rollback(folder) is None


def test_rollback__to_a_release_by_its_name_and_further_back(folder):
    for version in (1, 2, 3, 4):
        publish(folder, version)
    assert publishing.roll_back(folder, "00000003-abcdef12", "me", "") == ("00000004-abcdef12", "00000003-abcdef12")
    assert publishing.roll_back(folder, None, "me", "")[1] == "00000002-abcdef12"
    assert read(folder) == 2
    # What can't be read is no release to go back to.
    publishing.release_path(folder, "00000001-abcdef12").write_bytes(b"broken")
    with pytest.raises(RuntimeError, match="has no release before it"):
        publishing.roll_back(folder, None, "me", "")
    assert read(folder) == 2


def test_rollback__what_cannot_be_done_is_said(folder):
    code, output, _ = releases_cli(folder, "releases")
    assert code == 1 and "nothing was published there yet" in output
    publish(folder, 1)
    for arguments, message in (([], "has no"), (["nonsense"], "has no release nonsense; there are 00000001-abcdef12")):
        code, output, _ = releases_cli(folder, "rollback", *arguments)
        assert code == 1 and message in output and "Traceback" not in output
    assert read(folder) == 1 and publishing.read_rollback(folder) is None


# The model ------------------------------------------------------------------------------------------------------------

SETTINGS = {"store": "sqlite", "database": ":memory:", "kept_releases": 5, "as_of": "", "expires_after_hours": 48}


@pytest.fixture
def warehouse():
    with duckdb.connect() as connection:
        for name, batches in tables_of(1).items():
            rows = pa.Table.from_batches(list(batches))  # noqa: F841, DuckDB finds it by name
            # The warehouse keeps no order.
            connection.execute(f"create table release_{name} as from rows order by 1 desc")
        # A release has it packed.
        connection.execute("update release_item_texts set vector = '[0.0]'")
        connection.execute("create table folds as select 'live' as fold, timestamp '2026-06-01' as as_of")
        connection.execute("create table withdrawals (store text, release_id text)")
        evaluate(connection)
        yield connection


TEXT, TIME, NUMBER = pa.string(), pa.timestamp("us"), pa.float64()
GATES = {"run_id": TEXT, "gate": TEXT, "measure": NUMBER, "standard_error": NUMBER, "first_at": TIME}
GATES |= {"is_passed": pa.bool_(), "is_overridden": pa.bool_(), "explanation": TEXT, "generated_at": TIME}
GATES |= {"evaluated_at": TIME, "compared_release_id": TEXT, "compared_run_id": TEXT}


def evaluate(connection, **changes):
    """A row of publish_gates; None for a column that is named = a table that lacks it."""
    row = dict.fromkeys(GATES) | {"run_id": "abcdef12-0000", "gate": "people", "is_passed": True}
    row |= {"is_overridden": False, "explanation": "so", "measure": 400.0, "standard_error": 0.5, "first_at": DAY}
    row |= {"generated_at": DAY, "evaluated_at": DAY} | changes
    rows = pa.Table.from_pylist([row], schema=pa.schema(GATES))  # noqa: F841, DuckDB finds it by name
    connection.execute("create table if not exists publish_gates as from rows limit 0")
    connection.execute("insert into publish_gates by name from rows")


def next_run(connection, number, **changes):
    """The lists and the evaluation of a run that came `number` days later, in the place of the run before."""
    run_id = f"{number:08d}-0000"
    connection.execute("update release_lists set list_id = ? || substr(list_id, 9)", [run_id[:8]])
    at = DAY + datetime.timedelta(days=number)
    evaluate(connection, **{"run_id": run_id, "generated_at": at, "evaluated_at": at} | changes)
    return f"{at:%Y%m%dT%H%M%S}-{run_id[:8]}"


def rows_of_model(connection, **settings):
    return run_releases(connection, SETTINGS | settings)


def test_model__publishes_what_was_evaluated(warehouse, folder):
    [row] = rows_of_model(warehouse, serving_path=str(folder))
    path = folder / "releases/20260601T000000-abcdef12.sqlite"
    assert row.pop("bytes") == path.stat().st_size and row.pop("seconds") > 0
    assert row.pop("published_at") > DAY
    measures = [{"gate": "people", "measure": 400.0, "standard_error": 0.5, "first_at": str(DAY)}]
    assert json.loads(row.pop("measures")) == measures
    assert row == {
        "release_id": "20260601T000000-abcdef12",
        "run_id": "abcdef12-0000",
        "store": "sqlite",
        "location": str(path),
        "overridden_gates": "",
        "hold": None,
        "n_lists": N_LISTS,
        "n_items": 1,
        "as_of": DAY,
        "generated_at": DAY,
    }
    release = publishing.read_release(folder / "current.sqlite")
    assert release["expires_at"] == "2026-06-03 00:00:00" and release["as_of"] == "2026-06-01 00:00:00"
    assert json.loads((folder / "served.json").read_text(encoding="utf-8")) == {
        "release_id": "20260601T000000-abcdef12",
        "run_id": "abcdef12-0000",
        "generated_at": "2026-06-01 00:00:00",
        "measures": measures,
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"as_of": "2026-05-01"}, "a replay of another day"),
        ({"store": "none"}, "kindred__serving has the store none"),
        ({"serving_path": ""}, "there is no DuckDB file to keep releases beside"),
        ({"serving_path": "", "store": "postgres"}, "there is no DuckDB file to keep releases beside"),
        ({"fold": "backtest"}, "the fold live isn't built"),
    ],
)
def test_model__says_why_it_publishes_nothing(warehouse, folder, capsys, settings, message):
    warehouse.execute("update folds set fold = ?", [settings.get("fold", "live")])
    assert rows_of_model(warehouse, **{"serving_path": str(folder)} | settings) == []
    assert f"nothing is published: {message}" in capsys.readouterr().out
    assert not folder.exists()


def test_model__publishes_nothing_that_a_gate_stopped_or_nobody_evaluated(warehouse, folder):
    later = {"evaluated_at": DAY + datetime.timedelta(days=1), "is_passed": False, "explanation": "half are gone"}
    evaluate(warehouse, **later)
    with pytest.raises(RuntimeError, match="nothing is published: people: half are gone"):
        rows_of_model(warehouse, serving_path=str(folder))
    warehouse.execute("update publish_gates set is_overridden = not is_passed")
    [row] = rows_of_model(warehouse, serving_path=str(folder))
    assert row["overridden_gates"] == "people"
    evaluate(warehouse, run_id="0000-later", evaluated_at=DAY + datetime.timedelta(days=2))
    with pytest.raises(RuntimeError, match="the gates evaluated other lists than those in release_lists"):
        rows_of_model(warehouse, serving_path=str(folder))
    warehouse.execute("delete from publish_gates")
    with pytest.raises(RuntimeError, match="publish_gates has evaluated no run"):
        rows_of_model(warehouse, serving_path=str(folder))


def served_id(folder):
    return publishing.read_release(folder / "current.sqlite")["release_id"]


def test_model__publishes_no_release_without_lists(warehouse, folder):
    rows_of_model(warehouse, serving_path=str(folder))
    first = served_id(folder)
    next_run(warehouse, 1, compared_release_id=first)
    warehouse.execute("delete from release_lists")
    with pytest.raises(RuntimeError, match="has no lists and isn't published; .*input_problems"):
        rows_of_model(warehouse, serving_path=str(folder))
    assert served_id(folder) == first


def test_model__a_new_warehouse_publishes_when_its_gates_have_compared_with_what_is_served(warehouse, folder):
    """The serving folder has a release that another DuckDB file has made; ":memory:" is a new one each time."""
    rows_of_model(warehouse, serving_path=str(folder))
    first = served_id(folder)
    warehouse.execute("drop table releases; drop table publish_gates")
    # Gates that took it for the first release, and gates that compared with something else.
    for compared in (None, "20260501T000000-other"):
        next_run(warehouse, 1, compared_release_id=compared)
        (folder / "served.json").unlink()
        with pytest.raises(RuntimeError, match=f"apps read release {first}, and the gates compared .*publish_gates"):
            rows_of_model(warehouse, serving_path=str(folder))
        assert served_id(folder) == first
        # The way out: the next evaluation knows what is served.
        assert json.loads((folder / "served.json").read_text(encoding="utf-8"))["release_id"] == first
        warehouse.execute("delete from publish_gates")
    second = next_run(warehouse, 1, compared_release_id=first)
    rows_of_model(warehouse, serving_path=str(folder))
    assert served_id(folder) == second
    # The same lists again, as after `dbt retry`: the store has this run's release.
    rows_of_model(warehouse, serving_path=str(folder))
    assert served_id(folder) == second


def test_model__gates_of_an_earlier_version_know_the_run_that_they_compared_with(warehouse, folder):
    for name in ("compared_release_id", "first_at", "standard_error"):
        warehouse.execute(f"alter table publish_gates drop column {name}")
    rows_of_model(warehouse, serving_path=str(folder))
    first = served_id(folder)
    rows = "select * replace ('00000001-0000' as run_id, {} as compared_run_id, {} as evaluated_at) from publish_gates"
    warehouse.execute("update release_lists set list_id = '00000001' || substr(list_id, 9)")
    warehouse.execute("insert into publish_gates " + rows.format("'another'", "evaluated_at + interval 1 day"))
    with pytest.raises(RuntimeError, match="the gates compared these lists with another"):
        rows_of_model(warehouse, serving_path=str(folder))
    assert served_id(folder) == first
    warehouse.execute("update publish_gates set compared_run_id = 'abcdef12-0000' where run_id = '00000001-0000'")
    rows_of_model(warehouse, serving_path=str(folder))
    assert served_id(folder) != first


def test_model__a_hold_is_held_whatever_is_run(warehouse, folder):
    """`dbt run --select releases` evaluates no gate: an evaluation of before the rollback lets nothing through."""
    rows_of_model(warehouse, serving_path=str(folder))
    first = served_id(folder)
    second = next_run(warehouse, 1, compared_release_id=first)
    rows_of_model(warehouse, serving_path=str(folder))
    publishing.roll_back(folder, None, "me", "odd lists")
    for changes in ({}, {"gate": "rollback_hold", "is_overridden": True}):
        warehouse.execute("delete from publish_gates")
        next_run(warehouse, 1, compared_release_id=first, **changes)
        with pytest.raises(RuntimeError, match=r"me went back to release .*holds publication \(odd lists\)"):
            rows_of_model(warehouse, serving_path=str(folder))
        assert served_id(folder) == first
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=1)
    overridden = {"gate": "rollback_hold", "is_passed": False, "is_overridden": True, "evaluated_at": now}
    next_run(warehouse, 1, compared_release_id=first, **overridden)
    rows_of_model(warehouse, serving_path=str(folder))
    assert served_id(folder) == second and publishing.read_rollback(folder) is None


# PostgreSQL -----------------------------------------------------------------------------------------------------------


class Server:
    """A PostgreSQL server in a folder of its own, reached by a socket."""

    def __init__(self, folder, binaries):
        self.folder, self.binaries = folder, binaries
        # PostgreSQL refuses to run as root.
        self.user = NOBODY if os.geteuid() == 0 else None
        os.chmod(folder, 0o777)
        self.run("initdb", "-D", folder / "data", "-U", "kindred", "--no-sync", "-A", "trust")
        self.address = f"host={folder} user=kindred dbname=postgres"
        self.start()

    def run(self, name, *arguments):
        command = [self.binaries / name, *arguments]
        subprocess.run(command, check=True, capture_output=True, user=self.user, cwd=self.folder, timeout=60)

    def start(self):
        options = ["-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        command = [self.binaries / "postgres", "-D", self.folder / "data", *options]
        self.process = subprocess.Popen(command, user=self.user, cwd=self.folder, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with contextlib.suppress(Exception):
                return self.query("select 1")
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL doesn't start")

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def query(self, sql):
        import psycopg

        with psycopg.connect(self.address, options="-c search_path=kindred_serving") as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def tables(self):
        rows = self.query("select tablename from pg_tables where schemaname = 'kindred_serving'")
        return sorted(name for (name,) in rows)

    def version(self):
        [(items,)] = self.query("select items from lists where user_id = 'u000000'")
        [(release_id, n_lists)] = self.query("select release_id, n_lists from release")
        assert n_lists == N_LISTS and {item[0] for item in json.loads(items)} == {f"i{int(release_id[:8])}"}
        return int(release_id[:8])


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg", reason="no psycopg: pip install -r requirements-serving.txt")
    places = [Path(place) for place in os.environ["PATH"].split(":")] + sorted(
        Path("/usr/lib/postgresql").glob("*/bin")
    )
    binaries = next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)
    if binaries is None:
        pytest.skip("no PostgreSQL: neither initdb nor postgres is in PATH or /usr/lib/postgresql")
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder), binaries)
        yield server
        server.stop()


@pytest.fixture
def postgres(server):
    server.query("drop schema if exists kindred_serving cascade")
    return server


def load(server, version, tables=None):
    return publish_postgres(server.address, tables or tables_of(version), release_of(version))[:2]


def test_postgres__new_tables_take_the_place_of_the_old(postgres):
    load(postgres, 1)
    location, n_bytes = load(postgres, 2)
    assert postgres.version() == 2 and n_bytes > 0 and location.endswith("postgres, schema kindred_serving")
    assert postgres.tables() == sorted([*TABLES, "release"])
    assert postgres.query("select * from items") == [("i2", 1, "Müg", None, "b", 2.5, True, False, "")]
    load(postgres, 3)
    assert postgres.version() == 3
    with pytest.raises(RuntimeError, match="later than these lists"):
        load(postgres, 2)


def test_postgres__people_who_refuse_are_taken_out(postgres):
    assert list(from_postgres(postgres.address, Leaving(["u000000"]))) == []
    load(postgres, 1)
    removed = list(from_postgres(postgres.address, Leaving(["u000000", "u0", "ghost"])))
    assert removed == [("postgres", release_of(1)["release_id"], 1, 1)]
    assert postgres.query("select count(*), min(user_id) from lists") == [(N_LISTS - 1, "u000001")]
    assert postgres.query("select n_lists from release") == [(N_LISTS - 1,)]
    assert postgres.query("select count(*) from identities") == [(0,)]
    assert list(from_postgres(postgres.address, Leaving(["u000000"]))) == []
    # Of forgotten people the hashes may be all that is known; what `kindred forget` erases it counts again.
    forgotten = Leaving(["u000002"], frozenset([id_hash("key", "u000001"), id_hash("other", "u000003")]), "key")
    assert list(erase_postgres(postgres.address, forgotten)) == [("postgres", "kindred_serving", 2, 0)]
    assert postgres.query("select count(*), min(user_id) from lists") == [(N_LISTS - 3, "u000003")]


def people_in(postgres):
    """{table: number of its rows that are about a person}, of all tables in the schema."""
    tables = [name for name in postgres.tables() if name.removesuffix("_new").removesuffix("_old") in COLUMNS]
    return {name: postgres.query(f"select count(*) from {name}")[0][0] for name in tables}


def withdraw_by_model(connection, store, privacy, as_of=""):
    """The rows of the dbt model `withdrawals`, as tuples without the time."""
    connection.execute("create table if not exists refused_ids (identity_id varchar)")
    connection.execute("create table if not exists forgotten_ids (id_hash varchar, erased_at timestamp)")
    connection.execute("create or replace table forgotten_key as select 'key' as hash_key")
    meta = {"serving": {"store": store}, "privacy": privacy, "as_of": as_of}
    CURRENT.update(serving_path="", database=":memory:")
    rows = load_python_model("withdrawals").model(FakeDbt(connection, meta, "withdrawals"), connection)  # noqa: F841
    return connection.execute("select store, release_id, n_lists, n_identities from rows").fetchall()


def test_postgres__with_lists_for_segments_all_people_leave_and_only_lists_of_segments_come(
    warehouse, postgres, folder, monkeypatch
):
    monkeypatch.setenv("KINDRED_POSTGRES", postgres.address)
    segments = {"lists_for": "segments", "min_people": 5}
    assert withdraw_by_model(warehouse, "postgres", segments) == []
    [row] = rows_of_model(warehouse, store="postgres", serving_path=str(folder))
    # What a build that was killed left behind, before its swap and after it.
    postgres.query("create table lists_new as select * from lists")
    postgres.query("create table identities_old as select * from identities")
    everybody = {"lists": N_LISTS, "list_rules": 1, "identities": 1}
    assert people_in(postgres) == everybody | {"lists_new": N_LISTS, "identities_old": 1}
    assert withdraw_by_model(warehouse, "postgres", {}) == []
    assert withdraw_by_model(warehouse, "postgres", segments, as_of="2026-05-01") == []
    assert people_in(postgres)["lists"] == N_LISTS
    assert withdraw_by_model(warehouse, "postgres", segments) == [("postgres", row["release_id"], N_LISTS, 1)]
    assert people_in(postgres) == dict.fromkeys(everybody, 0)
    assert postgres.tables() == sorted([*TABLES, "release"])
    assert postgres.query("select release_id, n_lists from release") == [(row["release_id"], 0)]
    # What isn't about people is read on.
    assert postgres.query("select segment, fallback from segments") == [("", '[["i1",1.0,"popular"]]')]
    assert withdraw_by_model(warehouse, "postgres", segments) == []

    next_run(warehouse, 1, compared_release_id=row["release_id"])
    for table in everybody:
        warehouse.execute(f"delete from release_{table}")
    warehouse.execute("create or replace table fallback_recommendations as select '00000001-0000' as run_id")
    [row] = rows_of_model(warehouse, store="postgres", serving_path=str(folder), lists_for="segments")
    assert postgres.query("select release_id, n_lists from release") == [(row["release_id"], 1)] and row["n_lists"] == 1
    assert people_in(postgres) == dict.fromkeys(everybody, 0)


def test_postgres__people_leave_when_no_other_build_publishes(postgres):
    load(postgres, 1)
    tables = tables_of(2)

    def lists():
        with pytest.raises(RuntimeError, match="another build is publishing to this PostgreSQL"):
            list(from_postgres(postgres.address, Leaving(is_everyone=True)))
        yield from tables["lists"]

    load(postgres, 2, tables | {"lists": lists()})
    assert postgres.version() == 2
    # Its lock ends with its transaction: the publication that comes next doesn't wait for the connection to go.
    list(from_postgres(postgres.address, Leaving(is_everyone=True)))
    load(postgres, 3)
    assert postgres.version() == 3


def test_postgres__goes_away_in_the_middle(postgres):
    load(postgres, 1)
    tables = tables_of(2)

    def lists():
        yield next(tables["lists"])
        postgres.stop()
        yield from tables["lists"]

    with pytest.raises(RuntimeError, match="can't be loaded into PostgreSQL: .* What apps read is as it was"):
        load(postgres, 2, tables | {"lists": lists()})
    with pytest.raises(RuntimeError, match="can't be loaded into PostgreSQL"):
        load(postgres, 2)
    postgres.start()
    assert postgres.version() == 1
    # What a dead build left, before its swap or after it, goes with the next.
    postgres.query("create table items_old (id int)")
    assert {"lists_new", "items_old"} <= set(postgres.tables())
    load(postgres, 3)
    assert postgres.version() == 3 and postgres.tables() == sorted([*TABLES, "release"])


def load_for_ever(address, version, gate):
    tables = tables_of(version)

    def lists():
        yield next(tables["lists"])
        gate.set()
        time.sleep(600)

    publish_postgres(address, tables | {"lists": lists()}, release_of(version))


def test_postgres__the_build_is_killed_in_the_middle(postgres):
    load(postgres, 1)
    processes = multiprocessing.get_context("fork")
    gate = processes.Event()
    build = processes.Process(target=load_for_ever, args=(postgres.address, 2, gate))
    build.start()
    assert gate.wait(60) and build.is_alive()
    with pytest.raises(RuntimeError, match="another build is publishing to this PostgreSQL"):
        load(postgres, 3)
    os.kill(build.pid, signal.SIGKILL)
    build.join()
    assert postgres.version() == 1
    # Its lock goes with its connection, which the server notices in its own time.
    for _ in range(200):
        if not postgres.query("select 1 from pg_stat_activity where application_name = 'kindred'"):
            break
        time.sleep(0.05)
    load(postgres, 3)
    assert postgres.version() == 3 and postgres.tables() == sorted([*TABLES, "release"])


def test_postgres__two_builds_and_a_reader_that_holds_on(postgres, monkeypatch):
    import psycopg

    monkeypatch.setattr(postgres_module.time, "sleep", lambda seconds: None)
    load(postgres, 1)
    tables = tables_of(2)

    def lists():
        with pytest.raises(RuntimeError, match="another build is publishing to this PostgreSQL"):
            load(postgres, 3)
        yield from tables["lists"]

    load(postgres, 2, tables | {"lists": lists()})
    with psycopg.connect(postgres.address) as reader:
        reader.execute("select count(*) from kindred_serving.lists")
        with pytest.raises(RuntimeError, match="lock timeout"):
            load(postgres, 4)
        assert postgres.version() == 2
    load(postgres, 4)
    assert postgres.version() == 4


def test_postgres__needs_an_address(warehouse, folder, monkeypatch):
    monkeypatch.delenv("KINDRED_POSTGRES", raising=False)
    with pytest.raises(RuntimeError, match="set KINDRED_POSTGRES to the server's address"):
        rows_of_model(warehouse, store="postgres", serving_path=str(folder))


def test_postgres__what_is_served_is_compared_with_there_too(warehouse, postgres, folder, monkeypatch):
    monkeypatch.setenv("KINDRED_POSTGRES", postgres.address)
    rows_of_model(warehouse, store="postgres", serving_path=str(folder))
    served = folder / "served.json"
    before = json.loads(served.read_text(encoding="utf-8"))
    assert before["run_id"] == "abcdef12-0000" and before["measures"][0]["measure"] == 400
    served.unlink()
    next_run(warehouse, 1)
    with pytest.raises(RuntimeError, match="the gates compared these lists with no release"):
        rows_of_model(warehouse, store="postgres", serving_path=str(folder))
    assert postgres.query("select run_id from release") == [("abcdef12-0000",)]
    assert json.loads(served.read_text(encoding="utf-8")) == before
    warehouse.execute("update publish_gates set compared_release_id = ?", [before["release_id"]])
    rows_of_model(warehouse, store="postgres", serving_path=str(folder))
    assert postgres.query("select run_id from release") == [("00000001-0000",)]
    next_run(warehouse, 2, compared_release_id=json.loads(served.read_text(encoding="utf-8"))["release_id"])
    warehouse.execute("delete from release_lists")
    with pytest.raises(RuntimeError, match="has no lists"):
        rows_of_model(warehouse, store="postgres", serving_path=str(folder))


def test_postgres__a_release_without_lists_is_not_swapped_in(postgres):
    load(postgres, 1)
    with pytest.raises(RuntimeError, match="has no lists"):
        load(postgres, 2, tables_of(2) | {"lists": iter(())})
    assert postgres.version() == 1


def test_postgres__by_the_model(warehouse, postgres, folder, monkeypatch):
    monkeypatch.setenv("KINDRED_POSTGRES", postgres.address)
    [row] = rows_of_model(warehouse, store="postgres", serving_path=str(folder))
    assert (row["store"], row["n_lists"]) == ("postgres", N_LISTS)
    assert postgres.query("select run_id, n_lists from release") == [("abcdef12-0000", N_LISTS)]


def test_batches_of__packs_vectors():
    """Rows by key; an item without a vector stays between others with theirs."""
    with duckdb.connect() as connection:
        connection.execute("create table texts (item_id text, description text, attributes text, vector text)")
        rows = [("c", "x", None, "[0.5,-0.25]"), ("a", None, None, "[1,0]"), ("b", "y", "{}", None)]
        connection.executemany("insert into texts values (?, ?, ?, ?)", rows)
        [batch] = batches_of(connection.table("texts"), TABLES["item_texts"])
    found = {row["item_id"]: row for row in batch.to_pylist()}
    assert [*found] == ["a", "b", "c"] and found["b"]["vector"] is None and found["c"]["description"] == "x"
    assert unpacked(found["a"]["vector"]).tolist() == [1, 0] and unpacked(found["c"]["vector"]).tolist() == [0.5, -0.25]
