"""Experiments that a shop declares, from its tables to who is in which arm, in the sample shop."""

import shutil

import pytest
from conftest import Shop, run_dbt
from serving_worlds import key_of

from kindred.serving.arms import Arms

# Whole shops are built.
pytestmark = pytest.mark.slow

EXPERIMENTS = """
    select *
    from (values
        ('quiet', 'holdout', null, null, null, null, null, null, '2026-01-01', null),
        ('home', 'lists', 'pages', '0', '0.6', null, null, null, '2026-01-01', null),
        ('basket', 'lists', 'pages', '0.6', '1', null, null, '4000', '2026-01-01', null),
        ('gift', 'offer', null, null, null, null, '2026a', null, '2026-01-01', null),
        ('over', 'offer', null, null, null, null, null, null, '2025-01-01', '2025-06-01'),
        ('wrong', 'offer', null, null, null, null, null, '50', '2026-01-01', null)
    ) as t (experiment_id, kind, layer, layer_from, layer_to, unit, salt, planned_people, starts_at, ends_at)
"""
ARMS = """
    select *
    from (values
        ('quiet', 'held', 0.1, 'yes', null, null), ('quiet', 'rest', 0.9, 'no', null, null),
        ('home', 'a', 0.5, 'yes', 'main', null), ('home', 'b', 0.5, 'no', 'main', null),
        ('basket', 'a', 1.0 / 3, 'yes', 'main', null), ('basket', 'b', 2.0 / 3, 'no', 'main', null),
        ('basket', 'shadow', 0, 'no', 'main', null),
        ('gift', 'none', {none}, 'yes', null, '0'), ('gift', 'ten', {ten}, 'no', null, '10'),
        ('over', 'a', 0.5, 'yes', null, 'x'), ('over', 'b', 0.5, 'no', null, 'y'),
        ('wrong', 'a', 0.5, 'yes', null, 'x'), ('wrong', 'b', 0.5, 'no', null, 'y')
    ) as t (experiment_id, arm, share, is_control, policy, value)
"""
TABLES = {"kindred__tables": {"experiments": "main.shop_experiments", "experiment_arms": "main.shop_arms"}}
SELECT = [
    "group:experiments",
    "group:policies",
    "release_arms",
    "ranked_lists",
    "paired_lists",
    "drafted_lists",
    "live_lists",
]


@pytest.fixture
def shop(sample_shop, tmp_path):
    shop = Shop(tmp_path)
    shutil.copy(sample_shop.database, shop.database)
    shop.run(f"create table shop_experiments as {EXPERIMENTS}")
    shop.run(f"create table shop_arms as {ARMS.format(none=0.5, ten=0.5)}")
    return shop


def build(shop, *more, **settings):
    arguments = ["run", "--select", *SELECT, *more]
    result = run_dbt(*arguments, target=shop.targets, database=shop.database, settings=TABLES | settings)
    assert result.returncode == 0, result.output
    return result.printed


def test_declared_experiments(shop):
    printed = build(shop, "recommendations", "builds")
    assert "experiments: 4 run, see " in printed
    assert "wrong: planned_people is below 200, too few for any result: plan more, or leave it empty" in printed
    assert shop.column("select experiment_id from checked_experiments where problem is not null") == ["wrong"]

    # As at request time, for every person.
    names = shop.column("select column_name from information_schema.columns where table_name = 'release_arms'")
    rows = shop.query(f"select {', '.join(names)} from release_arms order by from_key, arm_id")
    arms = Arms(dict(zip(names, row, strict=True)) for row in rows)
    people = shop.column("select user_id from user_features where fold = 'live'")
    found = {}
    for user, *row in shop.query("select user_id, experiment_id, arm, key, propensity from assignments"):
        found.setdefault(user, {})[row[0]] = tuple(row[1:])
    assert len(people) > 300
    moment = 1_780_000_000  # in 2026
    for user in people:
        expected = arms.assign(user, None, "", moment)
        assert found[user] == {name: (arm["arm"], arm["key"], arm["share"]) for name, arm in expected.items()}
    held = {user for user, own in found.items() if own["quiet"][0] == "held"}
    assert held and all(found[user].keys() == {"quiet"} for user in held)
    assert held == {*shop.column("select user_id from assignments where is_held_out")}
    assert all(len(own) == 3 for user, own in found.items() if user not in held)
    assert shop.value("select count(*) from assignments where arm = 'shadow'") == 0

    # Each build adds its shares, a shadow's too; a replay adds none; nothing is lost by a full refresh.
    assert shop.value("select count(*) from arm_shares") == 9
    shop.run(f"create or replace table shop_arms as {ARMS.format(none=0.4, ten=0.6)}")
    build(shop, "--full-refresh")
    shares = "select share from arm_shares where experiment_id = 'gift' and arm = 'ten' order by valid_from"
    assert shop.column(shares) == [0.5, 0.6]
    moved = {
        user
        for user, arm in shop.query("select user_id, arm from assignments where experiment_id = 'gift'")
        if arm != found[user]["gift"][0]
    }
    border = {user for user in found if "gift" in found[user] and "66666666" <= found[user]["gift"][1] < "80000000"}
    assert moved == border and moved
    assert all("66666666" <= key_of(f"gift|2026a|{user}") < "80000000" for user in moved)
    build(shop, kindred__as_of="2026-05-01")
    assert shop.value("select count(*) from arm_shares") == 18


def test_settings_of_experiments(shop):
    given = {"alpha": 1, "power": 0.3, "margin_floor": "none"}
    arguments = ["run", "--select", "typed_arms"]
    result = run_dbt(*arguments, target=shop.targets, database=shop.database, settings={"kindred__experiments": given})
    assert result.returncode != 0
    for text in (
        "kindred__experiments, alpha is '1': give a number between 0 and 0.5",
        "kindred__experiments, power is '0.3': give a number between 0.5 and 1",
        "kindred__experiments, margin_floor is 'none': give the lowest margin as a part of the cost",
    ):
        assert text in result.output
