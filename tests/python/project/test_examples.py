"""The worked examples on their real data: every raw row is accounted for, and the lists are worth something.

The data isn't part of the repository: without it these tests skip. Each example is built as its README says, in a copy
of the repository, where kindred is `../..` of the example, as in the repository.
"""

import contextlib
import os
from pathlib import Path

import duckdb
import numpy as np
import pytest
from conftest import REPOSITORY, copy_package, run_dbt
from skips import NO_DATA

# Two whole shops with all their tests: minutes.
pytestmark = pytest.mark.slow

DATA = Path(os.environ.get("KINDRED_DATA", REPOSITORY.parent / "shared/data")).resolve()
IS_PRODUCT = "regexp_full_match(upper({}), '[0-9]{{5}}[A-Z]{{0,2}}')"
SOLD = "select upper(StockCode) from raw_lines where Quantity > 0 and UnitPrice > 0"
LIST_LENGTH = 20
MOVIES = "ml_latest_small"


class Example:
    """An example that was built: its result, its warehouse, its raw tables as views."""

    def __init__(self, name, folder, settings=None, **raw):
        missing = [str(path) for path in raw.values() if not (DATA / path).exists()]
        if missing:
            pytest.skip(f"{NO_DATA}: examples/{name} needs {', '.join(missing)} under {DATA}, set KINDRED_DATA to it")
        kindred = copy_package(folder / "home/kindred", f"examples/{name}")
        # Where the examples look for it when KINDRED_DATA isn't set.
        (folder / "home/shared").mkdir()
        self.settings = settings
        (folder / "home/shared/data").symlink_to(DATA, target_is_directory=True)
        self.database = folder / f"{name}.duckdb"
        self.project, self.target = kindred / "examples" / name, folder / "target"
        for command in (["deps"], ["build", "--exclude-resource-type", "unit_test"]):
            result = self.dbt(*command)
            assert result.returncode == 0, result.output
        self.connection = duckdb.connect(self.database, read_only=True)
        self.connection.execute("set search_path = 'main_kindred,main'")
        for view, path in raw.items():
            self.connection.execute(f"create temp view {view} as select * from '{DATA / path}'")

    def dbt(self, *arguments):
        with contextlib.chdir(self.project):
            places = {"project": self.project, "target": self.target, "database": self.database}
            return run_dbt(*arguments, settings=None if arguments == ("deps",) else self.settings, **places)

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()

    def row(self, sql):
        [row] = self.rows(sql)
        return row

    def value(self, sql):
        [value] = self.row(sql)
        return value

    def recall(self, generator):
        """Mean recall@20 over the people of fold backtest, and its standard error."""
        return self.row(f"""
            select value, standard_error from evaluation_metrics
            where (fold, policy, user_group, metric, k) = ('backtest', 'main', 'all', 'recall', 20)
                and generator = '{generator}'
        """)

    def margin_over_popular(self, generator):
        """By how many standard errors of the difference a generator's recall is above popular's.

        The two are taken as independent; as both are of the same people, the real error is rather smaller.
        """
        (value, error), (popular_value, popular_error) = self.recall(generator), self.recall("popular")
        return (value - popular_value) / (error**2 + popular_error**2) ** 0.5


@pytest.fixture(scope="module")
def online_retail(tmp_path_factory):
    path = "uci_online_retail/online_retail_2010_2011.parquet"
    example = Example("online_retail", tmp_path_factory.mktemp("online_retail"), raw_lines=path)
    yield example
    example.connection.close()


@pytest.fixture(scope="module")
def retailrocket(tmp_path_factory):
    folder = tmp_path_factory.mktemp("retailrocket")
    raw = {"raw_clicks": "events.parquet", "held_out": "test_purchases.parquet"}
    raw = {view: f"retailrocket_buyers/{file}" for view, file in raw.items()}
    example = Example("retailrocket", folder, **raw)
    yield example
    example.connection.close()


def test_online_retail__every_invoice_line_is_an_event_or_rejected_with_its_reason(online_retail):
    # A few products were only ever returned: they were sold before the file begins, and nothing says for how much.
    lines = f"""
        select
            *, InvoiceNo like 'C%' as is_cancellation,
            {IS_PRODUCT.format("StockCode")} and upper(StockCode) in ({SOLD}) as is_product
        from raw_lines
    """
    n_lines, n_nobody, n_no_product = online_retail.row(f"""
        select count(*), countif(CustomerID is null), countif(CustomerID is not null and not is_product) from ({lines})
    """)
    # The published figures of the data set: the file is whole.
    assert (n_lines, n_nobody) == (541_909, 135_080)
    rejected = online_retail.rows("select rejection_reason, count(*) from rejected_events group by all order by all")
    assert rejected == [("missing_person", n_nobody), ("unknown_item", n_no_product)]
    assert online_retail.value("select count(*) from events") == n_lines - n_nobody - n_no_product
    # Not only as many: the same pieces and the same money, each on its side.
    expected = online_retail.rows(f"""
        select
            if(is_cancellation, 'return', 'purchase'), count(*), sum(abs(Quantity)),
            round(sum(abs(Quantity) * UnitPrice), 2)
        from ({lines}) where CustomerID is not null and is_product group by all order by all
    """)
    found = "select event_type, count(*), sum(quantity), round(sum(value), 2) from events group by all order by all"
    assert online_retail.rows(found) == [pytest.approx(row) for row in expected]
    assert online_retail.value("select min(quantity) from events") > 0


def test_online_retail__every_customer_has_a_full_list_of_products(online_retail):
    n_customers = online_retail.value("select count(distinct CustomerID) from raw_lines")
    lengths = "select n_items, count(*) from recommendation_lists group by all"
    assert online_retail.rows(lengths) == [(LIST_LENGTH, n_customers)]
    unsold = f"""
        select distinct item_id from recommendations
        where not {IS_PRODUCT.format("item_id")}
            or item_id not in ({SOLD})
    """
    assert online_retail.rows(unsold) == []
    # A title is what stood on an invoice that was paid, not a note on damaged stock.
    titles = """
        select count(*), countif(exists (
            select 1 from raw_lines
            where upper(StockCode) = item_id and trim(Description) = title and Quantity > 0 and UnitPrice > 0
        )) from items
    """
    n_items, n_titled = online_retail.row(titles)
    assert n_items == n_titled > 3_000


def test_online_retail__segments_are_countries(online_retail):
    assert online_retail.value("select count(distinct segment) from fallback_recommendations where segment <> ''") > 30
    most = "select country from users group by country order by count(*) desc limit 1"
    assert online_retail.value(most) == "United Kingdom"


def test_online_retail__its_own_event_weights_take_the_place_of_kindreds(online_retail):
    weights = "select event_type, excludes_item from event_types order by event_type"
    assert online_retail.rows(weights) == [("purchase", False), ("return", False)]
    bought_before = """
        select count(distinct recommendations.user_id) / (select count(*) from recommendation_lists)
        from recommendations inner join interactions using (user_id, item_id) where fold = 'live'
    """
    assert online_retail.value(bought_before) > 0.8


def test_online_retail__als_is_better_than_popular(online_retail):
    assert online_retail.margin_over_popular("als") > 2
    assert online_retail.margin_over_popular("blend") > 2


def test_online_retail__the_lists_can_be_read(online_retail):
    arguments = ["--quiet", "run-operation", "show_recommendations", "--args", "{user_ids: [17044], items: 5}"]
    online_retail.connection.close()
    shown = online_retail.dbt(*arguments)
    online_retail.connection = duckdb.connect(online_retail.database, read_only=True)
    assert shown.returncode == 0, shown.output
    assert "17044 cared most about RETROSPOT HEART HOT WATER BOTTLE purchase" in shown.text
    assert "17044 is recommended 1 " in shown.text


def test_retailrocket__every_click_is_an_event(retailrocket):
    names = "case event when 'view' then 'view' when 'cart' then 'add_to_cart' when 'buy' then 'purchase' end"
    clicks = retailrocket.rows(f"select {names} as name, count(*) from raw_clicks group by name order by name")
    assert sum(count for _, count in clicks) == 97_381
    # Fold backtest has learned from all clicks, and from nothing else.
    learned = "select event_type, count(*) from fold_events where fold = 'backtest' group by all order by all"
    assert retailrocket.rows(learned) == clicks
    assert retailrocket.value("select count(*) from events") == 97_381 + 2_174
    assert retailrocket.value("select count(*) from rejected_events") == 0


def test_retailrocket__what_is_evaluated_is_what_was_held_out(retailrocket):
    pairs = "select user_id, item_id from targets where fold = 'backtest' order by all"
    held_out = "select user_id::varchar, item_id::varchar from held_out order by all"
    assert retailrocket.rows(pairs) == retailrocket.rows(held_out)
    evaluated_elsewhere = """
        select count(*) from targets inner join held_out on targets.user_id = held_out.user_id::varchar
            and targets.item_id = held_out.item_id::varchar where fold <> 'backtest'
    """
    assert retailrocket.value(evaluated_elsewhere) == 0


def test_retailrocket__every_buyer_has_a_full_list_without_what_was_bought(retailrocket):
    n_buyers = retailrocket.value("select count(distinct user_id) from raw_clicks")
    lengths = "select n_items, count(*) from recommendation_lists group by all"
    assert retailrocket.rows(lengths) == [(LIST_LENGTH, n_buyers)]
    bought = """
        select count(*) from recommendations inner join raw_clicks
            on recommendations.user_id = raw_clicks.user_id::varchar
            and recommendations.item_id = raw_clicks.item_id::varchar
        where event = 'buy'
    """
    assert retailrocket.value(bought) == 0


def test_retailrocket__als_is_better_than_popular(retailrocket):
    assert retailrocket.margin_over_popular("als") > 2
    assert retailrocket.margin_over_popular("blend") > 2


# MovieLens -----------------------------------------------------------------------------------------------------------


def test_movielens__lists_that_learn_from_ratings_have_more_that_is_liked_and_less_that_is_not(tmp_path):
    """As its README says, by more than two standard errors of the person-by-person difference."""
    counts = {}
    for learns_from in ("ratings", "clicks"):
        example = Example(
            "movielens",
            tmp_path / learns_from,
            settings={"learns_from": learns_from},
            ratings=f"{MOVIES}/ratings.parquet",
        )
        assert example.value("select count(*) from main.placed_ratings") == example.value(
            "select count(*) from ratings"
        )
        assert example.value("select count(*) from events") == example.value("select count(*) from ratings")
        # What is evaluated was in no training.
        assert example.value("""
            select count(*) from interactions inner join main.placed_ratings using (user_id, item_id)
            where fold = 'backtest' and part = 'held_out'
        """) == 0  # fmt: skip
        counts[learns_from] = example.rows("""
            select count(case when rating >= 4 then 1 end), count(case when rating < 3 then 1 end)
            from main.listed_films group by user_id order by user_id
        """)
    differences = np.array(counts["ratings"]) - np.array(counts["clicks"])
    assert len(differences) == 610
    errors = differences.std(axis=0, ddof=1) / len(differences) ** 0.5
    assert (differences.mean(axis=0) / errors)[0] > 2
    assert (differences.mean(axis=0) / errors)[1] < -2
