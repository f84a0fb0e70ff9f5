"""The learned ranker through dbt, on a shop where it must win: the generator that is right has next to no say in the
fixed blend. (The sample shop chooses the fixed blend, so no other build scores with LightGBM.)

People look at anything and buy what is of the category they told us. `preferences` proposes just that; everything else
goes by what they looked at.
"""

import datetime
import random
import shutil

import duckdb
import pandas as pd
import pytest
from conftest import Shop, run_model

AS_OF = datetime.datetime(2026, 5, 1)
HORIZON = 14
N_PEOPLE, N_CATEGORIES, N_ITEMS = 240, 12, 96
SETTINGS = {"as_of": str(AS_OF), "generators": {"als": {"factors": 8, "iterations": 3}}}
MODELS = ["--select", "+recommendations", "+evaluation_metrics", "+builds"]


def told_shop(seed=0):
    """Rows of events, items and users, times as text: people buy two items in each of the two horizons before AS_OF."""
    chance = random.Random(seed)
    created = str(AS_OF - datetime.timedelta(days=200))
    items = [
        {"item_id": f"i{number:02}", "category": f"c{number % N_CATEGORIES:02}", "created_at": created}
        for number in range(N_ITEMS)
    ]
    users, events = [], []
    for number in range(N_PEOPLE):
        user_id, category = f"u{number:03}", f"c{chance.randrange(N_CATEGORIES):02}"
        users.append({"user_id": user_id, "country": "AT", "preferences": category, "created_at": created})
        own = [item["item_id"] for item in items if item["category"] == category]
        bought = chance.sample(own, 4)
        seen = [item["item_id"] for item in chance.sample(items, 15)]
        acts = [("view", item, chance.uniform(2 * HORIZON, 90)) for item in seen]
        acts += [("purchase", item, chance.uniform(HORIZON, 2 * HORIZON)) for item in bought[:2]]
        acts += [("purchase", item, chance.uniform(0, HORIZON)) for item in bought[2:]]
        events += [
            {"event_id": f"{user_id}-{place}", "user_id": user_id, "item_id": item, "event_type": action}
            | {"occurred_at": (AS_OF - datetime.timedelta(days=days)).isoformat(" ", "seconds")}
            for place, (action, item, days) in enumerate(acts)
        ]
    return {"events": events, "items": items, "users": users}


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    return Shop(tmp_path_factory.mktemp("learned")).load(**told_shop()).build(*MODELS, **SETTINGS)


def copy_of(shop, folder):
    copy = Shop(folder, targets=shop.targets)
    copy.tables = list(shop.tables)
    shutil.copy(shop.database, copy.database)
    return copy


def with_the_fixed_blend(shop, folder):
    """A copy whose pools nothing was learned for."""
    copy = copy_of(shop, folder)
    copy.run("delete from rankers")
    with duckdb.connect(copy.database) as connection:
        run_model(connection, "scored_candidates", {"pool_size": 100, "generators": {}})
    return copy


def own_share(shop, fold):
    """The share of the people's own category among the first four of their pools; four or more are left in each."""
    return shop.value(f"""
        select avg(case when category = preferences then 1 else 0 end)
        from scored_candidates join users using (user_id) join items using (item_id)
        where fold = '{fold}' and rank <= 4
    """)


def recall(shop, k=10):
    """Recall and its standard error over the people who are evaluated, of the first k of the pools of `backtest`."""
    [(mean, error)] = shop.query(f"""
        with per_person as (
            select user_id, avg(case when scored_candidates.rank <= {k} then 1 else 0 end) as recall
            from targets left join scored_candidates using (fold, user_id, item_id)
            where fold = 'backtest' group by user_id
        )
        select avg(recall), stddev(recall) / sqrt(count(*)) from per_person
    """)
    return mean, error


def test_build__learns_and_is_better_than_the_fixed_blend(learned, tmp_path):
    [(kind, note, by_learned, by_fixed)] = learned.query("select kind, note, ndcg_learned, ndcg_fixed from rankers")
    assert kind == "learned", note
    assert by_learned > 2 * by_fixed
    assert learned.query("select ranker, ranker_note from builds") == [("learned", note)]

    fixed = with_the_fixed_blend(learned, tmp_path)
    (better, error), (worse, other_error) = recall(learned), recall(fixed)
    assert better - worse > 5 * (error**2 + other_error**2) ** 0.5
    # What is evaluated and published is what the ranker says, too.
    [(evaluated,)] = learned.query("""
        select value from evaluation_metrics
        where fold = 'backtest' and generator = 'blend' and user_group = 'all' and metric = 'recall' and k = 10
    """)
    assert evaluated == pytest.approx(better, abs=0.02)
    for fold in ("backtest", "live"):
        assert own_share(learned, fold) > 0.9
        assert own_share(fixed, fold) < 0.7
    scores = "select * exclude (rank, generator) from scored_candidates where fold = 'live' order by all"
    pairs = list(zip(learned.query(scores), fixed.query(scores), strict=True))
    assert all(mine[:3] == other[:3] for mine, other in pairs)
    assert sum(mine == other for mine, other in pairs) < 0.01 * len(pairs)


@pytest.mark.slow
def test_same_input__same_ranker_and_same_lists(learned, tmp_path):
    """The rows stand in another order and one thread builds instead of four."""
    again = Shop(tmp_path, targets=learned.targets)
    rows = told_shop()
    again.load(**{name: random.Random(1).sample(rows[name], len(rows[name])) for name in rows})
    again.build("--threads", "1", "--select", "+recommendations", **SETTINGS)
    for table in (
        "select * exclude run_id from rankers",
        "from scored_candidates",
        "select user_id, rank, item_id, score, generator, reason, because_item_id, propensity from recommendations",
    ):
        assert again.query(f"{table} order by all") == learned.query(f"{table} order by all"), table


@pytest.mark.slow
def test_live_alone__goes_on_with_the_ranker_of_before(learned, tmp_path):
    """The next day, with new events: nothing is learned, and the lists are the learned ranker's."""
    later = copy_of(learned, tmp_path / "later")
    tomorrow = AS_OF + datetime.timedelta(days=1)
    later.run(f"""
        insert into raw.events
        select * replace ('again-' || event_id as event_id, '{AS_OF.isoformat(" ")}' as occurred_at)
        from raw.events where event_type = 'view' and user_id < 'u100'
    """)
    settings = SETTINGS | {"as_of": str(tomorrow), "folds": ["live"]}
    later.build("--select", "+recommendations", "+builds", **settings)
    assert later.query("from rankers") == learned.query("from rankers")
    assert later.column("select ranker from builds order by started_at") == ["learned", "learned"]
    assert later.query("select distinct fold, as_of from folds") == [("live", tomorrow)]
    changed = """
        select count(*) from (from later.scored_candidates where fold = 'live'
        except from learned.scored_candidates)
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach '{later.database}' as later (read_only)")
        connection.execute(f"attach '{learned.database}' as learned (read_only)")
        assert connection.execute(changed).fetchone()[0] > 0
    assert own_share(later, "live") > 0.9
    assert own_share(with_the_fixed_blend(later, tmp_path / "fixed"), "live") < 0.6


@pytest.mark.slow
@pytest.mark.snowflake
def test_snowflake__learns_the_same(learned, snowflake, tmp_path, monkeypatch):
    """The features agree to some 6 digits, so a tree may be cut a little elsewhere: lists agree, not bit by bit."""
    from snowflake.connector.pandas_tools import write_pandas

    cursor = snowflake.cursor()
    cursor.execute("create schema if not exists raw")
    for name, rows in told_shop().items():
        frame = pd.DataFrame(rows).rename(columns=str.upper)
        cursor.execute(f"create or replace table raw.{name} ({', '.join(f'{column} varchar' for column in frame)})")
        write_pandas(snowflake, frame, name.upper(), schema="RAW")
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "LEARNED")
    there = Shop(tmp_path)
    there.tables = list(learned.tables)
    there.build("--target", "snowflake", "--select", "+recommendations", **SETTINGS)

    ranker = "select kind, n_people, n_rows, ndcg_learned, ndcg_fixed from {}rankers"
    [mine], [other] = learned.query(ranker.format("")), cursor.execute(ranker.format("learned.")).fetchall()
    assert mine[:3] == other[:3]
    assert mine[0] == "learned"
    assert other[3:] == pytest.approx(mine[3:], abs=0.02)
    pool = "select user_id, item_id, score from {}scored_candidates where fold = 'live' and rank <= 10"
    mine, other = (
        {row[:2]: row[2] for row in rows}
        for rows in (learned.query(pool.format("")), cursor.execute(pool.format("learned.")).fetchall())
    )
    both = set(mine) & set(other)
    assert len(both) > 0.98 * len(mine)
    near = sum(abs(mine[pair] - other[pair]) < 0.01 for pair in both)
    assert near > 0.98 * len(both)
