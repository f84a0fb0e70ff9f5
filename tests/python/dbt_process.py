"""dbt in a process of its own that begins with what a server has imported and parsed: half of a small build's time."""

import atexit
import gc
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

import pytest

forks = multiprocessing.get_context("forkserver")
# What dbt and the Python models import, and the project as dbt parses it.
PRELOADED = ["dbt.cli.main", "dbt.adapters.duckdb", "dbt_process", "pandas", "scipy.sparse", "sklearn", "lightgbm"]
PRELOADED += ["implicit.als", "parsed_project"]
SECONDS_PER_STATEMENT = 900  # of the Snowflake emulator


def preload(*modules):
    """Import these, too, before the first build begins; `parsed_project` freezes what is there and comes last."""
    forks.set_forkserver_preload([*modules, *PRELOADED])


preload()


def run_here(arguments, environment, output, errors):
    """Run dbt in this process, which ends with its exit code; output and errors are files."""
    for stream, path in ((1, output), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY), stream)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    # dbt's profile has no setting for it; conftest.py says why.
    if "snowflake.connector.network" in sys.modules:
        sys.modules["snowflake.connector.network"].DEFAULT_SOCKET_CONNECT_TIMEOUT = SECONDS_PER_STATEMENT
    # All that dbt makes lives as long as this process: looking for garbage would take a seventh of the parsing.
    gc.disable()
    from dbt.cli.main import cli

    sys.argv = ["dbt", *arguments]
    try:
        cli()
    finally:
        # multiprocessing ends a process without them, and in one of them dbt-duckdb closes its database.
        atexit._run_exitfuncs()


def run_alone(arguments, environment, timeout):
    """The same as `run` by the command, in a process that hashes texts in its own way: sets then have another order."""
    command = [os.path.join(os.path.dirname(sys.executable), "dbt"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def start(target, *arguments):
    """A process forked from the server that runs a function."""
    process = forks.Process(target=target, args=arguments)
    with pytest.MonkeyPatch.context() as patch:
        # Before Python 3.13 the server looks there alone for what it preloads, and is silent on what it lacks.
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        process.start()
    return process


def run(arguments, environment, timeout):
    """(exit code, standard output, standard error) of `dbt`; TimeoutError after so many seconds."""
    with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
        process = start(run_here, arguments, environment, output.name, errors.name)
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"dbt {' '.join(arguments)} takes more than {timeout} seconds")
        return process.exitcode, output.read().decode(), errors.read().decode()
