"""recipes/fintech: entries that are no payments, what was known when, what an audit holds, and what stops the build."""

import json
import math
import statistics
from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import copy_package, run_dbt

from recipes import run

NOW = datetime(2026, 6, 1)
ODD = 'a "quote", a back\\slash and\na new line'
SEEDS = ["decline_texts", "fintech_eligibility"]
MODELS = ["bank_problems", "fintech_users", "card_entries", "card_payments", "left_out_entries", "spending_profiles"]
MODELS += ["payment_measures", "recurring_payments", "spending_by_month"]
MODELS += ["asked_conditions", "decision_audit", "decision_log"]
# {table of kindred or of the recipe: its rows as SQL}
TABLES = {
    "folds": f"select 'live' as fold, timestamp '{NOW}' as as_of",
    "identities": """from (values
        ('k1', 'k1', true, null), ('k2', 'k2', true, null), ('k3', 'k3', false, null), ('k4', 'k4', true, 'pace')
    ) as _ (identity_id, user_id, is_consented, traffic)""",
    "user_features": """from (values ('live', 'k1', 'AT', 'new'), ('live', 'k2', 'DE', 'regular'))
        as _ (fold, user_id, segment, activity)""",
    "item_features": "select 'live' as fold, 'o1' as item_id, true as is_recommendable",
    "person_policies": """from (values ('live', true, 'k1', 'model'), ('live', true, 'k2', 'other'))
        as _ (fold, is_shown, user_id, policy)""",
    "item_rules": """from (values
        ('everybody', null, null, null), ('austria', 'AT', null, null),
        ('regulars', null, 'regular', null), ('other_policy', null, null, 'other')
    ) as _ (rule_id, segment, activity, policy),
        (select 'live' as fold, 'o1' as item_id, 'boost' as action, 2 as amount)""",
    "builds": f"""select 'run-1' as run_id, timestamp '{NOW}' as as_of, 'lightgbm' as ranker, '{{}}' as parameters,
        timestamp '{NOW}' as started_at""",
    "fintech_items": "select unnest(['o1', 'o2']) as item_id",
    # Tables that matter to none of the tests, by their columns
    "recommendations": "select '' as user_id, '' as item_id, 1 as rank, '' as generator, 0.5 as propensity,"
    " '' as reason, '' as because_item_id where false",
    "scored_candidates": "select '' as fold, '' as user_id, '' as item_id, 1 as rank, 0.5 as score, '' as generator,"
    " '' as policy where false",
    "eligible_candidates": "select '' as fold, '' as user_id, '' as item_id, '' as generator, 1 as rank, 0.5 as score"
    " where false",
    "interactions": "select '' as fold, '' as user_id, '' as item_id, true as is_excluded, 1 as n_events,"
    f" 0.5 as weight, timestamp '{NOW}' as last_at where false",
    "checked_eligibility": "select '' as rule_id, '' as field, '' as operator, '' as value where false",
    "item_conditions": "select 'o2' as item_id, 'r1' as rule_id",
    "eligibility_answers": "select '' as user_id, '' as rule_id, true as is_met where false",
    "known_fields": "select '' as user_id, '' as field, '' as known where false",
    "decline_reasons": "select '' as customer_id, '' as offer_id where false",
}


class Bank:
    """The recipe in a DuckDB file of its own, with tables that stand for what kindred would have built."""

    def __init__(self, folder):
        self.project = copy_package(folder / "kindred", "recipes/fintech") / "recipes/fintech"
        self.paths = {"project": self.project, "target": folder / "target", "database": folder / "fintech.duckdb"}
        self.environment = {"KINDRED_WORLD": str(self.project / "world")}
        (self.project / "world").mkdir(exist_ok=True)
        assert self.dbt("deps").returncode == 0

    def dbt(self, *command, **settings):
        return run_dbt(*command, environment=self.environment, writes=True, settings=settings, **self.paths)

    def load(self, **tables):
        """Write raw tables, each a list of rows or a pyarrow table."""
        for name, rows in tables.items():
            table = pa.Table.from_pylist(rows) if isinstance(rows, list) else rows
            pq.write_table(table, self.project / "world" / f"{name}.parquet")

    def query(self, *statements):
        """The rows of the last statement."""
        with duckdb.connect(self.paths["database"]) as connection:
            for statement in statements:
                rows = connection.execute(statement).fetchall()
            return rows


def version(customer, age, valid_from, sex="female"):
    facts = {"sex": sex, "country": "AT", "income_band": "low", "risk_profile": None}
    return {"customer_id": customer, "joined_at": datetime(2020, 1, 1), "age": age, "valid_from": valid_from} | facts


def held(customer, product, closed_at=None):
    return {"customer_id": customer, "product": product, "opened_at": datetime(2021, 1, 1), "closed_at": closed_at}


def entries():
    """Eight months of a customer's groceries, with refunds, a check, a payment that recurs and an unreadable amount."""
    months = [datetime(2025 + (9 + n) // 12, (9 + n) % 12 + 1, 3) for n in range(8)]
    found = [(months[n] + timedelta(days=5), "Shop", amount) for n in range(8) for amount in (30.0 + n, 20.0)]
    found += [(month, "Box", 25.0) for month in months]
    found += [(months[4] + timedelta(days=9), "Shop", -20.0), (months[6], "Shop", -500.0)]
    found += [(months[5], "Shop", 0.0), (months[5], "Shop", math.nan), (months[5], "Shop", None)]
    fixed = {"customer_id": "k1", "category": "groceries", "currency": "EUR", "latitude": None, "longitude": None}
    return [
        fixed | {"payment_id": f"z{number}", "merchant": merchant, "amount": amount, "paid_at": at}
        for number, (at, merchant, amount) in enumerate(found)
    ]


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    bank = Bank(tmp_path_factory.mktemp("fintech"))
    bank.load(
        customer_versions=[
            version("k1", 40, datetime(2024, 1, 1)),
            version("k1", 41, datetime(2025, 1, 1)),
            version("k1", 99, datetime(2099, 1, 1)),
            version("k2", None, datetime(2024, 1, 1), sex=ODD),
        ],
        holdings=[
            held("k1", "mortgage", datetime(2026, 1, 1)),
            held("k1", "credit_card"),
            held("k2", "mortgage", datetime(2099, 1, 1)),
        ],
        card_payments=entries(),
    )
    bank.query(*(f"create or replace table {name} as {rows}" for name, rows in TABLES.items()))
    result = bank.dbt("build", "--select", *SEEDS, *MODELS, "--exclude-resource-type", "unit_test", "test")
    assert result.returncode == 0, result.output
    return bank


def test_fintech_users__an_unknown_age_and_any_text_leave_the_rest_readable(bank):
    attributes = {name: json.loads(text) for name, text in bank.query("select user_id, attributes from fintech_users")}
    assert attributes["k2"]["age"] is None and attributes["k2"]["age_band"] is None
    assert attributes["k2"]["sex"] == ODD
    assert attributes["k2"]["income_band"] == "low"


def test_fintech_users__neither_later_versions_nor_closed_products_count(bank):
    attributes = {name: json.loads(text) for name, text in bank.query("select user_id, attributes from fintech_users")}
    assert attributes["k1"]["age"] == 41 and attributes["k1"]["age_band"] == "28 to 59"
    assert [attributes["k1"][product] for product in ("mortgage", "credit_card")] == ["no", "yes"]
    assert attributes["k2"]["mortgage"] == "yes"


def test_card_entries__refunds_and_checks_are_no_payments_and_are_counted(bank):
    n_payments = sum(entry["amount"] is not None and entry["amount"] > 0 for entry in entries())
    assert bank.query("select count(*) from card_payments") == [(n_payments,)]
    assert bank.query("from left_out_entries select kind, n_entries, amount order by kind") == [
        ("check", 1, 0), ("refund", 2, -520), ("unreadable", 2, 0)
    ]  # fmt: skip
    judged = bank.query("select amount, amount_z from payment_measures")
    # From January on three payments a month are judged, and nothing else.
    assert len(judged) == 15
    assert all(amount > 0 and math.isfinite(z) for amount, z in judged)


def test_spending_by_month__refunds_reduce_it_and_only_earlier_months_are_usual(bank):
    rows = bank.query("""
        select month, n_payments, amount, refunded_amount, recurring_amount, amount_at_will, usual_amount, is_unusual
        from spending_by_month
        order by month
    """)
    at_will = [50.0 + n for n in range(8)]
    at_will[4] -= 20
    at_will[6] -= 500
    assert [row[0] for row in rows] == [date(2025 + (9 + n) // 12, (9 + n) % 12 + 1, 1) for n in range(8)]
    assert [row[1] for row in rows] == [3] * 8
    assert [row[5] for row in rows] == at_will
    assert [row[2] for row in rows] == [amount + 25 for amount in at_will]
    assert [row[3] for row in rows] == [0, 0, 0, 0, 20, 0, 500, 0]
    assert [row[4] for row in rows] == [25] * 8
    # More came back in April than was spent: nothing was.
    spent = [max(amount, 0) for amount in at_will]
    usual = [None, *(statistics.median(spent[:n]) for n in range(1, 8))]
    assert [row[6] for row in rows] == pytest.approx(usual, abs=0.01)
    assert [row[7] for row in rows] == [None] * 5 + [False] * 3


def test_decision_audit__who_is_made_no_offer_and_which_rules_are_for_whom(bank):
    consents = "select customer_id, known, answer from decision_audit where input = 'consent' order by customer_id"
    assert bank.query(consents) == [
        ("k1", "granted", "offers are decided"),
        ("k2", "granted", "offers are decided"),
        ("k3", "not granted", "no personal offers"),
        ("k4", "granted; traffic pace", "no personal offers"),
    ]
    rules = bank.query("select customer_id, name from decision_audit where input = 'ranking rule' order by all")
    assert rules == [
        ("k1", "austria"), ("k1", "everybody"), ("k2", "everybody"), ("k2", "other_policy"), ("k2", "regulars")
    ]  # fmt: skip


def test_decision_audit__keeps_what_was_decided(bank):
    """The next build writes beside the rows of the one before; each has its keys."""
    before = bank.query("from decision_audit order by all")
    later = NOW + timedelta(days=1)
    bank.query(
        f"insert into builds select 'run-2', timestamp '{later}', 'blend', '{{}}', timestamp '{later}'",
        "delete from identities where identity_id = 'k3'",
    )
    result = bank.dbt("run", "--select", "decision_audit", "decision_log")
    assert result.returncode == 0, result.output
    assert bank.query("from decision_audit where run_id = 'run-1' order by all") == before
    runs = dict(bank.query("select run_id, count(*) from decision_log group by run_id"))
    assert runs == {"run-1": 4, "run-2": 3}


def test_what_stops_the_build(bank):
    """Ties of versions, two currencies, sentences that are missing, and offers without a condition."""
    last = max(row["valid_from"] for row in bad_versions())
    bank.load(customer_versions=bad_versions(), card_payments=[*entries(), entries()[0] | {"currency": "CHF"}])
    bank.query("delete from decline_texts where code = 'unknown_age' and language = 'fr'")
    tests = ["test", "--select", "the_bank_s_tables_are_usable", "every_offer_is_under_a_condition"]
    result = bank.dbt(*tests)
    assert result.returncode == 1
    assert f"'k1' of bank_problems: it has 2 rows in customer_versions with valid_from {last}" in result.text
    assert "'CHF' of bank_problems: card_payments has amounts in CHF and in EUR" in result.text
    assert "'unknown_age' of bank_problems: decline_texts must have one row of it in the language 'fr'" in result.text
    assert "1 items of fintech_items are under no condition, so everybody would be shown them: o1. " in result.text
    assert "Give each a row in the table that kindred__tables, eligibility points at" in result.text
    # Without a table of conditions no item is under one.
    bank.query("delete from item_conditions")
    result = bank.dbt(*tests[:2], tests[3])
    assert result.returncode == 1
    assert "2 items of fintech_items are under no condition, so everybody would be shown them: o1, o2. " in result.text
    assert "Name the table that says who may be shown what: kindred__tables: {eligibility: ...}" in result.text


def bad_versions():
    return [version("k1", age, datetime(2025, 1, 1)) for age in (40, 41)] + [version("k2", 30, datetime(2024, 1, 1))]


def test_what_stops_the_build_comes_before_the_release(bank):
    """dbt runs a test before what comes after all that it reads."""
    manifest = json.loads((bank.paths["target"] / "manifest.json").read_text(encoding="utf-8"))
    before, left = set(), ["model.kindred.releases"]
    while left:
        new = set(manifest["parent_map"].get(left.pop(), [])) - before
        before |= new
        left += new
    for name in ("the_bank_s_tables_are_usable", "every_offer_is_under_a_condition"):
        [test] = [node for node in manifest["nodes"] if node.startswith(f"test.fintech.{name}")]
        assert set(manifest["nodes"][test]["depends_on"]["nodes"]) <= before


def cut(table, moment):
    """A raw table as it was before a moment."""
    if "closed_at" in table.column_names:
        closed = table["closed_at"]
        ended = pc.if_else(pc.less(closed, moment), closed, pa.scalar(None, closed.type))
        table = table.set_column(table.column_names.index("closed_at"), "closed_at", ended)
    times = {"valid_from", "opened_at", "answered_at", "happened_at", "paid_at"} & set(table.column_names)
    for column in times:
        table = table.filter(pc.less(table[column], moment))
    return table


@pytest.mark.slow
def test_a_replay_decides_as_the_build_of_that_day(tmp_path):
    """The keys of a replay on today's tables are those of a build on the tables as they were; and the gate holds."""
    from recipes.fintech.world import REPLAYED

    tables = run.load("fintech").make_world().tables
    bank = Bank(tmp_path)
    build = ["build", "--exclude-resource-type", "unit_test", "test", "--select", "+decision_log"]
    bank.load(**tables)
    result = bank.dbt(*build, kindred__as_of=f"{REPLAYED:%Y-%m-%d}")
    assert result.returncode == 0, result.output
    bank.load(**{name: cut(table, REPLAYED) for name, table in tables.items()})
    result = bank.dbt(*build, "+publish_gates")
    assert result.returncode == 0, result.output
    keys = "select as_of, customer_id, audit_key from {}.decision_log order by customer_id"
    then, replayed = bank.query(keys.format("main")), bank.query(keys.format("main_replay"))
    assert {row[0] for row in then} == {REPLAYED} and len(then) > 300
    other = [row[1] for row, again in zip(then, replayed, strict=True) if row != again]
    assert not other, f"{len(other)} of {len(then)} customers are decided otherwise, such as {other[:5]}"

    gate = "select is_passed from publish_gates where gate = 'fairness' order by evaluated_at desc limit 1"
    assert bank.query(gate) == [(True,)]
    # The conditions ask for ages: with age bands protected lists are held back.
    select = ["--select", "group_fairness", "publish_gates", "--exclude-resource-type", "unit_test"]
    result = bank.dbt("build", *select, kindred__privacy={"protected_fields": ["sex", "age_band"]})
    assert result.returncode == 1
    assert bank.query(gate) == [(False,)]
    assert "from 73" in result.text
