"""A person who is forgotten by the id of one device leaves every table, release and file, and stays out."""

import contextlib
import sqlite3

import pytest
from erasable_shop import EVENTS, MARKER, SIMILAR, TABLES, ErasableShop
from released_shop import keep_releases

SIMILAR_TABLES = (
    "person_events",
    "user_features",
    "recommendations",
    "recommendation_log",
    "release_lists",
    "identities",
)
N_AGAIN = 500
# Of the builds themselves, and what each run names in its own way.
LOGS = {"builds", "releases", "publish_gates", "withdrawals", "forget_log", "recommendation_log", "changed_lists"}
# Every build adds figures of its own, of which some are differences from what is served.
LOGS |= {"concentration", "data_health", "drift", "drift_bins", "run_costs"}
OF_THE_RUN = ("run_id", "list_id", "generated_at", "evaluated_at", "published_at", "expires_at", "made_from")


def lists_of(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return dict((row[0], row) for row in connection.execute("select * from lists"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The shop before anybody is forgotten, with three kept releases and what its user typed in dbt's logs."""
    shop = ErasableShop(tmp_path_factory.mktemp("erasure")).give(**TABLES).build()
    keep_releases(shop.folder, 3)
    shop.dbt("show", "--inline", f"select * from {{{{ ref('identities') }}}} where user_id = '{MARKER}'")
    shop.before = {
        "files": shop.files_with(),
        "columns": shop.columns_with(),
        "lists": {path.stem: lists_of(path) for path in (shop.folder / "releases").glob("*.sqlite")},
        "similar": {
            name: shop.value(f"select count(*) from {name} where user_id = '{SIMILAR}'") for name in SIMILAR_TABLES
        },
    }
    return shop


@pytest.fixture(scope="module")
def forgotten(shop):
    shop.result = shop.kindred("forget", "-", ids=[f" {MARKER}-phone "])
    assert shop.result.returncode == 0, shop.result.stdout + shop.result.stderr
    return shop


def test_the_search_can_fail(shop):
    files, columns = shop.before["files"], shop.before["columns"]
    assert "shop.duckdb" in files
    assert len([name for name in files if name.endswith(".sqlite") and "/releases/" in name]) == 3
    assert any(name.endswith("dbt.log") for name in files)
    for column in (
        "events.properties",
        "person_events.session_id",
        "recommendation_log.user_id",
        "als_user_factors.user_id",
    ):
        assert columns[column] > 0
    assert len(columns) > 60
    assert min(shop.before["similar"].values()) > 0


def test_nothing_is_left(forgotten):
    assert forgotten.columns_with() == {}
    assert forgotten.files_with() == []
    assert "proof: nothing is left" in forgotten.result.stdout and MARKER not in forgotten.result.stdout
    n_raw = forgotten.value(f"select count(*) from raw.events where contains(anonymous_id, '{MARKER}')")
    # Nobody's tables but kindred's are kindred's to change.
    assert n_raw > 20


def test_other_people_keep_what_they_have(forgotten):
    for path in (forgotten.folder / "releases").glob("*.sqlite"):
        before = forgotten.before["lists"][path.stem]
        assert lists_of(path) == {user: row for user, row in before.items() if not user.startswith(MARKER)}
        assert len(before) - len(lists_of(path)) == 1
    for name, n_rows in forgotten.before["similar"].items():
        assert forgotten.value(f"select count(*) from {name} where user_id = '{SIMILAR}'") == n_rows


def test_what_is_written_down(forgotten):
    """Hashes of all ids of the person, and how many rows were where: no id."""
    rows = forgotten.query(
        "select is_named, erased_at is not null, length(id_hash), count(*) from forgotten_ids group by all"
    )
    assert sorted(rows) == [(False, True, 64, 3), (True, True, 64, 1)]
    [(n_rows, n_left)] = forgotten.query(
        "select n_deleted, n_left from forget_log where relation = 'main.person_events'"
    )
    assert n_rows > 20 and n_left == 0
    assert (
        forgotten.value("select count(*) from forget_log where store = 'sqlite' and n_deleted > 0 and n_left = 0") == 3
    )
    assert forgotten.value("select sum(n_left) from forget_log") == 0


@pytest.mark.slow
def test_what_comes_again_is_left_out_and_counted(forgotten):
    """A full build from the shop's own tables, which still have the person and get 500 more events.

    In the same build somebody else asks to be forgotten, in the input `erasures`, by the id of a device.
    """
    more = EVENTS.format(n=100_000, prefix="again-")
    person = f"select * from ({more}) where anonymous_id like '{MARKER}-%' order by event_id limit {N_AGAIN}"
    n_events = dict(
        forgotten.query("select regexp_extract(anonymous_id, '^(.*)-', 1), count(*) from raw.events group by all")
    )
    request = f"select '{SIMILAR}-laptop' as identity_id, date '2026-01-01' as requested_at union all select null, null"
    forgotten.give(events=f"({TABLES['events']}) union all by name ({person})", erasures=request)
    # With the tests of the data: none of them may take for lost what is left out.
    result = forgotten.dbt("build", "--exclude-resource-type", "unit_test")
    assert result.returncode == 0, result.output
    assert forgotten.columns_with() == {} and forgotten.files_with() == []
    assert list(forgotten.columns_with(SIMILAR)) == ["recommendation_log.user_id"]
    arrivals = dict(forgotten.query("select input, n_rows from forgotten_arrivals"))
    n_left_out = n_events[MARKER] + N_AGAIN + n_events[SIMILAR]
    assert arrivals == {"events": n_left_out, "users": 2, "consents": 4, "identity_links": 1}
    assert "1 requests to be forgotten are pending, the oldest for" in result.text
    assert f"{n_left_out + 7:,} rows of forgotten people were left out" in result.text
    assert "erasures: missing_identity_id (1): row set aside" in result.text
    # Nobody waits for `kindred forget` to leave the lists; the log and the bytes do.
    assert forgotten.query("select n_lists from withdrawals") == [(1,)] * 3
    assert forgotten.files_with(SIMILAR) == ["shop.duckdb"]
    assert (
        forgotten.column("select distinct table_name from information_schema.tables where table_name like '%tmp%'")
        == []
    )
    done = forgotten.kindred("forget")
    assert done.returncode == 0, done.stdout + done.stderr
    assert forgotten.files_with(SIMILAR) == [] and forgotten.columns_with(SIMILAR) == {}
    assert forgotten.value("select count(*) from forgotten_ids where erased_at is null") == 0


@pytest.mark.slow
def test_tables_are_those_of_a_shop_that_never_had_them(forgotten, tmp_path):
    without = {
        name: f"select * from ({select}) where not contains({column}, '{MARKER}')"
        for name, select, column in [
            ("events", TABLES["events"], "anonymous_id"),
            ("users", TABLES["users"], "user_id"),
            ("consents", TABLES["consents"], "user_id"),
            ("identity_links", TABLES["identity_links"], "left_id"),
        ]
    } | {"erasures": "select null as identity_id"}
    # Each build draws its own items by chance, and the first build has no training before it.
    chance = {"exploration_share": 0}
    never = ErasableShop(tmp_path / "never").give(**TABLES | without).build(**chance).build(**chance)
    assert never.columns_with() == {}
    forgotten.give(**TABLES, erasures="select null as identity_id")
    assert forgotten.kindred("unforget", "-", ids=[SIMILAR, f"{SIMILAR}-phone", f"{SIMILAR}-laptop"]).returncode == 0
    forgotten.build(**chance)
    found = []
    tables = never.column("select table_name from information_schema.tables where table_schema = 'main'")
    compared = [name for name in tables if name not in LOGS and not name.startswith("forgotten_")]
    for name in compared:
        columns = f"select columns(lambda c: c not in {OF_THE_RUN})::varchar from {name}"
        if sorted(map(repr, never.query(columns))) != sorted(map(repr, forgotten.query(columns))):
            found.append(name)
    assert (found, len(compared) > 110) == ([], True)
