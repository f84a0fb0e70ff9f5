"""The pages of results are what their scripts write from the measured figures, so the next run reverts no sentence."""

import importlib
import json

import pytest
from conftest import REPOSITORY

FOLDER = REPOSITORY / "benchmarks"


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("speed", "write_report"),
        ("peers", "write_report"),
        ("daily", "write_report"),
        ("quality", "report"),
        ("metrics", "write_report"),
        ("new_items", "report"),
        ("nodes", "write_report"),
        ("devices", "report"),
        ("text", "report"),
    ],  # fmt: skip
)
def test_results__are_written_by_the_script(name, function, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    write = getattr(importlib.import_module(f"bench_{name}"), function)
    measured = json.loads((FOLDER / f"results/{name}.json").read_text(encoding="utf-8"))
    assert write(measured) == (FOLDER / f"results/{name}.md").read_text(encoding="utf-8")
