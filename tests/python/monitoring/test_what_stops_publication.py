"""Apps never read lists that a test of the data found broken: publication comes after all that can stop it."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import REPOSITORY, Shop, run_dbt
from released_shop import current, shop_copy

# What policies would have earned, and what interleaving found, looks back at shown lists.
OFF_POLICY = [
    *("shown_lists", "own_items", "own_places", "logged_places", "log_problems", "reward_estimates"),
    *("expected_rewards", "valued_people", "policy_values", "interleaved_clicks", "interleaving_results"),
]
# Tests of the outcomes of shown lists, of the sample's truths and of the history of releases say nothing of
# the lists.
OF_NO_CONCERN = {
    "model.kindred.forget_log",
    "model.kindred.forgotten_arrivals",
    "model.kindred.list_outcomes",
    "model.kindred.list_performance",
    *(f"model.kindred.{name}" for name in OFF_POLICY),
    "seed.kindred.sample_truths",
    "seed.kindred.foreign_log",
    "seed.kindred.foreign_policies",
    "seed.kindred.tracker_events",
}
OF_NO_CONCERN |= {"model.kindred.releases"}
# What is watched and stops nothing.
OF_NO_CONCERN |= {f"model.kindred.{name}" for name in ("concentration", "run_costs", "service_levels")}
# Business metrics tell what was, and nothing that is published reads them.
METRICS = ("daily_metrics", "cohorts", "customer_values", "adoption", "list_value")
OF_NO_CONCERN |= {f"model.kindred.{name}" for name in METRICS}
# No release says to whom a campaign writes, nor how many people a condition declines.
OF_NO_CONCERN |= {f"model.kindred.{name}" for name in ("send_events", "checked_campaigns", "campaign_people")}
OF_NO_CONCERN |= {"seed.kindred.campaigns", "model.kindred.eligibility_declines"}
# Nothing that is published reads what devices report.
OF_NO_CONCERN |= {"seed.kindred.device_reports"}
# Histories of what builds decided.
OF_NO_CONCERN |= {"model.kindred.arm_shares", "model.kindred.item_arm_log"}
OF_NO_CONCERN |= {
    f"model.kindred.{name}"
    for name in (
        "exposure_events",
        "exposures",
        "exposure_problems",
        *(f"experiment_{one}" for one in ("moments", "results", "checks", "plans")),
    )
}
PROJECT = ["models", "python_models", "macros", "seeds", "functions", "dbt_project.yml", "profiles.yml"]


def ancestors(manifest, node):
    found, left = set(), [node]
    while left:
        new = set(manifest["parent_map"].get(left.pop(), [])) - found
        found |= new
        left += new
    return found


def test_publication_waits_for_every_test_that_can_stop_it(sample_shop):
    """dbt runs a test before what comes after all that it reads, and skips that where the test fails."""
    manifest = json.loads((sample_shop.database.parent / "target/manifest.json").read_text(encoding="utf-8"))
    tests = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "test"}
    assert len(tests) > 50
    before = ancestors(manifest, "model.kindred.releases")
    too_late = {
        name: reads
        for name, node in tests.items()
        if (reads := set(node["depends_on"]["nodes"]) - before) and not reads <= OF_NO_CONCERN
    }
    assert too_late == {}
    warnings = {name.split(".")[2] for name, node in tests.items() if node["config"]["severity"].lower() != "error"}
    assert warnings == {"ranking_rules_do_something", "campaigns_have_an_item", "eligibility_does_something"}


def test_a_broken_list_is_not_published(sample_shop, tmp_path):
    """One person gets two first ranks, by a model that went wrong."""
    project = tmp_path / "project"
    project.mkdir()
    for name in PROJECT:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, project / name)
    model = project / "models/recommendations/recommendations.sql"
    sql = model.read_text(encoding="utf-8")
    first = "select * from good where rank = 1 and user_id = (select min(user_id) from good)"
    model.write_text(f"with good as (\n{sql}\n) select * from good union all {first}", encoding="utf-8")
    shop = shop_copy(sample_shop, tmp_path / "shop")
    before = current(shop), shop.query("from releases")

    # As `make build` does; a unit test would find this model out before.
    arguments = ["build", "--exclude-resource-type", "unit_test", "--select", "recommendations+"]
    result = run_dbt(*arguments, project=project, target=shop.targets, database=shop.database)
    assert result.returncode != 0
    assert "FAIL 1 well_formed_recommendations" in result.text
    for name in ("publish_gates", "releases"):
        assert f"SKIP relation main.{name}" in result.text
    assert (current(shop), shop.query("from releases")) == before
    assert shop.value("select count(*) from recommendations where rank = 1") > shop.value(
        "select count(distinct user_id) from recommendations"
    )


@pytest.mark.slow
def test_two_builds_at_once(sample_shop, tmp_path):
    """One waits for the file that the other holds. It publishes too, unless what is served was begun later."""
    shop = Shop(tmp_path)
    shutil.copy(sample_shop.database, shop.database)
    [before] = shop.column("select release_id from releases")

    def build(number):
        select = ["--select", "recommendations+", "--exclude-resource-type", "test", "unit_test"]
        return run_dbt("build", *select, target=tmp_path / f"target_{number}", database=shop.database)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(build, range(2)))
    failed = [result for result in results if result.returncode != 0]
    assert len(failed) < 2, failed[0].output
    for result in failed:
        assert "another build, which began later, came between: build again" in result.text, result.output
    published = shop.column("select release_id from releases order by published_at")
    assert published[0] == before and len(set(published)) == 3 - len(failed)
    assert Path(os.readlink(tmp_path / "shop_serving/current.sqlite")).stem == published[-1]
