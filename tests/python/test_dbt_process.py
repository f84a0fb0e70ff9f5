"""Builds begin with what the fork server has imported and parsed."""

import json

import dbt_process
import pytest
import skips
from conftest import RUNS

WRITE = "import json, pathlib, sys; pathlib.Path({path!r}).write_text(json.dumps(list(sys.modules)))"


def test_all_that_is_preloaded_is_there(tmp_path):
    if not RUNS["builds"]:
        pytest.skip(f"{skips.NO_BUILDS} leaves out what runs dbt")
    path = tmp_path / "modules.json"
    process = dbt_process.start(exec, WRITE.format(path=str(path)))
    process.join()
    assert set(dbt_process.PRELOADED) <= set(json.loads(path.read_text()))
