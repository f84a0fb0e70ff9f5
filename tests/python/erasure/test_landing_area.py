"""The landing area of a stream, without a person who is to be forgotten."""

import json
import os
import subprocess
import sys

import duckdb
import pytest
import yaml
from conftest import NO_TESTS, REPOSITORY, run_dbt

MARKER = "FORGETME-7xyz"
SIMILAR = "FORGETME-7xy"
TRACKERS = {"kindred__trackers": {"stream": "landing"}}


def message(number, person, **cells):
    device = {"anonymousId": f"{person}-phone"} if number % 2 else {"userId": person, "anonymousId": f"{person}-phone"}
    event = {"type": "track", "event": "Product Viewed", "messageId": f"m{number}"} | device
    event |= {"timestamp": f"2026-05-{number % 28 + 1:02}T10:00:00Z", "properties": {"product_id": f"i{number % 5}"}}
    return json.dumps(event | cells)


@pytest.fixture
def shop(tmp_path):
    """A folder with a file of Kafka Connect and one of kindred's own, landed and built."""
    people = [MARKER, SIMILAR, "person-01", "person-02"]
    lines = [message(number, people[number % 4]) for number in range(40)]
    lines += ["broken " + MARKER, "", message(41, "person-01", note=f"friend of {MARKER}!")]
    folder = tmp_path / "landing"
    folder.mkdir()
    (folder / "web+0+0000000000.json").write_text("".join(f"{line}\n" for line in lines))
    own = [{"offset": 5 * place, "timestamp": 1777629600000, "payload": line} for place, line in enumerate(lines)]
    (folder / "app+0+0000000000.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own))
    profiles = yaml.safe_load((REPOSITORY / "profiles.yml").read_text(encoding="utf-8"))
    profiles["kindred"]["outputs"]["duckdb"]["settings"] = {"force_compression": "uncompressed"}
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/profiles.yml").write_text(yaml.safe_dump(profiles), encoding="utf-8")

    def kindred(*arguments, **options):
        command = [sys.executable, "-m", "kindred.cli", *map(str, arguments)]
        command += ["--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")]
        environment = {"KINDRED_DUCKDB_PATH": str(tmp_path / "shop.duckdb")}
        environment |= {"DBT_PROFILES_DIR": str(tmp_path / "profiles"), "KINDRED_SERVING_PATH": str(tmp_path / "none")}
        done = subprocess.run(
            [*command, "--vars", json.dumps(TRACKERS)],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            **options,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    kindred("land", "files", "--folder", folder)
    result = run_dbt(
        *("build", *NO_TESTS, "--select", "+identities", "+tracker_report", "forget_log"),
        profiles=tmp_path / "profiles",
        target=tmp_path / "target",
        database=tmp_path / "shop.duckdb",
        settings=TRACKERS,
    )
    assert result.returncode == 0, result.output
    kindred.path = tmp_path
    return kindred


def occurrences(path, text):
    return sum(file.read_bytes().count(text.encode()) for file in path.rglob("*") if file.is_file())


@pytest.mark.slow
def test_messages_become_tombstones(shop):
    folder, database = shop.path / "landing", shop.path / "shop.duckdb"
    similar = occurrences(folder, SIMILAR) - occurrences(folder, MARKER)
    assert occurrences(folder, MARKER) > 40 and similar > 15
    assert database.read_bytes().count(MARKER.encode()) > 20
    printed = shop("forget", "-", input=f"{MARKER}-phone\n")
    assert "proof: nothing is left" in printed and "landing.landed_events" in printed and str(folder) in printed
    assert occurrences(folder, MARKER) == 0 and database.read_bytes().count(MARKER.encode()) == 0
    assert occurrences(folder, SIMILAR) == similar
    with duckdb.connect(database, read_only=True) as connection:
        rows = connection.sql(
            'select topic, "offset", payload is null from landing.landed_events order by all'
        ).fetchall()
    # Ten messages, the broken one and the one that tells of a friend; an empty line was one before.
    for topic, step in (("app", 5), ("web", 1)):
        assert [row[1] for row in rows if row[0] == topic] == [step * place for place in range(43)]
        assert [row[1] // step for row in rows if row[0] == topic and row[2]] == [
            *range(0, 40, 4), 40, *([41] if topic == "web" else []), 42,
        ]  # fmt: skip
    # What was landed stays landed, also under another name.
    (folder / "again").mkdir()
    for file in list(folder.glob("*.json*")):
        (folder / "again" / file.name).write_bytes(file.read_bytes())
    printed = shop("land", "files", "--folder", folder)
    assert "0 messages of 2 files were landed, 86 were there already; 2 files are known" in printed
