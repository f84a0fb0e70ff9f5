"""Prices of arms: rounding, bounds, the margin floor and shares, on catalogues drawn by chance."""

from decimal import Decimal

import duckdb
import pytest
from conftest import EXPERIMENTS, run_dbt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Whole shops are built.
pytestmark = pytest.mark.slow

MODELS = ["eligible_item_arms", "item_arms"]
FLOOR = 0.15
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def query(tmp_path_factory):
    """The model's SQL over tables of the names of its inputs."""
    folder = tmp_path_factory.mktemp("prices")
    result = run_dbt(
        *("compile", "--select", *MODELS),
        target=folder / "target",
        database=folder / "none.duckdb",
        settings={"kindred__experiments": {"margin_floor": FLOOR}, "kindred__tables": EXPERIMENTS},
    )
    assert result.returncode == 0, result.output
    compiled = {path.stem: path.read_text(encoding="utf-8") for path in (folder / "target/compiled").rglob("*.sql")}
    eligible, final = (compiled[name].replace('"none"."main".', "") for name in MODELS)
    return final.replace('"eligible_item_arms"', f"({eligible})")


def decimals(low, high, places=2):
    return st.integers(int(low * 10**places), int(high * 10**places)).map(lambda n: Decimal(n) / 10**places)


arms = st.lists(
    st.fixed_dictionaries(
        {
            "factor": st.one_of(st.just(Decimal(1)), decimals(0.3, 2)),
            "share": st.integers(0, 5),
            "step": st.sampled_from([Decimal(text) for text in ("0.01", "0.05", "0.1", "0.5", "1", "5")]),
            "low": st.none() | decimals(0, 40),
            "high": st.none() | decimals(0, 80),
        }
    ),
    min_size=2,
    max_size=5,
).filter(lambda found: sum(arm["share"] for arm in found) > 0)
items = st.lists(st.tuples(st.none() | decimals(0, 60), st.none() | decimals(-5, 50)), min_size=1, max_size=6)


def expected_price(arm, price, margin):
    """The price of an item in an arm in exact numbers, None where it isn't eligible."""
    if price is None:
        return None
    if arm["factor"] == 1:
        return price
    step = arm["step"]
    made = (price * arm["factor"] / step).to_integral_value("ROUND_HALF_UP") * step
    low = None if arm["low"] is None else (arm["low"] / step).to_integral_value("ROUND_CEILING") * step
    high = None if arm["high"] is None else (arm["high"] / step).to_integral_value("ROUND_FLOOR") * step
    if low is not None and high is not None and low > high:
        return None
    made = made if low is None else max(made, low)
    made = made if high is None else min(made, high)
    if made <= 0 or (margin is None and made < price and low is None):
        return None
    if margin is not None and made < (price - margin) * (1 + Decimal(str(FLOOR))):
        return None
    return made


def is_tie(arm, price):
    """Whether a price lies in the middle between two steps, where floats may fall either way."""
    return price is not None and (price * arm["factor"] / arm["step"]) % 1 == Decimal("0.5")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arms=arms, items=items)
def test_prices(query, arms, items):
    total = sum(arm["share"] for arm in arms)
    connection = duckdb.connect()
    connection.execute("""
        create table checked_arms (
            experiment_id varchar, arm varchar, price_step double, category varchar, brand varchar
        );
        create table current_arms (
            experiment_id varchar, context varchar, arm varchar, kind varchar, position bigint, share double,
            value varchar, factor double, min_price double, max_price double, is_by_item boolean
        );
        create table items (
            item_id varchar, category varchar, brand varchar, price double, margin double, attributes varchar
        );
    """)
    for place, arm in enumerate(arms):
        connection.execute("insert into checked_arms values ('e', ?, ?, null, null)", [str(place), float(arm["step"])])
        bounds = [None if arm[name] is None else float(arm[name]) for name in ("low", "high")]
        row = [str(place), place, arm["share"] / total, str(arm["factor"]), float(arm["factor"]), *bounds]
        connection.execute("insert into current_arms values ('e', '', ?, 'price', ?, ?, ?, ?, ?, ?, true)", row)
    for place, (price, margin) in enumerate(items):
        row = [str(place), *(None if value is None else float(value) for value in (price, margin))]
        connection.execute("insert into items values (?, null, null, ?, ?, null)", row)
    columns = "item_id, arm, price, share, from_key, to_key"
    rows = connection.execute(f"select {columns} from ({query}) order by all").fetchall()

    by_item = {}
    for item, arm, price, share, from_key, to_key in rows:
        by_item.setdefault(int(item), {})[int(arm)] = (price, share, from_key, to_key)
    for place, (price, margin) in enumerate(items):
        found = by_item.get(place, {})
        expected = {
            k: made
            for k, arm in enumerate(arms)
            if arm["share"] > 0 and (made := expected_price(arm, price, margin)) is not None
        }
        if not any(is_tie(arm, price) for arm in arms):
            assert set(found) == (set(expected) if len(expected) > 1 else set())
        for k, (made, share, _, _) in found.items():
            arm = arms[k]
            assert share == pytest.approx(arm["share"] / sum(arms[other]["share"] for other in found))
            if arm["factor"] == 1:
                assert made == float(price)
                continue
            exact = Decimal(repr(made))
            assert exact % arm["step"] == 0
            assert arm["low"] is None or exact >= arm["low"]
            assert arm["high"] is None or exact <= arm["high"]
            assert margin is None or exact >= (price - margin) * (1 + Decimal(str(FLOOR)))
            assert exact > 0 and (margin is not None or exact >= price or arm["low"] is not None)
            if arm["low"] is None and arm["high"] is None:
                assert abs(exact - price * arm["factor"]) <= arm["step"] / 2
        if found:
            assert len(found) > 1
            assert sum(share for _, share, _, _ in found.values()) == pytest.approx(1)
            keys = [found[k][2:] for k in sorted(found)]
            assert keys[0][0] == "00000000" and keys[-1][1] == "g"
            assert all(before[1] == after[0] for before, after in zip(keys, keys[1:], strict=False))
