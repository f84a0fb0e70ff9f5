"""examples/feast: what Feast serves is what the tables have."""

import json
import os
import shutil
import subprocess
import sys

import duckdb
import pytest
from conftest import REPOSITORY

FEAST = ["feast==0.67.0", "duckdb"]
EXAMPLE = REPOSITORY / "examples/feast"
# Everything that the four views have, of some ids.
SCRIPT = """
import json, sys
from feast import FeatureStore
store = FeatureStore(".")
names = {view.name: [field.name for field in view.features] for view in store.list_feature_views()}
answers = {}
for name, fields in names.items():
    key = "item_id" if name.startswith("item") else "user_id"
    ids = json.load(open("ids.json"))[key]
    found = store.get_online_features(
        features=[f"{name}:{field}" for field in fields], entity_rows=[{key: one} for one in ids]
    ).to_dict()
    answers[name] = {one: {field: found[field][n] for field in fields} for n, one in enumerate(found[key])}
print(json.dumps(answers))
"""
TABLES = {"user_factors": "als_user_factors", "item_factors": "als_item_factors"}


def run(*command, folder):
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=900,
        env=os.environ | {"FEAST_USAGE": "False"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_online_values_equal_the_tables(sample_shop, tmp_path):
    venv, store = tmp_path / "venv", tmp_path / "feast"
    run(sys.executable, "-m", "venv", venv, folder=tmp_path)
    run(venv / "bin/pip", "install", "--quiet", *FEAST, folder=tmp_path)
    shutil.copytree(EXAMPLE, store, ignore=shutil.ignore_patterns("data", "__pycache__"))
    run(venv / "bin/python", "export.py", sample_shop.database, folder=store)
    run(venv / "bin/feast", "apply", folder=store)
    [as_of] = sample_shop.column("select max(as_of) from folds")
    run(venv / "bin/feast", "materialize", "2000-01-01T00:00:00", f"{as_of:%Y-%m-%dT%H:%M:%S}", folder=store)

    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        ids = {
            key: [one for (one,) in connection.execute(f"select {key} from {table} where fold = 'live'").fetchall()]
            for key, table in (("user_id", "user_features"), ("item_id", "item_features"))
        }
        (store / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
        answers = json.loads(run(venv / "bin/python", "-c", SCRIPT, folder=store).splitlines()[-1])
        assert set(answers) == {"user_features", "item_features", "user_factors", "item_factors"}
        for name, served in answers.items():
            key = "item_id" if name.startswith("item") else "user_id"
            fields = list(next(iter(served.values())))
            table = connection.execute(
                f"select {key}, {', '.join(fields)} from {TABLES.get(name, name)} where fold = 'live'"
            )
            rows = {row[0]: dict(zip(fields, row[1:], strict=True)) for row in table.fetchall()}
            assert len(rows) > 100 and len(fields) >= 1
            # A person without a liked item has no vector.
            expected = {one: rows.get(one, dict.fromkeys(fields)) for one in ids[key]}
            assert served == expected, name
