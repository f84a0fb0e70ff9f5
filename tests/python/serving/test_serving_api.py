"""The HTTP service: what it answers, what it refuses, and that nothing sent to it makes it fail."""

import contextlib
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import REPOSITORY
from serving_worlds import ITEMS, NEW, OLD, old_shape, random_world, write_release
from skips import OTHER_SYSTEM

pytest.importorskip("fastapi", reason="pip install -r requirements-serving.txt")
pytest.importorskip("schemathesis", reason="pip install -r requirements-dev.txt")
import hypothesis
import schemathesis
from hypothesis import strategies
from starlette.testclient import TestClient

from kindred.cli import make_parser
from kindred.serving import Store
from kindred.serving.api import MAX_BODY_BYTES, create_app

FIELDS = {
    "rank",
    "item_id",
    "title",
    "category",
    "price",
    "score",
    "generator",
    "reason",
    "because_item_id",
    "propensity",
}


@pytest.fixture(scope="module")
def world():
    return random_world(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, world):
    folder = tmp_path_factory.mktemp("api") / "shop_serving"
    write_release(folder, world, OLD)
    return folder


@pytest.fixture(scope="module")
def client(folder):
    # An error inside is a 500 here too, not an exception in the test.
    return TestClient(create_app(folder), raise_server_exceptions=False)


def item_ids(answer):
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def test_every_list_says_what_it_is(client):
    answers = {
        "p": client.get("/recommendations/u1?n=3"),
        "f": client.get("/recommendations/nobody?n=3"),
        "s": client.post("/session", json={"items": ["i001", "i002"], "n": 3}),
        "i": client.get("/similar-items/i001?n=3"),
        "b": client.get("/bundles/i001?n=3"),
        "t": client.get("/trending?n=3&segment=DE"),
        "r": client.post("/rerank", json={"items": ITEMS[:3], "user_id": "u1"}),
    }
    for kind, answer in answers.items():
        found = answer.json()
        assert answer.status_code == 200 and found["release_id"] == OLD
        assert re.fullmatch(rf"aaaaaaaa-{kind}-[0-9a-z]{{16}}", found["list_id"])
        assert kind == "b" or len(found["items"]) == 3
        assert all(item.keys() >= FIELDS for item in found["items"])
        assert [item["rank"] for item in found["items"]] == list(range(1, len(found["items"]) + 1))


def test_search(client, folder):
    """The answer of the store; the person by any id, and no copy of it is kept."""
    for given in ({}, {"user_id": "phone"}, {"segment": "DE"}):
        answer = client.get("/search", params={"q": "title of i00", "n": 5} | given)
        found = answer.json()
        own = Store(folder).search("title of i00", given.get("user_id"), 5, given.get("segment"))
        assert answer.status_code == 200 and len(found["items"]) == 5
        assert re.fullmatch(r"aaaaaaaa-q-[0-9a-z]{16}", found["list_id"])
        assert found | {"list_id": ""} == own | {"list_id": ""}
        assert answer.headers["cache-control"] == "no-store" and "etag" not in answer.headers
    assert found["method"] == "words" and found["why_words_alone"].startswith("the release has no vectors")
    nothing = client.get("/search?q=zeppelin").json()
    assert nothing["items"] == [] and nothing["read_as"] == {"zeppelin": []}
    assert 'kindred_empty_lists_total{route="/search"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    "asked",
    ["", "q=", "q=%20%20", "q=a%00b", "q=" + "x" * 201, "q=tea&n=0", "q=tea&n=101", "q=tea&user_id=", "q=tea&user=u1"],
)
def test_search__what_is_out_of_limits_is_refused_with_a_reason(client, asked):
    answer = client.get(f"/search?{asked}")
    assert answer.status_code == 422 and answer.json()["detail"]


def test_margin_of_a_bundle_stays_inside(client, world):
    [item, *_] = [item for item, page in world["item_pages"].items() if page["bundles"]]
    [bundle] = client.get(f"/bundles/{item}").json()["items"]
    assert bundle["lift"] == 2.0 and not [name for name in bundle if "margin" in name]


def test_filters_and_exclusions(client, world):
    cheap_tea = {"filters": {"categories": ["tea"], "price_max": 10}, "exclude": ["i003"]}
    found = item_ids(client.post("/session", json={"items": ["i001"], "n": 50, **cheap_tea}))
    again = item_ids(client.get("/recommendations/nobody?n=50&category=tea&price_max=10&exclude=i003&exclude=i001"))
    assert found and set(found) == set(again)
    for item in found:
        assert world["items"][item]["category"] == "tea" and world["items"][item]["price"] <= 10
    assert not {"i001", "i003"} & set(found)


@pytest.mark.parametrize(
    "body",
    [
        {"items": ["i001"], "n": 0},
        {"items": ["i001"], "n": 101},
        {"items": ["x" * 201]},
        {"items": [""]},
        {"items": ["a\0b"]},
        {"items": ["i001"] * 201},
        {"items": [1]},
        {"items": ["i001"], "filters": {"price_min": -1}},
        {"items": ["i001"], "filters": {"price_min": float("nan")}},
        {"items": ["i001"], "filters": {"price_max": float("inf")}},
        {"items": ["i001"], "filters": {"category": "tea"}},
        {"items": ["\ud800"]},
        {"items": ["i001"], "unknown": 1},
        {},
        [],
        None,
        "i001",
    ],
    ids=repr,
)
def test_what_is_out_of_limits_is_refused_with_a_reason(client, body):
    answer = client.post("/session", content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 422 and answer.json()["detail"]


def messages(answer):
    assert answer.status_code == 422, answer.text
    return [" ".join([".".join(map(str, one["loc"])), one["msg"]]) for one in answer.json()["detail"]]


@pytest.mark.parametrize(
    ("path", "parameter", "known"),
    [
        ("/recommendations/u1?categories=books", "categories", "category, exclude, in_stock, n, offset, price_max"),
        ("/similar-items/i001?offset=3", "offset", "user_id"),
        ("/trending?n=3&limit=5", "limit", "segment"),
        ("/history/u1?n=3", "n", "none"),
        ("/release?id=x", "id", "none"),
    ],
)
def test_an_unknown_parameter_is_refused_and_the_known_ones_are_named(client, path, parameter, known):
    [message] = messages(client.get(path))
    assert message.startswith(f"query.{parameter} is not known here; known are:") and known in message


def test_the_demonstration_page_takes_any_link(client):
    assert client.get("/?campaign=spring").status_code == 200


def test_an_unknown_name_in_a_body_is_refused_and_the_known_ones_are_named(client):
    [message] = messages(client.post("/session", json={"items": [], "filter": {}}))
    assert message == (
        "body.filter is not known here; known are: exclude, filters, items, n, offset, release, segment, user_id"
    )
    [message] = messages(client.post("/session", json={"items": [], "filters": {"category": ["tea"]}}))
    assert message == ("body.filters.category is not known here; known are: categories, in_stock, price_max, price_min")
    [message] = messages(client.post("/rerank?n=3", json={"items": ["i001"]}))
    assert message == "query.n is not known here; known are: none"


def test_categories_in_any_case_and_those_that_nobody_has(client):
    plain = client.get("/recommendations/u1?n=50&category=tea").json()
    assert plain["items"] and "unknown_categories" not in plain
    for name in ("Tea", "%20tEA%20"):
        assert client.get(f"/recommendations/u1?n=50&category={name}").json()["items"] == plain["items"]
    mixed = client.get("/recommendations/u1?n=50&category=tea&category=Tee").json()
    assert mixed["items"] == plain["items"] and mixed["unknown_categories"] == ["Tee"]
    alone = client.post("/session", json={"items": ["i001"], "filters": {"categories": ["Tee"]}}).json()
    assert alone["items"] == [] and alone["unknown_categories"] == ["Tee"]
    assert client.get("/categories").json()["categories"] == ["books", "sport", "tea"]


def test_a_release_of_an_earlier_version_is_no_server_error(tmp_path, world):
    folder = tmp_path / "shop_serving"
    old_shape(write_release(folder, world, OLD))
    client = TestClient(create_app(folder), raise_server_exceptions=False)
    for path in ("/recommendations/u1", "/recommendations/nobody?category=tea", "/similar-items/i001", "/bundles/i001"):
        assert client.get(path).status_code == 200
    for path in ("/trending", "/history/u1", "/people", "/categories", "/health", "/release", "/metrics"):
        assert client.get(path).status_code == 200
    assert len(client.get("/recommendations/nobody").json()["items"]) == 20
    assert client.post("/session", json={"items": ["i001"], "user_id": "u1"}).json()["items"]
    assert client.post("/rerank", json={"items": ITEMS[:3]}).status_code == 200


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "\xff", ""])
def test_no_json_is_refused(client, text):
    answer = client.post("/session", content=text.encode("latin-1"), headers={"content-type": "application/json"})
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["body"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_called_json_is_refused(client, media_type):
    """A page of another site can make a browser send such bodies, but none that is called JSON."""
    answer = client.post("/session", content=b'{"items": []}', headers={"content-type": media_type})
    assert answer.status_code == 422 and answer.json()["detail"][0]["msg"] == "must be application/json"
    answer = client.post(
        "/session", content=b'{"items": []}', headers={"content-type": "Application/JSON; charset=utf-8"}
    )
    assert answer.status_code == 200


def test_a_body_beyond_the_limit_is_refused(client):
    def pieces():
        for _ in range(MAX_BODY_BYTES // 1000 + 2):
            yield b" " * 1000

    for content in (b" " * (MAX_BODY_BYTES + 1), pieces()):
        answer = client.post("/session", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 413 and str(MAX_BODY_BYTES) in answer.json()["detail"]


def test_ids_may_hold_anything_but_nul(client):
    for name in ("a/b", "ü", "%", "?", "' or 1=1 --", "..", "x" * 200):
        assert client.get(f"/recommendations/{urllib.request.quote(name, safe='')}?n=3").status_code == 200
    assert client.get("/recommendations/a%00b").status_code == 422
    assert client.get("/recommendations/").status_code == 422


def test_text_like_sql_changes_nothing(client, folder):
    path = folder / "releases" / f"{OLD}.sqlite"
    before = hashlib.md5(path.read_bytes()).hexdigest()
    plain = item_ids(client.post("/session", json={"items": ["i001"], "user_id": "u1"}))
    evil = "i001'); drop table lists; update items set price = 0; --"
    for body in (
        {"items": [evil, "i001"], "user_id": "u1"},
        {"items": ["i001"], "user_id": "u1", "exclude": [evil, '"]}', "%"]},
        {"items": ["i001"], "user_id": "u1", "segment": evil},
    ):
        assert item_ids(client.post("/session", json=body)) == plain
    assert item_ids(client.get("/recommendations/u1", params={"category": "tea' or '1'='1"})) == []
    assert hashlib.md5(path.read_bytes()).hexdigest() == before


def test_etag_paging_and_a_new_release(tmp_path):
    folder = tmp_path / "shop_serving"
    write_release(folder, random_world(1), OLD)
    client = TestClient(create_app(folder))
    first = client.get("/recommendations/u1?n=40")
    tag = {"If-None-Match": first.headers["etag"]}
    assert client.get("/recommendations/u1?n=40", headers=tag).status_code == 304
    write_release(folder, random_world(2), NEW)
    assert client.get("/release").json()["release_id"] == NEW
    changed = client.get("/recommendations/u1?n=40", headers=tag)
    assert changed.status_code == 200 and changed.json()["release_id"] == NEW
    page = client.get(f"/recommendations/u1?n=20&offset=20&release={OLD}")
    assert item_ids(page) == item_ids(first)[20:]
    (folder / "releases" / f"{OLD}.sqlite").unlink()
    gone = TestClient(create_app(folder)).get(f"/recommendations/u1?release={OLD}")
    assert gone.status_code == 410 and "not kept" in gone.json()["detail"]
    assert client.get("/recommendations/u1?release=../../etc/passwd").status_code == 410


def test_without_a_release_503_until_there_is_one(tmp_path):
    folder = tmp_path / "shop_serving"
    client = TestClient(create_app(folder))
    for route in ("/health", "/recommendations/u1", "/release", "/trending"):
        answer = client.get(route)
        assert answer.status_code == 503 and "dbt build" in answer.json()["detail"]
    assert client.get("/metrics").status_code == 200
    write_release(folder, random_world(1), OLD)
    assert client.get("/health").json() == {"status": "ok", "release_id": OLD}


def test_metrics(folder):
    client = TestClient(create_app(folder))
    client.get("/recommendations/u1")
    client.get("/recommendations/u1?category=nothing")
    client.get("/nowhere/u1")
    client.get("/recommendations/u1?n=0")
    said = client.get("/metrics").text
    route = 'route="/recommendations/{user_id:path}"'
    assert f'kindred_request_seconds_count{{{route},status="200"}} 2.0' in said
    assert f'kindred_request_seconds_count{{{route},status="422"}} 1.0' in said
    assert 'kindred_request_seconds_count{route="other",status="404"} 1.0' in said
    assert f"kindred_empty_lists_total{{{route}}} 1.0" in said
    assert f'kindred_release_info{{release_id="{OLD}"}} 1.0' in said


def test_answers_keep_to_their_schema(client):
    """FastAPI doesn't check what goes out as it is; so the documentation is held to it here."""
    import jsonschema

    schema = client.get("/openapi.json").json()
    cases = [
        ("get", "/recommendations/{user_id}", client.get("/recommendations/u1")),
        ("post", "/session", client.post("/session", json={"items": ["i001"], "user_id": "u1"})),
        ("get", "/similar-items/{item_id}", client.get("/similar-items/i001")),
        ("get", "/bundles/{item_id}", client.get("/bundles/i001")),
        ("get", "/trending", client.get("/trending")),
        ("post", "/rerank", client.post("/rerank", json={"items": ITEMS})),
        ("get", "/history/{user_id}", client.get("/history/u1")),
        ("get", "/people", client.get("/people")),
        ("get", "/categories", client.get("/categories")),
        ("get", "/recommendations/{user_id}", client.get("/recommendations/u1?category=nothing")),
        ("get", "/release", client.get("/release")),
        ("get", "/health", client.get("/health")),
    ]
    for method, path, answer in cases:
        content = schema["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), content | {"components": schema["components"]})


# Hostile input


def hostile(client, n_examples):
    """Cases made from the OpenAPI document, valid and not: no answer may be a 5xx."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    seen = []
    strategy = strategies.one_of(
        operation.ok().as_strategy(generation_mode=mode)
        for operation in schema.get_all_operations()
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    )

    @hypothesis.settings(
        max_examples=n_examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=strategy)
    def no_server_error(case):
        answer = case.call()
        seen.append(answer.status_code)
        assert answer.status_code < 500, (case.method, case.formatted_path, case.query, case.body)

    no_server_error()
    assert seen.count(200) > len(seen) / 20 and len(set(seen)) > 1
    return seen


def test_hostile_input_is_no_server_error(client):
    assert len(hostile(client, 300)) >= 250


@pytest.mark.slow
def test_thousands_of_hostile_inputs_are_no_server_error(client):
    assert len(hostile(client, 6000)) > 4000


# The process


def test_listens_on_this_machine_alone_unless_told():
    assert make_parser().parse_args(["serve"]).host == "127.0.0.1"
    assert make_parser().parse_args(["serve", "--host", "0.0.0.0"]).host == "0.0.0.0"


@contextlib.contextmanager
def running(folder, *arguments):
    """`kindred serve` on a free port, which is given, until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "kindred.cli", "serve", "--folder", folder, "--port", str(port), *arguments]
    server = subprocess.Popen(command, cwd=REPOSITORY)
    try:
        for _ in range(200):
            try:
                assert get(port, "/health")["release_id"] == OLD
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.1)
        else:
            pytest.fail("the service didn't start within 20 s")
        yield port
    finally:
        server.terminate()
        server.wait(10)


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return json.load(answer)


def test_the_process_serves_on_loopback_and_nowhere_else(folder):
    with running(folder, "--workers", "1") as port:
        # 127.0.0.2 is this machine too, but another address: who listens on all addresses answers there.
        if os.uname().sysname == "Linux":
            with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=2):
                pass


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason=f"{OTHER_SYSTEM}: processes can't share a port")
def test_processes_share_the_work_and_add_up_what_they_count(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where they count
    route = 'route="/recommendations/{user_id:path}"'
    with running(folder, "--workers", "2") as port:
        n_requests = 0
        # Each connection is new, and goes to either; the second process may still be starting.
        while len(list(tmp_path.glob("*/histogram_*.db"))) < 2 or n_requests < 20:
            assert n_requests < 2000, "one process was given every connection"
            assert get(port, "/recommendations/u1")["release_id"] == OLD
            n_requests += 1
        counted = f'kindred_request_seconds_count{{{route},status="200"}} {n_requests}.0'
        # A process counts a request after it has answered.
        for _ in range(50):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                said = answer.read().decode()
            if counted in said:
                break
            time.sleep(0.1)
        command = [sys.executable, "-m", "kindred.cli", "serve", "--folder", folder, "--port", str(port)]
        second = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert counted in said
    assert said.count(f'kindred_release_info{{release_id="{OLD}"}} 1.0') == 1
    assert second.returncode == 1 and f"127.0.0.1:{port} can't be listened on" in second.stderr
    assert list(tmp_path.iterdir()) == []
