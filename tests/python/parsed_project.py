"""What the fork server imports last: it parses the project once, and all builds begin with what that leaves in memory.

dbt keeps the schemas of its classes, and (where its own tests ask for that) macros that it has read; Jinja is made to
keep what it compiles. Each build parses the project in its own settings all the same, in half the time.
"""

import atexit
import functools
import gc
import os
import tempfile
from pathlib import Path

import jinja2
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner
from dbt_common.tests import enable_test_caching

REPOSITORY = Path(__file__).resolve().parents[2]


def keep_compiled():
    """Let all environments of a class share the code of a text: dbt makes an environment for each text."""
    compile_text = jinja2.Environment.compile
    kept = {}

    @functools.wraps(compile_text)
    def compile_once(self, source, name=None, filename=None, raw=False, defer_init=False):
        key = (type(self), source, name, filename, raw, defer_init)
        if not isinstance(source, str):
            return compile_text(self, source, name, filename, raw, defer_init)
        if key not in kept:
            kept[key] = compile_text(self, source, name, filename, raw, defer_init)
        return kept[key]

    jinja2.Environment.compile = compile_once


def parse():
    enable_test_caching()
    keep_compiled()
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    with tempfile.TemporaryDirectory() as folder:
        places = ["--profiles-dir", str(REPOSITORY), "--target-path", folder, "--log-path", folder]
        # The static parser is a library with threads of its own, which no fork would have.
        dbtRunner().invoke(["--quiet", "--no-static-parser", "parse", "--project-dir", str(REPOSITORY), *places])
    reset_adapters()
    # The server ends at once: DuckDB would count what is still in use and complain.
    server = os.getpid()
    atexit.register(lambda: os._exit(0) if os.getpid() == server else None)
    # What is there stays: nobody looks through it for garbage, nor copies its pages by counting.
    gc.freeze()


parse()
