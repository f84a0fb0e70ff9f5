"""The rooms and their order, what consumers may read, the selectors, and what dbt finds modified where nothing is."""

import functools
import json
import re
import shutil

import pytest
from conftest import EXPERIMENTS, REPOSITORY, run_dbt

from kindred.settings import GROUPS

# DESIGN.md's order, of the rooms that there are: a room refs rooms above it. Seeds stand above, functions below.
ROOMS = [
    "erasure",
    "trackers",
    "inputs",
    "identity",
    "behavior",
    "rules",
    "features",
    "outcomes",
    "experiments",
    "policies",
    "training",
    "candidates",
    "ranking",
    "recommendations",
    "evaluation",
    "metrics",
    "monitoring",
    "publishing",
]
# With every tracker, every optional generator and with experiments, so that each model is there.
TRACKED = {"kindred__trackers": {tracker: f"raw_{tracker}" for tracker in GROUPS["trackers"]}}
TRACKED |= {"kindred__tables": EXPERIMENTS | {"device_reports": "device_reports"}}
TRACKED |= {"kindred__generators": {"transformer": {}}}
# docs/outputs.md: the tables that apps, BI and people read, beside all of the rooms that are public as a whole.
PUBLIC_ROOMS = {"outcomes", "recommendations", "publishing"}
PUBLIC = {"rejected_events", "input_problems", "evaluation_metrics", "user_metrics", "publish_gates", "training_policy"}
PUBLIC |= {"unmapped_events", "tracker_report", "identities", "consent_history", "forgotten_arrivals", "forget_log"}
PUBLIC |= {"traffic_report", "checked_experiments", "checked_arms", "arm_shares", "assignments"}
PUBLIC |= {"item_arms", "item_arm_log", "eligibility_answers", "eligibility_declines"}
PUBLIC |= {"exposures", "exposure_problems", "experiment_moments", "experiment_results", "experiment_checks"}
PUBLIC |= {"experiment_plans"}
PUBLIC |= {"drift", "concentration", "data_health", "run_costs", "service_levels", "group_fairness"}
PUBLIC |= {"logged_places", "log_problems", "policy_values", "interleaving_results"}
PUBLIC |= {"daily_metrics", "cohorts", "customer_values", "adoption", "list_value"}
PUBLIC |= {"transformer_parameters", "transformer_item_factors", "transformer_user_factors"}
PUBLIC |= {"als_item_factors", "als_user_factors", "spectral_item_factors", "item_neighbors"}
PUBLIC |= {"item_content_neighbors", "tuning_trials", "item_statistics_from_devices", "device_report_problems"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """dbt on the project in a folder of its own; called with a command's arguments it returns what dbt printed."""
    folder = tmp_path_factory.mktemp("project")

    def run(*arguments, target="target", **given):
        result = run_dbt(*arguments, target=folder / target, database=folder / "none.duckdb", writes=True, **given)
        assert result.returncode == 0, result.output
        return result.printed

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def manifest(project):
    project("parse", settings=TRACKED)
    return json.loads((project.folder / "target/manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def models(manifest):
    return {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}


def room(node):
    return node["fqn"][1]


def test_every_model_stands_in_a_room_that_is_its_group(models):
    assert {room(node) for node in models.values()} <= set(ROOMS)
    assert {node["name"]: node["group"] for node in models.values() if node["group"] != room(node)} == {}
    # A tracker has a folder of its own inside its room.
    folders = {tuple(node["original_file_path"].split("/")[:2]) for node in models.values()}
    assert folders <= {(half, name) for half in ("models", "python_models") for name in ROOMS}


def test_a_room_refs_rooms_above_it(manifest, models):
    upward = [
        f"{room(node)}.{node['name']} refs {room(models[parent])}.{models[parent]['name']}"
        for node in models.values()
        for parent in node["depends_on"]["nodes"]
        if parent in models and ROOMS.index(room(models[parent])) > ROOMS.index(room(node))
    ]
    assert upward == []
    # Nothing stands above a seed or below a function.
    for name, parents in manifest["parent_map"].items():
        assert not (name.startswith("seed.") and parents)
        assert not (name.startswith("model.") and any(parent.startswith("function.") for parent in parents))


def test_unit_tests__given_is_what_the_model_refs(manifest, models):
    """dbt builds what a model refs before its unit tests, by the settings of the project and not by a unit test's own.

    A ref within an `if` that these settings don't enter stands in a comment, `depends_on`. Rows given as SQL need no
    table whose columns are looked up; an ephemeral model has none.
    """
    refs = {
        (test["model"], re.findall(r"'(\w+)'", given["input"])[-1])
        for test in manifest["unit_tests"].values()
        for given in test["given"]
        if given["format"] != "sql"
    }
    parents = {
        node["name"]: {parent.split(".")[2] for parent in node["depends_on"]["nodes"]} for node in models.values()
    }
    assert len(refs) > 300
    assert [(model, given) for model, given in sorted(refs) if given not in parents[model]] == []
    ephemeral = {node["name"] for node in models.values() if node["config"]["materialized"] == "ephemeral"}
    assert [(model, given) for model, given in sorted(refs) if given in ephemeral] == []


def test_access__what_consumers_read_is_public_and_a_rooms_own_is_private(manifest, models):
    public = {node["name"] for node in models.values() if node["access"] == "public"}
    assert public == PUBLIC | {node["name"] for node in models.values() if room(node) in PUBLIC_ROOMS}
    for name, node in models.items():
        readers = [reader for reader in manifest["child_map"][name] if reader.split(".")[0] in ("model", "function")]
        rooms = {room(models[reader]) if reader in models else "functions" for reader in readers}
        # A model that nothing reads yet may be protected.
        expected = {"private"} if readers and rooms == {room(node)} else {"protected", "private"}
        if node["access"] != "public" and readers:
            assert node["access"] in expected, (name, rooms)


def test_outputs__lists_every_public_table():
    text = (REPOSITORY / "docs/outputs.md").read_text(encoding="utf-8")
    assert [name for name in sorted(PUBLIC) if f"`{name}`" not in text] == []


@pytest.fixture(scope="module")
def selected(project):
    @functools.cache
    def select(name):
        kinds = ("--resource-types", "model", "function", "test")
        return set(project("--quiet", "ls", "--selector", name, *kinds, settings=TRACKED).split())

    return select


def test_selectors(selected, models):
    names = {node["name"] for node in models.values()}
    by_room = {name: {".".join(node["fqn"]) for node in models.values() if room(node) == name} for name in ROOMS}

    def short(selector):
        return {name.split(".")[-1] for name in selected(selector)} & names

    assert short("daily") == names
    assert by_room["training"] <= selected("train") and {"rankers", "targets", "typed_events"} <= short("train")
    assert not short("train") & {"recommendations", "evaluation_metrics", "publish_gates", "ranked_lists"}
    assert by_room["evaluation"] <= selected("evaluate") and "candidates" in short("evaluate")
    assert not short("evaluate") & {"recommendations", "publish_gates", "releases"}
    assert short("publish") == {node["name"] for node in models.values() if room(node) in ("monitoring", "publishing")}
    for name in ("recommend_items", "rerank_items"):
        assert any(line.endswith(name) for line in selected("publish"))
        assert not any(line.endswith(name) for line in selected("train") | selected("evaluate"))
    # The gates' tests come with them: without them nothing would stop.
    assert any("gates_are_passed" in line for line in selected("publish"))


def test_hourly__tests_all_that_a_daily_build_tests_of_what_it_makes(project, manifest, models):
    """What a test of a daily build would stop stops here too, and no test reads what stands still beside what moves.

    In the settings of an hourly build: without the fold backtest the gates don't ref evaluation_metrics.
    """
    kinds = ("--resource-types", "model", "test", "--output", "json", "--output-keys", "unique_id")
    settings = TRACKED | {"kindred__folds": ["live"]}
    listed = project("--quiet", "ls", "--selector", "hourly", *kinds, settings=settings, target="hourly")
    selected = {json.loads(line)["unique_id"] for line in listed.splitlines()}
    names = {models[name]["name"] for name in selected if name in models}
    assert {"releases", "withdrawals", "concentration", "recommendation_log", "policy_lists", "arm_shares"} <= names
    assert {"item_arm_log", "assignments", "als_item_factors", "drift", "builds", "campaign_people"} <= names
    left_out = {node["name"] for node in models.values() if room(node) in ("evaluation", "metrics", "experiments")}
    assert not names & (left_out | {"current_arms", "bandit_shares", "list_performance", "service_levels"})

    tests = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "test"}
    parents = {name: set(node["depends_on"]["nodes"]) & models.keys() for name, node in tests.items()}
    of_made = {name for name in tests if parents[name] & selected}
    still = {tests[name]["name"]: {models[parent]["name"] for parent in parents[name] - selected} for name in of_made}
    # Of an evaluation of some days ago; assignments and experiments, which both are of current_arms' build.
    assert {tests[name]["name"] for name in of_made - selected} == {"well_formed_evaluation_metrics"}
    del still["well_formed_evaluation_metrics"]
    assert {name: found for name, found in still.items() if found} == {
        "well_formed_assignments": {"checked_experiments"}
    }


def test_state_modified__nothing_changes_from_run_to_run(project):
    """Not the run's id, its clock, nor another place of the releases: what dbt finds modified was edited."""
    settings = {"kindred__experiments": {"log_days": 30}}
    project("ls", target="state", settings=settings)
    (project.folder / "before").mkdir()
    shutil.copy(project.folder / "state/manifest.json", project.folder / "before")
    state = ("--select", "state:modified", "--state", str(project.folder / "before"))
    found = project(
        *("--quiet", "ls", *state),
        target="again",
        settings=settings,
        environment={"KINDRED_SERVING_PATH": "/elsewhere"},
    )
    assert found.split() == []


def test_every_history_survives_a_full_refresh(models):
    incremental = {n["name"]: n["config"] for n in models.values() if n["config"]["materialized"] == "incremental"}
    assert incremental.keys() >= {
        "builds",
        "publish_gates",
        "rankers",
        "recommendation_log",
        "releases",
        "tuning_trials",
    }
    assert {name for name, config in incremental.items() if config["full_refresh"] is not False} == set()
    assert {name for name, config in incremental.items() if config["on_schema_change"] != "append_new_columns"} == set()
