"""`kindred search`: BM25 by the definition, words that nobody wrote, meaning, and a person's taste."""

import difflib
import math
import os
import random
import subprocess
import sys
from dataclasses import replace

import duckdb
import numpy as np
import pytest
from conftest import REPOSITORY

from kindred.search import K1, N_FOUND, B, Found, Index, best, for_person, found_lines, merge_ranks, search
from kindred.serving import Store
from kindred.texts import packed, unpacked

NOTHING = dict.fromkeys(("title", "description", "category", "brand", "attributes", "vector")) | {"eligibility": ""}


def items(**titles):
    return [NOTHING | {"item_id": item, "title": title} for item, title in titles.items()]


def ids(found):
    return [one.item_id for one in found]


def test_bm25__is_the_formula():
    """Two items have the word, one of them twice; titles count three times, so lengths are 9, 6 and 3."""
    index = Index(items(a="red mug mug", b="mug blue", c="teapot"))
    rarity = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))

    def score(n, length):
        return rarity * n * (K1 + 1) / (n + K1 * (1 - B + B * length / 6))

    assert index.bm25(["mug"]) == pytest.approx([score(6, 9), score(3, 6), 0])


def test_merge_ranks__adds_reciprocals():
    """2 is second and first, 0 first and last of three, 1 and 3 stand in one order alone."""
    assert merge_ranks([[0, 2, 1], [2, 3, 0]]) == [2, 0, 3, 1]
    assert merge_ranks([[], []]) == []


def test_search__rare_words_and_titles_come_first():
    shop = items(a="Blue mug", b="Blue lamp", c="Blue scarf", d="Teapot")
    shop[3]["description"] = "goes with any mug"
    found, read_as = search(Index(shop), "blue mug")
    assert ids(found) == ["a", "d", "b", "c"] and not read_as
    assert [one.words for one in found] == [["blue", "mug"], ["mug"], ["blue"], ["blue"]]


def test_search__reads_beginnings_and_misspelt_words_and_says_so():
    shop = items(a="Coffee grinder", b="Coffeehouse stories", c="Lamp")
    assert search(Index(shop), "coffeh")[1] == {"coffeh": ["coffee"]}
    found, read_as = search(Index(shop), "coff")
    assert set(ids(found)) == {"a", "b"} and read_as == {"coff": ["coffee", "coffeehouse"]}
    assert search(Index(shop), "zeppelin") == ([], {"zeppelin": []})
    # A misspelt word keeps its first letter.
    assert search(Index(shop), "offee") == ([], {"offee": []})
    assert search(Index(shop), "?!") == ([], {})
    assert search(Index([]), "lamp") == ([], {"lamp": []})


def test_search__words_that_many_items_have_say_nothing_beside_others():
    shop = items(**{f"n{place:02d}": "Thing for all" for place in range(20)}, a="Lamp", b="Lamp for all")
    found, _ = search(Index(shop), "lamp for all")
    assert ids(found) == ["a", "b"] and found[1].words == ["lamp"]
    assert len(search(Index(shop), "for all")[0]) == 21


def test_search__what_has_every_word_comes_first():
    """The description has both words, once each; the titles have one of them, three times and alone."""
    shop = items(a="Blue blue blue", b="Mug mug mug", c="A long name of a thing that holds tea or coffee")
    shop[2]["description"] = "a mug in blue"
    assert ids(search(Index(shop), "blue mug")[0])[0] == "c"


def test_search__by_meaning_where_the_items_have_vectors():
    """b is what the query means and has none of its words; c has a vector of another length, d none."""
    shop = items(a="jam", b="marmalade", c="honey", d="salt", e="pepper")
    vectors = {"a": [0, 1], "b": [0.8, 0.6], "c": [1, 0, 0], "e": [0.1, 0.99]}
    for item in shop:
        item["vector"] = packed(np.array(vectors[item["item_id"]])) if item["item_id"] in vectors else None
    meant = np.array([1.0, 0.0])
    found, _ = search(Index(shop), "jam", meant)
    assert set(ids(found)) == {"a", "b"}
    assert {one.item_id: one.words for one in found} == {"a": ["jam"], "b": []}
    assert {one.item_id: one.cosine for one in found} == pytest.approx({"a": 0, "b": 0.8}, abs=0.001)
    # Where no item has a word of the query, less likeness has to do.
    shop[4]["vector"] = packed(np.array([0.3, 0.95]))
    assert ids(search(Index(shop), "jam", meant)[0]) == ["a", "b"]
    assert ids(search(Index(shop), "jelly", meant)[0]) == ["b", "e"]
    assert ids(search(Index(shop), "jelly", np.array([1.0, 0, 0, 0]))[0]) == []


def test_search__of_what_may_be_shown_alone():
    """What may not be shown takes no place of what may: 300 items with conditions push nothing out."""
    shop = [NOTHING | {"item_id": f"a{place:03d}", "title": "mug", "eligibility": '["adults"]'} for place in range(300)]
    shop += items(b="a mug for all", c="mug", d="teapot")
    index = Index(shop)
    assert ids(search(index, "mug", may=index.shown_to(()))[0]) == ["c", "b"]
    assert ids(search(index, "mug", may=index.shown_to((), ["c", "unknown"]))[0]) == ["b"]
    found = ids(search(index, "mug", may=index.shown_to({'["adults"]'}))[0])
    assert len(found) == N_FOUND and set(found) > {"a000", "a150"}


def test_best__is_the_sorted_beginning():
    draw = np.random.default_rng(1)
    scores, may = draw.integers(0, 50, 2000).astype(float), draw.random(2000) < 0.7
    slow = sorted(np.flatnonzero(may), key=lambda place: (-scores[place], place))[:N_FOUND]
    assert best(scores, may) == slow
    assert best(np.ones(3), np.zeros(3, dtype=bool)) == []


def test_nearest_terms__misspelt_words_are_read_as_difflib_reads_them_all():
    draw = random.Random(2)
    words = {"".join(draw.choices("abcdeü字", k=draw.randrange(3, 9))) for _ in range(400)}
    index = Index(items(**{f"i{place}": f"{word}" for place, word in enumerate(sorted(words))}))
    for word in draw.sample(sorted(index.spelt), 60):
        asked = word[:2] + draw.choice("abcdx") + word[2:]
        if asked not in index.numbers and not any(other.startswith(asked) for other in index.spelt):
            alike = [other for other in index.spelt if other[0] == asked[0]]
            assert index.nearest_terms(asked) == difflib.get_close_matches(asked, alike, n=1, cutoff=0.8)


def test_packed__loses_less_than_a_thousandth():
    vectors = np.random.default_rng(3).normal(size=(200, 128))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kept = np.array([unpacked(packed(vector)) for vector in vectors])
    np.testing.assert_allclose(kept @ kept.T, vectors @ vectors.T, atol=1e-3)
    assert len(packed(vectors[0])) == 344


def test_for_person__moves_what_the_person_likes_up_and_leaves_out_what_they_may_not_see():
    found = [Found(item, [], False, None) for item in "abcd"]
    ranked = [{"item_id": "d", "generator": "als"}, {"item_id": "c", "generator": "als"}]
    ranked += [{"item_id": "b", "generator": "as_given"}]
    own = for_person(found, ranked)
    assert [(one.item_id, one.place_for_person) for one in own] == [("d", 1), ("c", 2), ("b", None)]
    # What is called as it is asked for stays first, whatever the person likes.
    found[1] = replace(found[1], has_all=True)
    assert ids(for_person(found, ranked)) == ["b", "d", "c"]


# The sample shop ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(sample_shop):
    return Store(sample_shop.database.with_name(sample_shop.database.stem + "_serving"))


def run(sample_shop, *arguments):
    """The lines of the command, as a shell runs it in the project's folder."""
    environment = os.environ | {"KINDRED_DUCKDB_PATH": str(sample_shop.database)}
    command = [sys.executable, "-m", "kindred.cli", "search", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_sample__words_find_what_is_called_so(sample_shop, store):
    said, header, *lines = run(sample_shop, "headphones")
    assert said.startswith("by words alone: the release has no vectors of texts: a build with text_encoder")
    assert header.split()[:2] == ["item_id", "title"]
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        called_so = connection.execute(
            "select item_id from release_items where title ilike '%headphones%' and is_recommendable"
        ).fetchall()
    assert len(called_so) > 2 and {line.split()[0] for line in lines} == {item_id for (item_id,) in called_so}
    # The command prints what the store answers.
    assert [said, header, *lines] == found_lines(store.search("headphones"), has_person=False)


def test_sample__what_nobody_may_be_shown_is_not_found(sample_shop, store):
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        [(gone, title)] = connection.execute(
            "select item_id, title from items where not is_available order by item_id limit 1"
        ).fetchall()
    assert gone not in {item["item_id"] for item in store.search(title, n=200)["items"]}


def test_sample__descriptions_and_attributes_are_searched(sample_shop, store):
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        rows = connection.execute(
            "select item_id, description from release_item_texts where description is not null order by md5(item_id)"
        ).fetchmany(20)
    found = [item_id in {item["item_id"] for item in store.search(text, n=20)["items"]} for item_id, text in rows]
    assert len(found) == 20 and sum(found) > 17


def test_sample__a_person_gets_their_own_order(sample_shop, store):
    """Of what a word finds, items of the person's main category stand higher for the person, over many people."""
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        people = connection.execute(
            "select user_id, top_category from user_features where fold = 'live' and activity = 'hot'"
            " and user_id in (select user_id from recommendations) order by md5(user_id) limit 40"
        ).fetchall()
    asked, gains = "gift for a cosy evening with coffee or a book in the garden", []
    found = store.search(asked, n=200)["items"]
    assert len(found) > 20
    for user_id, category in people:
        own = store.search(asked, user_id, n=200)["items"]
        places = {order: [place for place, one in enumerate(some) if one["category"] == category]
                  for order, some in (("words", found), ("person", own))}  # fmt: skip
        if places["words"]:
            gains.append(np.mean(places["words"]) - np.mean(places["person"]))
    assert len(gains) > 10
    assert np.mean(gains) > 2 * np.std(gains) / len(gains) ** 0.5
