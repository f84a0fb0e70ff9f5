"""What policies would have earned and what interleaving found, on Snowflake's emulator as on DuckDB."""

import datetime

import numpy as np
import pytest
from conftest import NO_TESTS, Shop, run_dbt, to_variables
from foreign_logs import MODELS, simulated_log
from tracked_shop import write_snowflake

pytestmark = [pytest.mark.snowflake, pytest.mark.slow]

SCHEMA = "OFF_POLICY"
INTERLEAVING = ["interleaved_clicks", "interleaving_sums", "interleaving_results"]
TABLES = ["logged_places", "log_problems", "reward_estimates", "expected_rewards", "valued_people", "policy_values"]
TABLES += ["own_items", "own_places", "interleaved_clicks", "interleaving_sums", "interleaving_results"]
SETTINGS = to_variables(
    {"tables": {"foreign_log": "raw_policies.foreign_log", "foreign_policies": "raw_policies.foreign_policies"}}
)


def own_rows():
    """{table: rows} of what earlier builds left: an experiment of two arms, some of whose lists are interleaved."""
    draw = np.random.default_rng(8)
    lists, outcomes, policy_lists, interleaved = [], [], [], []
    for number in range(90):
        key = {"list_id": f"l{number}", "user_id": f"u{number // 2}", "run_id": f"run{number % 2}"}
        arm = "ab"[number // 2 % 2]
        for rank in range(1, 4):
            item = f"i{rank}" if arm == "a" else f"i{4 - rank}"
            shown_at = datetime.datetime(2026, 5, 28 + number % 4, 10)
            clicks = int(draw.random() < 0.3)
            lists.append(
                key
                | {"rank": rank, "item_id": item, "policy": {"a": "main", "b": "new"}[arm], "experiment_id": "e"}
                | {
                    "arm": arm,
                    "context": "",
                    "team": None if number else "A",
                    "generated_at": datetime.datetime(2026, 5, 1),
                }
            )
            outcomes.append(
                {"list_id": key["list_id"], "user_id": key["user_id"], "item_id": item, "kind": "person"}
                | {"n_clicks": clicks, "shown_at": shown_at}
            )
            if number % 3 == 0:
                team = "AB"[(rank + number) % 2] if rank > 1 else None
                interleaved.append({"experiment_id": "e", "list_id": key["list_id"], "item_id": item, "team": team})
            for policy, items in {"main": {f"i{rank}": 1.0}, "new": {f"i{4 - rank}": 0.75, "i9": 0.25}}.items():
                policy_lists += [
                    {"run_id": key["run_id"], "user_id": key["user_id"], "policy": policy, "rank": rank}
                    | {"item_id": item, "propensity": p}
                    for item, p in items.items()
                ]
    shares = [
        {"run_id": f"run{run}", "experiment_id": "e", "context": "", "arm": arm, "policy": policy, "share": share}
        for run in range(2)
        for arm, policy, share in (("a", "main", 0.7), ("b", "new", 0.3))
    ]
    return {
        "list_outcomes": outcomes, "earlier_lists": lists, "earlier_policy_lists": policy_lists,
        "earlier_arm_shares": shares, "interleaved_lists": interleaved,
        "checked_experiments": [{"experiment_id": "e", "planned_people": 300.0}],
        "forgotten_key": [{"hash_key": "key"}], "forgotten_ids": [{"id_hash": "nobody"}],
    }  # fmt: skip


def foreign_rows():
    log, policies, _places, _policy = simulated_log(n_lists=120)
    broken = [log[0] | {"list_id": "broken", "propensity": 2.0}, log[0]]
    return {"foreign_log": log + broken, "foreign_policies": policies}


def read(rows):
    """Rows in a total order, with floats apart: ([texts], [floats])."""
    texts = [[str(value) for value in row if not isinstance(value, float)] for row in rows]
    order = sorted(range(len(rows)), key=lambda place: (texts[place], str(rows[place])))
    floats = [[value for value in rows[place] if isinstance(value, float)] for place in order]
    return [texts[place] for place in order], floats


def test_same_rows(snowflake, tmp_path, monkeypatch):
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", SCHEMA)
    cursor = snowflake.cursor()
    cursor.execute(f"create or replace schema {SCHEMA}")
    own, foreign = own_rows(), foreign_rows()
    write_snowflake(snowflake, SCHEMA.lower(), own)
    write_snowflake(snowflake, "raw_policies", foreign)
    shop = Shop(tmp_path)
    shop.load(**own, **foreign)
    shop.run("create schema raw_policies")
    for name in own:
        shop.run(f"create table main.{name} as from raw.{name}")
    for name in foreign:
        shop.run(f"create table raw_policies.{name} as from raw.{name}")
    for target in ("duckdb", "snowflake"):
        result = run_dbt(
            *("build", *NO_TESTS, "--select", *MODELS, *INTERLEAVING, "--target", target),
            target=tmp_path / target,
            database=shop.database,
            settings=SETTINGS,
        )
        assert result.returncode == 0, result.output
    for table in TABLES:
        names = shop.column(
            f"select column_name from information_schema.columns where table_name = '{table}' order by 1"
        )
        select = f"select {', '.join(names)} from {{}}"
        mine, my_floats = read(shop.query(select.format(f"main.{table}")))
        other, other_floats = read(cursor.execute(select.format(f"{SCHEMA}.{table}")).fetchall())
        assert len(mine) > 0 and mine == other, table
        for one, two in zip(my_floats, other_floats, strict=True):
            np.testing.assert_allclose(two, one, rtol=1e-12, atol=1e-12, err_msg=table)
