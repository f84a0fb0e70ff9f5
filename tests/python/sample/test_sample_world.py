"""The sample shop, whose truths are known: tastes come out, time is kept, and the same input gives the same output."""

import datetime
import importlib.util
import json
import re
import shutil

import duckdb
import pytest
from conftest import REPOSITORY, Shop, run_dbt

SAMPLE = ["events", "items", "users", "consents"]
OF_THE_RUN = {"run_id", "list_id", "generated_at", "expires_at", "started_at", "seconds"}
AS_OF = datetime.datetime(2026, 5, 1)
# What came in and the record of it: everything else depends on nothing that came after the moment.
UNTIMED = {
    "consents",
    "repeated_event_ids",
    "checked_events",
    "event_counts",
    "event_spellings",
    "identity_problems",
    "person_events",
    "input_problems",
    "builds",
    "recommendation_log",
    "publish_gates",
    "releases",
}


def copy_of_sample(shop, folder, events="select * from sample.sample_events", order=""):
    """A new shop with the raw tables of the sample; `events` chooses among its events."""
    copy = Shop(folder)
    with duckdb.connect(copy.database) as connection:
        connection.execute(f"attach '{shop.database}' as sample (read_only); create schema raw")
        connection.execute("set preserve_insertion_order = true")
        for name in SAMPLE:
            select = events if name == "events" else f"select * from sample.sample_{name}"
            connection.execute(f"create table raw.{name} as select * from ({select}) as rows {order}")
            copy.tables.append(name)
    return copy


def differences(mine, other, tables, condition="true"):
    """The tables that aren't the same in both shops, with how many rows stand in one of them only."""
    found = {}
    with duckdb.connect() as connection:
        for name, shop in (("mine", mine), ("other", other)):
            connection.execute(f"attach '{shop.database}' as {name} (read_only)")
        for table in tables:
            columns = connection.execute(f"select * from mine.{table} limit 0").description
            columns = ", ".join(f'"{column[0]}"' for column in columns if column[0] not in OF_THE_RUN)
            sides = [f"(select {columns} from {side}.{table} where {condition})" for side in ("mine", "other")]
            [(n_rows,)] = connection.execute(f"""
                select count(*) from (
                    ({sides[0]} except all {sides[1]}) union all ({sides[1]} except all {sides[0]})
                )
            """).fetchall()
            if n_rows:
                found[table] = n_rows
    return found


def tables_of(shop):
    tables = "information_schema.tables where table_schema = 'main' and table_type = 'BASE TABLE'"
    return set(shop.column(f"select table_name from {tables}"))


# Truths -------------------------------------------------------------------------------------------------------------


def own_taste_share(shop, activity, last_rank, condition="true"):
    """(share of items of the people's main taste in their lists, its share in the catalogue, number of people)"""
    [answer] = shop.query(f"""
        with tastes as (select entity_id as user_id, value as taste from sample_truths where kind = 'user_taste'),
        items as (
            select item_id, value as taste
            from items join sample_truths on item_id = entity_id and kind = 'item_taste'
            where is_available
        ),
        catalogue as (select taste, count(*) / (select count(*) from items) as share from items group by taste)
        select
            avg(case when items.taste = tastes.taste then 1 else 0 end),
            avg(catalogue.share),
            count(distinct user_id)
        from recommendations
        join tastes using (user_id)
        join items using (item_id)
        join catalogue on tastes.taste = catalogue.taste
        join user_features using (user_id)
        left join users using (user_id)
        where fold = 'live' and activity = '{activity}' and recommendations.rank <= {last_rank} and {condition}
    """)
    return answer


# About three quarters of what people do follows their main taste, so no list can be all of it.
@pytest.mark.parametrize(("activity", "last_rank", "at_least"), [("hot", 20, 0.6), ("warm", 20, 0.5), ("warm", 5, 0.6)])
def test_truths__people_are_shown_their_taste(sample_shop, activity, last_rank, at_least):
    share, chance, n_people = own_taste_share(sample_shop, activity, last_rank)
    assert n_people > 100
    assert chance < 0.12
    assert share > at_least


def test_truths__who_did_nothing_and_said_nothing_is_shown_no_taste(sample_shop):
    """The check on the check above: where nothing can be known, the share is that of chance."""
    share, chance, n_people = own_taste_share(sample_shop, "cold", 20, "users.preferences is null")
    assert n_people > 5
    assert share < 2 * chance


def test_truths__who_did_nothing_is_shown_the_taste_they_told_us(sample_shop):
    """What they told is a category, which several tastes have, and the learned ranker puts popular items between."""
    share, chance, n_people = own_taste_share(sample_shop, "cold", 20, "users.preferences is not null")
    assert n_people > 10
    assert share > 2 * chance


def test_truths__what_rises_is_trending(sample_shop):
    planted = set(sample_shop.column("select entity_id from sample_truths where kind = 'trending_item'"))
    # What was launched in these weeks rises too.
    trending = sample_shop.column("""
        select item_id from trending_items
        where segment = '' and item_id not in (select entity_id from sample_truths where kind = 'launched_item')
        order by rank
    """)
    assert len(planted) == 8
    assert planted <= set(trending[:12])
    assert len(planted & set(trending[:8])) >= 6
    popular = sample_shop.column(
        "select item_id from popular_items where fold = 'live' and generator = 'popular' and segment = '' and rank <= 8"
    )
    assert len(planted & set(popular)) < 6


def test_truths__what_disappoints_is_less_popular_than_its_views(sample_shop):
    """Each item whose page disappoints stands lower among popular items than it would by events of interest alone."""
    planted = set(sample_shop.column("select entity_id from sample_truths where kind = 'frustrating_item'"))
    ranks = sample_shop.query("""
        with by_interest as (
            select item_id, sum(greatest(weight, 0)) as interest
            from fold_events where fold = 'live' group by item_id
        )
        select item_id, rank - row_number() over (order by interest desc, item_id) as fall
        from by_interest
        inner join popular_items using (item_id)
        where fold = 'live' and generator = 'popular' and segment = ''
    """)
    assert len(planted) == 4
    falls = sorted(fall for item_id, fall in ranks if item_id in planted)
    others = sorted(fall for item_id, fall in ranks if item_id not in planted)
    assert falls[0] > others[int(0.9 * len(others))]


def test_truths__sizes_and_colours_of_a_thing_are_one_group(sample_shop):
    """The sample names no groups, so brand and description tell; the catalogue writes the variants as {one/other}."""
    specification = importlib.util.spec_from_file_location("catalogue", REPOSITORY / "src/kindred/sample/catalogue.py")
    catalogue = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(catalogue)
    planted, shelves = set(), [catalogue.CATALOGUE, catalogue.NEW_ITEMS, catalogue.LAUNCHED_ITEMS]
    for text in [text for shelf in shelves for text in shelf.values()]:
        for facts in text.strip().splitlines()[::2]:
            before, *choices = re.split(r"[{}]", facts.split(" | ")[0].strip())
            variants = [before + choice + choices[1] for choice in choices[0].split("/")] if choices else [before]
            planted.add(frozenset(variants))
    found = sample_shop.column("""
        select list(title) from item_features join items using (item_id) where fold = 'live' group by variant_group
    """)
    assert {frozenset(titles) for titles in found} == planted
    assert len(planted) < 330


def test_truths__what_was_planted_as_a_bundle_is_one(sample_shop):
    planted = sample_shop.query("select entity_id, other_id from sample_truths where kind = 'bundle'")
    bundles = dict(sample_shop.query("select item_id, bundle_item_id from bundles where rank = 1"))
    assert len(planted) == 6
    for item_id, other_id in planted:
        assert bundles[item_id] == other_id
        assert bundles[other_id] == item_id
    # Everything else in a basket is chance, so next to nothing else may be called a bundle.
    assert sample_shop.value("select count(*) from bundles") <= 2 * len(planted) + 4


def test_truths__who_needs_a_refill_is_told(sample_shop):
    """Each planted person whose last refill is 24 days or more ago is told, nobody whose isn't three weeks old."""
    refills = sample_shop.query("""
        with items_of as (
            select truths.entity_id as user_id, others.item_id
            from sample_truths as truths
            join item_features as mine on mine.item_id = truths.other_id and mine.fold = 'live'
            join item_features as others using (fold, variant_group)
            where truths.kind = 'repurchase'
        )
        select user_id, timestamp '2026-06-01' - max(occurred_at), any_value(told.user_id) is not null
        from items_of
        join events using (user_id, item_id)
        join identities using (user_id)
        left join (select user_id, item_id from buy_again) as told using (user_id, item_id)
        where event_type = 'purchase' and is_consented
        group by user_id
    """)
    assert len(refills) == 20
    due = {user_id for user_id, ago, _ in refills if ago >= datetime.timedelta(days=24)}
    not_yet = {user_id for user_id, ago, _ in refills if ago < datetime.timedelta(days=21)}
    told = {user_id for user_id, _, is_told in refills if is_told}
    assert len(due) > 5
    assert len(not_yet) > 5
    assert due <= told
    assert not told & not_yet
    assert sample_shop.value("select count(*) from buy_again where due_at < last_bought_at + interval 5 days") == 0


def test_truths__nobody_is_told_to_buy_again_what_is_not_used_up(sample_shop):
    """What has a weight, a pack or a volume is used up; of that, only what people did buy again."""
    wrong = sample_shop.query("""
        with rebuyers as (
            select variant_group, user_id
            from events join item_features using (item_id)
            where event_type = 'purchase' and fold = 'live'
            group by all having count(distinct occurred_at::date) > 1
        )
        select distinct title
        from buy_again
        join items using (item_id)
        join item_features using (item_id)
        where fold = 'live'
            and (coalesce(attributes ->> 'weight', attributes ->> 'pack', attributes ->> 'volume') is null
                or (select count(*) from rebuyers where rebuyers.variant_group = item_features.variant_group) < 5)
    """)
    assert wrong == []
    assert sample_shop.value("select count(distinct user_id) from buy_again") > 30


@pytest.mark.parametrize(
    ("table", "of_item", "of_other", "at_least"),
    [
        ("similar_items where rank <= 5", "item_id", "similar_item_id", 0.5),
        ("people_for_item where rank <= 10", "item_id", "user_id", 0.5),
    ],
)
def test_truths__like_finds_like(sample_shop, table, of_item, of_other, at_least):
    """The tastes of an item and of what stands beside it are the same; by chance one in ten would be."""
    share = sample_shop.value(f"""
        with tastes as (select entity_id, value as taste from sample_truths where kind in ('item_taste', 'user_taste'))
        select avg(case when items.taste = others.taste then 1 else 0 end)
        from (select * from {table}) as shown
        join tastes as items on shown.{of_item} = items.entity_id
        join tastes as others on shown.{of_other} = others.entity_id
        where items.taste <> 'staple'
    """)
    assert share > at_least


def test_truths__every_bad_event_is_set_aside_with_its_reason(sample_shop):
    planted = dict(
        sample_shop.query("select entity_id, value::int from sample_truths where kind = 'bad_events' order by all")
    )
    assert sample_shop.counts("rejected_events", "rejection_reason") == planted
    n_raw = int(sample_shop.value("select value from sample_truths where kind = 'n_events'"))
    assert sample_shop.value("select count(*) from sample_events") == n_raw
    assert sample_shop.value("select count(*) from events") == n_raw - sum(planted.values())


def ndcg_of(shop, k=10):
    """{generator: (ndcg, standard error)} on the fold backtest"""
    found = shop.query(f"""
        select generator, value, standard_error from evaluation_metrics
        where fold = 'backtest' and user_group = 'all' and metric = 'ndcg' and k = {k}
    """)
    return {generator: (value, error) for generator, value, error in found}


# Content alone knows a person's taste, but not what is bought: on this shop it is as good as popularity, not better.
KNOWING = ["als", "neighbors", "slim", "spectral", "sessions", "sequence", "history", "blend"]


@pytest.mark.parametrize("generator", KNOWING)
def test_truths__who_knows_the_person_beats_popularity_on_the_held_out_days(sample_shop, generator):
    ndcg = ndcg_of(sample_shop)
    for baseline in ("popular", "trending"):
        distance = ndcg[generator][0] - ndcg[baseline][0]
        assert distance > 3 * (ndcg[generator][1] ** 2 + ndcg[baseline][1] ** 2) ** 0.5


def test_truths__the_blend_is_as_good_as_any_of_its_voices(sample_shop):
    ndcg = ndcg_of(sample_shop)
    assert {"content", "sessions", "popular_in_segment"} <= set(ndcg)
    assert ndcg["blend"][0] > 0.95 * max(value for value, _ in ndcg.values())


# A list has one place for what is drawn, so few see a new item, but those who do are of its taste.
@pytest.mark.parametrize(
    ("proposals", "least"),
    [
        ("neighbor_candidates where fold = 'live' and generator = 'content'", 0.25),
        ("scored_candidates where fold = 'live'", 0.25),
        ("recommendations", 0.02),
    ],
)
def test_truths__a_new_item_finds_the_people_of_its_taste(sample_shop, proposals, least):
    """Items that nobody ever touched: content alone can know whom they are for."""
    new_items = sample_shop.column("select entity_id from sample_truths where kind = 'new_item'")
    assert len(new_items) == 10
    touched = "select count(*) from interactions join sample_truths on item_id = entity_id where kind = 'new_item'"
    assert sample_shop.value(touched) == 0
    shares = sample_shop.query(f"""
        with tastes as (select entity_id, value as taste from sample_truths where kind in ('item_taste', 'user_taste')),
        pairs as (
            select user_id, new.entity_id as item_id, items.taste = people.taste as is_own
            from user_features
            join tastes as people on people.entity_id = user_id
            cross join sample_truths as new
            join tastes as items on items.entity_id = new.entity_id
            where fold = 'live' and activity <> 'cold' and new.kind = 'new_item'
        ),
        per_person as (
            select user_id, is_own, avg(case when proposals.item_id is null then 0 else 1 end) as share
            from pairs
            left join (select user_id, item_id from {proposals}) as proposals using (user_id, item_id)
            group by all
        )
        select is_own, avg(share), stddev(share) / sqrt(count(*)) from per_person group by is_own order by is_own desc
    """)
    (_, own, own_error), (_, other, other_error) = shares
    assert own - other > 5 * (own_error**2 + other_error**2) ** 0.5
    assert own > 3 * other
    assert own > least


def test_truths__launched_items_are_found_by_generators_that_know_content(sample_shop):
    """Who bought something of the second launch, which nobody had touched when the fold `backtest` was cut."""
    assert sample_shop.value("select count(*) from sample_truths where kind = 'launched_item'") == 30
    touched = """
        select count(*) from interactions join sample_truths on item_id = entity_id
        where fold = 'backtest' and kind = 'launched_item' and value = '2026-05-18'
    """
    assert sample_shop.value(touched) == 0
    found = sample_shop.query("""
        select generator, value, standard_error, n_users, lead_of_recommendations, lead_standard_error
        from evaluation_metrics
        where fold = 'backtest' and user_group = 'new_items' and metric = 'recall' and k = 20
    """)
    recalls = {generator: (value, error) for generator, value, error, *_ in found}
    assert {n_users for _, _, _, n_users, *_ in found} == {79}
    leads = {generator: (lead, error) for generator, *_, lead, error in found}
    for generator in ("popular", "content"):
        assert leads[generator][0] > 2 * leads[generator][1] > 0
    assert recalls["popular"] == (0, 0)
    for generator in ("als", "spectral", "content"):
        assert recalls[generator][0] > 2 * recalls[generator][1] > 0
    # Co-occurrence knows nothing of what nobody touched.
    assert recalls["neighbors"] == recalls["sessions"] == (0, 0)


# The same input, the same output ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_same_input__same_output(sample_shop, tmp_path):
    """The rows stand in another order and one thread builds instead of four."""
    again = copy_of_sample(sample_shop, tmp_path, order="order by md5(rows::varchar)")
    again.build("--threads", "1", segment_by="country")
    of_the_run = {"builds", "publish_gates", "releases"}
    tables = tables_of(again) - of_the_run
    assert tables == {name for name in tables_of(sample_shop) if not name.startswith("sample_")} - of_the_run
    assert differences(sample_shop, again, sorted(tables)) == {}
    runs = "select * exclude (run_id, started_at, seconds, parameters) from builds"
    assert sample_shop.query(runs) == again.query(runs)


# Time ---------------------------------------------------------------------------------------------------------------


def burst(moment, item_id, n=500):
    """Events of 500 people with one item in the hour from `moment` on."""
    return f"""
        select 'burst' || range as event_id, user_id, null as anonymous_id, null as session_id,
            if(range % 2 = 0, 'purchase', 'view') as event_type, '{item_id}' as item_id,
            strftime(timestamp '{moment}' + to_seconds(range * 3), '%Y-%m-%d %H:%M:%S') as occurred_at,
            '1' as quantity, 99.0 as value, null as order_id, null as list_id, null as position, null as query,
            null as properties
        from (select user_id, row_number() over (order by user_id) as range from sample.sample_users)
        where range <= {n}
    """


def rare_item(shop, fold):
    return shop.value(f"""
        select item_id from item_features where fold = '{fold}' and is_recommendable and n_users > 0
        order by n_users, item_id limit 1
    """)


@pytest.mark.slow
def test_time__a_replay_is_the_build_of_that_day(sample_shop, tmp_path):
    """as_of on a past day, with all that came later in the table, a burst right at the moment included, gives what a
    build gave that knew no more."""
    item_id = rare_item(sample_shop, "backtest")
    everything = f"select * from sample.sample_events union all by name ({burst(AS_OF, item_id)})"
    replay = copy_of_sample(sample_shop, tmp_path / "replay", everything)
    replay.build(as_of=str(AS_OF)[:10], segment_by="country")
    known = f"select * from sample.sample_events where try_cast(occurred_at as timestamp) < '{AS_OF}'"
    past = copy_of_sample(sample_shop, tmp_path / "past", known)
    # A build that is no replay goes by every answer up to now, so that no refusal waits for the next event.
    past.run(f"delete from raw.consents where updated_at >= timestamp '{AS_OF}'")
    past.build(segment_by="country")

    assert replay.value("select count(*) from events") > 1.5 * past.value("select count(*) from events")
    assert replay.value("select max(as_of) from folds") == AS_OF
    assert replay.value("select count(*) from recommendations") > 0
    tables = tables_of(past) - UNTIMED
    assert {
        "identities",
        "user_features",
        "als_item_factors",
        "ranked_lists",
        "evaluation_metrics",
        "recommendations",
    } <= tables
    assert differences(replay, past, sorted(tables)) == {}
    of_lists = "select n_interactions, n_people, n_recommendations, n_recommended_items, as_of from builds"
    assert replay.query(of_lists) == past.query(of_lists)


@pytest.mark.slow
def test_time__a_burst_after_a_folds_moment_changes_nothing_in_the_fold(sample_shop, tmp_path):
    [(moment,)] = sample_shop.query("select learns_until from folds where fold = 'backtest'")
    item_id = rare_item(sample_shop, "backtest")
    everything = f"select * from sample.sample_events union all by name ({burst(moment, item_id)})"
    flooded = copy_of_sample(sample_shop, tmp_path, everything)
    flooded.build("--select", "+ranked_lists", "trending_items", "+targets", segment_by="country")

    per_fold = [
        "interactions", "user_features", "item_features", "als_item_factors", "als_user_factors", "als_candidates",
        "popular_items", "popular_candidates", "ranked_lists",
    ]  # fmt: skip
    assert differences(sample_shop, flooded, per_fold, "fold in ('tuning', 'backtest')") == {}
    # The burst is there: it is what the fold is evaluated on, and the live fold learns from it.
    assert set(differences(sample_shop, flooded, per_fold, "fold = 'live'")) == set(per_fold)
    judged_on = f"select count(*) from targets where fold = 'backtest' and item_id = '{item_id}'"
    assert flooded.value(judged_on) > sample_shop.value(judged_on) + 100
    assert flooded.value(f"select rank from trending_items where segment = '' and item_id = '{item_id}'") == 1


def test_summary__says_what_was_built(sample_shop):
    n_people = sample_shop.value("select n_people from builds")
    assert f"kindred: {n_people:,} people have a list" in sample_shop.log


@pytest.mark.slow
def test_folds__a_daily_run_builds_live_alone(sample_shop, tmp_path):
    live = copy_of_sample(sample_shop, tmp_path)
    live.build("--select", "+evaluation_metrics", "+builds", folds=["live"], segment_by="country")
    assert differences(sample_shop, live, ["interactions", "ranked_lists", "als_item_factors"], "fold = 'live'") == {}
    assert live.column("select distinct fold from ranked_lists") == ["live"]
    assert live.value("select count(*) from evaluation_metrics") == 0
    # Nothing was tried on a fold that wasn't built, and the diary says so.
    assert live.value("select count(*) from rankers") == 0
    assert live.query("select ranker, ranker_note from builds") == [("fixed", "not trained yet")]


@pytest.mark.slow
def test_time__a_date_without_quotes_is_one(sample_shop, tmp_path):
    """As docs/settings.md has it: YAML makes a date of it."""
    shop = Shop(tmp_path)
    shutil.copy(sample_shop.database, shop.database)
    arguments = ["run", "--select", "builds", "--vars", "{kindred__as_of: 2026-05-20}"]
    result = run_dbt(*arguments, target=shop.targets, database=shop.database)
    assert result.returncode == 0, result.output
    parameters = shop.column("select parameters from builds")
    assert sorted(json.loads(text)["kindred__as_of"] for text in parameters) == ["", "2026-05-20"]
