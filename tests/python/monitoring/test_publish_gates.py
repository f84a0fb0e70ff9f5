"""The gates before publication: each stops what it is about, in words, and lets it through when it is told to, once."""

import json
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
from conftest import REPOSITORY, run_dbt, to_variables
from released_shop import current, shop_copy

from kindred import cli
from kindred.embed import known_gates
from kindred.publishing import folder as publishing
from kindred.publishing import settings

GATES = {"catalog_coverage", "changed_lists", "quality", "people", "rejected_events", "stale_data", "data_age"}
# What these are about is in test_monitoring.py.
OF_MONITORING = {"drift", "concentration", "volume", "latency", "fairness"}
GATES |= {"traffic", "rollback_hold", "lists"} | OF_MONITORING
OVERRIDABLE = GATES - {"lists"} - OF_MONITORING


@pytest.fixture(scope="module")
def shop(sample_shop, tmp_path_factory):
    return shop_copy(sample_shop, tmp_path_factory.mktemp("gates"))


def next_run(shop, name):
    """What a build a day later would have made of the same events."""
    shop.run("delete from traffic_report")
    for table in ("recommendations", "evaluation_metrics", "event_counts", "person_events", "release_lists"):
        shop.run(f"create or replace table {table} as from good_{table}")
    shop.run(f"update recommendations set run_id = '{name}', generated_at = generated_at + interval 1 day")
    shop.run(f"update release_lists set list_id = '{name[:8]}' || substr(list_id, 9)")


def compare(shop, **settings):
    """Run the gates and what they let through, with the sample shop's inputs; returns (dbt's result, rows by gate)."""
    result = run_dbt(
        *("build", "--select", "publish_gates", "releases"),
        target=shop.targets,
        database=shop.database,
        settings=to_variables(settings),
    )
    newest = "select max(evaluated_at) from publish_gates"
    columns = "gate, run_id, compared_run_id, compared_release_id, value, bound, is_passed, is_overridden, explanation"
    rows = shop.query(f"select {columns} from publish_gates where evaluated_at = ({newest})")
    return result, {row[0]: SimpleNamespace(**dict(zip(columns.split(", "), row, strict=True))) for row in rows}


def test_first_release__passes_and_is_published(sample_shop):
    rows = sample_shop.query("select gate, is_passed, is_overridden, explanation from publish_gates")
    assert {row[0] for row in rows} == GATES
    assert {row[1:3] for row in rows} == {(True, False)}
    explanations = {row[0]: row[3] for row in rows}
    # The sample shop's events end once and for all: it can be built again on any day.
    assert {explanations.pop(gate) for gate in ("stale_data", "data_age", "volume", "latency", "fairness")} == {"off"}
    assert explanations.pop("rollback_hold") == "nobody holds publication"
    assert explanations.pop("lists") == "there are lists"
    assert explanations.pop("traffic").endswith("internal or test traffic: 0.000, at most 0.500")
    assert set(explanations.values()) == {"the first release: nothing to compare with"}
    [(release_id, location, n_lists)] = sample_shop.query("select release_id, location, n_lists from releases")
    assert f"kindred: release {release_id} is published, {n_lists:,} lists: {location}" in sample_shop.log
    assert n_lists == sample_shop.value("select count(distinct user_id) from recommendations")


@pytest.mark.slow
def test_gates__stop_a_bad_build_and_are_overridden_once(shop):
    [(first, release_id)] = shop.query("select run_id, release_id from releases")
    n_people, n_items = shop.query("select count(distinct user_id), count(distinct item_id) from recommendations")[0]
    n_rejected, n_events = shop.query(
        "select coalesce(sum(n_events) filter (rejection_reason is not null), 0), sum(n_events) from good_event_counts"
    )[0]
    next_run(shop, "badbadba-d000")
    shop.run("delete from recommendations where user_id not in (select user_id from users order by user_id limit 100)")
    n_left = shop.value("select count(distinct user_id) from recommendations")
    shop.run("update recommendations set item_id = 'new' || rank")
    shop.run("update evaluation_metrics set value = value / 2 where generator = 'blend'")
    shop.run("update event_counts set rejection_reason = 'odd' where rejection_reason is null and random() < 2")
    shop.run("update person_events set occurred_at = occurred_at - interval 36 hour")
    shop.run("insert into traffic_report values ('ua_crawl', 'bot', true, 6, 1, 0.6)")
    publishing.roll_back(shop.folder, release_id, "ann", "looks odd")

    result, gates = compare(shop, gates={"data_age": 1, "stale_data": 2})
    assert result.returncode != 0
    assert {name for name, row in gates.items() if not row.is_passed} == OVERRIDABLE
    assert {row.compared_run_id for row in gates.values()} == {first}
    assert {row.compared_release_id for row in gates.values()} == {release_id}
    assert f"odd ({n_events - n_rejected}), " in gates["rejected_events"].explanation
    assert {row.run_id for row in gates.values()} == {"badbadba-d000"}
    assert not any(row.is_overridden for row in gates.values())
    expected = {"people": 1 - n_left / n_people, "catalog_coverage": 1 - 20 / n_items, "changed_lists": 1}
    # A day went by, and the newest events went with it.
    expected |= {"stale_data": 1 + 1.5, "rollback_hold": 1, "traffic": 0.6}
    assert {name: gates[name].value for name in expected} == pytest.approx(expected)
    assert gates["rejected_events"].value == pytest.approx(1 - n_rejected / n_events)
    value, error = shop.query(
        "select value, standard_error from good_evaluation_metrics where fold = 'backtest' and user_group = 'all'"
        " and generator = 'blend' and metric = 'ndcg' and k = 10"
    )[0]
    assert gates["quality"].value == pytest.approx(value / 2 / (2**0.5 * error))
    assert gates["quality"].bound == 2

    # In words: which gate, by how much, against what, and what to do; apps go on.
    assert "SKIP relation main.releases" in result.text
    for name, row in gates.items():
        if name not in OVERRIDABLE:
            continue
        assert f"kindred: gate {name} stopped publication: {row.explanation}" in result.output
    assert f"1.000, at most 0.800; {n_left} people compared; compared with release {release_id}" in result.output
    assert f"ann went back from release {release_id} to {release_id}" in result.output and "looks odd" in result.output
    assert f"--vars '{{kindred__override_gates: [{', '.join(sorted(OVERRIDABLE))}]}}'" in result.output
    assert current(shop) == release_id and len(shop.query("from releases")) == 1

    # All but one let through: that one is off for good. What is let through is written down.
    result, gates = compare(
        shop,
        gates={"data_age": 1, "stale_data": 2, "people": False},
        override_gates=sorted(OVERRIDABLE - {"people"}),
    )
    assert result.returncode == 0, result.output
    assert {name for name, row in gates.items() if row.is_overridden} == OVERRIDABLE - {"people"}
    assert (gates["people"].is_passed, gates["people"].bound, gates["people"].explanation) == (True, None, "off")
    overridden = ", ".join(sorted(OVERRIDABLE - {"people"}))
    query = "select release_id, overridden_gates from releases where run_id = 'badbadba-d000'"
    assert shop.query(query) == [(current(shop), overridden)]
    assert current(shop) != release_id and f"(let through: {overridden})" in result.output
    # Publication ended the hold.
    assert publishing.read_rollback(shop.folder) is None

    # The next build is compared with what apps read after somebody went back, not with what was published last.
    publishing.roll_back(shop.folder, release_id, "ann", "")
    publishing.resume(shop.folder)
    next_run(shop, "goodgood-0000")
    shop.run("update recommendations set generated_at = generated_at + interval 1 day")
    shop.run("update recommendations set item_id = 'new' where rank = 10")
    result, gates = compare(shop)
    assert result.returncode == 0, result.output
    assert {row.compared_run_id for row in gates.values()} == {first}
    assert all(row.is_passed and not row.is_overridden for row in gates.values())
    assert gates["changed_lists"].value == pytest.approx(0.1)
    assert current(shop).endswith("-goodgood") and "is published" in result.output

    # A stopped run leaves no trace in what the next is held against.
    next_run(shop, "replayed-0000")
    result, gates = compare(shop, as_of="2026-05-20")
    assert result.returncode == 0, result.output
    assert shop.value("select count(*) from publish_gates where run_id = 'replayed-0000'") == 0
    assert "nothing is published: a replay of another day" in result.output
    assert current(shop).endswith("-goodgood")


@pytest.mark.slow
def test_stale_data__a_feed_that_is_dead_stops_however_often_one_builds(sample_shop, tmp_path):
    shop = shop_copy(sample_shop, tmp_path)
    # The bound that holds for everybody's events but the sample's.
    names = ("events", "items", "users", "consents")
    bound = {"inputs": {name: f"main.sample_{name}" for name in names}}

    def build_after(hours, name, new_events=0):
        next_run(shop, name)
        shop.run(f"update recommendations set generated_at = generated_at + interval ({hours - 24}) hour")
        shop.run(f"update person_events set occurred_at = occurred_at + interval ({new_events}) hour")
        result, gates = compare(shop, **bound)
        stale = gates["stale_data"]
        assert (result.returncode == 0) == stale.is_passed == current(shop).endswith(f"-{name[:8]}"), result.output
        return stale.value, stale.is_passed

    # Twice on a day is no harm. Each build is held against the first that had the newest events, not against the last.
    assert build_after(12, "halfaday-0000") == (0.5, True)
    assert build_after(21, "sameday--0000") == (0.875, True)
    assert build_after(24, "nonewone-0000") == (1, False)
    assert build_after(23, "daybyday-0000") == (pytest.approx(23 / 24), False)
    # New events keep it fresh, and from then on they are what is compared with.
    assert build_after(48, "eventsof-0000", new_events=47) == (pytest.approx(1 / 24), True)
    assert build_after(72, "dayafter-0000", new_events=47) == (1, False)
    # Events that are gone count with the time that went by.
    assert build_after(60, "lostsome-0000", new_events=35) == (1, False)


@pytest.mark.slow
def test_gates__know_what_apps_read_though_the_build_was_killed_before_its_row(sample_shop, tmp_path):
    shop = shop_copy(sample_shop, tmp_path)
    first = current(shop)
    next_run(shop, "killed---0000")
    result, _ = compare(shop)
    assert result.returncode == 0, result.output
    killed = current(shop)
    [row] = shop.query(f"from releases where release_id = '{killed}'")
    shop.run("delete from releases where run_id = 'killed---0000'")

    next_run(shop, "nextnext-0000")
    shop.run("update recommendations set generated_at = generated_at + interval 1 day")
    result, gates = compare(shop, gates={"people": 0})
    assert result.returncode == 0, result.output
    assert {gate.compared_run_id for gate in gates.values()} == {"killed---0000"}
    assert killed in gates["people"].explanation and first not in gates["people"].explanation
    # The publication writes the row that was missing.
    assert shop.column("select right(release_id, 8) from releases order by release_id")[1:] == [
        "killed--",
        "nextnext",
    ]
    [mended] = shop.query(f"from releases where release_id = '{killed}'")
    names = shop.column("select column_name from (describe releases)")
    was, mended = dict(zip(names, row, strict=True)), dict(zip(names, mended, strict=True))
    assert mended.pop("seconds") is None and was.pop("seconds") > 0
    assert abs((mended.pop("published_at") - was.pop("published_at")).total_seconds()) < 5
    assert mended == was


@pytest.mark.parametrize(
    ("database", "path", "folder"),
    [
        ("kindred.duckdb", "", "kindred_serving"),
        ("/data/a.b/shop.v2.duckdb", "", "/data/a.b/shop.v2_serving"),
        ("/data/a.b/shop", "", "/data/a.b/shop_serving"),
        ("/data/.shop", "", "/data/.shop_serving"),
        (":memory:", "", ""),
        ("", "", ""),
        ("md:shop", "", ""),
        (":memory:", "/srv/lists", "/srv/lists"),
    ],
)
def test_serving_folder__the_gates_and_the_publication_mean_the_same(database, path, folder):
    assert str(publishing.serving_folder(path, database) or "") == folder
    source = (REPOSITORY / "macros/state/served.sql").read_text(encoding="utf-8")
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    returned = []
    context = {
        "kindred": SimpleNamespace(setting=lambda group, key: path),
        "env_var": lambda name, default: default,
        "return": lambda value: returned.append(value) or "",
        "target": {"path": database},
    }
    context["modules"] = {"re": re}
    environment.from_string(source + "{{ serving_folder() }}", globals=context).render()
    assert returned[0] == folder


def test_serving_folder__builds_readers_and_rollbacks_mean_the_same(sample_shop, tmp_path, monkeypatch, capsys):
    """The environment first, then the project; a build, a reader and `kindred releases` mean the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KINDRED_DUCKDB_PATH", "data/shop.v2.duckdb")
    assert settings.serving_folder() == Path("data/shop.v2_serving")
    variables = {"kindred": {"kindred__serving": {"path": "of the project"}}}
    (tmp_path / "dbt_project.yml").write_text(json.dumps({"vars": variables}), encoding="utf-8")
    assert settings.serving_folder() == Path("of the project")
    (tmp_path / "dbt_project.yml").write_text(json.dumps({"vars": variables["kindred"]}), encoding="utf-8")
    assert settings.serving_folder() == Path("of the project")
    monkeypatch.setenv("KINDRED_SERVING_PATH", str(tmp_path / "lists"))
    assert settings.serving_folder() == tmp_path / "lists"

    def releases():
        try:
            cli.main(["releases"])
        except SystemExit as stopped:
            return 1, stopped.code
        return 0, capsys.readouterr().out

    code, output = releases()
    assert code == 1 and f"{tmp_path / 'lists'} is no folder" in output
    shop = shop_copy(sample_shop, tmp_path / "shop")
    next_run(shop, "elsewher-0000")
    publishing.roll_back(shop.folder, current(shop), "ann", "")  # a hold there is none of this folder's
    environment = {"KINDRED_SERVING_PATH": str(tmp_path / "lists")}
    result = run_dbt(
        *("build", "--select", "publish_gates", "releases"),
        target=shop.targets,
        database=shop.database,
        environment=environment,
    )
    assert result.returncode == 0, result.output
    code, output = releases()
    assert code == 0 and "-elsewher" in output

    monkeypatch.delenv("KINDRED_SERVING_PATH")
    variables = {"kindred": {"kindred__serving": {"store": "postgres"}}}
    (tmp_path / "dbt_project.yml").write_text(json.dumps({"vars": variables}), encoding="utf-8")
    code, output = releases()
    assert code == 1 and "kindred__serving has the store postgres, which keeps the last release alone" in output


def forget(shop):
    """What is left in a new database, made from the same inputs: nothing of earlier builds."""
    for table in ("recommendation_log", "publish_gates", "releases", "builds"):
        shop.run(f"create or replace table {table} as from {table} limit 0")


@pytest.mark.slow
def test_gates__compare_with_what_is_served_in_a_new_database(sample_shop, tmp_path):
    shop = shop_copy(sample_shop, tmp_path)
    release_id = current(shop)
    forget(shop)
    next_run(shop, "tooshort-0000")
    shop.run("delete from recommendations where user_id not in (select user_id from users order by user_id limit 100)")
    # A daily build evaluates nothing.
    shop.run("delete from evaluation_metrics")
    result, gates = compare(shop)
    assert result.returncode != 0
    assert {row.compared_release_id for row in gates.values()} == {release_id}
    assert {name for name, row in gates.items() if not row.is_passed} == {"people"}
    assert (
        gates["changed_lists"].explanation == f"not compared: recommendation_log has no lists of release {release_id}"
    )
    assert gates["quality"].explanation == "not compared: this build evaluated nobody"
    assert current(shop) == release_id

    # Lists of a build that evaluated nothing are published with the quality of the release before, for later builds.
    next_run(shop, "anotherd-0000")
    shop.run("delete from evaluation_metrics")
    assert compare(shop)[0].returncode == 0
    forget(shop)
    next_run(shop, "evaluate-0000")
    shop.run("update recommendations set generated_at = generated_at + interval 1 day")
    shop.run("update evaluation_metrics set value = value / 2 where generator = 'blend'")
    result, gates = compare(shop)
    assert result.returncode != 0
    assert {name for name, row in gates.items() if not row.is_passed} == {"quality"}
    assert current(shop).endswith("-anotherd")


@pytest.mark.slow
def test_gates__compare_with_what_is_served_though_the_database_is_in_memory(sample_shop, tmp_path):
    folder = tmp_path / "lists"
    shutil.copytree(publishing.serving_folder("", str(sample_shop.database)), folder, symlinks=True)
    before = (folder / "served.json").read_text(encoding="utf-8")
    served = json.loads(before)
    for row in served["measures"]:
        row["measure"] = 100_000 if row["gate"] == "people" else row["measure"]
    (folder / "served.json").write_text(json.dumps(served), encoding="utf-8")
    result = run_dbt(
        *("build", "--exclude-resource-type", "unit_test"),
        target=tmp_path / "target",
        database=":memory:",
        settings={"kindred__folds": ["live"]},
        environment={"KINDRED_SERVING_PATH": str(folder), "KINDRED_TEMP_DIRECTORY": str(tmp_path / "temp")},
    )
    assert result.returncode != 0
    assert (
        "kindred: gate people stopped publication: share of the people with a list that is lost: 0.98" in result.output
    )
    assert "before 100000.000); compared with release " + served["release_id"] in result.output
    assert Path(os.readlink(folder / "current.sqlite")).stem == served["release_id"]


@pytest.mark.slow
def test_lists__a_first_release_of_nothing_is_not_published(sample_shop, tmp_path):
    shop = shop_copy(sample_shop, tmp_path)
    shutil.rmtree(shop.folder)
    next_run(shop, "nothingg-0000")
    shop.run("delete from recommendations; delete from release_lists")
    result, gates = compare(shop)
    assert result.returncode != 0 and not (shop.folder / "current.sqlite").exists()
    assert {name for name, row in gates.items() if not row.is_passed} == {"lists"}
    assert "gate lists stopped publication: no person has a list (" in result.output
    assert "a release without lists is never published: see rejected_events" in result.output
    assert "kindred__override_gates" not in result.output

    before = len(shop.query("from publish_gates"))
    settings = to_variables({"override_gates": ["lists"], "gates": {"lists": 5, "rollback_hold": "off"}})
    result = run_dbt(
        "build", "--select", "publish_gates+", target=shop.targets, database=shop.database, settings=settings
    )
    assert result.returncode != 0 and len(shop.query("from publish_gates")) == before
    assert "kindred__override_gates has 'lists': the gates that can be overridden are catalog_coverage," in result.text
    assert "kindred__gates has 'lists': its keys are catalog_coverage," in result.text
    assert "kindred__gates has 'rollback_hold': its keys are" in result.text


def test_gates__what_is_known_at_the_start_is_what_the_seed_says(sample_shop):
    seed = dict(sample_shop.query("select gate, (has_bound, is_overridable) from gates"))
    assert {name: tuple(row.values()) for name, row in known_gates().items()} == seed
    assert seed.keys() == GATES
