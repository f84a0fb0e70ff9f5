"""The lines that the service writes: one per list, without a person in it, and the table that builds make of them."""

import json
import re

import numpy as np
import pytest
from conftest import run_dbt
from released_shop import shop_copy
from serving_worlds import OLD, random_world, write_release

pytest.importorskip("fastapi", reason="pip install -r requirements-serving.txt")
from starlette.testclient import TestClient

from kindred.serving import request_log
from kindred.serving.api import create_app


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log") / "shop_serving"
    write_release(folder, random_world(1), OLD)
    return folder


@pytest.fixture
def client(folder, tmp_path, monkeypatch):
    monkeypatch.setenv(request_log.FOLDER, str(tmp_path / "lines"))
    return TestClient(create_app(folder), raise_server_exceptions=False)


def lines(tmp_path):
    return [json.loads(line) for path in (tmp_path / "lines").glob("*.jsonl") for line in path.open(encoding="utf-8")]


def test_a_line_for_each_list_and_nobody_in_it(client, tmp_path):
    for path in (
        "/recommendations/someone@example.org",
        "/similar-items/i007",
        "/trending?segment=s0",
        "/assign/someone",
        "/search?q=title",
    ):
        assert client.get(path).status_code == 200
    assert client.post("/session", json={"items": ["i001"], "user_id": "someone"}).status_code == 200
    assert client.get("/trending?category=nothing").status_code == 200
    assert client.get("/recommendations/u1?n=1000").status_code == 422
    for path in ("/metrics", "/health", "/", "/nowhere"):
        client.get(path)
    found = lines(tmp_path)
    assert [(line["endpoint"], line["status"], line["is_empty"]) for line in found] == [
        ("/recommendations", 200, False),
        ("/similar-items", 200, False),
        ("/trending", 200, False),
        ("/assign", 200, False),
        ("/search", 200, False),
        ("/session", 200, False),
        ("/trending", 200, True),
        ("/recommendations", 422, False),
    ]
    assert [line["release"] for line in found] == [OLD] * 7 + [None]
    assert all(0 < line["ms"] < 1000 for line in found)
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["answered_at"]) for line in found)
    assert not re.search("someone|u1|i00", json.dumps(found))


def test_without_a_folder_nothing_is_written(folder, tmp_path, monkeypatch):
    monkeypatch.delenv(request_log.FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    assert TestClient(create_app(folder)).get("/trending").status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_files_change_with_the_day_and_old_ones_go(tmp_path, monkeypatch):
    moment = 20_000 * request_log.DAY + 5
    monkeypatch.setattr(request_log.time, "time", lambda: moment)
    (tmp_path / "requests-mine.jsonl").touch()
    log = request_log.RequestLog(tmp_path)
    for _ in range(10):
        log.write("/session", 200, 0.001, "r", False)
        log.write("/session", 200, 0.001, "r", False)
        moment += request_log.DAY
    # Day 20,000 is 2024-10-04, the last one the 13th: it and seven days before, and what isn't the log's.
    names = sorted(path.name[:19] for path in tmp_path.iterdir())
    assert names == [f"requests-2024-10-{day:02}" for day in range(6, 14)] + ["requests-mine.jsonl"]
    assert all(len(path.read_text().splitlines()) == 2 for path in tmp_path.glob("requests-2*"))


def test_a_full_disk_costs_lines_and_no_answer(client, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(request_log.os, "write", full)
    assert client.get("/trending").status_code == 200


@pytest.mark.slow
def test_service_levels__of_what_the_service_wrote(client, sample_shop, tmp_path):
    """Percentiles by nearest rank; a line in pieces is passed over; the gate stops where it is on."""
    for number in range(120):
        assert client.get(f"/recommendations/u{number}").status_code == 200
    client.get("/trending?category=nothing")
    found = lines(tmp_path)
    [path] = (tmp_path / "lines").glob("*.jsonl")
    with path.open("a", encoding="utf-8") as file:
        file.write('{"answered_at":"2026-05-01T06:0')
    shop = shop_copy(sample_shop, tmp_path / "shop")
    settings = {"kindred__serving": {"request_log": str(tmp_path / "lines"), "p99_ms": 1e9}}
    arguments = {"target": shop.targets, "database": shop.database}
    select = ("build", "--exclude-resource-type", "unit_test", "--select")
    for _ in range(2):
        result = run_dbt(*select, "service_levels", settings=settings, **arguments)
        assert result.returncode == 0, result.output
    rows = shop.query("select * exclude (day) from service_levels order by endpoint")
    taken = np.array([line["ms"] for line in found if line["endpoint"] == "/recommendations"])
    percentiles = np.quantile(taken, [0.5, 0.95, 0.99], method="inverted_cdf")
    assert rows[0] == (OLD, "/recommendations", 120, *percentiles, 0, 0, True)
    assert rows[1][:3] == (OLD, "/trending", 1) and rows[1][6:] == (1, 0, True)

    # The lines are gone: the day stays. The gate reads what earlier builds found.
    path.unlink()
    bound = {"kindred__gates": {"latency": 0.001}}
    result = run_dbt(*select, "service_levels", "publish_gates", settings=settings | bound, **arguments)
    assert result.returncode != 0
    assert len(shop.query("from service_levels")) == 2
    assert "99th percentile of the time in which the slowest endpoint answered" in result.text
    assert "; /recommendations; compared with release" in result.text
