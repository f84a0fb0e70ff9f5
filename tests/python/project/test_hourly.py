"""`make hourly`: what is known within the hour, what waits for the day, and that the gates are those of any build."""

import contextlib
import json
import sqlite3

import pytest
from conftest import EXPERIMENTS, hourly_variables, run_dbt
from released_shop import current, shop_copy

# What the hour leaves as it was: what BI and people read of a day, of evaluations and of experiments.
WAITING = ["daily_metrics", "cohorts", "customer_values", "evaluation_metrics", "list_performance", "input_problems"]
WAITING += ["experiment_results", "current_arms", "checked_policies"]
# What later builds look up by the run of a release.
HISTORIES = ["builds", "recommendation_log", "publish_gates", "concentration", "releases", "drift_bins"]


def build(shop):
    """An hourly build of the shop's tables `more_*`, with its data tests."""
    inputs = {name: f"main.more_{name}" for name in ("events", "items", "users", "consents")}
    settings = {"kindred__inputs": inputs, "kindred__tables": EXPERIMENTS} | hourly_variables()
    arguments = ["build", "--selector", "hourly"]
    return run_dbt(*arguments, target=shop.targets, database=shop.database, settings=settings)


def released_items(shop):
    """The items of all lists that apps read."""
    with contextlib.closing(sqlite3.connect(shop.folder / "current.sqlite")) as connection:
        return {item for (text,) in connection.execute("select items from lists") for item, *_ in json.loads(text)}


@pytest.fixture(scope="module")
def shop(sample_shop, tmp_path_factory):
    """The sample shop an hour after its first release, whose models are due and whose evaluation is another by now.

    `newcomer` came with two events, `reader` is new and did nothing, item `i_new` is a copy of another item, an item of
    many lists is sold out, and one person of the release has refused.
    """
    shop = shop_copy(sample_shop, tmp_path_factory.mktemp("hourly"))
    shop.run("""
        create table favourites as
        select item_id from recommendations group by item_id order by count(*) desc, item_id limit 2;
        create table sold_out as select min(item_id) as item_id from favourites;
        create table refusing as select min(user_id) as user_id from recommendations;
        create table more_events as
        from sample_events
        union all by name
        select
            'new-' || item_id as event_id, 'newcomer' as user_id, 'purchase' as event_type, item_id,
            cast((select max(last_event_at) from builds) as varchar) as occurred_at
        from favourites;
        create table more_items as
        select * replace (is_available and item_id not in (from sold_out) as is_available) from sample_items
        union all by name
        select * replace ('i_new' as item_id, cast(created_at as varchar) as created_at)
        from sample_items where item_id = (select max(item_id) from favourites);
        create table more_users as
        from sample_users
        union all by name select 'reader' as user_id;
        create table more_consents as
        from sample_consents
        union all by name
        select user_id, 'personalization' as purpose, false as is_granted, timestamp '2026-05-31 23:00:00' as updated_at
        from refusing;
        -- The last training is older than kindred__training allows.
        update builds set learned_until = learned_until - interval 8 day;
        -- An evaluation of a full build that came since, and that no gate let through.
        update evaluation_metrics set run_id = 'another', value = value / 10;
        create table old_lists as from recommendations;
        create table old_item_factors as from als_item_factors where fold = 'live';
    """)
    for name in WAITING:
        shop.run(f"create table old_{name} as from {name}")
    shop.first = current(shop)
    shop.result = build(shop)
    assert shop.result.returncode == 0, shop.result.output
    return shop


def test_hourly__new_people_and_items_are_in_the_lists(shop):
    for person in ("newcomer", "reader"):
        assert shop.value(f"select count(*) from recommendations where user_id = '{person}'") == 20, person
    assert shop.value("select count(*) from recommendations where item_id = 'i_new'") > 0
    assert "i_new" in released_items(shop)


def test_hourly__what_is_sold_out_and_who_refuses_leave_the_lists(shop):
    item = shop.value("from sold_out")
    assert shop.value(f"select count(*) from old_lists where item_id = '{item}'") > 0
    assert shop.value(f"select count(*) from recommendations where item_id = '{item}'") == 0
    assert item not in released_items(shop)
    assert shop.value("select count(*) from recommendations where user_id in (from refusing)") == 0


def test_hourly__a_release_that_passed_every_gate(shop):
    [run_id] = shop.column("select distinct run_id from recommendations")
    assert current(shop) != shop.first and current(shop).endswith(run_id[:8])
    # That of the newest release that was evaluated, not that of evaluation_metrics.
    quality = "select measure, is_passed from publish_gates where gate = 'quality' and run_id"
    assert shop.query(f"{quality} = '{run_id}'") == shop.query(f"{quality} <> '{run_id}'")
    assert f"kindred: release {current(shop)} is published" in shop.result.output
    assert "quality: select" not in shop.result.output
    for name in HISTORIES:
        assert shop.value(f"select count(*) from {name} where run_id = '{run_id}'") > 0, name


def test_hourly__nothing_is_trained_and_the_rest_waits(shop):
    newest = "order by started_at desc limit 1"
    assert shop.value(f"select training from builds {newest}") == "not_due"
    kept = "select count(*) from (from old_item_factors except all from als_item_factors)"
    assert shop.value(kept) == 0
    for name in WAITING:
        differs = f"(from {name} except all from old_{name}) union all (from old_{name} except all from {name})"
        assert shop.value(f"select count(*) from ({differs})") == 0, name
    built = set(shop.column(f"select node from run_costs where run_id = (select run_id from builds {newest})"))
    assert {"releases", "concentration"} <= built and not built & set(WAITING)


def test_hourly__a_gate_stops_it(shop):
    """Most of the people are gone: apps go on reading the release of an hour ago."""
    before = current(shop)
    shop.run("""
        delete from more_consents;
        insert into more_consents by name
        select user_id, 'personalization' as purpose, false as is_granted, timestamp '2026-05-31 23:00:00' as updated_at
        from (select distinct user_id from recommendations) where hash(user_id) % 10 > 1;
    """)
    result = build(shop)
    assert result.returncode != 0
    assert "kindred: gate people stopped publication" in result.output
    assert current(shop) == before
