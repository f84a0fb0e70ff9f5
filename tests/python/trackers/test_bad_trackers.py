"""What is wrong with the trackers is said with how to correct it, before anything is built."""

import pytest
from tracked_shop import TrackedShop, write

EVENT = {"id": "1", "user_id": "u", "timestamp": "2026-05-01 10:00:00", "received_at": "2026-05-01 10:00:01"}


def problems_of(folder, **settings):
    result = TrackedShop(folder).dbt("build", "--select", "folds", **settings)
    assert result.returncode != 0
    assert "START sql" not in result.output
    return result.text


def test_settings(tmp_path):
    text = problems_of(
        tmp_path,
        trackers={"segment": "web", "rudderstack": "WEB", "shopify": [{"a": 1}], "snowplough": "atomic"},
        tracker_options={"time_zones": {"mixpanel": "Pacific"}, "item_keys": {"segmnt": "sku"}, "shopify_item": "size"}
        | {"currency": "Euro"},
        inputs={"events": "raw.events"},
    )
    assert "kindred__trackers names the schema WEB for segment and for rudderstack" in text
    assert "kindred__trackers has shopify: '[{'a': 1}]': give the schema" in text
    assert "kindred__trackers has 'snowplough', did you mean snowplow?" in text
    assert "time_zones has mixpanel: 'Pacific', which is no time zone" in text
    assert "item_keys has 'segmnt', did you mean segment?" in text
    assert "shopify_item is 'size': give product or variant" in text
    assert "currency is 'Euro': give three letters" in text
    assert "kindred__inputs has events and kindred__trackers names" in text


def message_of(folder, trackers, **settings):
    result = TrackedShop(folder).dbt("build", "--select", "+events", trackers=trackers, **settings)
    assert result.returncode != 0
    return result.text


@pytest.mark.parametrize(
    ("tables", "tracker", "message"),
    [
        ({}, "segment", "there is no table in such a schema. Give the schema, or database.schema, into which segment"),
        ({"page": [EVENT]}, "snowplow", "has no table events. It has: page"),
        ({"order": [EVENT]}, "shopify", "has no table order and order_line. It has: order"),
    ],
)
def test_schemas(tmp_path, tables, tracker, message):
    write(tmp_path / "shop.duckdb", "web", tables)
    assert message in message_of(tmp_path, {tracker: "web"})


@pytest.mark.slow
def test_an_event_type_that_nobody_knows(tmp_path):
    row = {"tracker": "segment", "event_name": "product_viewed", "event_type": "look"}
    write(tmp_path / "shop.duckdb", "web", {"product_viewed": [EVENT], "names": [row]})
    text = message_of(tmp_path, {"segment": "web"}, tables={"tracker_events": "web.names"})
    assert "the table tracker_events maps product_viewed of segment to 'look', which event_weights doesn't have" in text
