"""lists_for: segments: nothing that is published has a row about a person, and apps get the list of the segment."""

import contextlib
import shutil
import sqlite3

import pytest
from conftest import EXPERIMENTS, REPOSITORY, Shop
from released_shop import keep_releases

from kindred.publishing import folder as publishing
from kindred.serving import Store

# In the smallest segment no item was touched by so many.
LEAST = 15
# What kindred__privacy changes; what stands before it is as it was.
CHANGED = ("popular_items", "live_lists", "due_repurchases", "item_audiences", "send_hours", "withdrawals")
MADE = ["--select", *(f"{model}+" for model in CHANGED)]
MADE += ["--exclude", "group:metrics", "group:evaluation", "group:experiments"]
# What earlier builds decided stays in the log until log_days are over.
HISTORIES = {"recommendation_log", "policy_lists"}


@pytest.fixture(scope="module")
def shop(sample_shop, tmp_path_factory):
    """The sample shop with three releases that have lists of people, built again for segments."""
    shop = Shop(tmp_path_factory.mktemp("segments"))
    shutil.copy(sample_shop.database, shop.database)
    shop.folder = publishing.serving_folder("", str(shop.database))
    shutil.copytree(publishing.serving_folder("", str(sample_shop.database)), shop.folder, symlinks=True)
    keep_releases(shop.folder, 3)
    shop.ids = set(shop.column("select identity_id from identities union select user_id from identities"))
    assert len(shop.ids) > 1000 and len(with_ids(shop)) == 3
    shop.settings = {"privacy": {"lists_for": "segments", "min_people": LEAST}, "tables": EXPERIMENTS}
    # The sample's events are older than a day.
    stopping = shop.settings | {"gates": {"data_age": 1}}
    shop.stopped = shop.dbt("build", "--exclude-resource-type", "test", "unit_test", *MADE, **stopping)
    shop.after_the_stop = with_ids(shop)
    shop.build("--select", "publish_gates+", **shop.settings)
    return shop


def with_ids(shop):
    """{release: ids of people that stand in its bytes}, of the releases with any."""
    found = {}
    for path in (shop.folder / "releases").glob("*.sqlite"):
        content = path.read_bytes()
        if ids := [one for one in shop.ids if one.encode() in content]:
            found[path.stem] = ids
    return found


def test_a_stopped_build_has_taken_people_out_of_all_releases(shop):
    assert shop.stopped.returncode != 0 and "gate data_age stopped publication" in shop.stopped.text
    assert shop.after_the_stop == {}
    rows = shop.query("select n_lists > 0, store from withdrawals")
    assert rows in ([], [(True, "sqlite")] * 3)


def test_no_published_table_has_an_id_of_a_person(shop):
    places = ("models/recommendations", "models/publishing", "python_models/publishing")
    models = {path.stem for place in places for path in (REPOSITORY / place).glob("*.yml")}
    tables = models & set(shop.column("select table_name from information_schema.tables"))
    assert {"recommendations", "buy_again", "people_for_item", "campaign_people", "send_hours"} <= tables
    assert {"release_lists", "release_identities", "release_list_rules", "recommendation_lists"} <= tables
    found = {}
    for table in sorted(tables - HISTORIES):
        rows = shop.column(f"select cast(rows as varchar) from {table} as rows")
        if ids := {one for row in rows for one in words(row)} & shop.ids:
            found[table] = sorted(ids)[:3]
    assert found == {}
    run_id = shop.value("select max_by(run_id, published_at) from releases")
    assert shop.value(f"select count(*) from recommendation_log where run_id = '{run_id}'") == 0
    # The same search finds those that the sample shop has.
    logged = shop.column("select cast(log as varchar) from recommendation_log as log limit 100")
    assert {one for row in logged for one in words(row)} & shop.ids


def words(text):
    for sign in "'\"{}[](),: |":
        text = text.replace(sign, "\n")
    return text.split("\n")


def test_no_release_has_an_id_of_a_person(shop):
    assert with_ids(shop) == {}
    with contextlib.closing(sqlite3.connect(shop.folder / "current.sqlite")) as connection:
        for table in ("lists", "list_rules", "identities"):
            assert connection.execute(f"select count(*) from {table}").fetchall() == [(0,)]


def test_apps_get_the_list_of_the_segment_that_they_name(shop):
    store = Store(shop.folder)
    most = "select segment, max(n_users) from segment_popularity where fold = 'live' group by segment order by segment"
    large = [segment for segment, n in shop.query(most) if n >= LEAST]
    small = [segment for segment, n in shop.query(most) if n < LEAST]
    assert len(large) > 1 and small

    def listed(segment):
        return shop.column(f"select item_id from fallback_recommendations where segment = '{segment}' order by rank")

    def shown(**asked):
        answer = store.recommend(**asked)
        assert answer["list_id"].split("-")[1] == ("s" if "session" in asked else "f")
        return [item["item_id"] for item in answer["items"]]

    person = next(iter(shop.column("select min(user_id) from user_features where fold = 'live'")))
    assert [listed(segment) for segment in small] == [[]] * len(small)
    assert len({tuple(listed(segment)) for segment in ["", *large]}) == len(large) + 1
    for segment in large:
        assert shown(user_id=person, segment=segment) == shown(segment=segment) == listed(segment)
    for segment in small:
        assert shown(user_id=person, segment=segment) == listed("")
    assert shown(user_id=person) == listed("") and len(listed("")) == 20
    assert len(shown(user_id=person, segment=large[0], session=listed("")[:2])) == 20
    assert store.release()["n_lists"] == len(large) + 1
    functions = "select item_id from recommend_items('{}', segment => '{}') order by rank"
    assert shop.column(functions.format(person, large[0])) == listed(large[0])


def test_gates_measure_the_lists_of_segments(shop):
    newest = "evaluated_at = (select max(evaluated_at) from publish_gates)"
    measures = dict(shop.query(f"select gate, measure from publish_gates where {newest}"))
    assert measures["lists"] == Store(shop.folder).release()["n_lists"]
    assert measures["people"] is None and 0 < measures["catalog_coverage"] < 0.5
    # They cover less than half of what the lists of people did, which says nothing of them.
    query = f"select value, is_passed, explanation from publish_gates where gate = 'catalog_coverage' and {newest}"
    [(value, is_passed, explanation)] = shop.query(query)
    assert value is None and is_passed and explanation.endswith("was made by another lists_for")


@pytest.mark.parametrize(
    ("privacy", "message"),
    [
        ({"lists_for": "segments"}, "lists_for: segments and min_people 1, by which a segment of one person"),
        ({"lists_for": "nobody"}, "lists_for is 'nobody': give people or segments"),
        ({"device_epsilon": 11}, "device_epsilon is '11': give a number above 0 and at most 10"),
        ({"device_epsilon": "much"}, "device_epsilon is 'much': give a number above 0"),
    ],
)
def test_settings_that_promise_nothing_stop_the_build(sample_shop, privacy, message):
    result = sample_shop.dbt("ls", "--select", "folds", privacy=privacy)
    assert result.returncode != 0 and message in result.text
