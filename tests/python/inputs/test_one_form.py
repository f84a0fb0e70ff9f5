"""One shop in which everything is written in more than one way: ids, purposes, words of availability, refunds, rules.

Whatever is one thing comes out as one, a refusal is never lost, and what was set right is counted where a person looks.
"""

import pytest
from conftest import REPOSITORY, Shop, run_dbt

from kindred.ids import normal_id, normal_text, normal_word

SETTINGS = {"generators": {"als": {"factors": 4, "iterations": 2}}, "exploration_share": 0}
EVENTS = """
    with drawn as (
        select r, hash(r * 7919 + 1) % 40 as u, hash(r * 104729 + 2) as h, hash(r * 17 + 4) as h3
        from range(1600) as rows(r)
    )
    select
        'e' || r as event_id,
        case
            when u = 0 then if(r % 2 = 0, 'Ann@Example.com', 'ann@example.com')
            when u = 1 then if(r % 2 = 0, 'u01 ', 'u01')
            when u = 2 then if(r % 2 = 0, 'Zoe' || chr(776), 'Zo' || chr(235))
            when u = 3 then if(r % 2 = 0, chr(8203) || 'u03', 'u03')
            when u = 4 then if(r % 2 = 0, '1004.0', '1004')
            else 'u' || lpad(u::varchar, 2, '0')
        end as user_id,
        case when h3 % 3 = 0 then 'Add-to Cart' when h3 % 3 = 1 then 'view' else 'PURCHASE' end as event_type,
        'i' || lpad((h % 20)::varchar, 2, '0') as item_id,
        timestamp '2026-03-01' + interval 1 minute * (h3 // 10 % 86400) as occurred_at,
        case when h3 % 3 = 2 then 20.0 end as value
    from drawn
    union all
    -- u39 gives back all they bought: a purchase of negative value.
    select
        'r' || r as event_id,
        'u39' as user_id,
        'purchase' as event_type,
        'i' || lpad((h % 20)::varchar, 2, '0') as item_id,
        timestamp '2026-03-01' + interval 1 minute * (h3 // 10 % 86400 + 60) as occurred_at,
        -20.0 as value
    from drawn
    where u = 39 and h3 % 3 = 2
    union all
    select 'x' || r, 'u10', 'view', 'I0' || r, timestamp '2026-03-02', null from range(3) as rows(r)
"""
ITEMS = """
    select
        case when i = 12 then 'i12   ' else 'i' || lpad(i::varchar, 2, '0') end as item_id,
        case when i = 3 then 'tea ' else ['Tea', 'Books', 'Shoes', 'Lamps'][i % 4 + 1] end as category,
        case i % 5
            when 0 then 'out_of_stock' when 1 then 'In Stock' when 2 then 'preorder' when 3 then '7' else 'yes'
        end as is_available,
        case when i = 7 then '[1, 2, 3]' when i < 10 then '[1, 0.5]' end as embedding,
        case when i = 9 then 'cheap' else '9.5' end as price
    from range(20) as rows(i)
    union all
    select 'ask', 'Tea', 'ask us', null, '9.5'
"""
# {spelling of the purpose: user who refused}; all but the last two mean personalization.
REFUSALS = {
    "Personalization": "ann@EXAMPLE.com",
    "personalisation": " u01",
    "ad_personalization": "Zoë",
    "marketing": "u03",
    "personalization ": "1004.000",
    "PERSONALIZATION": "u05",
    "Ad-Personalisation": "u06",
    "": "u07",
    "horoscopes": "u08",
    "email": "u09",
}
REFUSING = {"ann@example.com", "u01", "Zoë", "u03", "1004", "u05", "u06", "u07", "u08"}
RULES = """
    select * from (values
        ('no_shoes', 'Exclude', 'SHOES', null), ('no_i16', 'exclude', null, ' i16'), ('nobody', 'exclude', 'Toys', null)
    ) as rules(rule_id, action, category, item_id)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("one_form"))
    granted = [
        # A yes to another question, or to one that nobody knows, takes back no refusal.
        {"user_id": "u05", "purpose": "marketing", "is_granted": "granted", "updated_at": "2026-04-02"},
        {"user_id": "u06", "purpose": "horoscopes", "is_granted": "yes", "updated_at": "2026-04-02"},
        # The same question under another spelling does.
        {"user_id": "u11", "purpose": "personalisation", "is_granted": "no", "updated_at": "2026-04-01"},
        {"user_id": "u11", "purpose": "personalization", "is_granted": "yes", "updated_at": "2026-04-02"},
        # A refusal without a time is one for all time.
        {"user_id": "u12", "purpose": "personalization", "is_granted": "no", "updated_at": "1777636800000"},
        {"user_id": "u12", "purpose": "personalization", "is_granted": "yes", "updated_at": "2026-04-02"},
        {"user_id": "Ghost", "purpose": "personalization", "is_granted": "opt-out", "updated_at": "2026-04-02"},
        {"user_id": "u-13", "purpose": "personalization", "is_granted": "no", "updated_at": "2026-04-02"},
    ]
    shop.load(
        events=EVENTS,
        items=ITEMS,
        users="select u::double + 1000 as user_id, 'de' as country from range(4, 6) as rows(u)",
        consents=[
            {"user_id": user, "purpose": purpose, "is_granted": "no", "updated_at": "2026-04-01"}
            for purpose, user in REFUSALS.items()
        ]
        + granted,
        rules=RULES,
    )
    shop.result = shop.dbt("build", "--exclude-resource-type", "unit_test", tables={"rules": "raw.rules"}, **SETTINGS)
    assert shop.result.returncode == 0, shop.result.output
    return shop


def problems(shop, table="input_problems"):
    rows = shop.query(f"select input, problem, fate, sum(n_rows), min(rejected_text) from {table} group by all")
    return {(input_name, problem): (fate, int(n_rows), example) for input_name, problem, fate, n_rows, example in rows}


def test_one_form__each_person_is_one(shop):
    people = shop.column("select identity_id from identities where n_events > 0 order by all")
    assert sorted(people) == sorted(
        ["ann@example.com", "u01", "Zoë", "u03", "1004", *(f"u{number:02}" for number in range(5, 40))]
    )
    assert shop.value("select segment from identities where identity_id = '1004'") == "de"
    n_raw = shop.value("select count(*) from raw.events")
    assert shop.value("select count(*) from events") + 3 == n_raw  # I00 to I02 are no items


def test_one_form__no_refusal_is_lost(shop):
    refused = set(shop.column("select identity_id from identities where not is_consented and n_events > 0"))
    assert refused == REFUSING | {"u12"}
    listed = set(shop.column("select distinct user_id from recommendations"))
    assert not refused & listed
    assert {"u09", "u11", "u13"} <= listed
    assert not refused & set(shop.column("select distinct user_id from person_events"))


def test_one_form__refusals_that_meet_nobody_are_told(shop):
    assert shop.query("select input, problem, entity_id, rejected_text from identity_problems order by all") == [
        ("consents", "nearly_same_user_id", "u-13", "u13"),
        ("consents", "refusal_of_nobody_known", "Ghost", None),
        ("consents", "refusal_of_nobody_known", "u-13", None),
    ]
    assert "consents: refusal_of_nobody_known (2, such as 'Ghost'): kept until somebody of that id is seen" in (
        shop.result.text
    )


def test_one_form__what_is_sold_out_or_unreadable_is_not_recommended(shop):
    unavailable = {f"i{number:02}" for number in range(0, 20, 5)} | {"ask"}
    assert set(shop.column("select item_id from items where not is_available")) == unavailable
    assert not unavailable & set(shop.column("select distinct item_id from recommendations"))
    # 'preorder' and a number of pieces can be ordered.
    assert {"i12", "i08"} <= set(shop.column("select distinct item_id from recommendations"))


def test_one_form__a_refund_is_no_second_purchase(shop):
    n_bought = shop.value("select count(*) from raw.events where user_id = 'u39' and event_type = 'PURCHASE'")
    valued = (
        "select event_type, count(*), min(value) from events where user_id = 'u39' and value is not null group by 1"
    )
    assert n_bought > 0
    assert sorted(shop.query(valued)) == [("purchase", n_bought, 20.0), ("return", n_bought, 20.0)]
    # A return weighs 5 against the item, a purchase 5 for it.
    items = shop.column("select distinct item_id from events where user_id = 'u39' and event_type = 'return'")
    weights = dict(shop.query("select item_id, weight from interactions where fold = 'live' and user_id = 'u39'"))
    views = set(
        shop.column("select item_id from events where user_id = 'u39' and event_type not in ('return', 'purchase')")
    )
    assert all(weights.get(item, 0) <= 0.1 for item in items if item not in views)


def test_one_form__rules_mean_what_the_catalogue_means(shop):
    shown = shop.query("select item_id, category from recommendations join items using (item_id)")
    assert shown
    assert not [item for item, category in shown if category == "Shoes" or item == "i16"]
    assert shop.query("select rule_id, category, item_id from checked_rules order by 1") == [
        ("no_i16", None, "i16"),
        ("no_shoes", "Shoes", None),
        ("nobody", "Toys", None),
    ]
    assert "rule_id 'nobody' of checked_rules: no item matches its item_id, category and brand" in shop.result.text
    assert shop.value("select category from items where item_id = 'i03'") == "Tea"


def test_one_form__what_was_set_right_is_counted(shop):
    found = problems(shop)
    n_odd = shop.value(
        "select count(*) from raw.events where regexp_matches(user_id, '^Ann|^Zoe|^u01 |^1004[.]|^[^a-zA-Z0-9]')"
    )
    assert found["events", "changed_user_id"][1] == n_odd
    n_types = shop.value("select count(*) from raw.events where event_type not in ('view', 'purchase')")
    assert found["events", "changed_event_type"] == ("taken in its normal form", n_types, "Add-to Cart")
    assert found["items", "changed_item_id"] == ("taken in its normal form", 1, "i12   ")
    assert found["items", "changed_category"] == ("taken in its normal form", 1, "tea ")
    assert found["items", "nearly_same_category"] == ("taken as one, spelt as most rows spell it", 1, "tea")
    assert found["events", "unknown_item"] == ("row set aside", 3, "I00")
    assert found["events", "nearly_same_item_id"] == ("row set aside, as unknown_item", 3, "I00")
    assert found["events", "negative_value"][:1] == ("taken as a return",)
    assert found["items", "invalid_is_available"] == ("taken as not available", 1, "ask us")
    assert found["items", "invalid_price"] == ("value taken as empty", 1, "cheap")
    assert found["items", "embedding_of_another_length"] == ("value taken as empty", 1, "3")
    assert found["users", "changed_user_id"] == ("taken in its normal form", 2, "1004.0")
    assert found["consents", "unknown_purpose horoscopes"][1] == 2
    assert found["consents", "missing_purpose"][:2] == ("taken as a refusal", 1)
    assert found["consents", "invalid_updated_at"] == ("taken as a refusal", 1, "1777636800000")
    # The build says so where it ends: the most frequent first, with what to do.
    said = shop.result.text
    assert "3 more set aside: unknown_item (3), see" in said
    assert f"events: changed_event_type ({n_types:,}, such as 'Add-to Cart'): taken in its normal form" in said
    assert said.index("changed_event_type") < said.index("changed_user_id")


def test_one_form__python_knows_the_same_forms(shop):
    spellings = shop.query("select spelling, normal_form, column_name from event_spellings")
    assert len(spellings) >= 7
    for spelling, normal_form, column in spellings:
        assert (normal_word if column == "event_type" else normal_id)(spelling) == normal_form
    assert normal_id("Ann@Example.com", case_insensitive=False) == "Ann@Example.com"
    assert [normal_id(text) for text in ("a  b", "\u00a0\u200b", "7.50", "u\u200d1")] == ["a  b", None, "7.50", "u1"]
    assert normal_text("  Tea\u200c \t") == "Tea\u200c"


def test_one_form__the_newest_events_freshness_is_asked_of_the_source(shop):
    settings, target = shop.placed({"tables": {"rules": "raw.rules"}} | SETTINGS)
    result = run_dbt(
        "source", "freshness", target=target, database=shop.database, settings=settings, project=REPOSITORY
    )
    assert "WARN freshness of kindred_events.events" in result.text, result.output
