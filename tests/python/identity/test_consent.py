"""Consent as a history over all ids of a person: replays, opt-out signals, and what the shop makes of it."""

import duckdb
import pytest
from conftest import Shop
from same_tables import FEATURES, different

AS_OF = "2026-05-10"
# Answers of users and of devices, before and after the date, some at the same moment.
ANSWERS = """
    with ids as (
        select distinct coalesce(anonymous_id, user_id) as user_id
        from events
        where coalesce(anonymous_id, user_id) is not null and hash(coalesce(anonymous_id, user_id)) % 3 = 0
    ),

    more as (
        select
            user_id,
            ['personalization', 'marketing', 'sale', 'gpc', 'analytics'][1 + cast(hash(user_id, n) % 5 as integer)]
                as purpose,
            ['yes', 'no', 'yes', 'perhaps'][1 + cast(hash(user_id, n, 'answer') % 4 as integer)] as is_granted,
            cast(timestamp '2026-05-01' + interval 1 day * cast(hash(user_id, n) % 20 as integer) as varchar)
                as updated_at,
            'site' as source
        from ids cross join range(4) as numbers (n)
    )

    from more
    union all by name
    select user_id, purpose, cast(is_granted as varchar) as is_granted, cast(updated_at as varchar) as updated_at
    from consents
"""


@pytest.fixture(scope="module")
def tables(sample_shop):
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        tables = {
            name: connection.sql(f"select * from sample_{name}").to_arrow_table()
            for name in ("events", "items", "users", "consents")
        }
    events, consents = tables["events"], tables["consents"]  # noqa: F841, DuckDB finds them by name
    with duckdb.connect() as connection:
        return tables | {"consents": connection.sql(ANSWERS).to_arrow_table()}


@pytest.mark.slow
def test_a_replay_knows_the_answers_of_its_day_alone(tables, tmp_path):
    answers = tables["consents"]  # noqa: F841, DuckDB finds it by name
    with duckdb.connect() as connection:
        cut = connection.sql(f"from answers where updated_at < '{AS_OF}'").to_arrow_table()
    replay = Shop(tmp_path / "replay", tmp_path / "targets").load(**tables).build(*FEATURES, as_of=AS_OF)
    shop = Shop(tmp_path / "cut", tmp_path / "targets").load(**tables | {"consents": cut}).build(*FEATURES, as_of=AS_OF)
    found, n = different(replay, shop, {"consents", "typed_consents", "input_problems", "value_problems"})
    assert found == [] and n > 25
    refused = replay.counts("identities", "is_consented")
    assert min(refused.values()) > 50
    assert min(replay.counts("consent_history", "purpose").values()) > 50
    assert cut.num_rows < 0.8 * tables["consents"].num_rows


@pytest.mark.slow
def test_purposes_signals_and_scope(tmp_path):
    def answer(user, purpose, is_granted, day):
        return {"user_id": user, "purpose": purpose, "is_granted": is_granted, "updated_at": f"2026-05-{day:02}"}

    def event(number, user, device, day):
        row = {"event_id": f"e{number}", "user_id": user, "anonymous_id": device, "event_type": "view", "item_id": "i1"}
        return row | {"occurred_at": f"2026-05-{day:02} 10:00:00"}

    events = [event(1, "u", "phone", 1), event(2, None, "phone", 5), event(3, "v", None, 3), event(4, "w", None, 3)]
    answers = [
        # A browser's signal counts for the person who logs in on it; no signal later takes it back and no more.
        answer("phone", "gpc", "true", 2),
        answer("v", "GPC", "true", 2),
        answer("v", "gpc ", "false", 3),
        answer("v", "do-not-sell", "false", 3),
        answer("w", "analytics_storage", "denied", 2),
        answer("u", "personalization", "no", 4),
        answer("phone", "personalization", "yes", 6),
    ]
    made = ["--select", "+person_events"]
    shop = Shop(tmp_path).load(events=events, consents=answers).build(*made)

    def allowed(column):
        return sorted(shop.column(f"select identity_id from identities where {column}"))

    assert allowed("is_consented") == ["phone", "u", "v", "w"]
    assert allowed("allows_sale") == ["v", "w"]
    assert allowed("allows_analytics") == ["phone", "u", "v"]
    assert shop.value("select count(*) from person_events") == 4
    # Of u's events one was before the refusal, one while it stood.
    scope = {"consent_scope": "event", "purposes": ["personalization", "analytics"], "requires_consent": ["sale"]}
    shop.build(*made, privacy=scope)
    assert allowed("is_consented") == ["phone", "u", "v"] and allowed("allows_sale") == []
    assert shop.query("select user_id, day(occurred_at) from person_events order by all") == [("u", 1), ("v", 3)]
