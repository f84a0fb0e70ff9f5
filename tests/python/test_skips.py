"""In CI a skipped test fails, unless its reason is on the list of skips.py."""

import os
import subprocess
import sys

import pytest
import skips

TESTS = """
import pytest

def test_it_runs():
    pass

@pytest.mark.parametrize("reason", {allowed})
def test_allowed(reason):
    pytest.skip(f"{{reason}}: more about it")

@pytest.mark.xfail(reason="known")
def test_known_fault():
    assert False

@pytest.fixture
def server():
    pytest.skip("no PostgreSQL here")

def test_in_a_fixture(server):
    pass

@pytest.mark.skip(reason="not today")
def test_by_mark():
    pass

@pytest.mark.skipif(True, reason="never on Fridays")
def test_by_condition():
    pass

def test_in_the_test():
    pytest.skip("no Chromium here")
"""
MODULE = """
import pytest

pytest.importorskip("there_is_no_such_package", reason="pip install it")

def test_of_the_package():
    pass
"""


@pytest.fixture
def run_pytest(tmp_path):
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(os.path.dirname(skips.__file__))!r})\nfrom skips import *\n"
    )
    (tmp_path / "test_some.py").write_text(TESTS.format(allowed=list(skips.ALLOWED)))
    (tmp_path / "test_module.py").write_text(MODULE)

    def run(*arguments, ci):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI"))}
        command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "--rootdir", tmp_path]
        command += [*arguments, tmp_path]
        done = subprocess.run(
            command, env=environment | {"CI": ci}, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_skips__fail_in_ci_with_their_names_and_reasons(run_pytest, workers):
    code, output = run_pytest("--continue-on-collection-errors", *workers, ci="true")
    assert code == 1
    for name, reason in (
        ("test_in_a_fixture", "no PostgreSQL here"),
        ("test_by_mark", "not today"),
        ("test_by_condition", "never on Fridays"),
        ("test_in_the_test", "no Chromium here"),
        ("test_module.py", "pip install it"),
    ):
        assert f"{name} would be skipped, and CI skips nothing in silence: {reason}" in output
    n_allowed = len(skips.ALLOWED)
    summary = output.splitlines()[-1]
    for part in ("1 passed", f"{n_allowed} skipped", "1 xfailed"):
        assert part in summary
    # What is skipped before the test itself runs ends as an error.
    assert summary.startswith("1 failed") and "4 errors" in summary


@pytest.mark.parametrize("ci", ["", "false", "0"])
def test_skips__stay_skips_elsewhere(run_pytest, ci):
    code, output = run_pytest(ci=ci)
    assert code == 0
    assert f"{len(skips.ALLOWED) + 5} skipped" in output.splitlines()[-1]


def test_skips__the_hooks_are_in_force_here():
    import conftest

    assert conftest.pytest_runtest_makereport is skips.pytest_runtest_makereport
    assert conftest.pytest_make_collect_report is skips.pytest_make_collect_report
