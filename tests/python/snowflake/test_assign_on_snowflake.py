"""Assignments on Snowflake, played by an emulator (conftest.py, `snowflake`), are those of the store."""

import contextlib
import sqlite3

import pytest
from conftest import EXPERIMENTS, run_dbt
from serving_worlds import arm_of, random_world, with_holdout, write_release

from kindred.publishing.tables import TABLES
from kindred.serving import Store

pytestmark = [pytest.mark.snowflake, pytest.mark.slow]

IDS = [f"u{number:05d}" for number in range(9_900)] + [f"Zoë-{number} 😀" for number in range(100)]

PEOPLE = [
    {"segment": segment, "activity": activity}
    for segment, activity in (("DE", "hot"), ("FR", "cold"), ("", "warm"), ("DE", "warm"))
]
CONTEXTS = [f"segment={person['segment']}|activity={person['activity']}" for person in PEOPLE]


def test_assignments(snowflake, monkeypatch, tmp_path):
    """10,000 people by the model assignments; by the functions some of them, with what makes the lists of a holdout."""
    from snowflake.connector.pandas_tools import write_pandas

    pandas = pytest.importorskip("pandas")
    world = with_holdout(random_world(2))
    for row in (
        arm_of(
            "home", "a", "00000000", "80000000", kind="lists", layer="lists", layer_to_key="9999999a", policy="main"
        ),
        arm_of("home", "b", "80000000", "g", kind="lists", layer="lists", layer_to_key="9999999a", policy="bold"),
        arm_of("gift", "none", "00000000", "b3333333", is_control=True, value="0"),
        arm_of("gift", "ten", "b3333333", "g", value="10"),
        arm_of("price", "same", "00000000", "80000000", kind="price", unit="item", is_by_item=True, value="1"),
        arm_of(
            "price", "less", "80000000", "g", kind="price", unit="item", is_by_item=True, value="0.9", min_price=1.5
        ),
        arm_of("image", "one", "00000000", "55555555", kind="choice", unit="user_item"),
        arm_of("image", "two", "55555555", "g", kind="choice", unit="user_item"),
        arm_of("fits", "old", "00000000", "80000000", kind="choice", is_by_item=True),
        arm_of("fits", "new", "80000000", "g", kind="choice", is_by_item=True),
        arm_of("fits", "old", "00000000", "20000000", kind="choice", is_by_item=True, context=CONTEXTS[0]),
        arm_of("fits", "new", "20000000", "g", kind="choice", is_by_item=True, context=CONTEXTS[0]),
        # Two arms are not left in this context.
        arm_of("fits", "old", "g", "g", kind="choice", is_by_item=True, context=CONTEXTS[1], share=0.0),
    ):
        world["arms"].append(row)
    world["item_arms"] = {
        "i001": [
            ["price", "", "same", "1", 10.0, 0.5, "00000000", "80000000"],
            ["price", "", "less", "0.9", 9.05, 0.5, "80000000", "g"],
            ["fits", "", "old", "dark", None, 0.25, "00000000", "40000000"],
            ["fits", "", "new", "bright", None, 0.75, "40000000", "g"],
            ["fits", CONTEXTS[0], "new", "bright", None, 1.0, "00000000", "g"],
        ]
    }
    nothing = {"items": [], "history": [], "excluded": []}
    people = {user: PEOPLE[place % 4] for place, user in enumerate(IDS)}
    world["lists"] |= {user: dict(person) | nothing for user, person in people.items() if user not in world["lists"]}
    path = write_release(tmp_path, world)
    store = Store(tmp_path)

    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "S7")
    cursor = snowflake.cursor()
    cursor.execute("create or replace schema s7")
    cursor.execute("use schema s7")
    cursor.execute("create table s7.releases (release_id varchar, run_id varchar, published_at timestamp)")
    cursor.execute("insert into s7.releases values ('r1', 'abcd1234', '2026-01-01 00:00:00')")
    types = {"text": "varchar", "double precision": "double"}
    with contextlib.closing(sqlite3.connect(path)) as release:
        for table, kinds in TABLES.items():
            columns = ", ".join(f"{name} {types.get(kind, kind)}" for name, kind in kinds.items())
            cursor.execute(f"create table s7.published_{table} (run_id varchar, {columns})")
            frame = pandas.read_sql(f"select 'abcd1234' as run_id, * from {table}", release).astype(object)
            frame = frame.where(frame.notna(), None)
            if len(frame):
                frame = frame.map(lambda value: None if value is None else str(value))
                write_pandas(snowflake, frame.rename(columns=str.upper), f"PUBLISHED_{table.upper()}", schema="S7")
    running = [row for row in world["arms"] if row["experiment_id"] not in ("past", "future")]
    arms = pandas.DataFrame([row | {"is_running": True} for row in running]).astype(object)
    cursor.execute(
        "create table s7.current_arms (experiment_id varchar, context varchar, arm varchar, kind varchar, unit varchar,"
        " is_control boolean, share double, from_key varchar, to_key varchar, layer varchar, layer_from_key varchar,"
        " layer_to_key varchar, salt varchar, policy varchar, value varchar, is_running boolean)"
    )
    arms = arms.drop(columns=["arm_id", "is_by_item", "min_price", "max_price", "starts_at", "ends_at"])
    arms = arms.map(lambda value: None if value is None else str(value))
    write_pandas(snowflake, arms.rename(columns=str.upper), "CURRENT_ARMS", schema="S7")
    cursor.execute("create table s7.user_features (fold varchar, user_id varchar, segment varchar, activity varchar)")
    known = [
        {"USER_ID": user, "SEGMENT": one["segment"] or None, "ACTIVITY": one["activity"]}
        for user, one in people.items()
    ]
    people = pandas.DataFrame(known).assign(FOLD="live")
    write_pandas(snowflake, people, "USER_FEATURES", schema="S7")

    def dbt(*arguments):
        result = run_dbt(
            *(*arguments, "--target", "snowflake"),
            target=tmp_path / "target",
            database=tmp_path / "unused.db",
            settings={"kindred__tables": EXPERIMENTS},
        )
        assert result.returncode == 0, result.output

    dbt("run", "--select", "assignments")
    found = {}
    for user, experiment_id, arm, key in cursor.execute(
        "select user_id, experiment_id, arm, key from s7.assignments"
    ).fetchall():
        found.setdefault(user, {})[experiment_id] = (arm, key)
    for user in IDS:
        expected = {name: (arm["arm"], arm["key"]) for name, arm in store.assign(user).items()}
        assert found[user] == expected, user

    dbt("build", "--select", "assign_arms", "recommend_items", "rerank_items")
    columns = "experiment_id, kind, arm, is_control, policy, value, min_price, max_price, price, context, share, key"
    names = columns.split(", ")[1:]
    for unit, item in [("u0", None), ("phone", "i001"), ("Zoë-1 😀", "i002"), (None, "i001"), (None, None)] + [
        (user, item) for user in IDS[:20] for item in (None, "i001")
    ]:
        call = f"s7.assign_arms({text(unit)}, null, {text(item)})"
        rows = cursor.execute(f"select {columns} from table({call})").fetchall()
        assert {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows} == store.assign(unit, item_id=item), (
            unit
        )
    policies = set()
    for user in ["u0", "u1", "u2", "u3", "phone", *IDS[100:110], None]:
        call = f"s7.recommend_items({text(user)}, '[\"i001\"]', 7, " + ", ".join(["null"] * 7) + ")"
        rows = cursor.execute(f"select item_id, policy from table({call}) order by rank").fetchall()
        expected = store.recommend(user, ["i001"], n=7)
        assert rows == [(item["item_id"], expected["policy"]) for item in expected["items"]], user
        policies.add(expected["policy"])
        call = f's7.rerank_items({text(user)}, \'["i005", "i001", "i009", "i007"]\', null, null)'
        rows = cursor.execute(f"select item_id, policy from table({call}) order by rank").fetchall()
        expected = store.rerank(user, ["i005", "i001", "i009", "i007"])
        assert rows == [(item["item_id"], expected["policy"]) for item in expected["items"]], user
    assert policies == {"main", "holdout"}
    cursor.execute("use schema s1")


def text(value):
    return "null" if value is None else f"'{value}'"
