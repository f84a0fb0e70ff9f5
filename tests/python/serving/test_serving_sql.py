"""The statements of the store as sqlfluff sees them, put together as the store puts them."""

from pathlib import Path

import pytest

from kindred.serving import store

FOLDER = Path(store.__file__).parent


def problems(statement):
    """What sqlfluff says, with the line in the statement that was put together."""
    sqlfluff = pytest.importorskip("sqlfluff.core", reason="pip install 'kindred[dev]'")
    config = sqlfluff.FluffConfig.from_path(str(FOLDER / "recommend.sql"), overrides={"templater": "raw"})
    assert config.get("dialect") == "sqlite"
    found = sqlfluff.Linter(config=config).lint_string(statement).get_violations()
    return [f"{one.line_no}: {one.rule_code()} {one.desc()}" for one in found]


@pytest.mark.parametrize("statement", [store.RECOMMEND, store.FILL_UP], ids=["recommend", "fill_up"])
def test_statements_are_clean(statement):
    assert problems(statement) == []


def test_the_check_sees_what_is_wrong():
    assert problems(store.RECOMMEND.replace("from listed\n", "FROM listed\n", 1))
    assert problems(store.RECOMMEND.replace("with person as", "with person a s", 1))
