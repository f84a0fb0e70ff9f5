"""The log of what was decided: kept from build to build, and what a person saw on a day is one query."""

import datetime
import hashlib
import re

import pytest
from conftest import REPOSITORY, Shop, run_dbt

DAYS = [datetime.datetime(2026, 11, day, 6) for day in (20, 22, 24)]


def example(number):
    """One of the queries of docs/recommendation_log.md."""
    text = (REPOSITORY / "docs/recommendation_log.md").read_text(encoding="utf-8")
    return re.findall(r"```sql\n(.*?)```", text, flags=re.DOTALL)[number]


@pytest.mark.slow
def test_what_stays_and_what_goes(small_shop):
    """One story, since each build takes seconds: the same run twice, a full refresh, a replay, a retention."""

    def build(run_id, *arguments, **settings):
        columns = "user_id, rank, item_id, score, policy, generator, reason, because_item_id, propensity, run_id"
        rows = ", ".join(
            f"('u{user}', {rank}::bigint, 'i{rank}', 0.5::double, 'main', 'als', 'r', 'x', 1::double, '{run_id}')"
            for user in range(3)
            for rank in (1, 2)
        )
        small_shop.run(f"""
            create or replace table recommendations as
            select *, now() at time zone 'UTC' as generated_at, generated_at as expires_at
            from (values {rows}) as rows({columns})
        """)
        settings = {"events": "raw.none_needed"} | settings
        small_shop.build("--select", "recommendation_lists", "recommendation_log", *arguments, **settings)
        return small_shop.counts("recommendation_log", "run_id")

    assert build("1a2b3c4d-5e6f") == {"1a2b3c4d-5e6f": 6}
    digest = hashlib.md5(b"1a2b3c4d-5e6f|u1").hexdigest()[:16]
    [list_id] = small_shop.column("select distinct list_id from recommendation_log where user_id = 'u1'")
    assert list_id == f"1a2b3c4d-p-{digest}"
    assert list_id == small_shop.value("select list_id from recommendation_lists where user_id = 'u1'")

    assert build("1a2b3c4d-5e6f") == {"1a2b3c4d-5e6f": 6}
    assert build("99999999-5e6f", "--full-refresh") == {"1a2b3c4d-5e6f": 6, "99999999-5e6f": 6}

    for run_id, days in (("1a2b3c4d-5e6f", 10), ("99999999-5e6f", 8)):
        age = f"generated_at - interval {days} days"
        small_shop.run(f"update recommendation_log set generated_at = {age} where run_id = '{run_id}'")
    assert build("55555555-5e6f", as_of="2026-05-03", log_days=9) == {"99999999-5e6f": 6}


def moment(time):
    return f"timestamp '{time}'"


@pytest.fixture
def logged(tmp_path):
    """Three lists of one person, a week's worth, the second of which was never published; another person's."""
    shop = Shop(tmp_path)
    log = "run_id, list_id, user_id, rank, item_id, score, policy, generator, reason, because_item_id, propensity"
    log += ", generated_at"
    rows = [
        f"('r{run}', 'l{run}{user}', '{user}', {rank}, 'i{run}{rank}', 1, 'main', 'als', 'r', null, 1, {moment(made)})"
        for run, made in enumerate(DAYS)
        for user in ("u0338", "other")
        for rank in (2, 1)
    ]
    releases = [
        f"('r{run}', {released}, timestamp '{made}' + interval 1 hour)"
        for run, (made, released) in enumerate(zip(DAYS, ("'a'", "null", "'c'"), strict=True))
    ]
    published = "run_id, release_id, published_at"
    shop.run(
        f"create table recommendation_log as from (values {', '.join(rows)}) as rows({log});"
        f"create table releases as from (values {', '.join(releases)}) as rows({published})"
    )
    return shop


@pytest.mark.parametrize(
    ("day", "decided", "published"),
    [
        ("2026-11-19", [], []),
        ("2026-11-20", ["i01", "i02"], ["i01", "i02"]),
        ("2026-11-21", ["i01", "i02"], ["i01", "i02"]),
        ("2026-11-22", ["i01", "i02", "i11", "i12"], ["i01", "i02"]),
        ("2026-11-23", ["i11", "i12"], ["i01", "i02"]),
        ("2026-11-24", ["i11", "i12", "i21", "i22"], ["i01", "i02", "i21", "i22"]),
        ("2026-11-30", ["i21", "i22"], ["i21", "i22"]),
    ],
)
def test_what_a_person_saw_on_a_day(logged, day, decided, published):
    following = str(datetime.date.fromisoformat(day) + datetime.timedelta(days=1))
    for number, expected in ((0, decided), (1, published)):
        query = example(number).replace("2026-11-25", following).replace("2026-11-24", day)
        assert [row[2] for row in logged.query(query)] == expected


def test_the_examples_run_on_the_tables(sample_shop):
    assert len(sample_shop.query(example(0).replace("2026-11-25", "2999-01-01"))) == 20
    assert sample_shop.query(example(2)) == []


def test_a_wrong_number_of_days_stops_the_build(tmp_path):
    settings = {"kindred__experiments": {"log_days": "30", "conversion_days": 0}}
    result = run_dbt("run", "--select", "items", target=tmp_path, database=tmp_path / "u.duckdb", settings=settings)
    assert result.returncode != 0
    assert "kindred__experiments, log_days is '30': give a whole number of days, or '' to keep all" in result.text
    assert "kindred__experiments, conversion_days is '0': give a whole number of at least 1" in result.text
