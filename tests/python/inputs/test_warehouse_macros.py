"""Where DuckDB and Snowflake differ: the macros of macros/warehouse give the same on both."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from conftest import run_dbt

from kindred.ids import normal_id, normal_word

TIMES = {
    "2026-03-01": "2026-03-01 00:00:00",
    "2026-03-01 06:24": "2026-03-01 06:24:00",
    "2026-03-01 06:24:48": "2026-03-01 06:24:48",
    "2026-03-01T06:24:48": "2026-03-01 06:24:48",
    "2026-03-01T06:24:48Z": "2026-03-01 06:24:48",
    "2026-03-01 06:24:48 UTC": "2026-03-01 06:24:48",
    "2026-03-01T06:24:48.250Z": "2026-03-01 06:24:48.250",
    "2026-03-01T06:24:48+02:00": "2026-03-01 04:24:48",
    "2026-03-01 06:24:48 +02:00": "2026-03-01 04:24:48",
    "2026-03-01 06:24:48 +0200": "2026-03-01 04:24:48",
    "2026-03-01 06:24:48-05": "2026-03-01 11:24:48",
    "2026-03-01 06:24:48.5-0530": "2026-03-01 11:54:48.500",
    "2026-03-01T06:24+02:00": "2026-03-01 04:24:00",
    # An hour that American clocks skip
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
VECTORS = {
    "[1, -2.5, 1e-05, 0.1E+01, 0]": True,
    " [\t1 ,2\n] ": True,
    "[]": True,
    "abc": False,
    "5": False,
    '{"a": 1}': False,
    "[[1, 2], [3, 4]]": False,
    "[1, null]": False,
    '["1"]': False,
    "[1, NaN]": False,
    "[1 2]": False,
    "[1,]": False,
    "[.5]": False,
    "[01]": False,
    "[1e99]": False,
    "[12345678901234567890]": False,
    "[1, 2": False,
    '{"text": [1, 2], "image_2": [-1e3] }': True,
    ' { "text" : [ ] } ': True,
    "{}": True,
    '{"text": [1, 2], }': False,
    '{"text": [[1]]}': False,
    '{"a text": [1]}': False,
    '{"text": {"of": [1]}}': False,
    '[{"text": [1]}]': False,
    "": False,
}
JSON_LISTS = {"[]": True, ' ["a", null]': True, '{"a": 1}': False, '"a"': False, "[a]": False, "a|b": False, "": False}
ZONED_TYPES = {"duckdb": "timestamp with time zone", "snowflake": "timestamp_tz"}
ARRAYS = {"duckdb": ("[1, 2]", "integer[]"), "snowflake": ("array_construct(1, 2)", "array")}
ROWS = "select 10 as rank, 'a' as item_id, cast(null as varchar) as reason union all select 2, 'b\"', 'r'"
JSON_TEXTS = {
    '{"a b": "x", "c": {"d": 1}}': "x",
    '{"a b": 7}': "7",
    '{"c": 1}': None,
    '{"a b"': None,
    "[1]": None,
    "": None,
}
# The first two of each are in normal form. Letters are composed by a list of the commonest on Snowflake.
IDS = {
    "u1": "u1",
    "7.50": "7.50",
    " u1 ": "u1",
    "Ann@Example.com": "ann@example.com",
    "1000.00": "1000",
    "-3.0": "-3",
    "a.0b": "a.0b",
    "a  b": "a  b",
    "Zoe\u0308": "Zo\u00eb",
    "\u200bu3\u00a0": "u3",
    "u\u200d4\ufeff": "u4",
    "\t\u3000": None,
    "日本 ": "日本",
    "": None,
}
WORDS = {"view": "view", "Add to-Cart ": "add_to_cart", "PURCHASE": "purchase", " ": None}
ANSWERS = {
    "availability": {
        "in stock": True,
        "https://schema.org/InStock": True,
        "preorder": True,
        "12": True,
        "1": True,
        "Out-of-stock": False,
        "SoldOut": False,
        "0": False,
        "-1": False,
        "ask us": None,
        "inf": None,
        "": None,
    },
    "answers": {"Granted": True, "opt-in": True, "1.0": True, "denied": False, "opt out": False, "0": False, "2": None},
}
RECORD_TEXT = 'it\'s a "quote", a back\\slash,\na new line and é'
SECOND = ["cast('2026-03-01 00:00:00' as timestamp)", "cast('2026-03-01 00:00:01' as timestamp)"]


def call(macro, *arguments):
    return f"{{{{ kindred.{macro}({', '.join(map(repr, arguments))}) }}}}"


def columns(warehouse):
    """All that is asked, in one query: starting dbt takes longer than the rest."""
    for kind, cases in {"timestamp": TIMES, "number": NUMBERS, "boolean": BOOLEANS}.items():
        for number, text in enumerate(cases):
            yield f"{kind}_{number}", call("try_convert", f"'{text}'", "varchar", kind)
    for number, text in enumerate(VECTORS):
        yield f"vector_{number}", call("is_embedding", f"'{text}'")
    for number, text in enumerate(JSON_LISTS):
        yield f"list_{number}", call("is_json_list", f"'{text}'")
    for number, text in enumerate(TEXTS):
        yield f"text_{number}", call("text_literal", text)
    for macro, cases in {"normal_id": IDS, "normal_word": WORDS}.items():
        for number, text in enumerate(cases):
            written = f"'{text}'"
            yield f"{macro}_{number}", f"nullif({call(macro, written)}, '')"
    for kind, cases in ANSWERS.items():
        for number, text in enumerate(cases):
            yield f"{kind}_{number}", call("read_boolean", f"'{text}'", "varchar", kind)
    zoned = f"cast('2026-03-01 06:24:48+02:00' as {ZONED_TYPES[warehouse]})"
    yield "zoned", call("try_convert", zoned, ZONED_TYPES[warehouse], "timestamp")
    yield "list_text", call("as_text", *ARRAYS[warehouse])
    yield "items", f"(select {call('json_array', ['rank', 'item_id', 'reason'], 'rank')} from ({ROWS}) as listed)"
    yield "rows", f"(select {call('json_rows', ['item_id', 'rank', 'reason'], 'rank')} from ({ROWS}) as listed)"
    yield "values_alone", f"(select {call('json_rows', ['item_id'], 'rank')} from ({ROWS}) as listed)"
    for number, text in enumerate(JSON_TEXTS):
        yield f"json_{number}", call("json_text", f"'{text}'", "a b")
    fields = {name: f"record.{name}" for name in ("words", "nothing", "years", "is_here", "tags", "unknown_tags")}
    fields |= {"a 'name'": "record.words", "parts": "split('a|b\"', '|')"}
    record = f"select {call('text_literal', RECORD_TEXT)} as words, cast(null as varchar) as nothing, 7 as years"
    record += ", true as is_here, '[1, \"x\"]' as tags, cast(null as varchar) as unknown_tags"
    yield "record", f"(select {call('json_record', fields, ['tags', 'unknown_tags'])} from ({record}) as record)"
    yield "now_utc", call("utc_now")
    yield "days", call("days_between", *SECOND)


@pytest.fixture(scope="module", params=["duckdb", pytest.param("snowflake", marks=pytest.mark.snowflake)])
def row(request, tmp_path_factory):
    if request.param == "snowflake":
        request.getfixturevalue("snowflake")
    folder = tmp_path_factory.mktemp("macros")
    sql = "select " + ", ".join(f"{expression} as {name}" for name, expression in columns(request.param))
    arguments = ["show", "--quiet", "--inline", sql, "--output", "json", "--target", request.param]
    result = run_dbt(*arguments, target=folder / "target", database=folder / "empty.duckdb")
    assert result.returncode == 0, result.output
    [row] = json.loads(re.search(r"\{.*\}", result.output, re.DOTALL)[0])["show"]
    return {name.lower(): value for name, value in row.items()}


def found(row, kind, cases):
    return {case: row[f"{kind}_{number}"] for number, case in enumerate(cases)}


def as_time(text):
    return text and datetime.fromisoformat(text)


def test_try_convert__timestamps_are_utc(row):
    times = {case: as_time(value) for case, value in found(row, "timestamp", TIMES).items()}
    assert times == {case: as_time(value) for case, value in TIMES.items()}
    assert as_time(row["zoned"]) == datetime(2026, 3, 1, 4, 24, 48)


def test_try_convert__numbers(row):
    assert found(row, "number", NUMBERS) == NUMBERS


def test_try_convert__booleans(row):
    assert found(row, "boolean", BOOLEANS) == BOOLEANS


def test_normal_forms__are_those_of_python(row):
    assert found(row, "normal_id", IDS) == IDS == {text: normal_id(text) for text in IDS}
    assert found(row, "normal_word", WORDS) == WORDS == {text: normal_word(text) for text in WORDS}


def test_read_boolean__words_of_feeds(row):
    assert {kind: found(row, kind, cases) for kind, cases in ANSWERS.items()} == ANSWERS


def test_is_embedding__is_a_list_of_numbers_or_names_some(row):
    assert found(row, "vector", VECTORS) == VECTORS
    assert all(isinstance(json.loads(text), list | dict) for text, is_vector in VECTORS.items() if is_vector)


def test_is_json_list__lists_alone(row):
    assert found(row, "list", JSON_LISTS) == JSON_LISTS


def test_text_literal__any_text(row):
    assert list(found(row, "text", TEXTS).values()) == TEXTS


def test_as_text__lists_as_json(row):
    assert json.loads(row["list_text"]) == [1, 2]


def test_json_text__a_key_or_null(row):
    assert found(row, "json", JSON_TEXTS) == JSON_TEXTS


def test_json_array__in_order_with_nulls_kept(row):
    assert json.loads(row["items"]) == [
        {"rank": 2, "item_id": 'b"', "reason": "r"},
        {"rank": 10, "item_id": "a", "reason": None},
    ]


def test_json_rows__in_an_order_that_isnt_shown_with_nulls_kept(row):
    assert json.loads(row["rows"]) == [['b"', 2, "r"], ["a", 10, None]]
    assert json.loads(row["values_alone"]) == ['b"', "a"]


def test_json_record__any_text_nulls_and_json(row):
    assert json.loads(row["record"]) == {
        "words": RECORD_TEXT,
        "nothing": None,
        "years": 7,
        "is_here": True,
        "tags": [1, "x"],
        "unknown_tags": None,
        "a 'name'": RECORD_TEXT,
        "parts": ["a", 'b"'],
    }


def test_utc_now(row):
    assert abs(as_time(row["now_utc"]) - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=5)


def test_days_between__keeps_seconds(row):
    assert row["days"] == pytest.approx(1 / 86400, rel=1e-12)
