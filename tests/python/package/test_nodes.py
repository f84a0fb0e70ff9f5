"""What is sent to the nodes of Snowflake, without one; that lists are the same there: tests/python/snowflake."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from kindred.generators.factor_tables import FactorLister
from kindred.generators.lists import People
from kindred.nodes import read_staged, write_staged


def test_staged__comes_back_mapped_from_the_file(tmp_path):
    """No process has a copy of its own of an array."""
    matrix = csr_matrix(np.arange(12, dtype=np.float32).reshape(3, 4))
    value = {"matrix": matrix, "ids": pa.array(["a", None, "c"]), "n": 3, "nothing": np.empty((0, 0))}
    with open(tmp_path / "staged", "wb") as file:
        write_staged(value, file)
    found = read_staged(str(tmp_path / "staged"))
    assert found["ids"].equals(value["ids"]) and found["n"] == 3 and found["nothing"].shape == (0, 0)
    for name in ("data", "indices", "indptr"):
        array = getattr(found["matrix"], name)
        np.testing.assert_array_equal(array, getattr(matrix, name))
        assert not array.flags.owndata and not array.flags.writeable and array.ctypes.data % 64 == 0


def test_staged__needs_no_package_and_makes_lists(tmp_path):
    """A node has no kindred, and implicit wants vectors that it could write to."""
    vectors = np.random.default_rng(0).random((5, 4), dtype=np.float32)
    people = People(
        pa.array(["u"]), pa.nulls(1, pa.string()), csr_matrix((1, 5), dtype=np.float32), vectors=vectors[:1]
    )
    lister = FactorLister("live", pa.array(list("abcde")), vectors)
    with open(tmp_path / "staged", "wb") as file:
        write_staged((lister, people, read_staged), file)
    with open(tmp_path / "code", "wb") as file:
        import cloudpickle

        file.write(cloudpickle.dumps(read_staged))
    code = f"""
import pickle, sys
sys.modules["kindred"] = None
with open({str(tmp_path / "code")!r}, "rb") as file:
    lister, people, _ = pickle.load(file)({str(tmp_path / "staged")!r})
print(lister.rows(people, 3)["item_id"].to_pylist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(lister.rows(people, 3)["item_id"].to_pylist())
