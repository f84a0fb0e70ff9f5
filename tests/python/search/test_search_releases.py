"""`Store.search`: who may see what, releases that follow one another, and what is said where meaning doesn't count."""

import threading

import numpy as np
import pytest
from serving_worlds import NEW, OLD, is_held_out, random_world, with_holdout, write_release

from kindred import search as searching
from kindred.publishing.withdraw import Leaving, from_folder
from kindred.serving import NoRelease, Store
from kindred.texts import Encoder, packed


def mugs(seed=3):
    """A world in which all items are mugs that can be recommended."""
    world = random_world(seed)
    for item, one in world["items"].items():
        one |= {"title": f"Mug {item}", "is_available": True, "is_recommendable": True}
    return world


def found_ids(store, *asked, **given):
    return [item["item_id"] for item in store.search(*asked, n=100, **given)["items"]]


def test_all_is_found_that_may_be_shown(tmp_path):
    world = mugs()
    world["items"]["i001"]["is_recommendable"] = False
    world["items"]["i002"]["is_recommendable"] = False
    write_release(tmp_path, world, OLD)
    store = Store(tmp_path)
    found = store.search("mug", n=100)
    may = world["items"].keys() - {"i001", "i002"} - {*world["segments"][""]["excluded_if_unknown"]}
    assert {item["item_id"] for item in found["items"]} == may
    assert found["release_id"] == OLD and found["list_id"].startswith("aaaaaaaa-q-")
    assert [item["rank"] for item in found["items"]] == list(range(1, len(may) + 1))
    assert found["items"][0]["words"] == ["mug"] and found["items"][0]["title"].startswith("Mug")
    assert len(store.search("mug")["items"]) == 10


def test_what_rules_exclude_isnt_found_and_what_was_bought_is(tmp_path):
    world = mugs()
    world["lists"]["u1"] |= {"segment": "DE", "excluded": ["i010"]}
    world["segments"]["DE"]["excluded"] = ["i003", "i004"]
    world["segments"]["FR"]["excluded_if_unknown"] = ["i005"]
    write_release(tmp_path, world, OLD)
    store = Store(tmp_path)
    assert world["items"].keys() - set(found_ids(store, "mug", "u1")) == {"i003", "i004"}
    # Another id of the same person, and a visitor of the segment.
    assert not {"i003", "i004"} & set(found_ids(store, "mug", "phone"))
    assert not {"i003", "i004"} & set(found_ids(store, "mug", segment="DE"))
    assert "i005" not in found_ids(store, "mug", segment="FR") and "i005" in found_ids(store, "mug", segment="DE")


def test_conditions_hold_for_people_and_visitors(tmp_path):
    world = mugs() | {"has_eligibility": True}
    adults = '["adults"]'
    for item in ("i003", "i004"):
        world["items"][item]["eligibility"] = adults
    world["lists"]["u1"]["eligible_for"] = [adults]
    write_release(tmp_path, world, OLD)
    store = Store(tmp_path)
    assert {"i003", "i004"} <= set(found_ids(store, "mug", "u1"))
    for asked in (("mug", "u2"), ("mug", "nobody"), ("mug",)):
        assert not {"i003", "i004"} & set(found_ids(store, *asked)), asked


def test_a_person_has_their_own_order_unless_held_out(tmp_path):
    world = with_holdout(mugs())
    write_release(tmp_path, world, OLD)
    store = Store(tmp_path)
    held = [user for user in world["lists"] if is_held_out(world, user)]
    assert held and len(held) < len(world["lists"])
    for user, person in world["lists"].items():
        found = store.search("mug", user, n=100)
        own = [item["item_id"] for item in found["items"] if item["place_for_person"] is not None]
        if user in held:
            assert found["policy"] == "holdout" and not own
        else:
            # Ties among the words are broken by the person's order, so the list's first stands first.
            assert found["policy"] == "main" and person["items"][0][0] in own
            assert [i for i in own if i in {row[0] for row in person["items"]}]


def test_who_withdraws_gets_what_a_visitor_gets(tmp_path):
    world = mugs()
    world["lists"]["u1"]["segment"] = ""
    write_release(tmp_path, world, OLD)
    store = Store(tmp_path)
    before, stranger = found_ids(store, "mug", "u1"), found_ids(store, "mug", "nobody")
    assert before != stranger
    assert [row[2] for row in from_folder(tmp_path, Leaving(["u1"]))] == [1]
    assert found_ids(store, "mug", "u1") == found_ids(store, "mug", "nobody") == stranger


def test_a_new_release_takes_the_place_of_the_one_before(tmp_path, monkeypatch):
    """While one thread reads the new texts, others answer with the old words, and with who may see what now."""
    world = mugs()
    write_release(tmp_path, world, OLD)
    store = Store(tmp_path)
    first = found_ids(store, "mug")
    known = [item for item in first if item not in ("i007", "i008")]
    world["items"]["i007"]["is_recommendable"] = False
    world["items"]["i008"]["title"] = "Teapot"
    write_release(tmp_path, world, NEW)
    begun, go_on = threading.Event(), threading.Event()
    original = searching.Catalogue.of

    def slow(*release):
        begun.set()
        assert go_on.wait(20)
        return original(*release)

    monkeypatch.setattr(searching.Catalogue, "of", slow)
    answers = []
    reading = threading.Thread(target=lambda: answers.append(store.search("teapot")))
    reading.start()
    assert begun.wait(20)
    meanwhile = store.search("mug", n=100)
    assert meanwhile["release_id"] == NEW and "i007" not in {item["item_id"] for item in meanwhile["items"]}
    assert store.search("teapot")["items"] == []
    go_on.set()
    reading.join(20)
    assert [item["item_id"] for item in answers[0]["items"]] == ["i008"]
    assert found_ids(store, "mug") == known
    # It was read once.
    monkeypatch.setattr(searching.Catalogue, "of", None)
    assert found_ids(store, "teapot") == ["i008"]


def test_threads_read_the_first_release_once(tmp_path, monkeypatch):
    write_release(tmp_path, mugs(), OLD)
    store, made, answers = Store(tmp_path), [], []
    original = searching.Catalogue.of
    monkeypatch.setattr(searching.Catalogue, "of", lambda *release: made.append(1) or original(*release))
    threads = [threading.Thread(target=lambda: answers.append(found_ids(store, "mug"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1] and len(answers) == 8 and all(one == answers[0] for one in answers)


@pytest.fixture
def meaning(monkeypatch):
    """A world with vectors, and an encoder for which every query means i020."""
    world = mugs() | {"text_encoder": [("here", "weights 1")]}
    for item, one in world["items"].items():
        one["vector"] = packed(np.array([1.0, 0.0] if item == "i020" else [0.0, 1.0]))
    vectors = lambda texts: np.array([[1.0, 0.0]] * len(texts))  # noqa: E731
    monkeypatch.setattr(searching, "load_encoder", lambda where: Encoder("weights 1", vectors))
    return world


def test_meaning_counts_where_the_release_has_vectors_of_these_weights(tmp_path, meaning, monkeypatch):
    write_release(tmp_path, meaning, OLD)
    found = Store(tmp_path).search("porcelain")
    assert (found["method"], found["why_words_alone"]) == ("words_and_meaning", None)
    assert [(item["item_id"], item["cosine"], item["words"]) for item in found["items"]] == [("i020", 1.0, [])]
    assert found["read_as"] == {"porcelain": []}
    # Vectors of other weights mean something else.
    write_release(tmp_path, meaning | {"text_encoder": [("here", "weights 2")]}, NEW)
    found = Store(tmp_path).search("porcelain")
    assert found["method"] == "words" and not found["items"]
    assert "vectors are of weights 2, and here is weights 1" in found["why_words_alone"]


def test_without_the_encoder_words_alone_answer_and_say_so(tmp_path, meaning, monkeypatch):
    write_release(tmp_path, meaning, OLD)

    def missing(where):
        raise ImportError("text_encoder needs wordllama: pip install 'kindred[text]'")

    monkeypatch.setattr(searching, "load_encoder", missing)
    found = Store(tmp_path).search("mug")
    assert found["method"] == "words" and len(found["items"]) == 10
    assert found["why_words_alone"] == "text_encoder needs wordllama: pip install 'kindred[text]'"
    assert {item["cosine"] for item in found["items"]} == {None}


def test_without_a_release(tmp_path):
    with pytest.raises(NoRelease, match="no release can be read in"):
        Store(tmp_path).search("mug")
