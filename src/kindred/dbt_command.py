"""dbt, as the command line starts it."""

from __future__ import annotations

import subprocess
import sys


def run_dbt(*arguments: str) -> None:
    """Run dbt in a process of its own. Errors: RuntimeError where it fails; dbt has said why."""
    # As a module dbt would warn of itself.
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--quiet", *arguments]
    if subprocess.run(command).returncode:
        raise RuntimeError("dbt could not do that, see above: run this in the folder of your dbt project")
