"""The gates before publication: each stops what it is about, in words, and lets it through when it is told to, once."""

import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
from conftest import REPOSITORY, Shop, load_python_model, run_dbt

publishing = load_python_model("serving_releases")
GATES = {"catalog_coverage", "changed_lists", "quality", "people", "rejected_events", "stale_data", "data_age"}
GATES |= {"rollback_hold"}


@pytest.fixture(scope="module")
def shop(sample_shop, tmp_path_factory):
    """A copy of the sample shop with its first release."""
    shop = Shop(tmp_path_factory.mktemp("gates"))
    shutil.copy(sample_shop.database, shop.database)
    shop.folder = publishing.serving_folder("", str(shop.database))
    shutil.copytree(publishing.serving_folder("", str(sample_shop.database)), shop.folder, symlinks=True)
    for name in ("recommendations", "evaluation_metrics", "checked_events", "person_events", "served_lists"):
        shop.run(f"create table good_{name} as from {name}")
    shop.run("drop view checked_events")
    return shop


def next_run(shop, name):
    """What a build a day later would have made of the same events."""
    for table in ("recommendations", "evaluation_metrics", "checked_events", "person_events", "served_lists"):
        shop.run(f"create or replace table {table} as from good_{table}")
    shop.run(f"update recommendations set run_id = '{name}', generated_at = generated_at + interval 1 day")
    shop.run(f"update served_lists set list_id = '{name[:8]}' || substr(list_id, 9)")


def judge(shop, **settings):
    """Run the gates and what they let through, with the sample shop's inputs; returns (dbt's result, rows by gate)."""
    result = run_dbt(
        *("build", "--select", "publish_gates", "serving_releases"),
        target=shop.targets,
        database=shop.database,
        settings={f"kindred__{name}": value for name, value in settings.items()},
    )
    newest = "select max(judged_at) from publish_gates"
    columns = "gate, run_id, compared_run_id, value, bound, is_passed, is_overridden, explanation"
    rows = shop.query(f"select {columns} from publish_gates where judged_at = ({newest})")
    return result, {row[0]: SimpleNamespace(**dict(zip(columns.split(", "), row, strict=True))) for row in rows}


def current(shop):
    return Path(os.readlink(shop.folder / "current.sqlite")).stem


def test_first_release__passes_and_is_published(sample_shop):
    rows = sample_shop.query("select gate, is_passed, is_overridden, explanation from publish_gates")
    assert {row[0] for row in rows} == GATES
    assert {row[1:3] for row in rows} == {(True, False)}
    comparing = {row[3] for row in rows if row[0] not in ("rollback_hold", "data_age")}
    assert comparing == {"the first release: nothing to compare with"}
    [(release_id, location, n_lists)] = sample_shop.query("select release_id, location, n_lists from serving_releases")
    assert f"kindred: release {release_id} is published, {n_lists:,} lists: {location}" in sample_shop.result.output
    assert n_lists == sample_shop.value("select count(distinct user_id) from recommendations")


def test_gates__stop_a_bad_build_and_are_overridden_once(shop):
    [(first, release_id)] = shop.query("select run_id, release_id from serving_releases")
    n_people, n_items = shop.query("select count(distinct user_id), count(distinct item_id) from recommendations")[0]
    next_run(shop, "badbadba-d000")
    shop.run("delete from recommendations where user_id not in (select user_id from users order by user_id limit 100)")
    n_left = shop.value("select count(distinct user_id) from recommendations")
    shop.run("update recommendations set item_id = 'new' || rank")
    shop.run("update evaluation_metrics set value = value / 2 where model = 'recommendations'")
    shop.run("update checked_events set rejection_reason = 'odd' where rejection_reason is null and random() < 2")
    shop.run("update person_events set occurred_at = occurred_at - interval 36 hour")
    publishing.roll_back(shop.folder, release_id, "ann", "looks odd")

    result, gates = judge(shop, publish_gates={"data_age": 1})
    assert result.returncode != 0
    assert {name for name, row in gates.items() if not row.is_passed} == GATES
    assert {row.compared_run_id for row in gates.values()} == {first}
    assert {row.run_id for row in gates.values()} == {"badbadba-d000"}
    assert not any(row.is_overridden for row in gates.values())
    expected = {"people": 1 - n_left / n_people, "catalog_coverage": 1 - 20 / n_items, "changed_lists": 1}
    expected |= {"stale_data": 1.5, "rollback_hold": 1}
    assert {name: gates[name].value for name in expected} == pytest.approx(expected)
    n_rejected, n_events = shop.query("select count(rejection_reason), count(*) from good_checked_events")[0]
    assert gates["rejected_events"].value == pytest.approx(1 - n_rejected / n_events)
    value, error = shop.query(
        "select value, standard_error from good_evaluation_metrics where fold = 'backtest' and segment = 'all'"
        " and model = 'recommendations' and metric = 'ndcg' and k = 10"
    )[0]
    assert gates["quality"].value == pytest.approx(value / 2 / (2**0.5 * error))
    assert gates["quality"].bound == 2

    # In words: which gate, by how much, against what, and what to do; apps go on.
    assert "SKIP relation main.serving_releases" in result.text
    for name, row in gates.items():
        assert f"kindred: gate {name} stopped publication: {row.explanation}" in result.output
    assert "to a person: 1.000, at most 0.800; compared with release " + release_id in result.output
    assert f"ann went back from release {release_id} to {release_id}" in result.output and "looks odd" in result.output
    assert f"--vars '{{kindred__override_gates: [{', '.join(sorted(GATES))}]}}'" in result.output
    assert current(shop) == release_id and len(shop.query("from serving_releases")) == 1

    # All but one let through: that one is off for good. What is let through is written down.
    result, gates = judge(
        shop, publish_gates={"data_age": 1, "people": False}, override_gates=sorted(GATES - {"people"})
    )
    assert result.returncode == 0, result.output
    assert {name for name, row in gates.items() if row.is_overridden} == GATES - {"people"}
    assert (gates["people"].is_passed, gates["people"].bound, gates["people"].explanation) == (True, None, "off")
    overridden = ", ".join(sorted(GATES - {"people"}))
    query = "select release_id, overridden_gates from serving_releases where run_id = 'badbadba-d000'"
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
    result, gates = judge(shop)
    assert result.returncode == 0, result.output
    assert {row.compared_run_id for row in gates.values()} == {first}
    assert all(row.is_passed and not row.is_overridden for row in gates.values())
    assert gates["changed_lists"].value == pytest.approx(0.1)
    assert current(shop).endswith("-goodgood") and "is published" in result.output

    # A stopped run leaves no trace in what the next is held against.
    next_run(shop, "replayed-0000")
    result, gates = judge(shop, as_of="2026-05-20")
    assert result.returncode == 0, result.output
    assert shop.value("select count(*) from publish_gates where run_id = 'replayed-0000'") == 0
    assert "nothing is published: a replay of another day" in result.output
    assert current(shop).endswith("-goodgood")


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
    source = (REPOSITORY / "macros/operations/read_rollback.sql").read_text(encoding="utf-8")
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    returned = []
    context = {
        "var": lambda name: path,
        "return": lambda value: returned.append(value) or "",
        "target": {"path": database},
    }
    context["modules"] = {"re": re}
    environment.from_string(source + "{{ serving_folder() }}", globals=context).render()
    assert returned[0] == folder
