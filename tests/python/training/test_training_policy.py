"""When models are trained again, and what a day's new events change where they aren't: on a copy of the sample shop.

The tests go on from one another's builds, in the order in which they stand.
"""

import shutil

import pytest
from conftest import NO_TESTS, Shop, run_dbt, to_variables

TRAINED = ["als_item_factors", "item_neighbors", "spectral_item_factors"]
LISTS = ["als_candidates", "neighbor_candidates", "session_candidates", "spectral_candidates"]
PERSONAL = ["als_user_factors", *LISTS, "explanations"]


@pytest.fixture(scope="module")
def shop(sample_shop, tmp_path_factory):
    """The sample shop a day later: its last day came again, with a new person among the people.

    Of people who had no part in that day, `late` has an event of long ago that came now, an event of `deleted` is gone,
    one of `corrected` was of another item, `withdrawn` has refused; and the item that most ALS lists have is sold out.
    """
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
        from last_day;
        create table absent as
        select user_id, min(event_id) as event_id, row_number() over (order by user_id) as number
        from sample_events
        where event_type = 'purchase' and user_id not in (from last_day select user_id where user_id is not null)
            and user_id in (from als_candidates select user_id where fold = 'live')
        group by user_id;
        insert into more_events
        select * replace ('late' as event_id, '2026-03-01 12:00:00' as occurred_at)
        from more_events where event_id = (from absent select event_id where number = 1);
        delete from more_events where event_id = (from absent select event_id where number = 2);
        update more_events set item_id = if(item_id = 'i001', 'i002', 'i001')
        where event_id = (from absent select event_id where number = 3);
        create table more_consents as
        from sample_consents
        union all by name
        select user_id, 'personalization' as purpose, false as is_granted, timestamp '2026-05-31 23:00:00' as updated_at
        from absent where number = 4;
        create table sold_out as
        select item_id from als_candidates where fold = 'live' group by item_id order by count(*) desc, item_id limit 1;
        create table fewer_items as
        select * replace (is_available and item_id not in (from sold_out) as is_available) from sample_items;
    """)
    for name in TRAINED:
        shop.run(f"create table old_{name} as select * from {name} where fold = 'live'")
    shop.run("create table old_interactions as select * from interactions where fold = 'live'")
    shop.run(
        "create table old_fold_events as select * exclude (weight, is_recent) from fold_events where fold = 'live'"
    )
    mark(shop)
    build(shop, "+builds", consents="main.more_consents", items="main.fewer_items")
    return shop


def mark(shop):
    """Change what stands for each person in the fold live, and remember it: what is made again has lost the mark."""
    shop.run("update als_user_factors set factors = list_reverse(factors) where fold = 'live'")
    for name in LISTS:
        shop.run(f"update {name} set score = score + 1000 where fold = 'live'")
    shop.run("update explanations set because_item_id = 'marked'")
    for name in PERSONAL:
        shop.run(f"create or replace table marked_{name} as select * from {name} where {live(name)}")


def live(name):
    return "true" if name == "explanations" else "fold = 'live'"


def kept(shop, name, condition="true"):
    """Whose rows are as they were marked."""
    rows = f"select * from {name} where {live(name)} and {condition} intersect all from marked_{name}"
    return set(shop.column(f"select distinct user_id from ({rows})"))


def made(shop, name, condition="true"):
    """Who has rows that are not as they were marked."""
    rows = f"select * from {name} where {live(name)} and {condition} except all from marked_{name}"
    return set(shop.column(f"select distinct user_id from ({rows})"))


def build(shop, *selected, **settings):
    inputs = {name: settings.pop(name, f"main.sample_{name}") for name in ("items", "users", "consents")}
    inputs["events"] = "main.more_events"
    settings = {"inputs": inputs, "folds": ["live"], "train": "when_due"} | settings
    result = run_dbt(
        *("build", *NO_TESTS, "--select", *selected),
        target=shop.targets,
        database=shop.database,
        settings=to_variables(settings),
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
    assert [name for name in TRAINED if changed(shop, name)] == []
    assert changed(shop, "interactions") > 0
    [(reason, learned_until)] = shop.query("select reason, learned_until from training_policy")
    [before, after] = shop.query("select training, learned_until, as_of from builds order by started_at")
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
    # A person who came since has a vector, from the factors of before.
    assert shop.value("select count(*) from als_user_factors where user_id = 'newcomer'") == 1


@pytest.fixture(scope="module")
def changed_people(shop):
    """Who has other events that count than in the build before."""
    now = "select * exclude (weight, is_recent) from fold_events where fold = 'live'"
    rows = f"({now} except all from old_fold_events) union all (from old_fold_events except all {now})"
    found = set(shop.column(f"select distinct user_id from ({rows})"))
    assert found >= {"newcomer", *shop.column("select user_id from absent where number <= 4")}
    return found


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("als_user_factors", "true"),
        ("als_candidates", "true"),
        ("neighbor_candidates", "generator = 'neighbors'"),
        ("neighbor_candidates", "generator = 'slim'"),
        ("neighbor_candidates", "generator = 'sequence'"),
        ("neighbor_candidates", "generator = 'content'"),
        ("session_candidates", "true"),
        ("spectral_candidates", "true"),
    ],
)
def test_not_due__who_has_nothing_new_keeps_rows(shop, changed_people, name, condition):
    """To the last bit, unless a list has the item that is sold out; content's lists know the whole catalogue."""
    before = set(shop.column(f"select distinct user_id from marked_{name} where {condition}"))
    spoiled = set()
    if name != "als_user_factors":
        has_item = f"select user_id from marked_{name} where {condition} and item_id in (from sold_out)"
        spoiled = before if condition == "generator = 'content'" else set(shop.column(has_item))
        assert spoiled
        assert shop.value(f"select count(*) from {name} where {live(name)} and item_id in (from sold_out)") == 0
        rows = f"select user_id, item_id from {name} where {live(name)} and {condition}"
        assert shop.query(f"{rows} group by all having count(*) > 1") == []
    expected = before - changed_people - spoiled
    assert kept(shop, name, condition) == expected
    assert bool(expected) == (condition != "generator = 'content'")
    remade = made(shop, name, condition)
    assert not remade & expected
    [withdrawn] = shop.column("select user_id from absent where number = 4")
    assert remade >= (changed_people & before) - {withdrawn}
    assert shop.value(f"select count(*) from {name} where user_id = '{withdrawn}'") == 0


def test_not_due__a_reason_stays_with_its_pair(shop, changed_people):
    pairs = shop.query("""
        select user_id, item_id
        from marked_explanations
        inner join ranked_lists using (user_id, item_id, generator)
        where fold = 'live'
    """)
    expected = {pair for pair in pairs if pair[0] not in changed_people}
    marked = set(shop.query("select user_id, item_id from explanations where because_item_id = 'marked'"))
    assert marked == expected and expected
    assert shop.value("select count(*) from explanations where because_item_id <> 'marked'") > 0


@pytest.mark.slow
def test_other_settings__everything_is_made_again(shop):
    mark(shop)
    build(shop, "training_policy", "history_keys", *PERSONAL, n_candidates=30)
    assert shop.value("select reason from training_policy") == "not_due"
    assert {name: len(kept(shop, name)) for name in PERSONAL} == dict.fromkeys(PERSONAL, 0)


@pytest.mark.slow
def test_half_a_build__what_it_left_behind_is_noticed(shop):
    """The item factors alone were trained again, and no build's row says so."""
    build(shop, "training_policy", "als_item_factors", train="always", generators={"als": {"iterations": 2}})
    mark(shop)
    build(shop, "training_policy", "history_keys", *PERSONAL, n_candidates=30)
    assert shop.value("select reason from training_policy") == "not_due"
    for name in ("als_user_factors", "als_candidates", "explanations"):
        assert made(shop, name) and not kept(shop, name), name
    for name in ("neighbor_candidates", "session_candidates", "spectral_candidates"):
        assert kept(shop, name) and not made(shop, name), name


@pytest.mark.slow
def test_always__nothing_is_kept(shop):
    for settings in ({"train": "always"}, {"training": {"new_events_share": 0.0001}}):
        build(shop, "training_policy", "history_keys", *PERSONAL, **settings)
        mark(shop)
        build(shop, "training_policy", *PERSONAL, **settings)
        assert shop.value("select is_due from training_policy")
        assert {name: len(kept(shop, name)) for name in PERSONAL} == dict.fromkeys(PERSONAL, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "reason, is_warm, settings",
    [
        ("age_days", True, {"training": {"age_days": 0.5}}),
        ("drift", True, {"training": {"age_days": "off", "new_events_share": False, "drift": 0}}),
        ("settings", False, {"generators": {"als": {"alpha": 3}}}),
    ],
)
def test_due__for_each_reason(shop, reason, is_warm, settings):
    build(shop, "training_policy", **settings)
    [(found, is_due, warm, learned_until)] = shop.query(
        "select reason, is_due, is_warm, learned_until from training_policy"
    )
    assert (found, is_due, warm) == (reason, True, is_warm)
    assert learned_until == shop.value("select max(as_of) from folds")


@pytest.mark.slow
def test_due__trains_from_where_the_last_training_ended(shop):
    build(shop, "training_policy", *TRAINED, training={"new_events_share": 0.0001})
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
