"""The same data give the same tables in any order of arrival; a daily build after a merge gives those of a full one."""

import shutil

import duckdb
import pytest
from conftest import Shop
from same_tables import FEATURES, different

# What tells of rows that came twice.
COUNTS = {"event_counts", "rejected_events", "repeated_event_ids", "input_problems", "checked_events", "event_problems"}
COUNTS |= {"event_spellings", "spelling_problems", "typed_events"}
EARLY = "hash(event_id || 'early') % 5 > 0"
LINKS = """
    select least(first, second) as left_id, greatest(first, second) as right_id
    from (
        select
            user_id as first, lead(user_id) over (order by user_id) as second, row_number() over (order by user_id) as n
        from (select user_id from sample_events where user_id is not null group by all having count(*) > 20)
    )
    where n % 50 = 1
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample(sample_shop, tmp_path_factory):
    """The inputs of the sample shop, and links between people who have histories."""
    folder = tmp_path_factory.mktemp("arrival")
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        names = ("events", "items", "users", "consents")
        return folder, {name: connection.sql(f"select * from sample_{name}").to_arrow_table() for name in names} | {
            "identity_links": connection.sql(LINKS).to_arrow_table()
        }


def test_shuffled_repeated_and_late_rows_change_nothing(sample):
    folder, tables = sample
    links, events = tables["identity_links"], tables["events"]  # noqa: F841, DuckDB finds them by name
    clean = Shop(folder / "clean", folder / "targets").load(**tables)
    clean.build(*FEATURES)
    late = Shop(folder / "late", folder / "targets")
    with duckdb.connect() as connection:
        early = connection.sql(f"from events where {EARLY} order by hash(event_id)").to_arrow_table()
        no_links = connection.sql("from links limit 0").to_arrow_table()
        # A fifth of the rows of three months arrives after the rest, some rows twice, and links both ways.
        all_events = connection.sql("""
            select * from (from events union all by name from events where hash(event_id) % 10 = 0)
            order by hash(event_id || 'late')
        """).to_arrow_table()
        all_links = connection.sql("""
            from links union all select right_id, left_id from links order by hash(left_id)
        """).to_arrow_table()
    late.load(**tables | {"events": early, "identity_links": no_links}).build(*FEATURES)
    found, n = different(late, clean, COUNTS)
    assert n > 25 and {"identities", "person_events", "interactions", "user_features"} <= {*found}
    late.load(events=all_events, identity_links=all_links).build(*FEATURES)
    assert different(late, clean, COUNTS)[0] == ["identity_links", "typed_identity_links"]
    assert clean.value("select count(*) from identities where link = 'linked' and not is_anonymous") >= 8


def test_a_daily_build_after_a_merge_equals_a_full_one(sample_shop, sample):
    """And the lists are those of merged people, made from what all of their ids did."""
    folder, tables = sample
    shop = Shop(folder / "daily")
    shutil.copy(sample_shop.database, shop.database)
    shop.load(**tables)
    daily = {"folds": ["live"], "train": "when_due", "store": "none"}
    shop.build(**daily)
    full = Shop(folder / "full").load(**tables)
    full.build(*FEATURES, **daily)
    merged = full.query("""
        select identity_id, user_id from identities where link = 'linked' and not is_anonymous and is_consented
    """)
    assert len(merged) >= 8
    found, n = different(shop, full, COUNTS)
    assert found == [] and n > 25
    for absorbed, person in merged:
        assert shop.value(f"select count(*) from recommendations where user_id = '{absorbed}'") == 0
        listed = set(shop.column(f"select item_id from recommendations where user_id = '{person}'"))
        bought = set(
            shop.column(f"""
            select item_id from events where user_id in ('{absorbed}', '{person}') and event_type = 'purchase'
        """)
        )
        assert len(listed) == 20 and not listed & bought
    # Somebody is led to something by what was done under the other id.
    reasons = shop.value("""
        select count(*)
        from recommendations
        inner join (
            select links.user_id, events.item_id from identities as links
            inner join events on links.identity_id = events.user_id
            where links.link = 'linked'
            except
            select user_id, item_id from events
        ) as foreign_items
            on recommendations.user_id = foreign_items.user_id
                and recommendations.because_item_id = foreign_items.item_id
    """)
    assert reasons > 0
