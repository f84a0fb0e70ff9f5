"""State has two doors: docs/state.md lists who uses them, and nothing looks back by another way."""

import re

from conftest import REPOSITORY

from kindred import state_page
from kindred.embed import PACKAGE

# What else asks whether a table is there: for inputs that somebody else keeps, for a table that this build has just
# written, and to replace a function.
ALLOWED = {
    "macros/settings/validate_configuration.sql": {"load_relation"},
    "macros/inputs/relation_columns.sql": {"load_relation"},
    "macros/inputs/known_rows.sql": {"load_relation"},
    "macros/trackers/filled_columns.sql": {"load_relation"},
    "macros/warehouse/request_lines.sql": {"load_relation"},
    "macros/warehouse/kindred_table_function.sql": {"load_cached_relation"},
}
LOOKS_BACK = re.compile(r"is_incremental\(|adapter\.get_relation|load_(?:cached_)?relation|\{\{\s*this\s*\}\}")


def test_the_page_is_as_the_code_is():
    page = (REPOSITORY / "docs/state.md").read_text(encoding="utf-8")
    assert page == state_page.render_state(REPOSITORY, PACKAGE), "run `make embed`"
    for row in (
        "| `list_outcomes` | `recommendation_log` |  |",
        "| `last_training` | `builds` |  |",
        "| `changed_lists` | `recommendation_log` | yes |",
        "| `drift_bins` | `drift_bins` | yes |",
        "| `als_item_factors` | `als_item_factors` |  |",
        "| `explanations` | `explanations` |  |",
        "| `releases` | `releases` |  |",
    ):
        assert row in page


def test_every_table_that_is_read_is_written_by_a_full_build():
    models = {path.stem for folder in ("models", "python_models") for path in (REPOSITORY / folder).rglob("*.*")}
    ephemeral = {
        path.stem
        for path in (REPOSITORY / "models").rglob("*.sql")
        if "materialized='ephemeral'" in path.read_text(encoding="utf-8")
    }
    assert state_page.tables_read(REPOSITORY, PACKAGE) <= models - ephemeral


def test_the_page_finds_calls_of_any_form(tmp_path):
    """A call over several lines, one inside a comment, and Python that looks back through another function."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/one.sql").write_text("""
        {# kindred.previous('no') #}
        {{ kindred.previous_rows(
            'log', {'a': 'b'}) }} {% set x = kindred.previous('builds') %}
    """)
    (tmp_path / "models/two.sql").write_text("{% set served = kindred.served() %}")
    (tmp_path / "models/three.sql").write_text("select 1")
    (tmp_path / "python_models").mkdir()
    (tmp_path / "python_models/model_a.py").write_text("def model(dbt, session):\n    return kept.rows(dbt)\n")
    (tmp_path / "python_models/model_b.py").write_text("def model(dbt, session):\n    return fresh(dbt)\n")
    (tmp_path / "package").mkdir()
    functions = ["def rows(dbt): inner(dbt)", "def inner(dbt): previous_rows(dbt)", "def fresh(dbt): ..."]
    (tmp_path / "package/kept.py").write_text("\n".join(functions))
    assert state_page.sql_readers(tmp_path) == {"`one`": ({"log", "builds"}, False), "`two`": (set(), True)}
    assert state_page.python_readers(tmp_path, tmp_path / "package") == {"`model_a`": ({"model_a"}, False)}


def test_nothing_looks_back_by_another_way():
    found = {}
    for folder in ("models", "functions", "macros"):
        for path in (REPOSITORY / folder).rglob("*.sql"):
            name = path.relative_to(REPOSITORY).as_posix()
            if name.startswith(("macros/state/", "macros/embedded/")):
                continue
            used = set(LOOKS_BACK.findall(state_page.without_comments(path.read_text(encoding="utf-8"))))
            if used - ALLOWED.get(name, set()):
                found[name] = used
    assert found == {}
    for path in [*(REPOSITORY / "python_models").rglob("*.py"), *PACKAGE.rglob("*.py")]:
        # Report and explanations stand outside of a build and read what it left.
        if path.name not in ("warehouse.py", "state_page.py", "built.py") and path.parent.name != "report":
            assert "information_schema" not in path.read_text(encoding="utf-8"), path
