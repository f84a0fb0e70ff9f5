"""Lists at request time in the warehouse: the functions give, row by row, what apps are told of the same release."""

import contextlib
import json
import random
import sqlite3

import duckdb
import pandas as pd
import pytest
from conftest import REPOSITORY, run_dbt, slowly
from serving_worlds import SETTINGS, random_world, with_conditions, with_holdout, write_release

from kindred.publishing.tables import TABLES as COLUMNS_OF
from kindred.serving import Filters, Store
from kindred.serving.store import EVERYTHING

COLUMNS = ("rank", "item_id", "score", "generator", "reason", "because_item_id", "propensity", "policy")
TABLES = ("lists", "identities", "items", "neighbors", "segments", "generators", "session_settings", "arms")


class Questions:
    """Random requests about one release; ids come in other spellings too, now and then."""

    def __init__(self, connection, seed):
        def column(sql):
            return [value for (value,) in connection.execute(sql).fetchall()]

        self.draw = random.Random(seed)
        odd = (" {}\u200b", "{}\u00a0")
        self.spell = lambda text: text and self.draw.choice(["{}", "{}", "{}", *odd]).format(text)
        self.users = column("select user_id from release_lists order by 1")
        self.other_ids = column("select identity_id from release_identities order by 1")
        self.items = [*column("select item_id from release_items order by 1"), 'no "such" item', "'; drop"]
        self.categories = column("select distinct category from release_items where category is not null order by 1")
        self.segments = column("select segment from release_segments order by 1")
        self.prices = column("select quantile_disc(price, [0.2, 0.5, 0.9]) from release_items")[0]

    def user(self):
        one = [*self.draw.sample(self.users, 4), *self.draw.sample(self.other_ids, 2)]
        return self.spell(self.draw.choice([None, "nobody", *one]))

    def session(self):
        """Also longer than what counts, with repeats, and with ids of which nothing is left."""
        session = self.draw.choices(self.draw.sample(self.items, 25), k=self.draw.choice([0, 0, 1, 3, 8, 60]))
        return [*map(self.spell, session), *self.draw.choice([[], [], [" "]])] if session else session

    def segment(self):
        return self.spell(self.draw.choice([None, "nowhere", *self.segments]))

    def filters(self):
        if self.draw.random() < 0.5:
            return EVERYTHING
        some = tuple(map(self.spell, self.draw.sample(self.categories, 2)))
        low, high = self.draw.choice([None, *self.prices]), self.draw.choice([None, self.prices[-1]])
        return Filters(self.draw.choice([None, some, ("nothing",), ()]), low, high, self.draw.random() < 0.7)

    def recommend(self):
        """The arguments of Store.recommend."""
        exclude = [*map(self.spell, self.draw.sample(self.items, self.draw.choice([0, 0, 10])))]
        n = self.draw.choice([1, 5, 20, 20, 70, 1000])
        return (self.user(), self.session(), n, self.filters(), exclude, self.segment())

    def rerank(self):
        """The arguments of Store.rerank; some items are given twice."""
        return (
            self.user(),
            [*map(self.spell, self.draw.choices(self.items, k=self.draw.choice([1, 20, 60])))],
            self.session(),
            self.segment(),
        )


def to_text(ids):
    return None if ids is None else json.dumps(list(ids))


def recommend_arguments(user, session, n, filters, exclude, segment):
    """What the function is called with, in its order."""
    return [
        user,
        to_text(session or None),
        n,
        to_text(exclude),
        to_text(filters.categories),
        filters.price_min,
        filters.price_max,
        None if filters.in_stock else False,
        segment,
        None,
    ]


def rerank_arguments(user, items, session, segment):
    return [user, to_text(items), to_text(session), segment]


def assert_equal(rows, answer, question, tolerance):
    """Rows of a function and items of the store, to the last column; scores, of 9 decimals, to the tolerance."""
    expected = [item | {"policy": answer["policy"]} for item in answer["items"]]
    assert [row[0] for row in rows] == [item["rank"] for item in expected], question
    for place, name in enumerate(COLUMNS):
        found, wanted = [row[place] for row in rows], [item[name] for item in expected]
        assert found == (pytest.approx(wanted, abs=tolerance) if name == "score" else wanted), (name, question)


def compare(call, store, questions, n_questions, tolerance=1e-12):
    """call(function, arguments): the rows, in the order of ranks. Returns the generators and policies that were met."""
    generators = set()
    for _ in range(n_questions):
        question = questions.recommend()
        expected = store.recommend(*question)
        assert_equal(call("recommend_items", recommend_arguments(*question)), expected, question, tolerance)
        generators |= {expected["policy"], *(item["generator"] for item in expected["items"])}
        question = questions.rerank()
        expected = store.rerank(*question)
        assert_equal(call("rerank_items", rerank_arguments(*question)), expected, question, tolerance)
        generators |= {item["generator"] for item in expected["items"]}
    return generators


def on_duckdb(connection):
    def call(function, arguments):
        places = ", ".join("?" * len(arguments))
        return connection.execute(
            f"select {', '.join(COLUMNS)} from {function}({places}) order by rank", arguments
        ).fetchall()

    return call


@pytest.fixture
def sample(sample_shop):
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        yield connection


@pytest.fixture
def store(sample_shop):
    return Store(sample_shop.database.with_name("shop_serving"))


def test_published_release(sample, store):
    generators = compare(on_duckdb(sample), store, Questions(sample, 1), 60)
    assert generators >= {"session", "neighbors", "popular", "exploration", "as_given"}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """A DuckDB file with the functions over tables that a test fills: worlds that are full of ties."""
    folder = tmp_path_factory.mktemp("worlds")
    database = folder / "shop.duckdb"
    fill_served(database, folder, 0)
    with duckdb.connect(database) as connection:
        connection.execute("create table release_item_arms (item_id varchar, arms varchar)")
    result = run_dbt("build", "--select", "resource_type:function", target=folder / "target", database=database)
    assert result.returncode == 0, result.output
    return database


def fill_served(database, folder, seed, settings=SETTINGS, world=None):
    """A random world as a release in folder and as release_* tables."""
    path = write_release(folder, world or random_world(seed), settings=settings)
    with contextlib.closing(sqlite3.connect(path)) as release, duckdb.connect(database) as connection:
        for table in TABLES:
            rows = pd.read_sql(f"select * from {table}", release)  # noqa: F841, DuckDB finds it by name
            columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS_OF[table].items())
            connection.execute(f"create or replace table release_{table} ({columns})")
            connection.execute(f"insert into release_{table} select * from rows")


@pytest.mark.parametrize("seed", [0, *slowly(1, 2)])
def test_random_releases(worlds, tmp_path, seed):
    fill_served(worlds, tmp_path, seed)
    with duckdb.connect(worlds, read_only=True) as connection:
        # Round scores make halves of the last decimal, which the last bit of a sum rounds up or down.
        compare(on_duckdb(connection), Store(tmp_path), Questions(connection, seed), 30, tolerance=1.0001e-9)


@pytest.mark.parametrize("seed", [0, *slowly(1)])
@pytest.mark.parametrize("hold_out", [True, *slowly(False)])
def test_items_under_conditions(worlds, tmp_path, seed, hold_out):
    """The functions show whom the store shows what; test_serving_store.py says that it shows no more."""
    world = with_conditions(random_world(seed), seed)
    fill_served(worlds, tmp_path, seed, world=with_holdout(world) if hold_out else world)
    with duckdb.connect(worlds, read_only=True) as connection:
        compare(on_duckdb(connection), Store(tmp_path), Questions(connection, seed), 30, tolerance=1.0001e-9)


@pytest.mark.parametrize("seed", [0, *slowly(1, 2)])
def test_who_is_held_out(worlds, tmp_path, seed):
    """Half of the people get what everyone gets, whatever their session and history say."""
    fill_served(worlds, tmp_path, seed, world=with_holdout(random_world(seed)))
    with duckdb.connect(worlds, read_only=True) as connection:
        met = compare(on_duckdb(connection), Store(tmp_path), Questions(connection, seed), 30, tolerance=1.0001e-9)
    assert {"holdout", "main"} <= met


def test_what_a_list_is_made_of_is_read_from_the_release(worlds, tmp_path):
    """Other numbers give other lists, in the functions as in the store."""
    fill_served(worlds, tmp_path, 1)
    with duckdb.connect(worlds, read_only=True) as connection:
        question = ["u1", to_text(["i001", "i007", "i003"]), *[None] * 8]
        before = on_duckdb(connection)("recommend_items", question)
    fill_served(worlds, tmp_path, 1, settings=(2, 25, 0.4, 0.35, 0.65))
    with duckdb.connect(worlds, read_only=True) as connection:
        assert on_duckdb(connection)("recommend_items", question) != before
        compare(on_duckdb(connection), Store(tmp_path), Questions(connection, 1), 30, tolerance=1.0001e-9)


def test_categories_in_any_case(worlds, tmp_path):
    fill_served(worlds, tmp_path, 0)
    with duckdb.connect(worlds, read_only=True) as connection:
        call = on_duckdb(connection)
        lists = [
            call("recommend_items", [None, None, 50, None, to_text([name]), *[None] * 5]) for name in ("tea", " TEA")
        ]
        assert lists[0] and lists[0] == lists[1]


def test_in_stock(worlds, tmp_path):
    """What can be recommended can be had, unless that changed since: then only who asks for it sees it."""
    fill_served(worlds, tmp_path, 0)
    with duckdb.connect(worlds) as connection:
        connection.execute("update release_items set is_available = false")
        for in_stock in ("true", "null"):
            assert connection.execute(f"from recommend_items(in_stock => {in_stock})").fetchall() == []
        assert len(connection.execute("from recommend_items(in_stock => false)").fetchall()) == 20


def test_what_is_left_out_is_not_given(sample, store):
    """Arguments by name, in the form that Snowflake has too."""
    rows = sample.execute("select item_id from recommend_items() order by rank").fetchall()
    assert [item for (item,) in rows] == [item["item_id"] for item in store.recommend()["items"]]
    [(user,)] = sample.execute("select min(user_id) from release_lists").fetchall()
    rows = sample.execute("select item_id from recommend_items(n => 3, user_id => ?) order by rank", [user]).fetchall()
    assert [item for (item,) in rows] == [item["item_id"] for item in store.recommend(user, n=3)["items"]]


def test_given_items_alone_are_chosen_from(sample):
    given = ["i001", "i002", "i003"]
    rows = sample.execute("select item_id from recommend_items(given_items => ?)", [to_text(given)]).fetchall()
    assert {item for (item,) in rows} <= set(given)


def test_comments_have_no_apostrophe():
    """What splits a text at its quotes without knowing comments would read strings inside out behind one."""
    paths = list((REPOSITORY / "functions").glob("*.sql"))
    comments = [line for path in paths for line in path.read_text(encoding="utf-8").split("\n") if "--" in line]
    assert len(comments) > 5
    assert [line for line in comments if "'" in line.partition("--")[2]] == []


@pytest.mark.snowflake
def test_published_release_on_snowflake(sample, store, snowflake, tmp_path, monkeypatch):
    """The tables of the release that DuckDB published, and the functions that dbt makes there.

    Beside it are an older release and one that has no row in releases yet: neither may show.
    """
    from snowflake.connector.pandas_tools import write_pandas
    from sqlfluff.core import FluffConfig, Linter

    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "FUNCTIONS")
    cursor = snowflake.cursor()
    cursor.execute("create schema if not exists functions")
    for table in TABLES:
        described = sample.execute(f"describe release_{table}").fetchall()
        columns = ", ".join(f"{name} {data_type}" for name, data_type, *_ in described)
        cursor.execute(f"create or replace table functions.published_{table} (run_id varchar, {columns})")
        rows = sample.execute(f"select 'now' as run_id, * from release_{table}").df()
        rows = pd.concat(
            [rows, rows[: len(rows) // 2].assign(run_id="old"), rows.assign(run_id="not yet")], ignore_index=True
        )
        write_pandas(snowflake, rows.rename(columns=str.upper), f"PUBLISHED_{table.upper()}", schema="FUNCTIONS")
    cursor.execute(
        "create or replace table functions.published_item_arms (run_id varchar, item_id varchar, arms varchar)"
    )
    cursor.execute("""
        create or replace table functions.releases as
        select 'now' as run_id, 'b' as release_id, '2026-06-02'::timestamp as published_at
        union all select 'old', 'c', '2026-06-01'::timestamp
    """)
    arguments = ["build", "--select", "resource_type:function", "--target", "snowflake"]
    result = run_dbt(*arguments, target=tmp_path, database=tmp_path / "unused.duckdb")
    assert result.returncode == 0, result.output
    linter = Linter(config=FluffConfig(overrides={"dialect": "snowflake", "templater": "raw", "max_parse_depth": 3000}))
    for path in (tmp_path / "compiled/kindred/functions").glob("*.sql"):
        assert not linter.parse_string(path.read_text(encoding="utf-8")).violations, path

    def call(function, arguments):
        places = ", ".join(["%s"] * len(arguments))
        select = f"select {', '.join(COLUMNS)} from table(functions.{function}({places})) order by rank"
        return cursor.execute(select, arguments).fetchall()

    compare(call, store, Questions(sample, 2), 30)
