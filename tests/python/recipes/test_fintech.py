"""recipes/fintech: without conditions nothing is published, and a replay knows what the bank knew then."""

import json

import duckdb
import pytest
from conftest import REPOSITORY, copy_package, run_dbt

from recipes import run

TABLES = {"event_weights": "fintech_event_weights"}


@pytest.fixture(scope="module")
def fintech(tmp_path_factory):
    """dbt on a copy of the recipe; called with a command's arguments and settings it returns the result."""
    folder = tmp_path_factory.mktemp("fintech")
    project = copy_package(folder / "kindred", "recipes/fintech") / "recipes/fintech"
    world = run.load("fintech").make_world()
    run.write_tables(world, project)
    profiles = folder / "profiles"
    profiles.mkdir()
    text = (REPOSITORY / "profiles.yml").read_text(encoding="utf-8")
    (profiles / "profiles.yml").write_text(text.replace("\nkindred:\n", "\nfintech:\n"), encoding="utf-8")
    paths = {"project": project, "target": folder / "target", "database": folder / "fintech.duckdb"}
    environment = {"KINDRED_WORLD": str(project / "world")}

    def dbt(*arguments, **settings):
        given = {"profiles": profiles, "environment": environment, "writes": True, "settings": settings or None}
        return run_dbt(*arguments, **given, **paths)

    assert dbt("deps").returncode == 0
    dbt.world, dbt.folder, dbt.database = world, folder, paths["database"]
    return dbt


@pytest.mark.slow
def test_without_a_table_of_conditions_the_build_stops(fintech):
    select = ["--select", "+item_conditions", "--exclude-resource-type", "unit_test"]
    result = fintech("build", *select, kindred__tables=TABLES)
    assert result.returncode != 0
    assert "kindred: 25 items of fintech_items are under no condition, so everybody would be shown them" in result.text
    assert "Name the table that says who may be shown what: kindred__tables: {eligibility: ...}" in result.text
    # dbt runs a test before what comes after all that it reads: the release is among that.
    manifest = json.loads((fintech.folder / "target/manifest.json").read_text(encoding="utf-8"))
    [test] = [name for name in manifest["nodes"] if name.startswith("test.fintech.every_offer_is_under_a_condition")]
    before, left = set(), ["model.kindred.releases"]
    while left:
        new = set(manifest["parent_map"].get(left.pop(), [])) - before
        before |= new
        left += new
    parents = set(manifest["nodes"][test]["depends_on"]["nodes"])
    assert {"model.fintech.fintech_items", "model.kindred.item_conditions"} <= parents <= before
    # One offer that was forgotten is named.
    seed = fintech.folder / "kindred/recipes/fintech/seeds/fintech_eligibility.csv"
    lines = seed.read_text(encoding="utf-8").split("\n")
    seed.write_text("\n".join(lines[:1] + [line for line in lines if line.startswith("youth_until")]), encoding="utf-8")
    result = fintech("build", *select)
    assert result.returncode != 0
    assert "24 items of fintech_items are under no condition" in result.text
    assert "Give each a row in the table that kindred__tables, eligibility points at" in result.text


@pytest.mark.slow
def test_a_replay_knows_what_the_bank_knew_then(fintech):
    truths = fintech.world.truths
    before = {name: known for name, (_, known) in truths["known_before"].items()}
    assert len(before) == 40
    for settings, known in (({"kindred__as_of": "2026-05-16"}, before), ({}, truths["known"])):
        result = fintech("build", "--select", "fintech_users", "--exclude-resource-type", "test", **settings)
        assert result.returncode == 0, result.output
        with duckdb.connect(fintech.database, read_only=True) as connection:
            rows = dict(connection.execute("select user_id, attributes from fintech_users").fetchall())
        found = {name: json.loads(rows[name]) for name in known}
        assert {name: fields["income_band"] for name, fields in found.items()} == {
            name: fields["income_band"] for name, fields in known.items()
        }
        assert {name: fields["credit_card"] for name, fields in found.items()} == {
            name: "yes" if fields["credit_card"] else "no" for name, fields in known.items()
        }
