"""Drift, concentration and volume: planted ones are found, and chance alone is not taken for one.

The models' SQL, compiled on a copy of the sample shop with its first release, runs on simulated tables.
"""

import json
from datetime import datetime, timedelta

import duckdb
import jinja2
import numpy as np
import pyarrow as pa
import pytest
from conftest import EXPERIMENTS, REPOSITORY, run_dbt
from released_shop import shop_copy
from scipy import stats

NEW = "new-run"
AS_OF = datetime(2026, 5, 29)
LAST_DAY = AS_OF - timedelta(days=1)


@pytest.fixture(scope="module")
def compiled(sample_shop, tmp_path_factory):
    """{model: its SQL}, and the run that apps are served."""
    shop = shop_copy(sample_shop, tmp_path_factory.mktemp("compiled"))
    names = ("data_health", "drift", "concentration")
    result = run_dbt(
        *("compile", "--select", *names),
        target=shop.targets,
        database=shop.database,
        settings={"kindred__tables": EXPERIMENTS, "kindred__inputs": {"events": "main.sample_events"}},
    )
    assert result.returncode == 0, result.output
    folder = shop.targets / "compiled/kindred/models/monitoring"
    queries = {name: (folder / f"{name}.sql").read_text(encoding="utf-8") for name in names}
    return queries | {"served": shop.value("select run_id from releases")}


@pytest.fixture
def world():
    """A database `shop` in memory; returns (connection, a function that makes a table of rows or columns)."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as shop; use shop")

    def table(name, **columns):
        rows = pa.table(columns)  # noqa: F841, DuckDB finds it by its name
        connection.execute(f"create or replace table {name} as from rows")

    return connection, table


def log_bin(column):
    text = (REPOSITORY / "macros/statistics/log_bin.sql").read_text(encoding="utf-8")
    return jinja2.Environment().from_string(text + "{{ log_bin('" + column + "') }}").render()


def compare(compiled, world, pairs):
    """drift of columns, {name: (numbers or texts of the reference, those of the new build)}; {name: row}"""
    connection, table = world
    table("recommendations", run_id=[NEW])
    connection.execute(
        "create or replace table drift_bins (run_id varchar, kind varchar, subject varchar, column_name varchar,"
        " bin bigint, category varchar, n_rows bigint, settings_key varchar, history_days double,"
        " generated_at timestamp)"
    )
    for name, both in pairs.items():
        for run_id, sample in zip((compiled["served"], NEW), both, strict=True):
            given = pa.table({"x": sample})  # noqa: F841
            is_text = pa.types.is_string(pa.array(sample).type)
            bins, category = ("0", "x") if is_text else (log_bin("x"), "''")
            connection.execute(
                f"insert into drift_bins select ?, 'feature', 'people', ?, {bins} as bin, {category} as category,"
                " count(*), 'k', 100, timestamp '2026-05-01' from given group by all",
                [run_id, name],
            )
    found = connection.sql(compiled["drift"]).to_arrow_table().to_pylist()
    assert {row["reference_run_id"] for row in found} == {compiled["served"]}
    return {row["column_name"]: row for row in found}


def test_drift__psi_and_ks_are_those_of_the_literature(compiled, world):
    """Reference values: evidently 0.7.23 for categories, scipy for the distance and Stephens's p."""
    generator = np.random.default_rng(1)
    old, new = generator.poisson(6, 3000) + 1, generator.poisson(7, 2000) + 1
    one, other = [1] * 702 + [2] * 1298, [1] * 750 + [2] * 750
    found = compare(
        compiled,
        world,
        {
            "category": (["x"] * 500 + ["y"] * 300 + ["z"] * 200, ["x"] * 300 + ["y"] * 300 + ["w"] * 100),
            "counts": (old, new),
            "two": (one, other),
        },
    )
    assert found["category"]["psi"] == pytest.approx(2.613338674694364, abs=1e-11)
    assert found["category"]["ks"] is None and found["category"]["is_drifted"]
    assert found["two"]["ks"] == pytest.approx(0.149, abs=1e-12)
    assert found["two"]["ks_p"] == pytest.approx(4.2879052888e-17, rel=1e-9)
    theirs = stats.ks_2samp(old, new)
    assert found["counts"]["ks"] == pytest.approx(theirs.statistic, abs=1e-12)
    # The tenths of the reference, their edges being values that it has.
    edges = np.unique(np.quantile(old, np.arange(1, 10) / 10, method="inverted_cdf"))
    shares = [
        np.maximum(np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) / len(values), 1e-4)
        for values in (old, new)
    ]
    psi = ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum()
    assert found["counts"]["psi"] == pytest.approx(psi, abs=1e-11)
    k = len(edges) + 1
    assert found["counts"]["noise"] == pytest.approx(
        (k - 1 + 2 * np.sqrt(2 * (k - 1))) * (1 / 3000 + 1 / 2000), rel=1e-12
    )


def test_drift__numbers_are_told_apart_to_two_percent(compiled, world):
    """Of continuous values the distance is right to the share of a bin; signs, 0 and null have an order."""
    generator = np.random.default_rng(2)
    old, new = generator.normal(0, 3, 20_000), generator.normal(0.5, 3, 20_000)
    found = compare(compiled, world, {"normal": (old, new)})["normal"]
    theirs = stats.ks_2samp(old, new)
    assert found["ks"] == pytest.approx(theirs.statistic, abs=0.005) and found["ks"] <= theirs.statistic + 1e-12
    values = [None, -1e300, -7.5, -1e-9, 0.0, 1e-30, 1e-9, 0.5, 1.0, 1.03, 7.5, 1e300]
    query = f"select {log_bin('x')} from (select unnest(?::double[]) as x)"
    bins = [row[0] for row in duckdb.execute(query, [values]).fetchall()]
    assert bins == sorted(set(bins)), bins


def samples(generator, n):
    """Features as shops have them: counts with many zeros, money, ages, shares, and a text."""
    counts = generator.poisson(generator.gamma(0.6, 4, n))
    return {
        "counts": counts,
        "money": np.where(counts > 0, generator.lognormal(3, 1.2, n), 0),
        "age": generator.exponential(40, n),
        "share": generator.beta(2, 3, n),
        "segment": [f"s{number}" for number in generator.choice(12, n, p=np.arange(12, 0, -1) / 78)],
    }


def test_drift__chance_alone_is_none(compiled, world):
    """500 pairs without drift, of 500 to 20,000 rows: at most one is taken for drift. Fewer rows tell nothing."""
    generator = np.random.default_rng(3)
    pairs = {}
    for number in range(100):
        sizes = generator.choice([500, 1000, 2000, 20_000], 2)
        old, new = (samples(generator, size) for size in sizes)
        pairs |= {f"{name}_{number}": (old[name], new[name]) for name in old}
    found = compare(compiled, world, pairs)
    assert len(found) == 500
    assert sum(row["is_drifted"] for row in found.values()) <= 1
    old, new = samples(generator, 499), samples(generator, 20_000)
    found = compare(compiled, world, {name: (old[name], new[name]) for name in old})
    assert {(row["is_drifted"], row["note"]) for row in found.values()} == {(None, "fewer than 500 rows")}


def test_drift__a_planted_one_is_found(compiled, world):
    generator = np.random.default_rng(4)
    old, new = samples(generator, 2000), samples(generator, 2000)
    new["money"] = new["money"] * 1.6  # another currency
    new["age"] = new["age"] + 20
    new["counts"] = np.where(generator.random(2000) < 0.4, 0, new["counts"])  # events lost
    new["segment"] = ["" if number < 600 else text for number, text in enumerate(new["segment"])]
    found = compare(compiled, world, {name: (old[name], new[name]) for name in old})
    assert {name: row["is_drifted"] for name, row in found.items()} == {
        "money": True, "age": True, "counts": True, "segment": True, "share": False
    }  # fmt: skip
    # Large data make everything significant: a shift of a thirtieth of a deviation is none.
    large = (generator.normal(0, 1, 100_000), generator.normal(0.03, 1, 100_000))
    row = compare(compiled, world, {"large": large})["large"]
    assert row["ks_p"] < 0.01 and not row["is_drifted"]


def health(compiled, world, counts):
    """data_health of events, {day: number}; returns rows by day."""
    connection, table = world
    table("folds", as_of=[AS_OF])
    days = [day for day, number in counts.items() for _ in range(number)]
    table("person_events", occurred_at=pa.array([day + timedelta(hours=9) for day in days], pa.timestamp("us")))
    for name, column in (("items", "created_at"), ("users", "created_at"), ("typed_consents", "updated_at")):
        table(name, **{column: pa.array([], pa.timestamp("us"))})
    found = connection.sql(compiled["data_health"]).to_arrow_table().to_pylist()
    assert {row["input"] for row in found} == {"events"}
    return {row["day"]: row for row in found}


def is_outside(row):
    return row["expected"] is not None and not row["lower"] <= row["n_rows"] <= row["upper"]


def season(generator, level=300, n_days=70):
    """Weeks with a weekend of a fifth and a busy Monday, in a shop that grows by 1 % a week."""
    days = [LAST_DAY - timedelta(days=number) for number in range(n_days)]
    weekdays = [1.5, 1, 1, 1, 1.1, 0.2, 0.2]
    return {day: generator.poisson(level * weekdays[day.weekday()] * 0.99 ** (n / 7)) for n, day in enumerate(days)}


def test_data_health__a_planted_fault_is_found_and_the_weekend_is_none(compiled, world):
    generator = np.random.default_rng(5)
    counts = season(generator)
    fault, silent = LAST_DAY - timedelta(days=2), LAST_DAY - timedelta(days=9)
    counts[fault] //= 2
    counts[silent] = 0
    found = health(compiled, world, counts)
    assert len(found) == 35
    assert {day for day, row in found.items() if is_outside(row)} == {fault.date(), silent.date()}
    assert found[silent.date()]["n_rows"] == 0 and found[silent.date()]["is_usual"] is False
    # By hand: the median of the four weeks before, the day itself not among them.
    day = fault - timedelta(days=7)
    weeks = np.array([counts[day - timedelta(days=7 * week)] for week in (1, 2, 3, 4)])
    expected, row = np.median(weeks), found[day.date()]
    half = max(3 * 1.4826 * np.median(abs(weeks - expected)), 0.2 * expected, 3 * np.sqrt(expected + 1))
    assert (row["expected"], row["upper"]) == pytest.approx((expected, expected + half), rel=1e-12)
    # Whatever a day has, its own bounds stay; the events ended half a year ago by the clock.
    counts[day] = 10_000
    assert health(compiled, world, counts)[day.date()]["upper"] == row["upper"]
    newest = found[LAST_DAY.date()]
    assert newest["max_age_hours"] == 72 and newest["age_hours"] > 72 and newest["is_usual"] is False


def test_data_health__chance_alone_is_no_fault(compiled, world):
    """Of the checked days of large, small and tiny shops less than one in fifty is outside its bounds."""
    generator = np.random.default_rng(6)
    days = [
        is_outside(row)
        for level in (300, 20, 1)
        for _ in range(10)
        for row in health(compiled, world, season(generator, level)).values()
        if row["expected"] is not None
    ]
    assert len(days) > 900
    assert np.mean(days) < 0.02


def test_data_health__a_young_input_is_not_checked(compiled, world):
    found = health(compiled, world, dict(list(season(np.random.default_rng(7)).items())[:28]))
    assert len(found) == 28 and {row["expected"] for row in found.values()} == {None}


class LoopShop:
    """People, items, and releases of lists by what was taken so far. loop: how much of it people take from lists."""

    def __init__(self, generator, n_people=300, n_items=150, loop=0.0, held_out=0.2):
        self.generator, self.loop = generator, loop
        self.n_people, self.n_items = n_people, n_items
        self.taste = generator.dirichlet(np.full(n_items, 0.5), n_people)
        self.reach = self.taste.cumsum(axis=1)
        self.counts = generator.poisson(20, n_items).astype(float)
        self.is_held_out = np.arange(n_people) < held_out * n_people
        self.lists = None
        self.taken, self.outcomes = [], []

    def live(self):
        """People take three items each, from their lists or by taste; who is held out has no list to take from."""
        self.taken, self.outcomes = [], []
        for person in range(self.n_people):
            for _ in range(3):
                from_list = self.lists is not None and not self.is_held_out[person]
                if from_list and self.generator.random() < self.loop:
                    place = min(self.generator.geometric(0.3), 10) - 1
                    item = self.lists[person][place]
                    self.outcomes.append((person, item))
                else:
                    item = min(np.searchsorted(self.reach[person], self.generator.random()), self.n_items - 1)
                self.taken.append((person, item))
                self.counts[item] += 1

    def release(self):
        """With a loop, lists by what everybody took so far and chance; without one, by taste and chance."""
        chance = self.generator.gumbel(size=(self.n_people, self.n_items))
        scores = 3 * np.log(self.counts)[None, :] + chance if self.loop else self.taste + 0.01 * chance
        self.lists = np.argsort(-scores, axis=1)[:, :10]


def releases_of(compiled, world, shop, n=8):
    """Run the model for n releases of a shop; returns its last row of all lists."""
    connection, table = world
    connection.execute("create or replace table releases (run_id varchar)")
    # The settings of lists are always the same.
    texts = "policy varchar, generators varchar, weights varchar, ranker varchar, problem varchar"
    names = ("diversity", "freshness", "fatigue", "discovery_share", "exploration_share")
    numbers = ", ".join(f"{name} double" for name in names)
    for name, columns in {
        "generators": "generator varchar, weight double",
        "checked_policies": f"{texts}, {numbers}",
        "item_rules": "fold varchar, rule_id varchar, action varchar, amount double",
        "checked_eligibility": "rule_id varchar, field varchar, operator varchar, value varchar",
    }.items():
        connection.execute(f"create or replace table {name} ({columns})")
    table("folds", as_of=[AS_OF])
    table(
        "assignments",
        user_id=[f"u{number}" for number in np.flatnonzero(shop.is_held_out)],
        is_held_out=[True] * int(shop.is_held_out.sum()),
    )
    connection.execute("drop table if exists concentration")
    for number in range(n):
        shop.release()
        shop.live()
        ids = np.repeat(np.arange(shop.n_people), 10)
        table(
            "recommendations",
            user_id=[f"u{person}" for person in ids],
            item_id=[f"i{item}" for item in shop.lists.ravel()],
            rank=np.tile(np.arange(1, 11), shop.n_people),
            policy=np.where(shop.is_held_out[ids], "holdout", "main"),
            run_id=[f"run{number}"] * len(ids),
            generated_at=[LAST_DAY + timedelta(hours=number)] * len(ids),
        )
        table(
            "item_features",
            fold=["live"] * shop.n_items,
            item_id=[f"i{item}" for item in range(shop.n_items)],
            is_recommendable=[True] * shop.n_items,
            popularity=shop.counts,
        )
        pairs, brought = sorted(set(shop.taken)), sorted(set(shop.outcomes))
        table(
            "interactions",
            fold=["live"] * len(pairs),
            user_id=[f"u{person}" for person, _ in pairs],
            item_id=[f"i{item}" for _, item in pairs],
            weight=[1.0] * len(pairs),
            last_at=[LAST_DAY] * len(pairs),
        )
        table(
            "list_outcomes",
            user_id=pa.array([f"u{person}" for person, _ in brought], pa.string()),
            item_id=pa.array([f"i{item}" for _, item in brought], pa.string()),
            clicked_at=pa.array([LAST_DAY] * len(brought), pa.timestamp("us")),
            n_purchases=pa.array([0] * len(brought), pa.int64()),
        )
        if number == 0:
            names = "run_id varchar, policy varchar, gini double, generated_at timestamp"
            connection.execute(f"create table concentration ({names})")
            # It was stopped, and doesn't count.
            connection.execute("insert into concentration values ('stopped', '', 0, timestamp '2026-05-28 06:30:00')")
        connection.execute(f"create or replace table made as {compiled['concentration']}")
        connection.execute("insert into concentration select run_id, policy, gini, generated_at from made")
        connection.execute("insert into releases select distinct run_id from made")
    [row] = connection.sql("from made where policy = ''").to_arrow_table().to_pylist()
    return row


def test_concentration__a_planted_loop_is_found(compiled, world):
    shop = LoopShop(np.random.default_rng(8), loop=0.8)
    row = releases_of(compiled, world, shop, 10)
    assert row["n_releases"] == 8 and row["is_rising"]
    assert row["slope"] > 2 * row["slope_standard_error"] > 0
    brought = [pair for pair in set(shop.taken) if pair in set(shop.outcomes)]
    others = [pair for pair in set(shop.taken) if not shop.is_held_out[pair[0]]]
    assert row["loop_share"] == pytest.approx(len(brought) / len(others))
    assert row["loop_share"] > 0.5 and row["popularity_lift"] > 0
    # The causal reading: who is held out takes other things, so lists it is that concentrate.
    assert row["gini_others"] > row["gini_held_out"] + 0.1
    connection, _ = world
    ginis = connection.execute(
        "select gini from concentration where policy = '' and run_id <> 'stopped' order by generated_at"
    ).fetchall()
    line = stats.linregress(range(8), [gini for (gini,) in ginis[-8:]])
    assert row["slope"] == pytest.approx(line.slope, rel=1e-9)
    assert row["slope_standard_error"] == pytest.approx(line.stderr, rel=1e-6)


def test_concentration__without_a_loop_none_is_found(compiled, world):
    """Of 12 shops without a loop at most 2 seem to have one, as one in twenty is to be expected of the slope alone."""
    rows = [releases_of(compiled, world, LoopShop(np.random.default_rng(100 + n), n_people=60)) for n in range(12)]
    assert {row["n_releases"] for row in rows} == {8}
    assert sum(row["is_rising"] for row in rows) <= 2
    assert {row["loop_share"] for row in rows} == {0}
    gaps = [row["gini_others"] - row["gini_held_out"] for row in rows]
    assert abs(np.mean(gaps)) < 4 * np.std(gaps) / np.sqrt(len(gaps))


def test_run_costs__of_the_first_build(sample_shop):
    rows = sample_shop.query("select node, resource_type, status, seconds, n_rows, n_bytes from run_costs")
    nodes = {row[0]: row for row in rows}
    assert len(nodes) == len(rows) > 150
    assert nodes[""][1:3] == ("run", "success") and nodes[""][3] > 5 and nodes[""][5] > 1e6
    for name in ("recommendations", "sample_events", "als_item_factors", "recommendation_log", "data_health"):
        assert nodes[name][4] == sample_shop.value(f"select count(*) from {name}"), name
    assert {row[1] for row in rows} >= {"run", "model", "seed"}
    assert {row[2] for row in rows if row[1] in ("run", "model", "seed")} == {"success"}
    assert {json.dumps(sample_shop.column("select distinct run_id from run_costs"))} == {
        json.dumps(sample_shop.column("select run_id from builds"))
    }


def test_run_costs__of_a_failed_run_and_of_no_other(sample_shop, tmp_path):
    """Neither a replay nor another command of dbt leaves a row."""
    shop = shop_copy(sample_shop, tmp_path)
    before = shop.value("select count(*) from run_costs")
    shop.run("alter table recommendations drop column propensity")
    arguments = ("run", "--select", "recommendation_lists", "builds", "recommendation_log", "training_policy")
    for settings in ({}, {"kindred__as_of": "2026-05-20"}):
        result = run_dbt(*arguments, target=shop.targets, database=shop.database, settings=settings)
        assert result.returncode != 0
    result = run_dbt("seed", "--select", "gates", target=shop.targets, database=shop.database)
    assert result.returncode == 0, result.output
    rows = shop.query(
        "select node, status, n_rows from run_costs where run_id not in (select run_id from releases) order by node"
    )
    assert [row[:2] for row in rows] == [
        ("", "error"),
        ("builds", "success"),
        ("recommendation_lists", "error"),
        ("recommendation_log", "skipped"),
        ("training_policy", "success"),
    ]
    assert rows[1][2] == 2 and rows[4][2] == 1 and rows[2][2] is None
    assert shop.value("select count(*) from run_costs") == before + 5


@pytest.mark.slow
def test_gates__drift_stops_publication_and_other_settings_do_not(sample_shop, tmp_path):
    """The same data again pass, a feed that loses events stops, and after other settings drift tells nothing.

    So it is with lists that narrow to few items: where the shop changed how lists are made, nothing is compared.
    """
    shop = shop_copy(sample_shop, tmp_path)
    models = ["drift_bins", "drift", "concentration", "publish_gates", "releases"]

    def build(name, **settings):
        shop.run(f"update recommendations set run_id = '{name}', generated_at = generated_at + interval 1 day")
        shop.run(f"update release_lists set list_id = '{name[:8]}' || substr(list_id, 9)")
        arguments = ("build", "--select", *models, "--exclude-resource-type", "unit_test")
        result = run_dbt(*arguments, target=shop.targets, database=shop.database, settings=settings)
        gates = dict(shop.query(f"select gate, explanation from publish_gates where run_id = '{name}'"))
        values = dict(shop.query(f"select gate, value from publish_gates where run_id = '{name}'"))
        return result.returncode, gates, values

    returncode, gates, values = build("same-run-0000")
    assert (returncode, values["drift"]) == (0, 0), gates
    assert values["concentration"] == pytest.approx(0, abs=0.01)
    shop.run(
        "update user_features set n_items = 0, n_liked_items = 0, n_sessions = 1, revenue = 0, mean_price = null,"
        " price_affinity = null, recency_days = recency_days + 60, top_category_share = null where user_id like '%2%'"
    )
    returncode, gates, values = build("lost-run-0000")
    assert returncode != 0 and values["drift"] > 0.3
    assert "share of the features of people and items that drifted: 0." in gates["drift"]
    assert "people n_items" in gates["drift"] and "see the table drift" in gates["drift"]
    returncode, gates, values = build("set--run-0000", kindred__lists={"session_gap_minutes": 20})
    assert (returncode, values["drift"]) == (0, None)
    assert gates["drift"] == "not compared: the settings that make features are not those of then"
    assert shop.value("select count(distinct run_id) from drift_bins") == 4
    shop.run("update recommendations set item_id = format('i{:03d}', rank) where rank <= 10 and user_id not like '%7%'")
    _returncode, gates, values = build("narrow-run-00", kindred__lists={"session_gap_minutes": 20})
    assert values["concentration"] > 0.05 and "; Gini coefficient 0." in gates["concentration"]
    changed = "not compared: the settings, weights, policies or rules that make lists are not those of then"
    for name, settings in {"diverse-run-0": {"diversity": 0.1}, "before-run-00": {}}.items():
        _returncode, gates, values = build(name, kindred__ranking=settings)
        assert (values["concentration"], gates["concentration"]) == (None, changed)
