"""A shop's own writer of reasons: what it may say, and what a service does where it lies, fails or hangs."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from serving_worlds import NEW, OLD, random_world, write_release

from kindred import cli
from kindred.serving import Store
from kindred.serving.reason_writer import (
    FAILED,
    N_THREADS,
    REFUSED,
    WRITTEN,
    Facts,
    Names,
    Writer,
    check,
    load,
)

CATALOGUE = Names(
    [
        "Trail Running Vest 8 L",
        "GPS Sports Watch Coral",
        "Espresso Maker Duo",
        "Fellstrider",
        "Lumo",
        "On",
        "ASICS",
        "7",
    ]
)
FACTS = Facts(
    language="en",
    reason="your_history",
    title="Trail Running Vest 8 L",
    category="Sport & Outdoor",
    brand="Fellstrider",
    price=1294.5,
    because_title="GPS Sports Watch Coral",
    sentence="because you liked GPS Sports Watch Coral",
)
GERMAN = replace(FACTS, language="de", sentence="weil Ihnen GPS Sports Watch Coral gefallen hat")


@pytest.mark.parametrize(
    "text",
    [
        FACTS.sentence,
        "Carries 8 L on the trail, and goes with the GPS Sports Watch Coral that you liked",
        "Fellstrider's vest for runners like you. It sits well on any trail for 1,294.50 EUR.",
        "I would run with it, EUR 1294.50",
        "It costs €1294.5 and sits well",
        "costs 1’294.50 CHF or 1 294,50 CHF or 1.294,50 CHF",
        "from “Sport & Outdoor”, like your 'GPS Sports Watch Coral'",
        "light, and on your list since you looked at a watch",
        " Trail Running Vest 8 L: made to run ",
    ],
)
def test_what_may_be_said(text):
    assert check(text, FACTS, CATALOGUE) is None


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        ("not_text", None),
        ("not_text", b"because you liked it"),
        ("empty", " \n"),
        ("too_long", "because " + "you liked it " * 16),
        ("control", "because you\nliked it"),
        ("control", "because you \u202eliked it"),
        ("control", "because you liked\x00 it"),
        ("control", "because\u200b you liked it"),
        ("markup", "because you <b>liked</b> it"),
        ("markup", "because you **liked** it"),
        ("markup", "fish &amp; chips"),
        ("markup", "look at [this"),
        ("link", "look at https://example.org"),
        ("link", "look at example.org for more"),
        ("link", "look at //x"),
        ("link", "write to me@shop"),
        ("number", "for 1,295.50 EUR only"),
        ("number", "now 20 % off"),
        ("number", "saves ½ of your time"),
        # A number of the facts that is no price.
        ("number", "for only 8 €"),
        ("number", "for only EUR 8"),
        ("number", "for $8"),
        ("number", "in 2024 everybody wants it"),
        ("number", "for １２ people"),
        ("quote", "like “the best of all”"),
        ("quote", "wie „das Beste“"),
        ("quote", "comme « le meilleur »"),
        ("quote", "like 'the best'"),
        # Another item, another brand, in any case; a part of a name with capitals.
        ("name", "goes with the Espresso Maker Duo"),
        ("name", "goes with the espresso maker duo"),
        ("name", "made by Lumo"),
        ("name", "Lumo makes it"),
        ("name", "made by Asics, as you like it"),
        ("name", "On makes it"),
        ("name", "loved by Nike fans"),
        ("name", "your iPhone likes it"),
        ("name", "as seen in the Times"),
    ],
)
def test_what_may_not_be_said(cause, text):
    assert check(text, FACTS, CATALOGUE) == cause


def test_german_nouns_are_no_names():
    """With their capitals, so that names outside the catalogue aren't seen there: as documented."""
    good = "passt zu Ihrem Lauf: Die Weste von Fellstrider trägt 8 L und kostet 1.294,50 €"
    assert check(good, GERMAN, CATALOGUE) is None
    assert check("beliebt bei Fans von Nike", GERMAN, CATALOGUE) is None
    for text in ("passt zur Lumo Ihrer Küche", "Lumos Klassiker für den Morgen", "wie der ESPRESSO MAKER DUO"):
        assert check(text, GERMAN, CATALOGUE) == "name"
    assert check("nur 1.394,50 €", GERMAN, CATALOGUE) == "number"
    assert check("das „Beste vom Besten“", GERMAN, CATALOGUE) == "quote"


def test_facts_that_are_not_known_allow_nothing():
    bare = replace(FACTS, title=None, category=None, brand=None, price=None, because_title=None, sentence="on the rise")
    assert check("on the rise now", bare, CATALOGUE) is None
    assert check("for 1294.5", bare, CATALOGUE) == "number"
    assert check("made by Fellstrider", bare, CATALOGUE) == "name"


def test_a_title_may_hold_what_a_text_may_not():
    """Its own letters may be repeated, and nothing else with them."""
    odd = replace(FACTS, title='7" <screen> of shop.com', sentence='because you liked 7" <screen> of shop.com')
    assert check('you liked 7" <screen> of shop.com', odd, CATALOGUE) is None
    assert check('you liked <b>7" <screen> of shop.com</b>', odd, CATALOGUE) == "markup"
    assert check('you liked 7" <screen> of shop.com, see other.com', odd, CATALOGUE) == "link"


# The writer ----------------------------------------------------------------------------------------------------------


def names():
    return CATALOGUE


def settled(writer, facts, release_id=OLD):
    """What a writer's answer to some facts is, once there is one."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        [(sentence, outcome)] = writer.sentences([facts], release_id, names)
        if outcome != "late":
            return sentence, outcome
        time.sleep(0.005)
    raise AssertionError("there is no answer")


def test_each_facts_are_asked_about_once():
    asked = []

    def write(facts):
        asked.append(facts)
        return f"  goes with your {facts.because_title} "

    writer = Writer(write, seconds=5)
    others = [replace(FACTS, price=price) for price in (1.0, 2.0, 3.0)]
    for _ in range(3):
        found = writer.sentences([FACTS, *others], OLD, names)
        assert found == [("goes with your GPS Sports Watch Coral", WRITTEN)] * 4
    assert sorted(facts.price for facts in asked) == [1.0, 2.0, 3.0, 1294.5]
    # Other facts are other sentences: another price, another language.
    writer.sentences([replace(FACTS, price=4.0), GERMAN], OLD, names)
    assert len(asked) == 6


def test_a_lie_is_not_shown_and_not_asked_for_again():
    calls = []
    writer = Writer(lambda facts: calls.append(facts) or "for 3 €", seconds=5)
    for _ in range(2):
        assert writer.sentences([FACTS], OLD, names) == [(FACTS.sentence, "number")]
    assert len(calls) == 1


def test_another_release_has_other_names():
    """What was written before is checked with the new catalogue, without asking again."""
    calls = []
    writer = Writer(lambda facts: calls.append(facts) or "made for summer rain", seconds=5)
    assert writer.sentences([FACTS], OLD, names) == [("made for summer rain", WRITTEN)]
    assert writer.sentences([FACTS], NEW, lambda: Names(["Summer Rain"])) == [(FACTS.sentence, "name")]
    assert len(calls) == 1


def test_an_error_is_tried_again_after_a_while(monkeypatch):
    calls = []

    def write(facts):
        calls.append(facts)
        if len(calls) == 1:
            raise SystemExit("the model is away")
        return "goes with your watch"

    writer = Writer(write, seconds=5)
    assert writer.sentences([FACTS], OLD, names) == [(FACTS.sentence, "error")]
    assert writer.sentences([FACTS], OLD, names) == [(FACTS.sentence, "error")] and len(calls) == 1
    monkeypatch.setattr("kindred.serving.reason_writer.RETRY_SECONDS", 0)
    assert settled(writer, FACTS) == ("goes with your watch", WRITTEN)


def test_what_comes_late_is_there_for_the_next_answer():
    go = threading.Event()

    def write(facts):
        go.wait(10)
        return "goes with your watch"

    writer = Writer(write)
    began = time.monotonic()
    # A whole list waits as long as one sentence does.
    facts = [replace(FACTS, price=float(price)) for price in range(20)]
    assert writer.sentences(facts, OLD, names) == [(FACTS.sentence, "late")] * 20
    assert time.monotonic() - began < 1
    go.set()
    assert settled(writer, facts[-1]) == ("goes with your watch", WRITTEN)


def test_who_hangs_is_waited_for_once(monkeypatch):
    forever = threading.Event()
    writer = Writer(lambda facts: forever.wait(60), seconds=1)
    facts = [replace(FACTS, price=float(price)) for price in range(N_THREADS)]
    assert {outcome for _sentence, outcome in writer.sentences(facts, OLD, names)} == {"late"}
    began = time.monotonic()
    assert {outcome for _sentence, outcome in writer.sentences(facts, OLD, names)} == {"late"}
    assert time.monotonic() - began < 0.5
    monkeypatch.setattr("kindred.serving.reason_writer.STUCK_SECONDS", 0)
    began = time.monotonic()
    assert writer.sentences([GERMAN], OLD, names) == [(GERMAN.sentence, "busy")]
    assert time.monotonic() - began < 0.5
    forever.set()


def test_what_waits_and_what_is_kept_has_an_end(monkeypatch):
    forever = threading.Event()
    writer = Writer(lambda facts: forever.wait(60), seconds=0)
    writer.waiting.maxsize = 5
    many = [replace(FACTS, price=float(price)) for price in range(50)]
    outcomes = [outcome for _sentence, outcome in writer.sentences(many, OLD, names)]
    assert set(outcomes) == {"late", "busy"} and outcomes.count("late") <= 5 + N_THREADS
    forever.set()
    monkeypatch.setattr("kindred.serving.reason_writer.N_KEPT", 3)
    writer = Writer(lambda facts: "goes with your watch", seconds=5)
    for facts in many[:10]:
        settled(writer, facts)
    assert len(writer.kept) == 3


# The service ---------------------------------------------------------------------------------------------------------

# By the item, as a shop's module would have it: every way to go wrong, and what is right.
MODULE = """
import time
def write(facts):
    texts = {
        "price": "for 3 €",
        "product": "goes with Title of i001 and Title of i002, and " + facts.sentence,
        "link": "see https://example.org",
        "long": "so " * 100,
        "good": "picked with care, as " + facts.sentence,
    }
    way = WAYS[int(facts.title[-3:]) % len(WAYS)]
    if way == "raises":
        raise ValueError(way)
    if way == "hangs":
        time.sleep(60)
    return texts[way]
WAYS = ["price", "product", "link", "long", "good", "raises", "hangs"]
"""
BECAME = {"price": "number", "product": "name", "link": "link", "long": "too_long", "good": "written"}
BECAME |= {"raises": "error", "hangs": "late"}


@pytest.fixture
def folder(tmp_path):
    world = random_world(1)
    # Titles that say which of the ways the writer takes.
    for number, one in enumerate(world["items"].values()):
        one["title"] = f"Title of i{number:03d}"
    write_release(tmp_path / "shop_serving", world, OLD)
    return tmp_path / "shop_serving"


@pytest.fixture
def client(folder, tmp_path, monkeypatch):
    pytest.importorskip("fastapi", reason="pip install -r requirements-serving.txt")
    from starlette.testclient import TestClient

    from kindred.serving.api import WRITER, create_app

    (tmp_path / "lying_shop.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv(WRITER, "lying_shop:write")
    monkeypatch.setenv("KINDRED_REQUEST_LOG", str(tmp_path / "lines"))
    yield TestClient(create_app(folder))
    sys.modules.pop("lying_shop", None)


def test_a_service_with_a_writer_that_lies(client, folder, tmp_path):
    templates = Store(folder).explain("nobody", n=40)
    ways = ["price", "product", "link", "long", "good", "raises", "hangs"]
    expected = {}
    for item in templates["items"]:
        way = ways[int(item["title"][-3:]) % 7]
        words = f"picked with care, as {item['words']}" if way == "good" else item["words"]
        expected[item["item_id"]] = (words, BECAME[way])
    assert {outcome for _words, outcome in expected.values()} == {*BECAME.values()}
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = client.get("/explain/nobody", params={"n": 40}).json()
        # Each of the threads may hang in time; then what waits behind stays late.
        if {item["item_id"]: item["words"] for item in found["items"]} == {
            item_id: words for item_id, (words, _outcome) in expected.items()
        }:
            break
    counted = {}
    for _words, outcome in expected.values():
        counted[outcome] = counted.get(outcome, 0) + 1
    assert found["writer"].keys() <= {WRITTEN, *REFUSED, *FAILED} and sum(found["writer"].values()) == 40
    metrics = client.get("/metrics").text
    assert 'kindred_reasons_total{outcome="late"}' in metrics
    lines = [json.loads(line) for path in (tmp_path / "lines").glob("*") for line in path.open(encoding="utf-8")]
    assert lines[-1]["endpoint"] == "/explain" and lines[-1]["reasons"] == found["writer"]
    assert lines[-1]["release"] == OLD


def test_without_the_option_nothing_of_it_is_imported(folder):
    """In a process of its own, which answers a request as the service does."""
    script = (
        "import sys; from starlette.testclient import TestClient; from kindred.serving.api import create_app;"
        f"client = TestClient(create_app({str(folder)!r}));"
        "found = client.get('/explain/nobody').json();"
        "assert found['items'] and 'writer' not in found, found;"
        "assert 'kindred_reasons' not in client.get('/metrics').text;"
        "assert 'kindred.serving.reason_writer' not in sys.modules"
    )
    pytest.importorskip("fastapi", reason="pip install -r requirements-serving.txt")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("place", ["nothing", "no_such_module_here:write", "json:no_such_function", "json:__name__"])
def test_a_writer_that_is_not_there(place, folder, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(RuntimeError, match=r"--reason-writer is "):
        load(place)
    pytest.importorskip("fastapi", reason="pip install -r requirements-serving.txt")
    monkeypatch.delenv("KINDRED_REASON_WRITER", raising=False)
    with pytest.raises(SystemExit, match="--reason-writer is "):
        cli.main(["serve", "--folder", str(folder), "--port", "0", "--reason-writer", place])
