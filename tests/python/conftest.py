"""What the tests share: dbt in a process of its own, shops in DuckDB files of their own, the Python models as modules.

No test touches the project's own DuckDB file or target folder.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import dbt_process
import duckdb
import pyarrow as pa
import pytest
import skips
import yaml
from skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401, hooks

from kindred.run import CURRENT
from kindred.settings import GROUPS, PLAIN

REPOSITORY = Path(__file__).resolve().parents[2]
INPUTS = list(GROUPS["inputs"])
RUNS = {"builds": True}
# Experiments are named, and there are none: so all models are there that read them.
EXPERIMENTS = {"experiments": "experiments"}
NO_TESTS = ["--exclude-resource-type", "test", "unit_test"]
# What dbt writes beside the tables takes a tenth of a small build, and few tests read it.
UNWRITTEN = {"DBT_WRITE_JSON": "false", "DBT_LOG_LEVEL_FILE": "none"}
# Nothing that lists are made of reads the room `metrics`: a shop leaves it out unless its test is about it.
NO_METRICS = ["--exclude", "group:metrics"]
# Snowflake says within a minute that a statement goes on. The emulator answers when it is done, and after a minute the
# connector would send the statement again, into a connection that is busy with it. Procedures open connections of
# their own, with what the emulator says of itself.
START_EMULATOR = f"""
import contextlib, sys
from sfharness import server
serve = server.serve

@contextlib.contextmanager
def serve_patiently(port):
    with serve(port) as address:
        from sfharness import fs_patches
        fs_patches.SERVER["socket_timeout"] = {dbt_process.SECONDS_PER_STATEMENT}
        yield address

server.serve = serve_patiently
sys.exit(server.main())
"""


def pytest_addoption(parser):
    parser.addoption("--no-builds", action="store_true", help="leave out the tests that run dbt")
    parser.addoption("--sample", help="the folder of the sample shop, as make test builds it")


def pytest_configure(config):
    RUNS["builds"] = not config.getoption("--no-builds")
    if config.option.markexpr.startswith("snowflake"):
        dbt_process.preload("dbt.adapters.snowflake", "snowflake.snowpark")


def slowly(*values):
    """Values of a parameter that repeat, on other input, what CI runs with the values beside them."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def to_variables(settings):
    """Settings by their own names as dbt variables: diversity=0.5 becomes kindred__ranking: {diversity: 0.5}."""
    variables = {}
    for name, value in settings.items():
        homes = [group for group, defaults in GROUPS.items() if name in defaults]
        if name in GROUPS or name in PLAIN:
            variables[f"kindred__{name}"] = value
        elif homes:
            variables.setdefault(f"kindred__{homes[0]}", {})[name] = value
        else:
            variables[name] = value
    return variables


@dataclass
class Result:
    """How a dbt command ended and all it said; `printed` leaves out standard error, where libraries put warnings."""

    returncode: int
    output: str
    printed: str

    @property
    def text(self):
        """The output with the line breaks inside its messages taken out."""
        return " ".join(self.output.split())


def run_dbt(
    *arguments,
    project=REPOSITORY,
    profiles=None,
    target,
    database,
    settings=None,
    environment=None,
    writes=False,
    run=dbt_process.run,
):
    """Run dbt on `project`; `settings` become `--vars`. Never raises: the caller looks at the returncode.

    profiles: the folder of another profiles.yml than the project's. writes: whether dbt writes its log and artifacts,
    such as the manifest.
    """
    if not RUNS["builds"]:
        pytest.skip(f"{skips.NO_BUILDS} leaves out what runs dbt")
    given = environment or {}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "KINDRED_"))}
    environment |= {
        "KINDRED_DUCKDB_PATH": str(database),
        "KINDRED_TEMP_DIRECTORY": str(database) + ".temp",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_USE_COLORS": "false",
    }
    environment |= ({} if writes else UNWRITTEN) | given
    command = [*arguments, "--project-dir", str(project), "--profiles-dir", str(profiles or project)]
    if arguments[0] not in ("deps",):
        command += ["--target-path", str(target), "--log-path", str(target)]
    if settings:
        command += ["--vars", json.dumps(settings)]
    returncode, printed, errors = run(command, environment, timeout=600)
    return Result(returncode, printed + errors, printed)


def hourly_variables():
    """The variables of `make hourly`."""
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    return yaml.safe_load(re.search(r"WITHIN_THE_HOUR := (.*?[^\\])\n", text, flags=re.DOTALL)[1].replace("\\\n", " "))


def copy_package(folder, *projects):
    """What dbt reads of kindred, with these of its consumer projects, in a folder of their own; returns the folder."""
    ignored = shutil.ignore_patterns("target", "logs", "dbt_packages", "package-lock.yml", "*.duckdb*", "__pycache__")
    for part in ("macros", "models", "python_models", "functions", "seeds", "tests", *projects):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=ignored)
    shutil.copy(REPOSITORY / "dbt_project.yml", folder)
    return folder


class Shop:
    """A DuckDB file with raw tables in the schema `raw`, and kindred built on them."""

    profiles = None
    writes = False

    def __init__(self, folder, targets=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.database = folder / "shop.duckdb"
        self.target = folder / "target"
        self.targets = targets or folder / "targets"
        self.tables = []

    def load(self, **tables):
        """Write raw tables: each a list of rows (dicts), a pyarrow table or a SQL select."""
        with duckdb.connect(self.database) as connection:
            connection.execute("create schema if not exists raw")
            for name, rows in tables.items():
                if isinstance(rows, list):
                    rows = pa.Table.from_pylist(rows)
                select = rows if isinstance(rows, str) else "select * from rows"
                connection.execute(f"create or replace table raw.{name} as {select}")
                self.tables.append(name)
        return self

    def placed(self, settings):
        """(settings with the inputs pointing at the raw tables that were loaded, or nowhere; their target folder)"""
        pointers = {name: f"raw.{name}" for name in INPUTS if name in self.tables}
        settings = to_variables({"inputs": pointers} | settings)
        # dbt parses the project again where settings differ: those alike share what was parsed.
        return settings, self.targets / hashlib.md5(json.dumps(settings).encode()).hexdigest()[:8]

    def dbt(self, *arguments, **settings):
        settings, target = self.placed(settings)
        place = {"target": target, "database": self.database, "writes": self.writes}
        return run_dbt(*arguments, profiles=self.profiles, settings=settings, **place)

    def build(self, *arguments, metrics=False, **settings):
        """Build all models and seeds without their tests, or those that `arguments` select; must succeed.

        metrics: whether the room `metrics` is built too.
        """
        left_out = [] if metrics else NO_METRICS
        result = self.dbt("build", *NO_TESTS, *arguments, *left_out, **settings)
        assert result.returncode == 0, result.output
        return self

    def run(self, sql):
        with duckdb.connect(self.database) as connection:
            connection.execute(sql)

    def query(self, sql):
        with duckdb.connect(self.database, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def value(self, sql):
        [(value,)] = self.query(sql)
        return value

    def column(self, sql):
        return [row[0] for row in self.query(sql)]

    def counts(self, table, column):
        return dict(self.query(f"select {column}, count(*) from {table} group by all"))


@pytest.fixture(scope="session")
def sample_shop(tmp_path_factory, request):
    """The sample shop that comes with kindred, built once; `log` is what dbt wrote into its log."""
    folder = tmp_path_factory.mktemp("sample")
    if built := request.config.getoption("--sample"):
        # A copy: dbt runs on it now and then, and nobody else can open the file meanwhile.
        shutil.copytree(request.config.rootpath / built, folder, symlinks=True, dirs_exist_ok=True)
    shop = Shop(folder)
    if not built:
        result = run_dbt(
            *("build", *NO_TESTS),
            target=shop.target,
            database=shop.database,
            settings={"kindred__tables": EXPERIMENTS},
            writes=True,
            run=dbt_process.run_alone,
        )
        assert result.returncode == 0, result.output
    shop.log = (shop.target / "dbt.log").read_text(encoding="utf-8")
    return shop


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("small")


@pytest.fixture(scope="session")
def snowflake():
    """A connection to the Snowflake emulator; dbt's target `snowflake` finds it through the environment.

    The emulator is a server in a process of its own. It isn't part of this repository: KINDRED_SNOWFLAKE_EMULATOR names
    its folder.
    """
    emulator = Path(os.environ.get("KINDRED_SNOWFLAKE_EMULATOR", REPOSITORY.parent / "shared/snowflake_emulator"))
    if not (emulator / "sfharness").is_dir():
        pytest.skip(f"{skips.NO_EMULATOR}: {emulator} isn't one, set KINDRED_SNOWFLAKE_EMULATOR to its folder")
    for package in ("fakesnow", "dbt.adapters.snowflake", "snowflake.snowpark"):
        try:
            importlib.import_module(package)
        except ImportError:
            pytest.skip(f"{package} is missing: pip install -r {emulator}/requirements.in")
    import snowflake.connector

    server = subprocess.Popen(
        [sys.executable, "-c", START_EMULATOR],
        cwd=emulator,
        env=os.environ | {"SFH_DIALECT_GATE": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = server.stdout.readline()
        assert "listening on" in said, f"the Snowflake emulator didn't start: {said}"
        login = {"account": "fakesnow", "user": "u", "password": "p", "database": "DB1", "schema": "S1"}
        address = {"host": "127.0.0.1", "port": int(said.split()[-1]), "protocol": "http"}
        patience = {"socket_timeout": dbt_process.SECONDS_PER_STATEMENT}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (login | address | {"warehouse": "WH", "role": "R"}).items():
                patch.setenv(f"SNOWFLAKE_{name.upper()}", str(value))
            with snowflake.connector.connect(**login, **address, **patience) as connection:
                yield connection
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def small_shop(small_folder):
    """An empty shop, at the same path for every test: dbt then needs to parse the project for new settings only."""
    shop = Shop(small_folder)
    for suffix in ("", ".wal"):
        Path(str(shop.database) + suffix).unlink(missing_ok=True)
    return shop


def load_python_model(name):
    """A Python model as a module; it imports the package kindred from src/, as it imports the embedded one in dbt."""
    [path] = REPOSITORY.glob(f"python_models/*/{name}.py")
    specification = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@dataclass
class This:
    """The model's own table, as `dbt.this`."""

    database: str
    schema: str
    identifier: str

    def __str__(self):
        return f'"{self.database}"."{self.schema}"."{self.identifier}"'


class FakeDbt:
    """The `dbt` argument of a Python model: relations of an in-memory DuckDB and the settings of its YAML."""

    def __init__(self, connection, settings, name="model"):
        self.connection = connection
        self.this = This("memory", "main", name)
        self.config = types.SimpleNamespace(meta_get=settings.get, get=settings.get)

    def ref(self, name):
        return self.connection.table(name)


def run_model(connection, name, settings, run_id="run"):
    """Run a Python model on the tables of a DuckDB connection and leave its rows there as a table of its name.

    settings: what the model's YAML gives, by the names of its meta.
    """
    CURRENT.update(run_id=run_id, serving_path="", database="")
    module = load_python_model(name)
    rows = module.model(FakeDbt(connection, settings, name), connection)  # noqa: F841, DuckDB finds it by its name
    # What it keeps it reads from the table that it replaces.
    connection.execute(
        f"create table made as select * from rows; drop table if exists {name}; alter table made rename to {name}"
    )


@pytest.fixture(scope="session")
def python_model():
    return load_python_model
