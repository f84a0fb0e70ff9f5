"""recipes/health: a table of contraindications that is missing, empty or lacks a row stops the build."""

import pytest
from conftest import REPOSITORY, copy_package, run_dbt

from recipes import run

TABLES = {
    "event_weights": "health_event_weights",
    "rules": "health_rules",
    "campaigns": "health_campaigns",
    "purposes": "health_purposes",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("health")
    project = copy_package(folder / "kindred", "recipes/health") / "recipes/health"
    run.write_tables(run.load("health").make_world(), project)
    assert dbt(project, "deps").returncode == 0
    return project


def dbt(project, *arguments, **settings):
    folder = project.parents[2]
    return run_dbt(
        *arguments,
        project=project,
        target=folder / "target",
        database=folder / "health.duckdb",
        environment={"KINDRED_WORLD": str(project / "world")},
        settings=settings,
    )


def build_conditions(project, seed=None):
    """Build up to what reads the conditions, with another text in health_eligibility.csv."""
    path = project / "seeds/health_eligibility.csv"
    original = (REPOSITORY / "recipes/health/seeds/health_eligibility.csv").read_text(encoding="utf-8")
    path.write_text(original if seed is None else seed(original), encoding="utf-8")
    return dbt(project, "build", "--select", "+health_conditions", "--exclude-resource-type", "unit_test")


def test_the_table_as_it_is(project):
    result = build_conditions(project)
    assert result.returncode == 0, result.output


def test_a_risk_without_a_condition(project):
    result = build_conditions(
        project,
        lambda text: "".join(line for line in text.splitlines(keepends=True) if not line.startswith("grapefruit,")),
    )
    assert result.returncode == 1
    assert (
        "kindred: item_id 'c002' of content_risks: it has the risk 'grapefruit', and health_eligibility has no row"
        in (result.text)
    )
    assert "'contains_nuts'" not in result.text
    # Nothing is built of it: no conditions, and so no lists.
    assert "SKIP relation main.health_conditions" in result.text


def test_a_table_without_rows(project):
    result = build_conditions(project, lambda text: text.splitlines(keepends=True)[0])
    assert result.returncode == 1
    assert "it has the risk 'contains_nuts', and health_eligibility has no row of this tag" in result.text
    assert "SKIP relation main.health_conditions" in result.text


def test_a_table_that_is_missing(project):
    (project / "seeds/health_eligibility.csv").unlink()
    result = dbt(project, "build", "--select", "+health_conditions")
    assert result.returncode == 2
    assert "depends on a node named 'health_eligibility' which was not found" in result.text


def test_a_table_that_is_named_and_missing(project):
    build_conditions(project)
    result = dbt(
        project,
        *("build", "--select", "checked_eligibility", "--exclude-resource-type", "unit_test"),
        kindred__tables=TABLES | {"eligibility": "main.contraindications"},
    )
    assert result.returncode == 1
    assert "kindred__tables, eligibility points at 'main.contraindications', and there is no table" in result.text
    result = dbt(project, "parse", kindred__tables=TABLES | {"eligibility": "contraindications"})
    assert result.returncode == 2
    assert "depends on a node named 'contraindications' which was not found" in result.text
