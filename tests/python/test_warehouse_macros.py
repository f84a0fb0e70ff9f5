"""Where DuckDB and Snowflake differ: the macros of macros/warehouse give the same on both."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from conftest import run_dbt

TIMES = {
    "2026-03-01": "2026-03-01 00:00:00",
    "2026-03-01 06:24": "2026-03-01 06:24:00",
    "2026-03-01 06:24:48": "2026-03-01 06:24:48",
    "2026-03-01T06:24:48": "2026-03-01 06:24:48",
    "2026-03-01T06:24:48Z": "2026-03-01 06:24:48",
    "2026-03-01 06:24:48 UTC": "2026-03-01 06:24:48",
    "2026-03-01T06:24:48.250Z": "2026-03-01 06:24:48.250",
    # Read as UTC, whatever the offset, and whatever the session's time zone
    "2026-03-01T06:24:48+02:00": "2026-03-01 04:24:48",
    "2026-03-01 06:24:48 +02:00": "2026-03-01 04:24:48",
    "2026-03-01 06:24:48.5-0530": "2026-03-01 11:54:48.500",
    "2026-03-01T06:24+02:00": "2026-03-01 04:24:00",
    # An hour that a clock in America skips
    "2026-03-08 02:30:00": "2026-03-08 02:30:00",
    "2026-02-30 10:00:00": None,
    "2026-02-30T10:00:00+02:00": None,
    "yesterday": None,
    "1700000000": None,
    "": None,
}
NUMBERS = {"1": 1.0, "-2.5": -2.5, "1e3": 1000.0, "two": None, "1,5": None, "": None}
BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "maybe": None, "": None}
TEXTS = ["plain", "it's", 'a "quoted" word', "back\\slash \\n \\u00e9", "é 日本 🛒", "$$"]
WITH_TIME_ZONE = {"duckdb": "timestamp with time zone", "snowflake": "timestamp_tz(9)"}
ARRAY = {"duckdb": ("[1, 2]", "integer[]"), "snowflake": ("array_construct(1, 2)", "array")}


def literal(text):
    return "'" + text + "'"


def converted(cases, kind):
    """A query with one column per case."""
    columns = [
        f"{{{{ kindred.try_convert(\"{literal(text)}\", 'varchar', '{kind}') }}}} as case_{number}"
        for number, text in enumerate(cases)
    ]
    return "select " + ", ".join(columns)


@pytest.fixture(scope="module", params=["duckdb", pytest.param("snowflake", marks=pytest.mark.snowflake)])
def warehouse(request, tmp_path_factory):
    if request.param == "snowflake":
        request.getfixturevalue("snowflake")
    folder = tmp_path_factory.mktemp("macros")

    def ask(sql):
        """The one row of a query, with lower-case names."""
        arguments = ["show", "--inline", sql, "--output", "json", "--limit", "1", "--target", request.param]
        result = run_dbt(*arguments, "--quiet", target=folder / "target", database=folder / "empty.duckdb")
        assert result.returncode == 0, result.output
        [row] = json.loads(re.search(r"\{.*\}", result.output, re.DOTALL)[0])["show"]
        return {name.lower(): value for name, value in row.items()}

    ask.name = request.param
    return ask


def values(row):
    return [row[f"case_{number}"] for number in range(len(row))]


def test_try_convert__timestamps(warehouse):
    zoned = f"cast('2026-03-01 06:24:48+02:00' as {WITH_TIME_ZONE[warehouse.name].partition('(')[0]})"
    zoned = f"{{{{ kindred.try_convert(\"{zoned}\", '{WITH_TIME_ZONE[warehouse.name]}', 'timestamp') }}}}"
    row = warehouse(converted(TIMES, "timestamp") + f", {zoned} as zoned")
    assert datetime.fromisoformat(row.pop("zoned")) == datetime(2026, 3, 1, 4, 24, 48)
    found = [value and datetime.fromisoformat(value) for value in values(row)]
    expected = [value and datetime.fromisoformat(value) for value in TIMES.values()]
    assert dict(zip(TIMES, found)) == dict(zip(TIMES, expected))


def test_try_convert__numbers(warehouse):
    assert dict(zip(NUMBERS, values(warehouse(converted(NUMBERS, "number"))))) == NUMBERS


def test_try_convert__booleans(warehouse):
    assert dict(zip(BOOLEANS, values(warehouse(converted(BOOLEANS, "boolean"))))) == BOOLEANS


def test_text_literal__any_text(warehouse):
    columns = [f"{{{{ kindred.text_literal({text!r}) }}}} as case_{number}" for number, text in enumerate(TEXTS)]
    assert values(warehouse("select " + ", ".join(columns))) == TEXTS


def test_as_text__lists_as_json(warehouse):
    expression, data_type = ARRAY[warehouse.name]
    row = warehouse(f"select {{{{ kindred.as_text('{expression}', '{data_type}') }}}} as list_text")
    assert json.loads(row["list_text"]) == [1, 2]


def test_json_array__in_order_with_nulls_kept(warehouse):
    rows = "select 10 as rank, 'a' as item_id, cast(null as varchar) as reason union all select 2, 'b\"', 'r'"
    row = warehouse(f"select {{{{ kindred.json_array(['rank', 'item_id', 'reason'], 'rank') }}}} as items from ({rows}) as t")
    assert json.loads(row["items"]) == [
        {"rank": 2, "item_id": 'b"', "reason": "r"},
        {"rank": 10, "item_id": "a", "reason": None},
    ]


def test_utc_now(warehouse):
    now = datetime.fromisoformat(warehouse("select {{ kindred.utc_now() }} as now_utc")["now_utc"])
    assert abs(now - datetime.now(timezone.utc).replace(tzinfo=None)) < timedelta(minutes=5)


def test_days_between__keeps_seconds(warehouse):
    first, second = (f"cast('2026-03-0{day}' as timestamp)" for day in ("1 00:00:00", "1 00:00:01"))
    row = warehouse(f'select {{{{ kindred.days_between("{first}", "{second}") }}}} as days')
    assert row["days"] == pytest.approx(1 / 86400, rel=1e-12)
