"""What came of the sample shop's lists, counted again from the events in plain Python."""

import datetime
from collections import defaultdict

import numpy as np
import pytest

WINDOW = datetime.timedelta(days=7)


@pytest.fixture(scope="module")
def events(sample_shop):
    """The usable events of people who may be addressed: (person, type, list, item, position, value, time) by time."""
    return sample_shop.query("""
        select identities.user_id, event_type, list_id, item_id, position, value, occurred_at
        from events inner join identities on coalesce(events.user_id, anonymous_id) = identity_id
        where is_consented and item_id is not null
        order by occurred_at, list_id
    """)


@pytest.fixture(scope="module")
def outcomes(events):
    """{(list, person, item): [clicks, purchases, revenue, position]}"""
    counted = defaultdict(lambda: [0, 0, 0.0, None])
    last_click = {}
    for person, kind, list_id, item, position, value, time in events:
        if list_id:
            entry = counted[list_id, person, item]
            entry[0] += kind == "click"
            entry[3] = position
            if kind == "click":
                last_click[person, item] = (time, list_id)
        elif kind == "purchase" and (person, item) in last_click:
            clicked_at, list_id = last_click[person, item]
            if time - clicked_at < WINDOW:
                counted[list_id, person, item][1] += 1
                counted[list_id, person, item][2] += value
    return counted


def test_outcomes(sample_shop, outcomes):
    rows = sample_shop.query(
        "select list_id, user_id, item_id, n_clicks, n_purchases, revenue, position from list_outcomes"
    )
    for row in outcomes.values():
        row[2] = round(row[2], 6)
    assert {tuple(row[:3]): list(row[3:]) for row in rows} == outcomes
    assert len(rows) > 9_000


def test_no_purchase_counts_twice(sample_shop):
    counted = sample_shop.value("select sum(n_purchases) from list_outcomes")
    after_a_click = sample_shop.value("""
        select count(distinct bought.event_id)
        from list_events as bought inner join list_events as clicked
            on bought.user_id = clicked.user_id and bought.item_id = clicked.item_id
            and clicked.event_type = 'click' and bought.occurred_at >= clicked.occurred_at
            and bought.occurred_at < clicked.occurred_at + interval 7 days
        where bought.event_type = 'purchase'
    """)
    assert counted == after_a_click > 100


def rates(outcomes):
    return sum(row[0] > 0 for row in outcomes) / len(outcomes), sum(row[1] > 0 for row in outcomes) / len(outcomes)


def test_performance(sample_shop, outcomes):
    [row] = sample_shop.query("""
        select n_people, n_lists, n_impressions, n_clicks, ctr, conversion_rate, revenue, revenue_per_list
        from list_performance where run_id = '' and kind = '' and generator = '' and position = 0
    """)
    lists = {key[:2] for key in outcomes}
    revenue = sum(row[2] for row in outcomes.values())
    assert row == pytest.approx(
        (
            len({key[1] for key in outcomes}),
            len(lists),
            len(outcomes),
            sum(row[0] > 0 for row in outcomes.values()),
            *rates(outcomes.values()),
            revenue,
            revenue / len(lists),
        )
    )


def test_the_standard_error_is_that_of_leaving_people_out(sample_shop, outcomes):
    """The jackknife: how far the rate moves when one person after the other is left out."""
    by_person = defaultdict(lambda: np.zeros(2))
    for (_, person, _), row in outcomes.items():
        by_person[person] += (row[0] > 0, 1)
    counts = np.array(list(by_person.values()))
    n_clicks, n_shown = (counts.sum(axis=0) - counts).T
    without = n_clicks / n_shown
    error = np.sqrt((len(counts) - 1) * np.mean((without - without.mean()) ** 2))
    given = sample_shop.value(
        "select ctr_standard_error from list_performance where run_id = '' and kind = '' and position = 0"
    )
    assert given == pytest.approx(error, rel=0.02)


def test_the_top_is_clicked_most(sample_shop):
    """The generator divides the odds of a click by position ** 0.8."""
    rows = sample_shop.query("""
        select position, ctr, ctr_standard_error, n_lists
        from list_performance
        where run_id = '' and kind = 'other' and generator = '' and position > 0 order by position
    """)
    assert [row[0] for row in rows] == list(range(1, 11))
    top = rows[0][1]
    for position, ctr, error, n_lists in rows[1:]:
        assert ctr == pytest.approx(top / position**0.8, abs=4 * error)
        assert 0.01 < ctr < top and n_lists > 900


def test_breakdowns_add_up(sample_shop):
    for measure in ("n_impressions", "n_clicks", "n_conversions", "revenue"):
        totals = sample_shop.query(f"""
            select position = 0, generator = '', run_id = '', sum({measure})
            from list_performance where kind <> '' group by all
        """)
        assert len(totals) == 8
        assert [row[3] for row in totals] == pytest.approx([totals[0][3]] * 8)
