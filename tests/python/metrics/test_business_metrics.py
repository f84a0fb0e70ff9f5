"""The tables of the room against the same figures computed another way, from the events of the sample shop."""

import shutil

import duckdb
import numpy as np
import pytest
from conftest import Shop
from statsmodels.stats.proportion import proportion_confint

RATIOS = {
    "ctr": ("n_clicks", "n_impressions"),
    "conversion_rate": ("n_orders", "n_sessions"),
    "aov": ("revenue", "n_orders"),
}
# What people did on a day, from the events one by one.
BY_PERSON = """
    with as_of as (select max(as_of) as as_of from folds),
    segments as (
        select user_id, coalesce(max(segment), 'unknown') as segment
        from identities where user_id is not null group by all
    ),
    events as (
        select *, cast(occurred_at as date) as day, coalesce(order_id, session_id) as basket
        from person_events, as_of where occurred_at < as_of
    ),
    days as (
        select user_id, day, coalesce(sum(value) filter (event_type = 'purchase'), 0) as revenue,
            coalesce(sum(value) filter (event_type = 'watch'), 0) as watch_seconds
        from events group by all
    ),
    visits as (
        select user_id, cast(begun as date) as day, count(*) as n
        from (select user_id, session_id, min(occurred_at) as begun from events group by all) group by all
    ),
    baskets as (
        select user_id, cast(begun as date) as day, count(*) as n
        from (select user_id, basket, min(occurred_at) as begun from events where event_type = 'purchase' group by all)
        group by all
    ),
    lists as (
        select user_id, cast(shown_at as date) as day, count(*) as n, count_if(n_clicks > 0) as n_clicked
        from list_outcomes group by all
    )
    select days.user_id, segments.segment, days.day, min(days.day) over (partition by days.user_id) as first_day,
        revenue, watch_seconds, coalesce(visits.n, 0) as n_sessions, coalesce(baskets.n, 0) as n_orders,
        coalesce(lists.n, 0) as n_impressions, coalesce(lists.n_clicked, 0) as n_clicks
    from days join segments using (user_id) left join visits using (user_id, day) left join baskets using (user_id, day)
        left join lists using (user_id, day)
"""


def ratio(frame, above, below):
    """(ratio of sums, its standard error): the delta method on means over people with something below."""
    frame = frame[frame[below] > 0]
    n, y, d = len(frame), frame[above].to_numpy(float), frame[below].to_numpy(float)
    if n == 0:
        return np.nan, np.nan
    r = y.sum() / d.sum()
    if n == 1:
        return r, np.nan
    covariance = np.cov(y, d)
    variance = (covariance[0, 0] - 2 * r * covariance[0, 1] + r**2 * covariance[1, 1]) / d.mean() ** 2
    return r, np.sqrt(max(variance, 0) / n)


def daily_problems(connection):
    """Where daily_metrics isn't what the events say: (day, segment, column)."""
    people = connection.execute(BY_PERSON).df()
    everybody = people.assign(segment="")
    found = {
        (row["day"], row["segment"]): row for row in connection.execute("from daily_metrics").df().to_dict("records")
    }
    problems, keys = [], set()
    for frame in (people, everybody):
        for key, group in frame.groupby(["day", "segment"]):
            keys.add(key)
            expected = {"n_active": len(group), "n_new": int((group["day"] == group["first_day"]).sum())}
            for name in ("n_sessions", "n_orders", "n_impressions", "n_clicks", "revenue", "watch_seconds"):
                expected[name] = group[name].sum()
            for name, parts in RATIOS.items():
                # Who adds to the numerator alone is rare, and counts in the sums.
                expected[name] = expected[parts[0]] / expected[parts[1]] if expected[parts[1]] else np.nan
                if (group[group[parts[1]] == 0][parts[0]] == 0).all():
                    expected[f"{name}_standard_error"] = ratio(group, *parts)[1]
            row = found.get(key)
            problems += [
                (*key, name)
                for name, value in expected.items()
                if row is None or not np.isclose(row[name], value, rtol=1e-9, atol=1e-9, equal_nan=True)
            ]
    return problems + [(*key, "unknown row") for key in set(found) - keys]


def cohort_problems(connection):
    """Where cohorts isn't what the events say."""
    as_of, people = connection.execute("select max(as_of)::date from folds").fetchone()[0], {}
    for user, segment, day, first, revenue in connection.execute(
        f"select user_id, segment, day::date, first_day::date, revenue from ({BY_PERSON})"
    ).fetchall():
        weeks = people.setdefault((user, segment, first), {})
        weeks.setdefault((day - first).days // 7, []).append(revenue)
    problems, n_over = [], 0
    for week, age, segment, n, n_active, retention, lower, upper, revenue, per_person in connection.execute("""
        select cohort_week, age_weeks, segment, n_people, n_active, retention, lower, upper, revenue, revenue_per_person
        from cohorts
    """).fetchall():
        cohort = {
            key: weeks for key, weeks in people.items() if (key[2] - week).days in range(7) and segment in ("", key[1])
        }
        is_over = (as_of - week).days - 6 >= 7 * (age + 1)
        n_over += is_over
        there = [weeks[age] for weeks in cohort.values() if age in weeks]
        if n != len(cohort) or (n_active is None) == is_over:
            problems.append((week, age, segment))
        elif is_over:
            expected = [len(there), len(there) / n, *proportion_confint(len(there), n, method="wilson")]
            expected += [sum(map(sum, there)), sum(map(sum, there)) / n]
            if not np.allclose([n_active, retention, lower, upper, revenue, per_person], expected, rtol=1e-9):
                problems.append((week, age, segment))
    assert n_over > 100
    return problems


@pytest.fixture
def connection(sample_shop):
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        yield connection


def test_daily_metrics__are_what_the_events_say(connection):
    assert daily_problems(connection) == []


def test_cohorts__are_what_the_events_say(connection):
    assert cohort_problems(connection) == []


# In the compiled model: what is replaced, by what, and the columns that must then be found wrong.
FAULTS = {
    "daily_metrics": [
        ("cast(n_clicks as double) / nullif(n_impressions, 0) as ctr", "avg(0.1) over () as ctr", {"ctr"}),
        ("person_days.day = people.first_day", "person_days.day >= people.first_day", {"n_new"}),
        ("nullif(aov_n - 1, 0)", "aov_n", {"aov_standard_error"}),
        ("sum(n_orders) as n_orders", "sum(n_orders) + 1 as n_orders", {"n_orders", "aov", "conversion_rate"}),
    ],
    "cohorts": [
        (") - 6 as least_age_days", ") + 1 as least_age_days", None),
        ("7 * (ages.age_weeks + 1) <=", "7 * (ages.age_weeks + 2) <=", None),
        ("cast(n_active as double) / n_people", "cast(n_active as double) / (n_people + 1)", None),
    ],
}


@pytest.mark.parametrize(("table", "old", "new", "columns"), [(t, *rest) for t, f in FAULTS.items() for rest in f])
def test_a_broken_formula_is_found(sample_shop, tmp_path, table, old, new, columns):
    [path] = (sample_shop.database.parent / "target/compiled").rglob(f"metrics/{table}.sql")
    sql = path.read_text(encoding="utf-8")
    assert old in sql
    shutil.copy(sample_shop.database, tmp_path / "shop.duckdb")
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute(f"create or replace table {table} as {sql.replace(old, new)}")
        problems = (daily_problems if table == "daily_metrics" else cohort_problems)(connection)
    assert problems
    if columns:
        assert {column for *_, column in problems} >= columns


def test_adoption__is_kaplan_meier_of_the_events(connection):
    """Each feature for all people, person by person."""
    rows = connection.execute("""
        with as_of as (select max(as_of) as as_of from folds),
        people as (
            select user_id, min(occurred_at)::date as first_day, as_of::date as as_of
            from person_events, as_of where occurred_at < as_of group by all
        ),
        used as (
            select user_id, category, min(occurred_at)::date as day
            from person_events join event_types using (event_type) join items using (item_id), as_of
            where is_target and occurred_at < as_of.as_of group by all
        ),
        features as (select distinct category from used where category is not null)
        select category, coalesce(day, as_of) - first_day, day is not null
        from people cross join features left join used using (user_id, category)
        union all
        select '', coalesce(min(day), max(as_of)) - max(first_day), min(day) is not null
        from people left join used using (user_id) group by user_id
    """).fetchall()
    features = {}
    for feature, days, is_used in rows:
        features.setdefault(feature, []).append((days, is_used))
    found = connection.execute("""
        select feature, n_eligible, n_adopters, adoption, lower, upper, median_days_to_value from adoption
        where segment = ''
    """).fetchall()
    assert len(features) > 10 and {row[0] for row in found} == set(features)
    for feature, n_eligible, n_adopters, adoption, lower, upper, median in found:
        people = features[feature]
        n_used = sum(is_used for _, is_used in people)
        assert (n_eligible, n_adopters) == (len(people), n_used)
        assert (adoption, lower, upper) == pytest.approx(
            (n_used / len(people), *proportion_confint(n_used, len(people), method="wilson")), rel=1e-9
        )
        left, expected = 1.0, None
        for day in sorted({days for days, is_used in people if is_used}):
            at_risk = sum(days >= day for days, _ in people)
            left *= 1 - sum(is_used and days == day for days, is_used in people) / at_risk
            if left <= 0.5:
                expected = day
                break
        assert median == expected, feature
    assert any(row[-1] is not None for row in found) and any(row[-1] is None for row in found)


def test_segments_add_up_to_all_people(connection):
    """Adoption, cohorts and days: a person is in one segment."""
    for table, key, counts in (
        ("adoption", "feature", ["n_eligible", "n_adopters"]),
        ("cohorts", "(cohort_week, age_weeks)", ["n_people", "n_active"]),
        ("daily_metrics", "day", ["n_active", "n_new", "n_orders"]),
    ):
        for count in counts:
            [(n_keys, n_wrong)] = connection.execute(f"""
                select count(*), count_if(total is distinct from parts) from (
                    select sum({count}) filter (segment = '') as total, sum({count}) filter (segment <> '') as parts
                    from {table} group by {key}
                )
            """).fetchall()
            assert n_keys > 5 and n_wrong == 0, (table, count)


def test_list_value__all_lists_are_those_of_list_outcomes(connection):
    found = connection.execute("""
        select metric, attributed, incremental, n_people from list_value where experiment_id = '' and segment = ''
    """).fetchall()
    expected = connection.execute("""
        select 'revenue', round(sum(revenue), 6), null, count(distinct user_id) from list_outcomes
        union all
        select 'conversion', count(distinct user_id) filter (n_purchases > 0), null, count(distinct user_id)
        from list_outcomes
        union all
        select 'purchases', sum(n_purchases), null, count(distinct user_id) from list_outcomes
    """).fetchall()
    assert sorted(found) == sorted(expected) and len(found) == 3


def test_customer_values__of_the_sample_shop(connection):
    """Expectations of who bought before as_of, and not of who refuses analytics."""
    bought = connection.execute("""
        select user_id from person_events, (select max(as_of) as as_of from folds)
        where event_type = 'purchase' and occurred_at < as_of
            and user_id not in (select user_id from identities where not allows_analytics and user_id is not null)
        group by user_id
    """).fetchall()
    found = connection.execute("select user_id, value_90d, model from customer_values").fetchall()
    assert {row[0] for row in found} == {user for (user,) in bought} and len(found) > 300
    assert len({model for *_, model in found}) == 1 and min(value for _, value, _ in found) >= 0


def test_a_shop_leaves_the_room_out_unless_it_asks(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(Shop, "dbt", lambda self, *arguments, **_: given.append(arguments) or _Done())
    Shop(tmp_path).build().build("--select", "daily_metrics", metrics=True)
    assert given[0][-2:] == ("--exclude", "group:metrics") and "--exclude" not in given[1]


class _Done:
    returncode = 0
