"""The published sample tables of trackers give the counts that were counted by hand."""

import os
from pathlib import Path

import duckdb
import pytest
import skips
from conftest import REPOSITORY
from tracked_shop import TABLES, build

TRACKERS = Path(os.environ.get("KINDRED_DATA", REPOSITORY.parent / "shared/data")) / "trackers"


@pytest.fixture
def load(tmp_path):
    """Load the CSVs of a folder, {table: file name}, as text into a schema of a new shop."""

    def run(folder, files, schema="raw_tracker"):
        if not (TRACKERS / folder).is_dir():
            pytest.skip(f"{skips.NO_DATA}: {TRACKERS / folder}")
        with duckdb.connect(tmp_path / "shop.duckdb") as connection:
            connection.execute(f"create schema if not exists {schema}")
            for table, name in files.items():
                path = TRACKERS / folder / name
                connection.execute(
                    f"""create table {schema}."{table}" as select * from read_csv('{path}', all_varchar = true)"""
                )
        return tmp_path

    return run


CONTEXTS = "action cart checkout_step page product transaction user".split()
SNOWPLOW = {"view": 179, "impression": 199, "click": 35, "add_to_cart": 49, "purchase": 17, "return": 1}


@pytest.mark.slow
def test_snowplow__contexts_as_columns(load):
    folder = load("snowplow_ecommerce_apache2", {"events": "snowplow_ecommerce_events.csv"})
    shop = build(folder, {"snowplow": "raw_tracker"}, [*TABLES, "+identities"])
    assert shop.counts("events", "event_type") == SNOWPLOW
    # Most browsers have one network_userid, which joins nobody: each is a device of its own, or of who logs in.
    n_devices = shop.value("select count(distinct anonymous_id) from events")
    apart = shop.value("select count(*) from identities where is_anonymous and link in ('own', 'login')")
    assert apart == n_devices > 15
    assert shop.value("select count(*) from identities where user_id = 'U12345' and is_anonymous") == shop.value(
        "select count(distinct anonymous_id) from events where user_id = 'U12345'"
    )
    assert sum(n for _, n in shop.query("select fate, n_rows from tracker_report")) == 834
    assert shop.value("select count(distinct order_id) from events where event_type = 'purchase'") == 14
    assert shop.value("select count(distinct item_id) from events") == 6
    assert dict(shop.query("select event_name, sum(n_rows) from unmapped_events group by all"))["checkout_step"] == 39


@pytest.mark.slow
def test_snowplow__contexts_as_tables(load):
    prefix = "com_snowplowanalytics_snowplow_ecommerce_"
    files = {f"{prefix}{name}_1": f"{prefix}{name}_1.csv" for name in CONTEXTS}
    folder = load("snowplow_ecommerce_apache2", files | {"events": "snowplow_ecommerce_events.csv"})
    with duckdb.connect(folder / "shop.duckdb") as connection:
        columns = connection.execute("from raw_tracker.events limit 0").description
        for name, *_ in columns:
            if name.startswith(("contexts_", "unstruct_")):
                connection.execute(f'alter table raw_tracker.events drop column "{name}"')
    shop = build(folder, {"snowplow": "raw_tracker"})
    assert shop.counts("events", "event_type") == SNOWPLOW


@pytest.mark.slow
def test_shopify__rest(load):
    names = "order order_line refund order_line_refund product product_variant customer".split()
    folder = load("shopify_fivetran", {name: f"shopify_{name}_data.csv" for name in names})
    shop = build(folder, {"shopify": "raw_tracker"})
    assert shop.counts("events", "event_type") == {"purchase": 3}
    assert shop.value("select count(*) from tracked_items where title is not null") == 8


@pytest.mark.slow
def test_shopify__graphql(load):
    names = "order order_line refund refund_line_item product product_variant customer".split()
    folder = load("shopify_fivetran", {name: f"shopify_gql_{name}_data.csv" for name in names})
    shop = build(folder, {"shopify": "raw_tracker"})
    assert shop.counts("events", "event_type") == {}


@pytest.mark.slow
def test_mixpanel__rows_that_share_an_insert_id_are_events_of_their_own(load):
    shop = build(load("mixpanel_fivetran", {"event": "event.csv"}), {"mixpanel": "raw_tracker"})
    assert shop.value("select sum(n_rows) from unmapped_events") == 5
    assert shop.query("select fate, n_rows from tracker_report") == [("unmapped", 5)]
