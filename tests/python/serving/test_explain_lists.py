"""Why a list is as it is, from a release alone: /explain and Store.explain, and the page that shows it."""

import shutil

import pytest
from serving_worlds import OLD, REASON_TEXTS, arm_of, old_shape, random_world, with_holdout, write_release

from kindred.publishing.withdraw import Leaving, from_folder
from kindred.serving import Filters, Store
from kindred.serving.store import LIST_KINDS
from kindred.serving.words import OF_LISTS, say

ENGLISH = {
    row["reason"]: (row["text_with_item"] or None, row["text_alone"]) for row in REASON_TEXTS if row["language"] == "en"
}
RULES = [["more_garden", "boost", "2 5 10"], ["spring", "pin", "1"], ["steady", "bury", "2"]]


@pytest.fixture
def world():
    return random_world(1)


@pytest.fixture
def user(world):
    """A person with a full list in which rules acted."""
    user = next(user for user, one in world["lists"].items() if len(one["items"]) == 20)
    world["lists"][user]["rules"] = RULES
    return user


@pytest.fixture
def store(world, user, tmp_path):
    write_release(tmp_path, world, OLD)
    return Store(tmp_path)


def test_a_published_list_with_its_reasons_and_rules(store, world, user):
    found = store.explain(user, n=20)
    given = store.recommend(user, n=20, with_facts=True)
    assert found["list_id"] == given["list_id"] and found["kind"] == "person"
    assert (found["language"], found["words"]) == ("en", ENGLISH["list_person"][1]) and "writer" not in found
    assert [{name: item[name] for name in given["items"][0]} for item in found["items"]] == given["items"]
    acted = {item["rank"]: [(rule["rule_id"], rule["action"]) for rule in item["rules"]] for item in found["items"]}
    assert {rank: rules for rank, rules in acted.items() if rules} == {
        1: [("spring", "pin")],
        2: [("more_garden", "boost"), ("steady", "bury")],
        5: [("more_garden", "boost")],
        10: [("more_garden", "boost")],
    }
    for item in found["items"]:
        because = item["because_item_id"]
        liked = f"because you liked Title of {because}" if because else "from what you liked before"
        assert item["words"] == liked
    assert found["experiments"] == {}


def test_rules_follow_their_items_into_other_lists(store, world, user):
    """A filtered list has items at other ranks; what the visit put there is no rule's doing."""
    acted = {
        world["lists"][user]["items"][rank - 1][0]
        for _rule, _action, ranks in RULES
        for rank in map(int, ranks.split())
    }
    exclude = [world["lists"][user]["items"][0][0]]
    adapted = store.explain(user, exclude=exclude, n=30)
    assert adapted["kind"] == "adapted" and adapted["list_id"].split("-")[1] == "m"
    assert {item["item_id"] for item in adapted["items"] if item["rules"]} == acted - {*exclude}
    session = store.explain(user, ["i001", "i003"], n=30)
    assert session["kind"] == "session"
    for item in session["items"]:
        assert bool(item["rules"]) == (item["generator"] != "session" and item["item_id"] in acted)
        if item["generator"] == "session":
            assert item["words"] == f"because you just looked at {item['because_title']}"
    assert session["items"][0]["generator"] == "session"


def test_what_the_visit_put_first_is_no_rules_doing(world, user, tmp_path):
    """An item that is in the person's list too, where a rule put it."""
    listed = [row[0] for row in world["lists"][user]["items"]]
    world["lists"][user]["rules"] = [["all", "boost", " ".join(str(rank) for rank in range(1, 21))]]
    write_release(tmp_path, world, OLD)
    clicked = next(item for item, near in world["neighbors"].items() if item not in listed and near[0][0] in listed[5:])
    items = Store(tmp_path).explain(user, [clicked], n=20)["items"]
    both = [item for item in items if item["generator"] == "session" and item["item_id"] in listed]
    assert both and not any(item["rules"] for item in both)
    assert any(item["rules"] for item in items)


def test_lists_that_are_not_personal(tmp_path):
    world = with_holdout(random_world(2))
    write_release(tmp_path, world, OLD)
    store = Store(tmp_path)
    held = next(user for user, one in world["lists"].items() if one.get("policy") == "holdout")
    other = next(user for user, one in world["lists"].items() if one.get("policy") != "holdout")
    found = store.explain(held)
    assert (found["kind"], found["policy"], found["experiments"]["quiet"]["arm"]) == ("holdout", "holdout", "held")
    assert {item["because_item_id"] for item in found["items"]} == {None}
    assert store.explain(held, ["i001"])["kind"] == "holdout"
    published = store.explain(held, n=3)
    assert (published["kind"], published["list_id"].split("-")[1]) == ("holdout", "p")
    assert store.explain(other)["experiments"]["quiet"]["arm"] == "rest"
    nobody = store.explain(None, segment="DE", filters=Filters(("tea",)))
    assert nobody["kind"] == "fallback" and nobody["experiments"] == {}


def test_the_arm_whose_policy_made_the_list(tmp_path, world, user):
    world["lists"][user]["policy"] = "bold"
    world["arms"] = [
        arm_of("ranker", "b", kind="lists", policy="bold"),
        arm_of("moved", "c", kind="lists", policy="shy"),
        arm_of("price", "low", kind="price"),
        arm_of("draft", "x", kind="interleaving"),
    ]
    write_release(tmp_path, world, OLD)
    assert set(Store(tmp_path).explain(user)["experiments"]) == {"ranker"}
    world["lists"][user]["policy"] = "interleaved"
    write_release(tmp_path, world, OLD)
    assert set(Store(tmp_path).explain(user)["experiments"]) == {"draft"}


def test_a_release_without_rules_is_explained_without_them(tmp_path, world, user):
    world["identities"] = {}
    old_shape(write_release(tmp_path, world, OLD))
    found = Store(tmp_path).explain(user)
    assert found["kind"] == "person" and not any(item["rules"] for item in found["items"])
    # Nor has it sentences: the codes are said.
    assert (found["language"], found["words"]) == ("en", "list person")
    assert {item["words"] for item in found["items"]} == {"your history"}


def test_who_withdrew_is_nobody(store, world, user, tmp_path):
    assert store.explain(user)["kind"] == "person"
    list(from_folder(tmp_path, Leaving([user])))
    found = store.explain(user)
    assert found["kind"] == "fallback" and not any(item["rules"] for item in found["items"])
    assert {item["because_item_id"] for item in found["items"]} == {None}
    [path] = (tmp_path / "releases").glob("*.sqlite")
    assert b"more_garden" not in path.read_bytes()


def test_a_reason_of_the_shops_own_generator_is_said_as_it_is_written():
    assert say(ENGLISH, "our_buyers_choice", "x") == "our buyers choice"
    assert say(ENGLISH, "your_history", None) == "from what you liked before"
    # A title is put in as it is, and what a sentence without {item} says stays.
    assert say(ENGLISH, "your_history", "{item} {}") == "because you liked {item} {}"
    assert say(ENGLISH, "pinned", "x") == "picked by the shop"


LANGUAGES = ("en", "de", "fr", "es")


def test_every_reason_of_kindred_has_a_sentence_in_every_language(sample_shop):
    """The seed, and what the store says by itself: a code or a language that is missing fails here."""
    reasons = {reason for (reason,) in sample_shop.query("select reason from release_generators")}
    reasons |= {OF_LISTS + kind for kind in LIST_KINDS.values()}
    reasons |= {"your_session", "as_given", "similar_to_this", "bought_together", "buy_again"}
    found = {(row["language"], row["reason"]): row for row in REASON_TEXTS}
    assert len(found) == len(REASON_TEXTS)
    assert {language for language, _reason in found} == {*LANGUAGES}
    assert {(language, reason) for language in LANGUAGES for reason in reasons} <= found.keys()
    released = sample_shop.query("select language, reason, text_with_item, text_alone from release_reason_texts")
    assert sorted(released, key=lambda row: row[:2]) == [
        (*key, row["text_with_item"] or None, row["text_alone"]) for key, row in sorted(found.items())
    ]


def test_sentences_are_of_one_form():
    """Without a capital (but German nouns) and a full stop, with the title in the same codes, and none said twice."""
    for row in REASON_TEXTS:
        for said in filter(None, (row["text_with_item"], row["text_alone"])):
            assert said == said.strip() and said[-1] not in ".!" and len(said) <= 120, row
            assert said[0].islower() or said.startswith("Zeit"), row
        assert not row["text_with_item"] or row["text_with_item"].count("{item}") == 1
        assert "{" not in row["text_alone"] and bool(row["text_with_item"]) == bool(ENGLISH[row["reason"]][0])
    alone = [(row["language"], row["text_alone"]) for row in REASON_TEXTS]
    assert len(set(alone)) == len(alone)


def test_a_list_in_another_language(store, user):
    german = store.explain(user, language="de-AT")
    assert german["language"] == "de" and german["words"].startswith("beim letzten Lauf für diese Person erstellt")
    for item in german["items"]:
        title = item["because_title"]
        expected = f"weil Ihnen {title} gefallen hat" if title else "passt zu dem, was Ihnen bisher gefallen hat"
        assert item["words"] == expected
    assert store.explain(user, language="FR")["language"] == "fr"
    # What the release lacks is said in English, all of it.
    other = store.explain(user, language="it")
    assert other["language"] == "en" and {**other, "list_id": ""} == {**store.explain(user), "list_id": ""}


def test_a_release_with_other_languages(world, user, tmp_path):
    world["reason_texts"] = [row for row in REASON_TEXTS if row["language"] == "en"]
    world["reason_texts"] += [{**row, "language": "it"} for row in world["reason_texts"]]
    write_release(tmp_path, world, OLD)
    store = Store(tmp_path)
    assert store.explain(user, language="it")["language"] == "it"
    assert store.explain(user, language="de")["language"] == "en"


# The pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(store, tmp_path):
    pytest.importorskip("fastapi", reason="pip install -r requirements-serving.txt")
    from starlette.testclient import TestClient

    from kindred.serving.api import create_app

    return TestClient(create_app(tmp_path))


def test_explain_over_http(client, store, user):
    answer = client.get(f"/explain/{user}", params={"n": 5, "session": ["i001"]})
    found, expected = answer.json(), store.explain(user, ["i001"], n=5)
    assert {**found, "list_id": ""} == {**expected, "list_id": ""}
    assert answer.headers["cache-control"] == "no-store"
    # A blank id is nobody's.
    assert client.get("/explain/%20").json()["kind"] == "fallback"
    german = client.get(f"/explain/{user}", params={"language": "de"}).json()
    assert german["language"] == "de" and german["words"] == store.explain(user, language="de")["words"]
    for language in ("d", "de;", "x" * 36):
        assert client.get(f"/explain/{user}", params={"language": language}).status_code == 422
    refused = client.get(f"/explain/{user}?sesion=i001").json()["detail"]
    assert "session" in refused[0]["msg"]
    assert client.get(f"/explain/{user}?release=20200101T000000-none").status_code == 410


def test_answers_keep_to_their_schema(client, user):
    import jsonschema

    schema = client.get("/openapi.json").json()
    content = schema["paths"]["/explain/{user_id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    for question in (
        f"/explain/{user}",
        "/explain/nobody?segment=DE&language=de",
        f"/explain/{user}?session=i001&category=nothing",
    ):
        jsonschema.validate(client.get(question).json(), content | {"components": schema["components"]})


def test_the_demonstration_page_has_the_sentences_of_the_release(world, tmp_path):
    """Whatever they are: a shop's own text can't end the page's script."""
    pytest.importorskip("fastapi", reason="pip install -r requirements-serving.txt")
    from starlette.testclient import TestClient

    from kindred.serving.api import create_app

    asked = TestClient(create_app(tmp_path))
    assert "const reasons = {};" in asked.get("/").text
    row = {"reason": "pinned", "language": "en", "text_with_item": "", "text_alone": "</script><b>ours"}
    write_release(tmp_path, {**world, "reason_texts": [row]}, OLD)
    page = asked.get("/").text
    assert 'const reasons = {"pinned":[null,"\\u003c/script>\\u003cb>ours"]};' in page


def test_the_report_is_served_where_it_is(client, tmp_path):
    answer = client.get("/report")
    assert answer.status_code == 404 and "`kindred report` writes it to report.html" in answer.json()["detail"]
    hidden = '<span id="report" hidden>'
    assert hidden in client.get("/").text
    (tmp_path / "report.html").write_text("<h1>The report</h1>", encoding="utf-8")
    answer = client.get("/report")
    assert answer.status_code == 200 and answer.text == "<h1>The report</h1>"
    assert answer.headers["content-type"].startswith("text/html")
    assert hidden not in client.get("/").text and 'href="report"' in client.get("/").text
    shutil.rmtree(tmp_path / "releases")
    assert client.get("/why?user=x").status_code == 200
