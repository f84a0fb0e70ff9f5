"""Nothing is skipped in silence where CI is set: a skipped test fails there, with its name and reason, unless its
reason begins with one of ALLOWED. conftest.py takes the two hooks in.
"""

import os

import pytest

NO_DATA = "shared data absent"
NO_EMULATOR = "emulator absent"
NO_GPU = "no GPU"
OTHER_SYSTEM = "not on this operating system"
NO_BUILDS = "--no-builds"
# What a machine may lack that .ci/run can't install, and what a run leaves out because it was told to.
ALLOWED = (NO_DATA, NO_EMULATOR, NO_GPU, OTHER_SYSTEM, NO_BUILDS)


def is_ci():
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def fail_if_skipped(report):
    """Turn a skip whose reason isn't allowed into a failure; expected failures are none."""
    if not is_ci() or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    _path, _line, reason = report.longrepr
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(ALLOWED):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} would be skipped, and CI skips nothing in silence: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """A module that skips as a whole, by pytest.importorskip."""
    report = yield
    fail_if_skipped(report)
    return report
