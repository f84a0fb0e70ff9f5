"""The sample shop on Snowflake, row by row the same as on DuckDB.

Snowflake is played by an emulator in a process of its own, which runs an unmodified dbt-snowflake, connector and
Snowpark and refuses SQL that Snowflake hasn't got (conftest.py, `snowflake`). What it can't prove stands in
docs/snowflake.md.
"""

import atexit
import json
import os
import subprocess
import sys
import types
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import NO_TESTS, REPOSITORY, run_dbt, to_variables

from kindred import nodes
from kindred.explain.command import as_json, explain_case, lines_of, rows_of
from kindred.generators import lists
from kindred.publishing.tables import SEARCHED, TABLES
from kindred.ranking import scoring
from kindred.settings import fill

pytestmark = pytest.mark.snowflake

# An ephemeral model is no table: it is part of what reads it. Those of trackers and of experiments are there where
# these are named: tests of their own compare them.
NO_TABLE = ("materialized='ephemeral'", "enabled=")


def says_where_it_is(path):
    """The text in which a model says whether it is enabled: SQL its own, Python the head of its YAML."""
    if path.suffix == ".sql":
        return path.read_text(encoding="utf-8")
    head = path.with_suffix(".yml").read_text(encoding="utf-8").split("    columns:")[0]
    return head.replace("enabled: ", "enabled=")


MODELS = sorted(
    path.stem
    for folder in ("models", "python_models")
    for path in (REPOSITORY / folder).rglob("*")
    if path.suffix in (".sql", ".py")
    and not any(text in says_where_it_is(path) for text in NO_TABLE)
    # They are there where the transformer is named.
    and not path.stem.startswith(("transformer_", "recorded_steps"))
)
# Without a bound on what is told there is no noise, and the tables of kindred__privacy's epsilon are there.
SETTINGS = {"kindred__privacy": {"epsilon": 1e9}}
MODELS += ["private_popularity"]
SEEDS = sorted(path.stem for path in (REPOSITORY / "seeds").rglob("*.csv") if "experiments" not in path.parts)
# They say when and in which run a row was written.
OF_THE_RUN = {"run_id", "generated_at", "expires_at", "started_at", "seconds", "valid_from", "age_hours"}
# hash() isn't the same function on both.
OF_THE_RUN |= {"data_fingerprint", "history_key", "made_from"}
# The key of forgotten ids is drawn by chance.
OF_THE_CLOCK = {"publish_gates", "releases", "forgotten_key", "run_costs"}
# ALS and neighbours count in 32 bits, about 7 digits, and blocks of another size are added up in another order: after
# sums of 64 products some 6 digits remain. All else is 64-bit and summed up in fixed point: it should agree to the last
# digits.
NEIGHBORS = ["item_neighbors", "item_content_neighbors", "neighbor_candidates", "release_neighbors"]
FACTORS = ["als_item_factors", "als_user_factors", "als_candidates", "spectral_item_factors", "spectral_candidates"]
TOLERANCES = dict.fromkeys(["candidates", *FACTORS, *NEIGHBORS], 1e-5)
TOLERANCE = 1e-12
# What is made of each person alone, on whichever node is free.
SPREAD = ["als_candidates", "neighbor_candidates", "spectral_candidates", "session_candidates", "scored_candidates"]


@pytest.fixture(scope="module")
def shops(snowflake, tmp_path_factory):
    """The sample shop on both; (DuckDB file, Snowflake cursor)."""
    folder = tmp_path_factory.mktemp("both")
    for target in ("duckdb", "snowflake"):
        # The emulator takes minutes over the many INSERTs of this one seed, so it comes another way.
        without = ["--exclude", "sample_events", "--exclude-resource-type", "unit_test"]
        without = without if target == "snowflake" else NO_TESTS
        if target == "snowflake":
            # A schema that another test made has become that of the connection, which they share.
            snowflake.cursor().execute("use schema s1")
            load_events(snowflake)
        result = run_dbt(
            *("build", *without, "--target", target),
            target=folder / target,
            database=folder / "shop.duckdb",
            settings=SETTINGS,
        )
        assert result.returncode == 0, result.output
    return folder / "shop.duckdb", snowflake.cursor()


@pytest.mark.slow
def test_unit_tests(shops, tmp_path):
    command = ["test", "--resource-type", "unit_test", "--target", "snowflake"]
    result = run_dbt(*command, target=tmp_path, database=tmp_path / "unused.duckdb", settings=SETTINGS)
    assert result.returncode == 0, result.output


@pytest.mark.slow
def test_sqlfluff_parses_what_dbt_compiled(shops):
    """A second opinion on the dialect: the emulator accepts more than Snowflake's grammar has."""
    from sqlfluff.core import FluffConfig, Linter

    # The letters that clean_text composes are replaced one within another, deeper than sqlfluff goes by itself.
    sys.setrecursionlimit(50_000)
    linter = Linter(config=FluffConfig(overrides={"dialect": "snowflake", "templater": "raw", "max_parse_depth": 3000}))
    compiled = shops[0].parent / "snowflake" / "compiled" / "kindred" / "models"
    # The inputs of unit tests lie in folders named after their YAML; dbt's threads may write one such file at once.
    files = [path for path in compiled.rglob("*.sql") if path.stem in MODELS and ".yml" not in str(path)]
    assert len(files) > 25
    unparsable = {
        path.stem: [violation.desc() for violation in linter.parse_string(path.read_text(encoding="utf-8")).violations]
        for path in files
    }
    assert {name: problems for name, problems in unparsable.items() if problems} == {}


def load_events(connection):
    """Load the seed of events by COPY, into the column types that dbt would give it."""
    from snowflake.connector.pandas_tools import write_pandas

    properties = yaml.safe_load((REPOSITORY / "seeds/sample/_sample.yml").read_text(encoding="utf-8"))
    [seed] = [seed for seed in properties["seeds"] if seed["name"] == "sample_events"]
    types = seed["config"]["column_types"]
    columns = ", ".join(f"{name} {data_type}" for name, data_type in types.items())
    connection.cursor().execute(f"create or replace table sample_events ({columns})")
    to_pandas = {"varchar": str, "double": float, "integer": "Int64"}
    frame = pd.read_csv(
        REPOSITORY / "seeds/sample/sample_events.csv",
        dtype={name: to_pandas[t] for name, t in types.items()},
        keep_default_na=False,
        na_values=[""],
    )
    frame.columns = [name.upper() for name in frame.columns]
    write_pandas(connection, frame, "SAMPLE_EVENTS")


def parsed(value):
    """A value; the text of a JSON object or array as what it says: in which order keys stand, no warehouse promises."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def is_structured(column):
    return any(isinstance(value, (list, dict, np.ndarray)) for value in column)


def comparable(frame):
    """A frame with lower-case names, one type per kind of value, parsed JSON and a total order."""
    frame.columns = [name.lower() for name in frame.columns]
    frame = frame.drop(columns=[name for name in frame.columns if name in OF_THE_RUN])
    # A column of nulls alone is a number for one driver and not for the other.
    numbers = [
        name
        for name in frame.columns
        if pd.api.types.is_numeric_dtype(frame[name]) and frame[name].dtype != bool and frame[name].notna().any()
    ]
    for name in frame.columns:
        if name in numbers:
            frame[name] = frame[name].astype(float)
            continue
        # DuckDB hands a date over as its midnight.
        frame[name] = [pd.Timestamp(value) if type(value) is date else parsed(value) for value in frame[name]]
        if not is_structured(frame[name]):
            texts = frame[name].astype(object).where(frame[name].notna(), None).map(str)
            # pandas reads DuckDB's dates as midnights.
            frame[name] = texts.str.removesuffix(" 00:00:00")
        if name == "list_id":
            frame[name] = frame[name].str.replace(r"^[0-9a-f]{8}-p-[0-9a-f]{16}$", "of the run", regex=True)
    order = [name for name in frame.columns if not is_structured(frame[name])]
    exact = [name for name in order if name not in numbers or (frame[name].dropna() % 1 == 0).all()]
    order = exact + [name for name in order if name not in exact]
    return frame.sort_values(order, ignore_index=True)


def is_same(mine, other, tolerance):
    """Whether two values of JSON say the same; numbers within a tolerance."""
    if isinstance(mine, np.ndarray) or isinstance(other, np.ndarray):
        mine, other = list(mine), list(other)
    if isinstance(mine, dict) and isinstance(other, dict):
        return mine.keys() == other.keys() and all(is_same(mine[key], other[key], tolerance) for key in mine)
    if isinstance(mine, list) and isinstance(other, list):
        pairs = zip(mine, other, strict=False)
        return len(mine) == len(other) and all(is_same(*pair, tolerance) for pair in pairs)
    if isinstance(mine, bool) or not isinstance(mine, (int, float)) or not isinstance(other, (int, float)):
        return mine == other
    return abs(mine - other) <= tolerance * (1 + abs(mine))


def test_is_same__tells_what_differs():
    one = {"a": [1, 0.5, None], "b": {"c": "x"}}
    assert is_same(one, {"b": {"c": "x"}, "a": [1.0, 0.5 + 1e-9, None]}, 1e-6)
    for other in (
        {"a": [1, 0.5, None]},
        {"a": [0.5, 1, None], "b": {"c": "x"}},
        {"a": [1, 0.5], "b": {"c": "x"}},
        {"a": [1, 0.501, None], "b": {"c": "x"}},
        {"a": [1, 0.5, None], "b": {"c": "y"}},
        {"a": [True, 0.5, 0], "b": {"c": "x"}},
    ):
        assert not is_same(one, other, 1e-6), other


def test_gates_and_releases(shops):
    """Their clocks and places differ; what is measured doesn't. On Snowflake the release is a copy of the tables."""
    database, cursor = shops
    gates = "select gate, is_passed, is_overridden, explanation from publish_gates order by gate"
    release = "select run_id, release_id, store, n_lists, n_items, overridden_gates, as_of from releases"
    with duckdb.connect(database, read_only=True) as connection:
        assert connection.execute(gates).fetchall() == cursor.execute(gates).fetchall()
        [on_duckdb] = connection.execute(release).fetchall()
    [on_snowflake] = cursor.execute(release).fetchall()
    assert (on_duckdb[2], on_snowflake[2]) == ("sqlite", "warehouse")
    assert on_duckdb[3:] == on_snowflake[3:]
    for name in TABLES.keys() - SEARCHED:
        [(n_rows,)] = cursor.execute(f"select count(*) from published_{name}").fetchall()
        [(n_served,)] = cursor.execute(f"select count(*) from release_{name}").fetchall()
        assert n_rows == n_served
        # The shop has no experiments and no rules.
        assert (n_rows == 0) == (name in ("arms", "item_arms", "list_rules"))


class Tables:
    """The tables of a warehouse, by the names of the models, as `kindred explain` reads them."""

    def __init__(self, execute):
        self.rows = lambda sql: execute(sql).fetchall()

    def name(self, model):
        return model

    def has(self, model):
        return False

    def setting(self, group):
        return fill(group, {})


def without_the_run(value):
    if isinstance(value, dict):
        left_out = OF_THE_RUN | {"release", "served_release"}
        return {name: without_the_run(one) for name, one in value.items() if name not in left_out}
    return [without_the_run(one) for one in value] if isinstance(value, (list, tuple)) else value


def test_a_case_is_explained_alike(shops):
    database, cursor = shops
    with duckdb.connect(database, read_only=True) as connection:
        asked = "select min(user_id) from recommendations where reason = 'your_history' and rank = 1"
        [(user,)] = connection.execute(asked).fetchall()
        [(item,)] = connection.execute(
            f"select item_id from recommendations where user_id = '{user}' and rank = 3"
        ).fetchall()
        both = [explain_case(Tables(execute), user, item, True) for execute in (connection.execute, cursor.execute)]
    for case, found in both:
        assert case.release and lines_of(case, found)
    on_duckdb, on_snowflake = (json.loads(json.dumps(without_the_run(rows_of(*one)), default=as_json)) for one in both)
    assert len(on_duckdb["item"]["terms"]) > 1 and is_same(on_duckdb, on_snowflake, 1e-5)


def test_run_costs(shops):
    """The same nodes with the same rows, but for the seed that comes another way."""
    database, cursor = shops
    query = "select node, resource_type, n_rows from run_costs where status = 'success' and resource_type <> 'test'"
    with duckdb.connect(database, read_only=True) as connection:
        on_duckdb = set(connection.execute(query).fetchall())
    assert on_duckdb - set(cursor.execute(query).fetchall()) <= {row for row in on_duckdb if row[0] == "sample_events"}


@pytest.mark.parametrize("table", [name for name in MODELS if name not in OF_THE_CLOCK] + SEEDS)
def test_same_rows(shops, table):
    database, cursor = shops
    with duckdb.connect(database, read_only=True) as connection:
        on_duckdb = comparable(connection.execute(f"from {table}").df())
    assert_same(table, on_duckdb, comparable(cursor.execute(f"select * from {table}").fetch_pandas_all()))


def assert_same(table, on_duckdb, on_snowflake):
    """That comparable rows of a table are the same on both."""
    assert list(on_snowflake.columns) == list(on_duckdb.columns)
    assert len(on_snowflake) == len(on_duckdb)
    for name in on_duckdb.columns:
        if on_duckdb[name].dtype == float:
            tolerance = TOLERANCES.get(table, TOLERANCE)
            np.testing.assert_allclose(
                on_snowflake[name], on_duckdb[name], rtol=tolerance, atol=tolerance, err_msg=name
            )
        elif is_structured(on_duckdb[name]):
            pairs = zip(on_duckdb[name], on_snowflake[name], strict=True)
            tolerance = TOLERANCES.get(table, TOLERANCE)
            differing = [pair for pair in pairs if not is_same(*pair, tolerance)]
            assert not differing, (name, len(differing), differing[:3])
        else:
            differing = on_duckdb[name] != on_snowflake[name]
            assert not differing.any(), (name, on_duckdb[differing].head(), on_snowflake[differing].head())


class SnowparkDbt:
    """The `dbt` argument of a Python model: relations of a Snowpark session and the settings of its YAML."""

    def __init__(self, session, settings):
        self.ref = session.table
        project = yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8"))
        packages = {"packages": project["models"]["kindred"]["candidates"]["+packages"]}
        self.config = types.SimpleNamespace(meta_get=settings.get, get=packages.get)


@pytest.mark.parametrize("table", SPREAD)
def test_people_are_spread_over_nodes(shops, python_model, monkeypatch, tmp_path, table):
    """In partitions of few people, each of which sees these alone: the same rows as of all people at once."""
    from snowflake.snowpark import Session

    database, _ = shops
    log, spread = tmp_path / "partitions", nodes.spread

    def spread_and_count(session, people, compute, *rest):
        def compute_and_count(fold, tables, shared):
            people = {user for rows in tables.values() for user in rows["user_id"].to_pylist()}
            with open(log, "a") as file:
                file.write(f"{fold} {len(people)}\n")
            return compute(fold, tables, shared)

        return spread(session, people, compute_and_count, *rest)

    for module in (lists, scoring):
        monkeypatch.setattr(module, "spread", spread_and_count)
        monkeypatch.setattr(module, "PEOPLE_PER_PARTITION", 200)
    given = {"generators": {}, "lists": {}, "pool_size": 100}
    # A session closes itself by a function that the emulator hasn't got.
    monkeypatch.setattr(Session, "cancel_all", lambda self: None)
    names = ("account", "user", "password", "database", "schema", "host", "port", "protocol")
    login = {name: os.environ[f"SNOWFLAKE_{name.upper()}"] for name in names}
    with Session.builder.configs(login | {"port": int(login["port"])}).create() as session:
        # Once more at exit, when the emulator is gone, it would wait for ever.
        atexit.unregister(session._close_at_exit)
        rows = python_model(table).model(SnowparkDbt(session, given), session)
        on_snowflake = comparable(rows.to_pandas())
    with duckdb.connect(database, read_only=True) as connection:
        on_duckdb = comparable(connection.execute(f"from {table}").df())
        [(n_people,)] = connection.execute(f"select count(distinct user_id) from {table}").fetchall()
    partitions = [line.split() for line in log.read_text().splitlines()]
    assert {fold for fold, _ in partitions} == set(on_duckdb["fold"])
    assert len(partitions) >= 3 * (n_people // 200) > 12
    # Buckets of a hash are of unequal size.
    assert max(int(n) for _, n in partitions) < 300
    assert_same(table, on_duckdb, on_snowflake)


def test_second_run_is_added(shops, tmp_path):
    """A run of longer settings than the first, with all that a SQL literal could stumble over; the log forgets."""
    settings = {"expires_after_hours": 1_000_000, "folds": ["tuning", "backtest", "live"], "log_days": 5}
    cursor = shops[1]
    [(first,)] = cursor.execute("select run_id from builds").fetchall()
    logged = cursor.execute("select count(*) from recommendation_log").fetchall()
    columns = "list_id, user_id, rank, item_id, score, policy, generator, reason, because_item_id, propensity"
    cursor.execute(f"""
        insert into recommendation_log (run_id, generated_at, {columns})
        select 'old', '2020-01-01'::timestamp, {columns} from recommendation_log limit 3
    """)
    result = run_dbt(
        "build",
        "--select",
        "builds",
        "recommendation_log",
        "--target",
        "snowflake",
        target=tmp_path,
        database=tmp_path / "unused.duckdb",
        settings=to_variables(settings),
    )
    assert result.returncode == 0, result.output
    runs = dict(cursor.execute("select run_id, parameters from builds").fetchall())
    assert len(runs) == 2 and first in runs
    given = [json.loads(parameters)["kindred__lists"] for parameters in runs.values()]
    assert sorted(lists.get("expires_after_hours", 0) for lists in given) == [0, 1_000_000]
    assert cursor.execute("select count(*) from recommendation_log").fetchall() == logged


def test_show_recommendations(shops, tmp_path):
    """What `dbt run-operation show_recommendations` prints is the same on both."""
    printed = {}
    for target in ("duckdb", "snowflake"):
        arguments = ["run-operation", "show_recommendations", "--quiet", "--target", target]
        result = run_dbt(*arguments, target=tmp_path, database=shops[0])
        assert result.returncode == 0, result.output
        printed[target] = result.printed
    assert "is recommended" in printed["duckdb"]
    assert printed["snowflake"] == printed["duckdb"]


@pytest.mark.slow
def test_report(shops, tmp_path):
    """`kindred report` reads the same figures from both, and has the same sections with figures."""
    contents, sections = {}, {}
    for target in ("duckdb", "snowflake"):
        folder = tmp_path / target
        done = subprocess.run(
            [sys.executable, "-m", "kindred.cli", "report", "--target", target, "--folder", str(folder)]
            + ["--vars", json.dumps(SETTINGS), "--target-path", str(shops[0].parent / target)]
            + ["--log-path", str(tmp_path)],
            cwd=REPOSITORY,
            env=os.environ | {"DBT_PROFILES_DIR": str(REPOSITORY), "KINDRED_DUCKDB_PATH": str(shops[0])},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        contents[target] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["metrics"]
        page = (folder / "report.html").read_text(encoding="utf-8")
        sections[target] = [part.count("<figure") for part in page.split("<section")]
    assert sections["snowflake"] == sections["duckdb"] and sum(sections["duckdb"]) >= 8
    assert contents["snowflake"].keys() == contents["duckdb"].keys() and "offline_ndcg" in contents["duckdb"]
    for name, mine in contents["duckdb"].items():
        frames = [pd.DataFrame(one["rows"]) for one in (mine, contents["snowflake"][name])]
        pd.testing.assert_frame_equal(*frames, check_dtype=False, rtol=1e-9, obj=name)


@pytest.mark.slow
def test_inputs_that_are_not_given(shops, snowflake, tmp_path, monkeypatch):
    """Only events, read from a table by its name: the other inputs are made of nothing."""
    database, cursor = shops
    settings = to_variables({"inputs": {"events": "s1.sample_events"}, "segment_by": ""})
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "S2")
    small = tmp_path / "small.duckdb"
    with duckdb.connect(small) as connection:
        connection.execute(f"attach '{database}' as sample (read_only); create schema s1")
        connection.execute("create table s1.sample_events as from sample.sample_events")
    for target in ("duckdb", "snowflake"):
        result = run_dbt(
            *[
                "build",
                "--select",
                "+identities",
                "items",
                "+input_problems",
                "--exclude-resource-type",
                "test",
                "unit_test",
            ],
            *["--target", target],
            target=tmp_path / target,
            database=small,
            settings=settings,
        )
        assert result.returncode == 0, result.output
    for table in ("identities", "items", "users", "consents", "input_problems"):
        with duckdb.connect(small, read_only=True) as connection:
            on_duckdb = comparable(connection.execute(f"from {table}").df())
        on_snowflake = comparable(cursor.execute(f"select * from s2.{table}").fetch_pandas_all())
        pd.testing.assert_frame_equal(on_snowflake, on_duckdb, obj=table)


@pytest.mark.slow
def test_daily_build__keeps_and_makes_the_same(shops, tmp_path):
    """A new event for one person: the marked lists of the others are kept, that person's are made again."""
    database, cursor = shops
    scored = ["als_candidates", "neighbor_candidates", "session_candidates", "spectral_candidates"]
    tables = ["als_user_factors", *scored, "explanations"]
    marks = [f"update {name} set score = score + 1000 where fold = 'live'" for name in scored]
    marks.append("update explanations set because_item_id = 'marked'")
    marks.append("""
        insert into sample_events (event_id, user_id, event_type, item_id, occurred_at)
        values ('new', 'u0338', 'purchase', 'i001', '2026-05-31 12:00:00')
    """)
    with duckdb.connect(database) as connection:
        for statement in marks:
            connection.execute(statement)
    for statement in marks:
        cursor.execute(statement)
    upstream = ["person_events", "event_types", "interactions", "training_policy", "history_keys"]
    models = ["als_item_factors", "item_neighbors", "spectral_item_factors"]
    for target in ("duckdb", "snowflake"):
        result = run_dbt(
            *["build", "--select", *upstream, *models, *tables, *NO_TESTS, "--target", target],
            target=tmp_path / target,
            database=database,
            settings=to_variables({"folds": ["live"], "train": "when_due"}),
        )
        assert result.returncode == 0, result.output
    marked = "select count(distinct user_id), count(distinct case when score > 500 then user_id end) from {}"
    with duckdb.connect(database, read_only=True) as connection:
        assert connection.execute("select reason from training_policy").fetchall() == [("not_due",)]
        for name in scored:
            [(n_people, n_kept)] = connection.execute(marked.format(name)).fetchall()
            assert n_kept == n_people - 1 > 1000, name
            assert cursor.execute(marked.format(name)).fetchall() == [(n_people, n_kept)], name
    for name in [*models, *tables]:
        test_same_rows(shops, name)


def login(**environment):
    """What dbt-snowflake hands to the connector, by profiles.yml, in an environment."""
    from dbt.adapters.snowflake.connections import SnowflakeCredentials
    from dbt.config.renderer import ProfileRenderer
    from dbt_common.context import set_invocation_context

    set_invocation_context(environment)
    profiles = yaml.safe_load((REPOSITORY / "profiles.yml").read_text(encoding="utf-8"))
    fields = ProfileRenderer({}).render_data(profiles["kindred"]["outputs"]["snowflake"])
    fields = {name: value for name, value in fields.items() if name not in ("type", "threads")}
    SnowflakeCredentials.validate(fields)
    credentials = SnowflakeCredentials.from_dict(fields)
    return credentials.auth_args() | {"role": credentials.role}


def test_profile__password(snowflake):
    arguments = login(SNOWFLAKE_ACCOUNT="a", SNOWFLAKE_USER="u", SNOWFLAKE_PASSWORD="p")
    assert arguments["password"] == "p" and not arguments["private_key"]
    assert "host" not in arguments and (arguments["port"], arguments["protocol"]) == (443, "https")


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
def test_profile__key_pair(snowflake, tmp_path, passphrase):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    encryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "key.p8"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    arguments = login(
        SNOWFLAKE_ACCOUNT="a",
        SNOWFLAKE_USER="u",
        SNOWFLAKE_PRIVATE_KEY_PATH=str(file),
        SNOWFLAKE_PRIVATE_KEY_PASSPHRASE=passphrase,
    )
    assert "password" not in arguments
    assert serialization.load_der_private_key(arguments["private_key"], None).private_numbers() == key.private_numbers()
