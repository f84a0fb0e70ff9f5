"""When models are trained anew, and what a day's new events change where they aren't: on a copy of the sample shop."""

import shutil

import pytest
from conftest import NO_TESTS, Shop, run_dbt

TRAINED = ["als_item_factors", "item_neighbors", "item_transitions"]


@pytest.fixture(scope="module")
def shop(sample_shop, tmp_path_factory):
    """The sample shop a day later: its last day came again, with a new person among the people."""
    shop = Shop(tmp_path_factory.mktemp("training"))
    shutil.copy(sample_shop.database, shop.database)
    shop.run("""
        create table last_day as
        select sample_events.*
        from sample_events, (select max(as_of) as as_of from folds)
        where try_cast(occurred_at as timestamp) >= as_of - interval 1 day
            and try_cast(occurred_at as timestamp) < as_of;
        create table more_events as
        from sample_events
        union all by name
        select
            * replace (
                'again-' || event_id as event_id,
                cast(cast(occurred_at as timestamp) + interval 1 day as varchar) as occurred_at,
                if(
                    user_id = (select min(user_id) from last_day where event_type = 'purchase'), 'newcomer', user_id
                ) as user_id
            )
        from last_day
    """)
    for name in TRAINED:
        shop.run(f"create table old_{name} as select * from {name} where fold = 'live'")
    shop.run("create table old_interactions as select * from interactions where fold = 'live'")
    return shop


def build(shop, *selected, **settings):
    settings = {"folds": ["live"], "training": "when_due", "events": "main.more_events"} | settings
    result = run_dbt(
        *("build", *NO_TESTS, "--select", *selected),
        target=shop.targets,
        database=shop.database,
        settings={f"kindred__{name}": value for name, value in settings.items()},
    )
    assert result.returncode == 0, result.output


def changed(shop, name):
    return shop.value(f"""
        select count(*) from (
            (from {name} where fold = 'live' except all from old_{name})
            union all (from old_{name} except all from {name} where fold = 'live')
        )
    """)


def test_not_due__people_change_and_models_do_not(shop):
    build(shop, "+model_runs")
    assert [name for name in TRAINED if changed(shop, name)] == []
    assert changed(shop, "interactions") > 0
    [(reason, learned_until)] = shop.query("select reason, learned_until from training_policy")
    [before, after] = shop.query("select training, learned_until, as_of from model_runs order by started_at")
    assert (before[0], after[0], reason) == ("always", "not_due", "not_due")
    assert before[1] == after[1] == learned_until == before[2] < after[2]
    # The diary's measures, by plain SQL.
    [(age, share)] = shop.query("select age_days, new_events_share from training_policy")
    assert age == 1
    is_new = f"occurred_at >= '{learned_until}'"
    assert share == shop.value(
        f"select count(*) filter ({is_new}) / count(*) from person_events where item_id is not null"
    )
    distance = shop.value(f"""
        with shares as (
            select
                category,
                count(*) filter ({is_new}) / sum(count(*) filter ({is_new})) over () as new,
                count(*) filter (not {is_new}) / sum(count(*) filter (not {is_new})) over () as recent
            from person_events
            inner join items using (item_id)
            where occurred_at >= timestamp '{learned_until}' - interval 14 day
            group by category
        )
        select sum(abs(new - recent)) / 2 from shares
    """)
    assert shop.value("select drift from training_policy") == pytest.approx(distance, abs=1e-5)
    # Whoever came since has a vector, from the factors of before.
    assert shop.value("select count(*) from als_user_factors where user_id = 'newcomer'") == 1


@pytest.mark.parametrize(
    "reason, is_warm, settings",
    [
        ("age_days", True, {"retrain": {"age_days": 0.5}}),
        ("drift", True, {"retrain": {"age_days": "off", "new_events_share": False, "drift": 0}}),
        ("settings", False, {"als": {"alpha": 3}}),
    ],
)
def test_due__for_each_reason(shop, reason, is_warm, settings):
    build(shop, "training_policy", **settings)
    [(found, is_due, warm, learned_until)] = shop.query(
        "select reason, is_due, is_warm, learned_until from training_policy"
    )
    assert (found, is_due, warm) == (reason, True, is_warm)
    assert learned_until == shop.value("select max(as_of) from folds")


def test_due__trains_from_where_the_last_training_ended(shop):
    build(shop, "training_policy", *TRAINED, retrain={"new_events_share": 0.0001})
    assert shop.value("select reason from training_policy") == "new_events_share"
    assert {name for name in TRAINED if changed(shop, name)} == set(TRAINED)
    # Begun from what was there, the vectors are near it; begun from chance they would lie anywhere.
    assert (
        shop.value("""
        select median(list_cosine_similarity(new.factors, old.factors))
        from als_item_factors as new
        inner join old_als_item_factors as old using (item_id)
    """)
        > 0.9
    )
