"""What people give kindred by mistake: each case ends in a message that says how to correct it, or in a smaller right
result of which nothing is lost in silence."""

import datetime
import json

import pytest
from conftest import INPUTS, Shop

DAY = datetime.datetime(2026, 5, 1, 12)
SMALL = {"generators": {"als": {"factors": 4, "iterations": 2}}, "segment_by": ""}
LISTS = ["--exclude", "publish_gates+"]  # all but publication, which a shop without lists never reaches
CHECKS = ["--select", "+events", "rejected_events", "+input_problems", "consents", "users", "items"]


def event(number, user_id="u1", item_id="i1", event_type="view", **changes):
    at = DAY + datetime.timedelta(minutes=number)
    ids = {"event_id": f"e{number}", "user_id": user_id, "item_id": item_id}
    return ids | {"event_type": event_type, "occurred_at": at} | changes


def assert_nothing_is_lost(shop):
    n_raw = shop.value("select count(*) from raw.events")
    assert shop.value("select count(*) from events") + shop.value("select count(*) from rejected_events") == n_raw


# Settings -----------------------------------------------------------------------------------------------------------


def test_settings__all_that_is_wrong_is_said_at_once(small_shop):
    wrong = {
        "kindred__privacy": {
            "requires_consent": "perhaps",
            "min_people": 0,
            "epsilon": "small",
            "max_items_per_person": 1.5,
            "protected_fields": "sex",
        },
        "kindred__identity": {"case_insensitive_ids": 1},
        "kindred__as_of": "2026-02-30",
        "kindred__horizon_days": "ten",
        "kindred__folds": ["live", "yesterday", "live"],
        "kindred__lists": {
            "session_gap_minutes": 0,
            "segment_by": "shoe_size",
            "n_recommendations": 2.5,
            "n_candidates": "many",
            "expires_after_hours": None,
            "n_recomendations": 5,
        },
        "kindred__ranking": {
            "diversity": 1.5,
            "freshness": -1,
            "fatigue": 1.2,
            "discovery_share": -0.1,
            "exploration_share": "some",
        },
        "kindred__generators": {
            "n_neighbors": 0,
            "neighbors": "auto",
            "sequence": {"decay": "slow"},
            "content": {"steps": 3},
            "als": {"factors": True, "iterations": -1, "regularization": 0, "alpa": 1, "alpha": "auto"},
        },
        "kindred__traffic": {"max_rejected_share": [], "max_events_per_person": 0, "min_events": 0},
        "kindred__train": "never",
        "kindred__training": {"age": 3},
        "kindred__serving": {"store": "redis", "path": 7, "kept_releases": 0, "p99_ms": -1, "request_log": 7},
        "kindred__gates": {"quality": -1, "cover": 1, "people": True, "stale_data": "off"},
        "kindred__override_gates": "people",
        "kindred__tables": {"rule": "rules"},
        "kindred__inputs": {"items": "raw.items", "users": "sample_users"},
        "kindred__genrators": {},
        "kindred__retrain": {"age": 3},
    }
    advice = [
        "kindred__privacy, min_people is '0': give a whole number of at least 1",
        "kindred__privacy, epsilon is 'small': give a number above 0, such as 1, or ''",
        "kindred__privacy, max_items_per_person is '1.5': give a whole number of at least 1",
        "kindred__privacy, protected_fields is 'sex': give a list such as [sex]",
        "kindred__traffic, min_events is '0': give a whole number of at least 1",
        "kindred__privacy, requires_consent is 'perhaps': give true, false or a list of purposes",
        "kindred__identity, case_insensitive_ids is '1': give true or false",
        "kindred__as_of is '2026-02-30': give a UTC date or time such as 2026-05-01",
        "kindred__horizon_days is 'ten': give a whole number of at least 1",
        "kindred__folds has 'yesterday': the folds are tuning, backtest and live",
        "kindred__folds names a fold twice: live, yesterday, live",
        "kindred__lists, session_gap_minutes is '0': give a whole number of at least 1",
        "kindred__lists, segment_by is 'shoe_size': give country, preferences or attributes",
        "kindred__lists, n_recommendations is '2.5': give a whole number of at least 1",
        "kindred__lists, n_candidates is 'many': give a whole number of at least 1",
        "kindred__lists, expires_after_hours is 'None': give a whole number of at least 1",
        "kindred__lists has 'n_recomendations', did you mean n_recommendations? Its keys are segment_by, ",
        "kindred__ranking, diversity is '1.5': give a number from 0 to 1",
        "kindred__ranking, freshness is '-1': give a number of at least 0",
        "kindred__ranking, fatigue is '1.2': give a number from 0 to 1",
        "kindred__ranking, discovery_share is '-0.1': give a number from 0 to 1",
        "kindred__ranking, exploration_share is 'some': give a number from 0 to 1",
        "kindred__generators, n_neighbors is '0': give a whole number of at least 1",
        "kindred__generators has neighbors 'auto': give a mapping such as {",
        "kindred__generators, sequence: decay is 'slow': give a number of at least 0, or auto",
        "kindred__generators, content: there is no 'steps': its settings are decay, n_steps",
        "kindred__generators, als: factors is 'True': give a number of at least 0, or auto",
        "kindred__generators, als: iterations is '-1': give a number of at least 0, or auto",
        "kindred__generators, als: regularization is 0: give a number above 0, or auto",
        "kindred__generators, als: there is no 'alpa': its settings are ",
        "kindred__traffic, max_rejected_share is '[]': give a number of at least 0",
        "kindred__traffic, max_events_per_person is '0': give a whole number of at least 1",
        "kindred__train is 'never': give always or when_due",
        "kindred__training has 'age': its keys are age_days, new_events_share, drift",
        "kindred__serving, store is 'redis': give sqlite, postgres or none",
        "kindred__serving, path is '7': give a folder, or '' for one beside the DuckDB file",
        "kindred__serving, kept_releases is '0': give a whole number of at least 1",
        "kindred__serving, p99_ms is '-1': give a number of at least 0",
        "kindred__serving, request_log is '7': give the folder that kindred serve --request-log writes to",
        "kindred__gates has quality '-1': give a number of at least 0, or off",
        "kindred__gates has 'cover': its keys are catalog_coverage, changed_lists, quality, ",
        "kindred__gates has people 'True': give a number of at least 0, or off",
        "kindred__override_gates is 'people': give a list such as [changed_lists]",
        "kindred__tables has 'rule', did you mean rules? Its keys are event_weights, generators, rules, ",
        "kindred__inputs names users, items and no events: name the table or model that holds your events",
        "kindred__inputs mixes your own items with the sample shop's users: leave out what you don't have",
        "kindred__genrators is no variable of kindred: did you mean kindred__generators?",
        "kindred__retrain is now kindred__training: {age_days: ..., new_events_share: ..., drift: ...}",
    ]
    result = small_shop.dbt("run", **wrong)
    assert result.returncode != 0
    assert "please correct in dbt_project.yml (vars) or in --vars" in result.text
    lines = [" ".join(line.split()) for line in result.output.splitlines() if line.strip().startswith("- kindred__")]
    assert not [said for said in advice if not any(line.startswith(f"- {said}") for line in lines)]
    assert not [line for line in lines if not line.removeprefix("- ").startswith(tuple(advice))]
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("items", ["a"], "kindred__inputs has items '['a']': give the name of a dbt model or seed, or schema.table"),
        ("items", "raw.", "kindred__inputs has items 'raw.': give the name of a dbt model or seed, or schema.table"),
        ("users", "users", "a model of kindred's own: give your model another name, such as shop_users"),
        ("events", "clicks", "depends on a node named 'clicks' which was not found"),
    ],
)
def test_settings__what_stops_dbt_while_it_reads_the_project(small_shop, name, value, message):
    # `parse` runs no node: whatever is wrong must come out before the first one.
    result = small_shop.dbt("parse", "--no-partial-parse", inputs={"events": "raw.events", name: value})
    assert result.returncode != 0
    assert message in result.text
    assert "Traceback" not in result.output


# Tables -------------------------------------------------------------------------------------------------------------


GOOD = {
    "items": [{"item_id": "i1"}],
    "users": [{"user_id": "u1"}],
    "consents": [{"user_id": "u1", "purpose": "personalization", "is_granted": True, "updated_at": DAY}],
}


@pytest.mark.slow
def test_tables__that_are_not_there_or_lack_columns(small_shop):
    """One shop that is corrected step by step, and what kindred says at each."""

    def complaints(**tables):
        small_shop.load(**tables)
        # Without its erasures no input is read, so that nobody comes back: they would be told of alone.
        inputs = {name: f"raw.{name}" for name in INPUTS if name != "erasures"}
        result = small_shop.dbt("build", *CHECKS, inputs=inputs)
        assert result.returncode != 0
        assert "Traceback" not in result.output
        return result.text

    said = complaints(events=[event(1)])
    for name in ("items", "users", "consents"):
        assert f"kindred__inputs, {name} points at 'raw.{name}', and there is no table" in said
        assert f"or leave it out if you have no {name}." in said

    said = complaints(
        items="select 'i1' as sku, 9.5 as price",
        users="select 'u1' as id",
        consents="select 'u1' as user_id, true as is_granted",
    )
    for name, lacks, has in (
        ("items", "item_id", "price, sku"),
        ("users", "user_id", "id"),
        ("consents", "purpose, updated_at", "is_granted, user_id"),
    ):
        assert f"which kindred__inputs, {name} points at, lacks: {lacks}. It has: {has}." in said
        assert f"Point kindred__inputs, {name} at a dbt model that selects your columns under these names." in said

    said = complaints(**GOOD, events="select 1 as id, 'u1' as person, 'view' as event_type, now() as occurred_at")
    assert "kindred__inputs, events points at, lacks: event_id, item_id. It has:" in said

    small_shop.run("drop table raw.events")
    said = complaints()
    assert "kindred__inputs, events points at 'raw.events', and there is no table" in said
    assert "Set it to the name of a dbt model or seed, or to schema.table of a table that exists." in said


@pytest.mark.slow
def test_eligibility__a_table_that_is_not_there_or_empty_stops_the_build(small_shop):
    """Without conditions everybody would be shown everything: no load that failed may come to that."""
    small_shop.load(events=[event(1)])

    def build(command="build", pointer="raw.conditions"):
        selected = ["--select", "+checked_eligibility", "--indirect-selection", "cautious"]
        left_out = ["--exclude-resource-type", "unit_test"] if command == "build" else []
        return small_shop.dbt(command, *left_out, *selected, tables={"eligibility": pointer})

    result = build()
    assert result.returncode != 0
    assert "kindred__tables, eligibility points at 'raw.conditions', and there is no table" in result.text
    assert "or leave it out: then no item is under a condition" in result.text
    result = build(pointer="shop_eligibilty")
    assert result.returncode != 0 and "depends on a node named 'shop_eligibilty'" in result.text

    columns = "select 'a' as rule_id, 'i1' as item_id, 'age' as field, '>=' as operator, '18' as value"
    small_shop.load(conditions=f"{columns} where false")
    # With tests and without.
    for command in ("build", "run"):
        result = build(command)
        assert result.returncode != 0
        assert "kindred__tables, eligibility points at 'raw.conditions', and it has no rows" in result.text
        assert "everybody would be shown everything. See why it wasn't loaded and load it again" in result.text
    small_shop.load(conditions=columns)
    result = build()
    assert result.returncode == 0, result.output
    assert small_shop.column("select rule_id from checked_eligibility") == ["a"]


@pytest.mark.slow
def test_tables__of_the_shop_in_place_of_a_seed(small_shop):
    """Any types will do; what lacks, what can't be read and what stands twice is told with what to write."""

    def build(**tables):
        small_shop.load(events=[event(1)], **tables)
        pointers = {"event_weights": "raw.weights", "rules": "raw.rules"}
        selected = ["--select", "+known_event_types", "+checked_rules", "--indirect-selection", "cautious"]
        return small_shop.dbt("build", "--exclude-resource-type", "unit_test", *selected, tables=pointers)

    rules = "select 1.0::double as rule_id, 'Exclude' as action, 'I1 ' as item_id, date '2026-05-01' as starts_at"
    said = build(weights="select 'view' as event_type", rules=rules).text
    assert "which kindred__tables, event_weights points at, lacks: weight. It has: event_type." in said
    said = build(weights="select 'view' as event_type, 'heavy' as weight union all select 'View', '1'").text
    assert "kindred: event_type 'view' of known_event_types: it stands more than once: leave one row of it" in said

    weights = "select 'View' as event_type, '1.5' as weight, 30 as half_life_days, 'yes' as is_target"
    said = build(weights=weights, rules="select 'r1' as rule_id").text
    assert "which kindred__tables, rules points at, lacks: action. It has: rule_id." in said
    small_shop.run("drop table raw.rules")
    said = build().text
    assert "kindred__tables, rules points at 'raw.rules', and there is no table" in said
    assert "or leave it out to use kindred's own" in said
    result = build(rules=rules)
    assert result.returncode == 0, result.output
    columns = "event_type, weight, half_life_days, is_target, excludes_item"
    # Exposures are known everywhere, and say nothing of interest.
    assert small_shop.query(f"select {columns} from known_event_types order by event_type") == [
        ("exposure", 0, None, False, False),
        ("view", 1.5, 30.0, True, False),
    ]
    assert small_shop.query("select rule_id, action, item_id, starts_at from checked_rules") == [
        ("1", "exclude", "I1", datetime.datetime(2026, 5, 1))
    ]
    # Item ids are compared with their case.
    assert "rule_id '1' of checked_rules: no item matches its item_id, category and brand" in result.text


# Types and values, all in one shop ----------------------------------------------------------------------------------

LONG_ID = "x" * 10_000
BAD_VECTORS = ["abc", "5", '{"a": 1}', "[[1, 2], [3, 4]]", "[1, null]"]
NASTY_IDS = ["it's", 'say "hi"', "a,b;c", "ünï 日本語", "🛒🧺", "{{ item }}", "a\\b", "-- drop", "a  b", "%_", LONG_ID]


@pytest.fixture(scope="module")
def nasty_shop(tmp_path_factory):
    """Good events of people and items with nasty ids, beside one bad row of each kind; all columns but ids are text."""
    events = []
    for user_number, user_id in enumerate(NASTY_IDS):
        for item_number in range(user_number, user_number + 4):
            item_id = NASTY_IDS[item_number % len(NASTY_IDS)]
            events.append(event(len(events), user_id, item_id, "like" if item_number % 2 else "purchase", value="9.5"))
    bad = {
        "missing_event_id": {"event_id": None},
        "missing_person": {"user_id": ""},
        "missing_event_type": {"event_type": None},
        "unknown_event_type": {"event_type": "Ansicht 👀"},
        "missing_time": {"occurred_at": ""},
        "invalid_time": {"occurred_at": "1777636800"},
        "too_early": {"occurred_at": "1970-01-01 00:00:00"},
        "in_future": {"occurred_at": "2100-01-01 00:00:00"},
        "missing_item": {"item_id": None},
        "unknown_item": {"item_id": "it''s"},
        "invalid_quantity": {"quantity": "a few"},
        "negative_quantity": {"quantity": "-1"},
        "invalid_value": {"value": "1e300"},
        "invalid_position": {"position": "top"},
    }
    rows = events + [event(1000 + number, "it's", "it's") | change for number, change in enumerate(bad.values())]
    rows.append(dict(rows[0]))
    # A row in which nothing stands at all, and one whose numbers are as odd as numbers get.
    rows.append(dict.fromkeys(rows[0]))
    rows.append(event(2000, "it's", "it's", value="inf"))
    rows.append(event(2001, "it's", "it's", value=" 7 ", position="3"))
    columns = [*rows[0], "quantity", "position"]
    shop = Shop(tmp_path_factory.mktemp("nasty"))
    shop.bad = bad
    shop.load(
        events=[{column: text_of(row.get(column)) for column in columns} for row in rows],
        items=[
            *(
                {"item_id": name, "title": name, "price": "9.5", "is_available": "true", "embedding": vector}
                for name, vector in zip(NASTY_IDS, [*BAD_VECTORS, "", *["[1, 0.5]"] * 5], strict=True)
            ),
            {"item_id": "it's", "title": "it's, newer", "price": "1,5", "is_available": "maybe"},
            {"item_id": None, "title": "nobody", "price": None, "is_available": None},
        ],
        users=[{"user_id": name, "country": name, "created_at": "long ago"} for name in [*NASTY_IDS, None]],
        consents=[
            {"user_id": user_id, "purpose": "personalization", "is_granted": answer, "updated_at": str(DAY)}
            for user_id, answer in [("it's", "yes"), ("🛒🧺", "oui"), ("a,b;c", "no"), ("%_", None), (None, "yes")]
        ],
    )
    settings = SMALL | {"segment_by": "country"}
    shop.result = shop.dbt("build", "--exclude-resource-type", "unit_test", **settings)
    return shop


def text_of(value):
    return None if value is None else str(value)


def test_nasty__builds_and_passes_its_tests(nasty_shop):
    assert nasty_shop.result.returncode == 0, nasty_shop.result.output


def test_nasty__each_bad_event_has_its_reason(nasty_shop):
    assert_nothing_is_lost(nasty_shop)
    expected = dict.fromkeys([*nasty_shop.bad, "duplicate_event_id"], 1)
    expected["missing_event_id"] += 1  # the row in which nothing stands
    expected["invalid_value"] += 1  # the infinite one
    assert nasty_shop.counts("rejected_events", "rejection_reason") == expected
    texts = dict(nasty_shop.query("select rejection_reason, min(rejected_text) from rejected_events group by all"))
    assert texts["invalid_time"] == "1777636800"
    assert texts["invalid_quantity"] == "a few"
    assert texts["invalid_position"] == "top"
    assert nasty_shop.query("select value, position from events where event_id = 'e2001'") == [(7, 3)]


def test_nasty__every_id_comes_through_unchanged(nasty_shop):
    refused = {"🛒🧺", "a,b;c", "%_"}
    assert set(nasty_shop.column("select distinct user_id from events")) == set(NASTY_IDS)
    assert set(nasty_shop.column("select item_id from items")) == set(NASTY_IDS)
    for table in ("als_user_factors", "recommendations", "recommendation_lists"):
        assert set(nasty_shop.column(f"select distinct user_id from {table}")) == set(NASTY_IDS) - refused
    assert set(nasty_shop.column("select distinct item_id from recommendations")) <= set(NASTY_IDS)
    assert len(nasty_shop.column("select distinct segment from user_features where fold = 'live'")) == 8
    # What a person bought never comes back, whatever its id is made of.
    assert not nasty_shop.query("""
        select * from recommendations join interactions using (user_id, item_id) where fold = 'live' and is_excluded
    """)
    items = nasty_shop.value("select items from recommendation_lists where user_id = 'it''s'")
    listed = nasty_shop.column("select item_id from recommendations where user_id = 'it''s' order by rank")
    assert [entry["item_id"] for entry in json.loads(items)] == listed


def test_nasty__unreadable_consents_are_refusals(nasty_shop):
    assert dict(nasty_shop.query("select user_id, is_granted from consents")) == {
        "it's": True,
        "🛒🧺": False,
        "a,b;c": False,
        "%_": False,
    }


def test_nasty__problems_of_the_other_tables_are_listed(nasty_shop):
    problems = nasty_shop.query("""
        select input, problem, count(*), sum(n_rows), min(rejected_text) from input_problems where input <> 'events'
        group by all order by all
    """)
    assert problems == [
        ("consents", "invalid_is_granted", 1, 1, "oui"),
        ("consents", "missing_is_granted", 1, 1, None),
        ("consents", "missing_user_id", 1, 1, None),
        ("items", "invalid_embedding", 5, 5, "5"),
        ("items", "invalid_is_available", 1, 1, "maybe"),
        ("items", "invalid_price", 1, 1, "1,5"),
        ("items", "missing_item_id", 1, 1, None),
        ("items", "repeated_item_id", 1, 1, None),
        ("users", "invalid_created_at", 12, 12, "long ago"),
        ("users", "missing_user_id", 1, 1, None),
    ]


def test_nasty__what_is_no_vector_is_set_aside_and_the_others_count(nasty_shop):
    """The titles share no words and half of the items lack a vector: what is alike is so by vectors alone."""
    found = dict(nasty_shop.query("select entity_id, rejected_text from input_problems where problem ~ 'embedding'"))
    assert found == dict(zip(NASTY_IDS, BAD_VECTORS, strict=False))
    readable = set(NASTY_IDS[len(BAD_VECTORS) + 1 :])
    assert set(nasty_shop.column("select item_id from items where embedding is not null")) == readable
    alike = "select item_id, neighbor_id from item_content_neighbors where fold = 'live' and score > 0.49"
    assert {item for pair in nasty_shop.query(alike) for item in pair} == readable


# Types --------------------------------------------------------------------------------------------------------------


def test_types__epoch_integers_are_no_times_and_stop_the_build(small_shop):
    small_shop.load(events=[event(number, occurred_at=1777636800 + number) for number in range(4)])
    result = small_shop.dbt("build", "--exclude-resource-type", "unit_test", *CHECKS)
    assert result.returncode != 0
    # dbt repeats the reason at its end, where it lists what failed.
    assert result.text.count("kindred: 4 of 4 raw events can't be used: invalid_time (4, such as '1777636800').") == 1
    assert (
        "'1777636800' looks like seconds since 1970, 2026-05-01 12:00:00 UTC: select to_timestamp(cast(occurred_at as "
        "bigint)) at time zone 'UTC' as occurred_at in a model, and point kindred__inputs, events at it."
    ) in result.text
    assert "correct what kindred__inputs, events points at, or raise kindred__traffic: {max_rejected_share: ...}" in (
        result.text
    )
    assert small_shop.counts("checked_events", "rejection_reason") == {"invalid_time": 4}
    assert small_shop.column("select rejected_text from checked_events order by all")[0] == "1777636800"
    # What lists are made from isn't built.
    built = small_shop.column("select table_name from information_schema.tables where table_schema = 'main'")
    assert "checked_events" in built
    assert "events" not in built


def test_types__numbers_as_ids_times_with_a_zone_booleans_as_text(small_shop):
    small_shop.load(
        events="""
            select row_number() over () as event_id, 7 as user_id, 'view' as event_type, 3::utinyint as item_id,
                occurred_at, 2.5::decimal(9, 2) as value, 1 as quantity, 'nan'::double as position,
                {'a': 1} as properties
            from (values
                (timestamptz '2026-05-01 10:00:00+02'), (timestamptz '2026-05-01 23:30:00-05'),
                (timestamptz '2026-05-01 10:00:00+00')
            ) as times(occurred_at)
        """,
        items="""
            select 3::bigint as item_id, '12.50' as price, 'no' as is_available, date '2026-01-01' as created_at,
                [1, 0.25]::float[2] as embedding
        """,
        users="select 7 as user_id, timestamp_ns '2026-01-01' as created_at, 49 as country",
    ).build(*CHECKS, **SMALL)
    assert_nothing_is_lost(small_shop)
    assert small_shop.column("select strftime(occurred_at, '%d %H:%M') from events order by event_id") == [
        "01 08:00",
        "02 04:30",
        "01 10:00",
    ]
    assert small_shop.query("select distinct user_id, item_id, value, quantity, position, properties from events") == [
        ("7", "3", 2.5, 1.0, None, '{"a":1}')
    ]
    [item] = small_shop.query("select item_id, price, is_available, embedding from items")
    assert item == ("3", 12.5, False, "[1.0,0.25]")
    assert small_shop.query("select user_id, country, created_at from users") == [
        ("7", "49", datetime.datetime(2026, 1, 1))
    ]


def test_types__text_times_are_utc_whatever_the_zone_of_the_machine(small_shop, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    texts = {
        "2026-05-01": "01 00:00",
        "2026-05-01 10:00": "01 10:00",
        "2026-05-01 10:00:00": "01 10:00",
        "2026-05-01T10:00:00.123Z": "01 10:00",
        "2026-05-01T10:00:00+02:00": "01 08:00",
        "2026-05-01 10:00:00.5-0330": "01 13:30",
        "2026-05-01 23:30-05": "02 04:30",
        "2026-05-01 10:00:00 +02:00": "01 08:00",
    }
    small_shop.load(events=[event(number, occurred_at=text) for number, text in enumerate(texts)])
    small_shop.build("--select", "+rejected_events", "events", **SMALL)
    found = small_shop.column("select strftime(occurred_at, '%d %H:%M') from events order by event_id")
    assert dict(zip(texts, found, strict=True)) == texts


# Few rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_few__no_events_and_no_items(small_shop):
    """A shop on its first day: everything builds and passes its tests, and the lists are empty."""
    small_shop.load(events=[event(1)], items=[{"item_id": "i1"}]).load(
        events="select * from raw.events limit 0", items="select * from raw.items limit 0"
    )
    result = small_shop.dbt("build", "--exclude-resource-type", "unit_test", *LISTS, **SMALL)
    assert result.returncode == 0, result.output
    assert small_shop.value("select count(*) from recommendations") == 0
    assert small_shop.value("select count(*) from folds") == 3
    assert small_shop.query("select n_events, n_people, n_recommendations from builds") == [(0, 0, 0)]


@pytest.mark.slow
def test_few__no_events_yet_but_a_catalogue_and_users(small_shop):
    """Nobody gets nothing: people who are known are shown the newest items."""
    small_shop.load(
        events=[event(1)],
        items=[{"item_id": f"i{n}", "created_at": DAY + datetime.timedelta(days=n)} for n in range(3)],
        users=[{"user_id": "u1"}, {"user_id": "u2"}],
    ).load(events="select * from raw.events limit 0")
    small_shop.build(*LISTS, **SMALL)
    assert small_shop.query("select user_id, item_id from recommendations order by user_id, rank") == [
        (user, item) for user in ("u1", "u2") for item in ("i2", "i1", "i0")
    ]
    assert small_shop.column("select item_id from fallback_recommendations order by rank") == ["i2", "i1", "i0"]


def test_few__one_event(small_shop):
    small_shop.load(events=[event(1)]).build(*LISTS, **SMALL)
    assert small_shop.query("select user_id, item_id, rank from recommendations") == [("u1", "i1", 1)]
    assert small_shop.value("select count(*) from als_item_factors where fold = 'live'") == 1


@pytest.mark.slow
def test_few__one_person_who_bought_the_one_item(small_shop):
    small_shop.load(events=[event(1, event_type="purchase")]).build(*LISTS, **SMALL)
    assert small_shop.value("select count(*) from recommendations") == 0
    assert small_shop.column("select item_id from fallback_recommendations") == ["i1"]


@pytest.mark.slow
def test_few__views_only(small_shop):
    """Without the targets of the seed, what people look at is what lists are evaluated by."""
    rows = []
    for day in range(60):
        for user in range(6):
            at = DAY - datetime.timedelta(days=60 - day)
            item = f"i{(user % 2) + 2 * ((day + user) % 5)}"
            rows.append(event(len(rows), f"u{user}", item, occurred_at=at))
    small_shop.load(events=rows).build(*LISTS, **SMALL)
    assert_nothing_is_lost(small_shop)
    # `click` and the like have positive weights too, but there are none; what has no weight is no target.
    assert small_shop.column("""
        select event_type from event_types where is_target and n_events > 0
    """) == ["view"]
    assert small_shop.column("select event_type from event_types where not is_target order by all") == [
        "dislike",
        "impression",
        "return",
        "search",
    ]
    assert small_shop.value("select count(*) from targets where fold = 'backtest'") > 0
    assert (
        small_shop.value("""
        select n_users from evaluation_metrics
        where fold = 'backtest' and generator = 'blend' and user_group = 'all' and metric = 'ndcg' and k = 10
    """)
        == 6
    )


# Clocks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "n_people"), [("1970-01-01", 0), pytest.param("2100-01-01 06:00:00", 2, marks=pytest.mark.slow)]
)
@pytest.mark.slow
def test_clocks__a_replay_far_away(small_shop, as_of, n_people):
    small_shop.load(events=[event(1), event(2, "u2", "i2")])
    small_shop.build("--select", "+recommendations", "+rejected_events", **SMALL, as_of=as_of)
    assert_nothing_is_lost(small_shop)
    assert small_shop.value("select count(distinct user_id) from recommendations") == n_people
    assert small_shop.value("select count(*) from user_features where fold = 'live'") == n_people


@pytest.mark.slow
def test_types__prices_and_values_as_large_as_they_may_be(small_shop):
    """Sums are exact in 18 digits: no row that the contract lets in may overflow them."""
    large = 9.9e11
    small_shop.load(
        events=[
            *(event(n, event_type="purchase", value=large, quantity=large) for n in range(3)),
            event(9, "u2", "i2"),
        ],
        items=[{"item_id": "i1", "price": large}, {"item_id": "i2", "price": float("nan")}],
    ).build(*LISTS, **SMALL)
    assert small_shop.value("select revenue from user_features where fold = 'live' and user_id = 'u1'") == 3 * large
    assert small_shop.value("select mean_price from user_features where fold = 'live' and user_id = 'u1'") == (
        pytest.approx(large)
    )
