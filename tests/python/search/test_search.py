"""`kindred search`: BM25 by the definition, words that nobody wrote, meaning, and a person's taste."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import duckdb
import numpy as np
import pytest
from conftest import REPOSITORY
from explained_tables import Tables

from kindred.search import K1, B, Found, Index, for_person, merge_ranks, read_catalogue, search
from kindred.serving import Store

NOTHING = dict.fromkeys(("title", "description", "category", "brand", "attributes", "price", "embedding"))


def items(**titles):
    return [NOTHING | {"item_id": item, "title": title} for item, title in titles.items()]


def ids(found):
    return [one.item["item_id"] for one in found]


def test_bm25__is_the_formula():
    """Two items have the word, one of them twice; titles count three times, so lengths are 9, 6 and 3."""
    index = Index.of(items(a="red mug mug", b="mug blue", c="teapot"))
    rarity = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))

    def score(n, length):
        return rarity * n * (K1 + 1) / (n + K1 * (1 - B + B * length / 6))

    assert index.bm25(["mug"]) == pytest.approx({0: score(6, 9), 1: score(3, 6)})


def test_merge_ranks__adds_reciprocals():
    """2 is second and first, 0 first and last of three, 1 and 3 stand in one order alone."""
    assert merge_ranks([[0, 2, 1], [2, 3, 0]]) == [2, 0, 3, 1]
    assert merge_ranks([[], []]) == []


def test_search__rare_words_and_titles_come_first():
    shop = items(a="Blue mug", b="Blue lamp", c="Blue scarf", d="Teapot")
    shop[3]["description"] = "goes with any mug"
    found, read_as = search(shop, "blue mug")
    assert ids(found) == ["a", "d", "b", "c"] and not read_as
    assert [one.words for one in found] == [["blue", "mug"], ["mug"], ["blue"], ["blue"]]


def test_search__reads_beginnings_and_misspelt_words_and_says_so():
    shop = items(a="Coffee grinder", b="Coffeehouse stories", c="Lamp")
    assert search(shop, "coffeh")[1] == {"coffeh": ["coffee"]}
    found, read_as = search(shop, "coff")
    assert set(ids(found)) == {"a", "b"} and read_as == {"coff": ["coffee", "coffeehouse"]}
    assert search(shop, "zeppelin") == ([], {"zeppelin": []})
    # A misspelt word keeps its first letter.
    assert search(shop, "offee") == ([], {"offee": []})
    assert search(shop, "?!") == ([], {})
    assert search([], "lamp") == ([], {"lamp": []})


def test_search__words_that_many_items_have_say_nothing_beside_others():
    shop = items(**{f"n{place:02d}": "Thing for all" for place in range(20)}, a="Lamp", b="Lamp for all")
    found, _ = search(shop, "lamp for all")
    assert ids(found) == ["a", "b"] and found[1].words == ["lamp"]
    assert len(search(shop, "for all")[0]) == 21


def test_search__what_has_every_word_comes_first():
    """The description has both words, once each; the titles have one of them, three times and alone."""
    shop = items(a="Blue blue blue", b="Mug mug mug", c="A long name of a thing that holds tea or coffee")
    shop[2]["description"] = "a mug in blue"
    assert ids(search(shop, "blue mug")[0])[0] == "c"


def test_search__by_meaning_where_the_items_have_vectors():
    """b is what the query means and has none of its words; c has a vector of another length, d none."""
    shop = items(a="jam", b="marmalade", c="honey", d="salt", e="pepper")
    vectors = {"a": [0, 1], "b": [0.8, 0.6], "c": [1, 0, 0], "e": [0.1, 0.99]}
    for item in shop:
        item["embedding"] = json.dumps({"words": vectors[item["item_id"]]}) if item["item_id"] in vectors else "[1, 0]"
    encoder = SimpleNamespace(vectors=lambda texts: np.array([[1.0, 0.0]]))
    found, _ = search(shop, "jam", encoder)
    assert set(ids(found)) == {"a", "b"}
    assert {one.item["item_id"]: (one.words, one.cosine) for one in found} == {"a": (["jam"], 0), "b": ([], 0.8)}
    # Where no item has a word of the query, less likeness has to do.
    shop[4]["embedding"] = json.dumps({"words": [0.3, 0.95]})
    assert ids(search(shop, "jam", encoder)[0]) == ["a", "b"] and ids(search(shop, "jelly", encoder)[0]) == ["b", "e"]


def test_for_person__moves_what_the_person_likes_up_and_leaves_out_what_they_may_not_see():
    found = [Found(item, [], False, None) for item in items(a="1", b="2", c="3", d="4")]
    ranked = [{"item_id": "d", "generator": "als"}, {"item_id": "c", "generator": "als"}]
    ranked += [{"item_id": "b", "generator": "as_given"}]
    store = SimpleNamespace(rerank=lambda user_id, given: {"items": ranked if given == list("abcd") else []})
    own = for_person(found, store, "u1")
    assert [(one.item["item_id"], one.place_for_person) for one in own] == [("d", 1), ("c", 2), ("b", None)]
    # What is called as it is asked for stays first, whatever the person likes.
    found[1] = replace(found[1], has_all=True)
    assert ids(for_person(found, store, "u1")) == ["b", "d", "c"]


# The sample shop ------------------------------------------------------------------------------------------------------


def run(sample_shop, *arguments):
    """The command as a shell runs it, in the project's folder."""
    environment = os.environ | {"KINDRED_DUCKDB_PATH": str(sample_shop.database), "DBT_PROFILES_DIR": str(REPOSITORY)}
    command = [sys.executable, "-m", "kindred.cli", "search", *arguments, "--target-path", str(sample_shop.target)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_sample__words_find_what_is_called_so(sample_shop):
    header, *lines = run(sample_shop, "headphones")
    assert header.split()[:2] == ["item_id", "title"]
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        called_so = connection.execute(
            "select item_id from release_items where title ilike '%headphones%' and is_recommendable"
        ).fetchall()
    assert len(called_so) > 2 and {line.split()[0] for line in lines} == {item_id for (item_id,) in called_so}


def test_sample__what_nobody_may_be_shown_is_not_found(sample_shop):
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        [(gone, title)] = connection.execute(
            "select item_id, title from items where not is_available order by item_id limit 1"
        ).fetchall()
    assert not any(line.startswith(gone) for line in run(sample_shop, title, "--n", "200"))


def test_sample__a_person_gets_their_own_order(sample_shop):
    """Of what a word finds, items of the person's main category stand higher for the person, over many people."""
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        catalogue = read_catalogue(Tables(connection), is_for_all=True)
        people = connection.execute(
            "select user_id, top_category from user_features where fold = 'live' and activity = 'hot'"
            " and user_id in (select user_id from recommendations) order by md5(user_id) limit 40"
        ).fetchall()
    found, _ = search(catalogue, "gift for a cosy evening with coffee or a book in the garden")
    assert len(found) > 20
    store, gains = Store(sample_shop.database.with_name(sample_shop.database.stem + "_serving")), []
    for user_id, category in people:
        own = for_person(found, store, user_id)
        places = {order: [place for place, one in enumerate(some) if one.item["category"] == category]
                  for order, some in (("words", found), ("person", own))}  # fmt: skip
        if places["words"]:
            gains.append(np.mean(places["words"]) - np.mean(places["person"]))
    assert len(gains) > 10
    assert np.mean(gains) > 2 * np.std(gains) / len(gains) ** 0.5
