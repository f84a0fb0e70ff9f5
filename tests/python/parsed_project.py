"""What the fork server imports last: it parses the project once, and all builds begin with what that leaves in memory.

dbt keeps the schemas of its classes, and (where its own tests ask for that) macros that it has read; Jinja is made to
keep what it compiles, and dbt not to do again what comes out the same. Each build parses the project in its own
settings all the same, in a third of the time.
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
from dbt.context.macros import MacroNamespace
from dbt.context.manifest import ManifestContext
from dbt_common.dataclass_schema import dbtClassMixin
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
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


def validate_once():
    """Check each value against its schema once: a node is mostly the same as in the parse before."""
    validate = dbtClassMixin.validate.__func__
    valid = set()

    def validate_new(cls, data):
        key = (cls, repr(data))
        if key not in valid:
            validate(cls, data)
            valid.add(key)

    dbtClassMixin.validate = classmethod(validate_new)


def join_namespaces():
    """Put all macros into a context at once, in dbt's order of precedence, where dbt looks for each in five places."""
    to_dict = ManifestContext.to_dict

    def to_dict_at_once(self):
        if not isinstance(self.namespace, MacroNamespace):
            return to_dict(self)
        context = super(ManifestContext, self).to_dict()
        for macros in reversed(list(self.namespace._search_order())):
            context.update(macros)
        return context

    ManifestContext.to_dict = to_dict_at_once


def leave_out_unheard():
    """Compose no message for debugging where no logger writes those."""
    fire = EventManager.fire_event

    def fire_heard(self, event, level=None, *arguments, **named):
        is_for_debugging = (level or event.level_tag()) == EventLevel.DEBUG
        if not is_for_debugging or any(logger.level == EventLevel.DEBUG for logger in self.loggers):
            fire(self, event, level, *arguments, **named)

    EventManager.fire_event = fire_heard


def parse():
    enable_test_caching()
    keep_compiled()
    validate_once()
    join_namespaces()
    leave_out_unheard()
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
