"""Foreign logs for the tests of policy_values, and how they are built."""

import hashlib

# What stands between a foreign log and its values, and nothing else: the tables that it reads are made by hand.
MODELS = [
    *("foreign_log", "foreign_policies"),
    *("earlier_lists", "earlier_policy_lists", "earlier_arm_shares", "shown_lists", "own_items", "own_places"),
    *("foreign_items", "foreign_places", "checked_foreign_places", "logged_places", "log_problems"),
    *("evaluated_places", "reward_estimates", "expected_rewards", "valued_people", "estimated_people"),
    *("estimated_values", "policy_values"),
]


def value_shop(shop):
    """An empty shop with the tables that rooms above leave to the models of off-policy evaluation."""
    shop.run("""
        create table if not exists list_outcomes (
            list_id varchar, user_id varchar, item_id varchar, kind varchar, n_clicks bigint, shown_at timestamp
        );
        create table if not exists forgotten_ids (id_hash varchar);
        create table if not exists forgotten_key (hash_key varchar);
        insert into forgotten_key values ('key');
    """)
    return shop


def values(shop, **settings):
    """Build policy_values of raw.foreign_log (and raw.foreign_policies); {(policy, period, kind, estimator): row}."""
    tables = {name: f"raw.{name}" for name in ("foreign_log", "foreign_policies") if name in shop.tables}
    shop.build("--select", *MODELS, tables=tables, **settings)
    return read_values(shop)


def read_values(shop):
    columns = shop.column("select column_name from information_schema.columns where table_name = 'policy_values'")
    rows = [
        dict(zip(columns, row, strict=True)) for row in shop.query(f"select {', '.join(columns)} from policy_values")
    ]
    return {(row["policy"], row["period"], row["kind"], row["estimator"]): row for row in rows}


def person_in(half, number):
    """The number-th id of a person of half a or b."""
    found = (f"{half}{number}-{step}" for step in range(1000))
    return next(name for name in found if ("a" if hashlib.md5(name.encode()).hexdigest() < "8" else "b") == half)
