"""recipes/health: tables of contraindications and intervals, and content, that can't be used stop the build."""

import pyarrow as pa
import pyarrow.parquet as pq
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


def build_conditions(project, seed=None, table="health_eligibility", also=()):
    """Build up to what reads the conditions, with another text in one of the seeds."""
    path = project / f"seeds/{table}.csv"
    original = (REPOSITORY / f"recipes/health/seeds/{table}.csv").read_text(encoding="utf-8")
    path.write_text(original if seed is None else seed(original), encoding="utf-8")
    try:
        # Cautious: no test that reads what isn't built.
        options = ("--indirect-selection", "cautious", "--exclude-resource-type", "unit_test")
        return dbt(project, "build", "--select", "+health_conditions", *also, *options)
    finally:
        path.write_text(original, encoding="utf-8")


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


def test_a_misspelt_contraindication(project):
    """It would protect nobody: members with the allergy would be shown what they must not be shown."""
    result = build_conditions(project, lambda text: text.replace("nuts|peanuts", "nutz|peanuts"))
    assert result.returncode == 1
    assert "of health_conditions: 'nutz' is no word of allergies in health_words: correct it, or add it" in result.text
    assert "id 'grapefruit:" not in result.text


def test_a_misspelt_condition_of_a_sensitive_category(project):
    result = build_conditions(
        project, lambda text: text.replace(",depression,", ",depresion,"), table="sensitive_categories"
    )
    assert result.returncode == 1
    assert "rule_id 'sensitive:Depression' of health_conditions: 'depresion' is no word of conditions" in result.text


def test_a_newsletter_about_a_sensitive_category(project):
    result = build_conditions(
        project,
        lambda text: text.replace("sleep,,Sleep", "mood,,Depression"),
        table="health_campaigns",
        also=["+assert_no_campaign_is_sensitive"],
    )
    assert result.returncode == 1
    assert "FAIL 1 assert_no_campaign_is_sensitive" in result.text


def test_intervals_without_rows(project):
    result = build_conditions(project, lambda text: text.splitlines(keepends=True)[0], table="guideline_intervals")
    assert result.returncode == 1
    assert "SKIP relation main.checked_intervals" in result.text
    assert "SKIP relation main.health_conditions" in result.text


# A row of guideline_intervals: what is said of it.
INTERVALS = {
    ",No id,c139,blood_pressure,,,,18,,24,0,60": "it has no reminder_id: give it one",
    "smear,Twice,c142,cervical,F,,,25,64,36,0,60": "its reminder_id stands more than once: give each row its own",
    "title,,c139,blood_pressure,,,,18,,24,0,60": "it has no title: write what the member is reminded of",
    "item,X,c999,blood_pressure,,,,18,,24,0,60": "no content has the item_id 'c999': write the id of its content",
    "no_check,X,c139,,,,,18,,24,0,60": "it has no done_as: write the check that meets it",
    "check,X,c139,blood_presure,,,,18,,24,0,60": "'blood_presure' is no word of checks in health_words: correct it",
    "sex,X,c139,blood_pressure,female,,,18,,24,0,60": "'female' is no word of sex in health_words: correct it",
    "condition,X,c139,blood_pressure,,hypertention,,18,,24,0,60": "'hypertention' is no word of conditions in health",
    "excluded,X,c139,blood_pressure,,,pregnancy|pregnent,18,,24,0,60": "'pregnent' is no word of conditions in health",
    "no_age,X,c139,blood_pressure,,,,,,24,0,60": "from_age is the age from which it holds: write years from 0 to 120",
    "ages,X,c139,blood_pressure,,,,50,40,24,0,60": "to_age is below from_age: correct one of them",
    "often,X,c139,blood_pressure,,,,18,,-24,0,60": "every_months is how often it is due: write months from 1",
    "start,X,c139,blood_pressure,,,,18,,24,-1,60": "starts_months_after is when it is due first, after from_age",
    "quiet,X,c139,blood_pressure,,,,18,,24,0,": "quiet_days is for how long it is not sent again: write days from 0",
}
# What an item of content has wrong: what is said of it.
CONTENT = {
    ("reading_level", 9): "its reading_level is '9': write 1, 2, 3 or 4",
    ("reading_level", None): "its reading_level is '': write 1, 2, 3 or 4",
    ("topic", "Depresion"): "its topic is 'Depresion', no word of topic in health_words: correct it",
    ("topic", None): "its topic is '', no word of topic in health_words: correct it",
}


@pytest.fixture(scope="module")
def faulty(project):
    """What a build says of all these rows at once."""
    path = project / "world/content.parquet"
    original = pq.read_table(path)
    rows = original.to_pylist()
    for number, (column, value) in enumerate(CONTENT):
        rows[number][column] = value
    pq.write_table(pa.Table.from_pylist(rows, schema=original.schema), path)
    try:
        return build_conditions(
            project,
            lambda text: text + "\n".join(INTERVALS) + "\n",
            table="guideline_intervals",
            also=["+health_items"],
        )
    finally:
        pq.write_table(original, path)


@pytest.mark.parametrize("row", INTERVALS)
def test_an_interval_that_cannot_be_used(faulty, row):
    assert f"kindred: reminder_id '{row.split(',')[0]}' of checked_intervals: {INTERVALS[row]}" in faulty.text
    # The others are as they were.
    assert "reminder_id 'bowel'" not in faulty.text


def test_nothing_is_built_of_such_intervals(faulty):
    assert faulty.returncode == 1
    assert "SKIP relation main.health_conditions" in faulty.text


@pytest.mark.parametrize("place", range(len(CONTENT)))
def test_content_that_cannot_be_used(faulty, place):
    problem = list(CONTENT.values())[place]
    assert f"kindred: item_id 'c{place + 1:03d}' of health_items: {problem}" in faulty.text
    assert "item_id 'c010' of health_items" not in faulty.text


def test_a_table_that_is_missing(project):
    path = project / "seeds/health_eligibility.csv"
    original = path.read_text(encoding="utf-8")
    path.unlink()
    result = dbt(project, "build", "--select", "+health_conditions")
    path.write_text(original, encoding="utf-8")
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
