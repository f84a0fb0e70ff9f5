"""Exposures as they come: what counts, what doesn't and is told, and units that are items or people with items."""

import duckdb
import hillstrom
import numpy as np
import pytest
from conftest import Shop
from hillstrom import TABLES, arm, experiment, metric, rows_of

# Whole shops are built.
pytestmark = pytest.mark.slow

DAY = "2026-03-{:02} 10:00:00"
BUILD = hillstrom.BUILD
SIZE = 150  # people of an arm


class World:
    """Events of many experiments in one shop: building one costs ten seconds."""

    def __init__(self):
        self.events, self.experiments, self.arms, self.users = [], [], [], []

    def happen(self, user, event_type, day, **given):
        row = {"event_id": f"e{len(self.events)}", "user_id": user, "anonymous_id": None, "event_type": event_type}
        row |= {"item_id": None if event_type == "exposure" else "thing", "occurred_at": DAY.format(day)}
        row |= {"value": None, "order_id": None, "properties": None}
        self.events.append(row | given)

    def show(self, user, name, shown, day=10, **given):
        properties = f'{{"experiment": "{name}", "arm": "{shown}"}}'
        self.happen(user, "exposure", day, **({"properties": properties} | given))

    def declare(self, name, shares=(("control", 0.5), ("b", 0.5)), **given):
        self.experiments.append(experiment(experiment_id=name, metric="buyers", layer=name, **given))
        self.arms += [arm(one, share, name) for one, share in shares]
        return name

    def expose(self, name, size=SIZE, prefix=None, arms=("control", "b"), day=10):
        for place, one in enumerate(arms):
            for number in range(size):
                self.show(f"{prefix or name}-{place}-{number}", name, one, day)
        return name


METRICS = [
    metric("buyers", "people", is_guardrail="false"),
    metric("spend", "value"),
    metric("spend_after", "value", window_days="2"),
    metric("refunds", "value", "return", higher_is_better="false"),
    metric("watched", "events", "watch"),
    metric("anything", "events", None, window_days=None, covariate_days="5"),
    metric("late", "events", "view", window_days="400"),
]
BAD_METRICS = [
    ({"statistic": "median"}, "statistic is 'median'"),
    ({"numerator": "clicked"}, "numerator is 'clicked'"),
    ({"statistic": "ratio"}, "denominator is ''"),
    ({"denominator": "events"}, "only a ratio has a denominator"),
    ({"statistic": "ratio", "denominator": "impressions"}, "clicks and impressions are those of lists"),
    ({"numerator": "clicks"}, "leave event_type empty"),
    ({"event_type": "stare"}, "event_type is 'stare'"),
    ({"window_days": "0.5"}, "window_days must be"),
    ({"window_days": "soon"}, "window_days must be"),
    ({"covariate_days": "-1"}, "covariate_days must be"),
    ({"winsorize_at": "99.9"}, "winsorize_at must be"),
    ({"statistic": "quantile"}, "quantile says which"),
    ({"quantile": "0.5"}, "only the statistic quantile"),
    ({"is_guardrail": "perhaps"}, "is_guardrail is 'perhaps'"),
    ({"higher_is_better": "x"}, "higher_is_better is 'x'"),
    ({"metric": "a|b"}, "its name has a |"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    world = World()
    world.happen("last", "view", 31)
    # Of every kind of exposure that counts for nothing.
    world.declare("e", starts_at=DAY.format(5), ends_at=DAY.format(20))
    world.expose("e")
    world.declare("shadowed", (("control", 0.5), ("b", 0.5), ("shadow", 0.0)))
    world.show("x1", "e", "c")
    world.show("x2", "unheard", "b")
    world.show("x3", "shadowed", "shadow")
    world.show("x4", "e", "b", 4)
    world.show("x5", "e", "b", 21)
    world.show("x6", "e", "b", properties="{broken")
    world.show("x7", "e", "b", properties=None)
    world.declare("items", unit="item")
    world.show("x8", "items", "b")
    # Sent twice with one id, and shown again: one exposure each.
    world.show("e-0-0", "e", "control", event_id="twice")
    world.show("e-0-0", "e", "control", event_id="twice")
    world.show("e-0-1", "e", "control", 11)
    # Only what happens after the exposure counts, and within the window; the window of a late exposure is open.
    world.happen("e-1-0", "purchase", 9, value=10.0)
    world.happen("e-1-0", "purchase", 10, value=5.0)
    world.happen("e-1-0", "purchase", 11, value=7.0)
    world.happen("e-1-1", "purchase", 13, value=1.0)
    world.happen("e-0-2", "purchase", 12, value=float("nan"))
    for number in range(SIZE):
        world.happen(f"e-0-{number}", "return", 12, value=3.0)
        world.happen(f"e-1-{number}", "return", 12, value=3.0)
    # Two of 300 people cross; of another experiment six do, one of them under two ids.
    world.declare("crossed")
    world.expose("crossed")
    for number in range(6):
        world.show(f"crossed-0-{number}", "crossed", "b", 12)
    world.declare("two_ids")
    world.expose("two_ids")
    for number in range(6):
        world.show(None, "two_ids", "b", 9, anonymous_id=f"phone{number}")
        world.happen(f"two_ids-0-{number}", "view", 12, anonymous_id=f"phone{number}")
    # An arm that nobody sees, one with too few, and one that gets half of what it should.
    world.declare("empty")
    world.expose("empty", arms=("control",))
    world.declare("few")
    world.expose("few", size=40)
    world.declare("broken")
    world.expose("broken", size=400)
    for number in range(100):
        world.show(f"more{number}", "broken", "control")
    # A test with fixed stopping that looks decided before its end.
    world.declare("fixed", stopping="fixed", planned_people="1000")
    world.expose("fixed")
    for number in range(60):
        world.happen(f"fixed-1-{number}", "purchase", 12, value=2.0)
        world.happen(f"fixed-0-{number % 25}", "purchase", 12, value=2.0)
    world.declare("endless", stopping="fixed")
    world.expose("endless", prefix="fixed")
    # Not begun: planned from who came in 28 days.
    world.declare("future", starts_at="2027-01-01")
    broken = [metric("m", "value") | {"metric": f"bad{n}"} | given for n, (given, _text) in enumerate(BAD_METRICS)]
    shop = Shop(tmp_path_factory.mktemp("exposures"))
    for number in range(SIZE):
        world.users.append({"user_id": f"silent{number}"})
    shop.load(
        events=world.events,
        users=world.users,
        experiments=rows_of(world.experiments),
        experiment_arms=rows_of(world.arms),
        experiment_metrics=rows_of(METRICS + broken),
    )
    return shop.build(*BUILD, tables=TABLES)


def test_what_counts_for_nothing_is_told(shop):
    found = shop.query("select experiment_id, problem, n_exposures from exposure_problems order by all")
    assert found == [
        ("", "names_no_experiment", 2),
        ("e", "after_the_end", 1),
        ("e", "before_the_start", 1),
        ("e", "unknown_arm", 1),
        ("items", "names_no_item", 1),
        ("shadowed", "arm_without_share", 1),
        ("unheard", "unknown_experiment", 1),
    ]
    assert shop.value("select count(*) from exposure_problems where explanation is null") == 0
    assert "'c'" in shop.value("select explanation from exposure_problems where problem = 'unknown_arm'")
    [(value, is_passed)] = shop.query(
        "select value, is_passed from experiment_checks where experiment_id = 'e' and check_name = 'lost_exposures'"
    )
    assert value == pytest.approx(3 / 305) and is_passed


def test_everybody_is_counted_once_and_also_who_did_nothing(shop):
    """People of whom there is nothing but an exposure are no identities, and no less exposed."""
    assert shop.value("select count(*) from exposures where experiment_id = 'e'") == 2 * SIZE
    counted = shop.query("select n_exposures from exposures where unit_id in ('e-0-0', 'e-0-1') order by unit_id")
    assert counted == [(2,), (2,)]  # twice is one event, beside the first
    assert shop.value("select count(*) from identities where identity_id like 'crossed-1-%'") == 0
    assert (
        shop.value("select n from arm_counts where experiment_id = 'crossed' and arm = 'b' and segment_by = ''") == SIZE
    )


def values(shop, name):
    """{metric: (n_control, n, control, treatment)} of an experiment, everybody, newest day."""
    rows = shop.query(f"""
        select metric, n_control, n, control, treatment from experiment_results
        where experiment_id = '{name}' and segment_by = '' and is_newest
    """)
    return {metric: tuple(row) for metric, *row in rows}


def test_outcomes_are_those_after_the_exposure_within_the_window(shop):
    found = values(shop, "e")
    assert found["spend"] == pytest.approx((SIZE, SIZE, 0, 13 / SIZE))
    assert found["buyers"] == pytest.approx((SIZE, SIZE, 1 / SIZE, 2 / SIZE))
    assert found["spend_after"] == pytest.approx((SIZE, SIZE, 0, 12 / SIZE))
    # Nobody has been exposed for 400 days.
    assert "late" not in found


def test_metrics_that_say_nothing(shop):
    """The same for everybody, never seen, and negative money: no error, no lift, and no failure."""
    notes = dict(
        shop.query("select metric, note from experiment_results where experiment_id = 'e' and segment_by = ''")
    )
    assert notes["refunds"] == notes["watched"] == "no error can be given: the metric is the same for nearly all"
    assert notes["buyers"] == "fewer than 20 people of an arm have the event: too few for a normal error"
    lifts = dict(
        shop.query("select metric, lift from experiment_results where experiment_id = 'e' and segment_by = ''")
    )
    assert lifts["spend"] is None  # the control has none


@pytest.mark.parametrize(
    ("name", "check", "value"),
    [
        ("crossed", "crossed", 6 / 300),
        ("two_ids", "crossed", 6 / 300),
        ("broken", "srm", None),
        ("empty", "srm", None),
        ("few", "too_few", 40),
        ("empty", "too_few", 0),
        ("fixed", "peeking", None),
    ],
)
def test_what_is_wrong_is_found(shop, name, check, value):
    [(found, is_passed, is_decisive)] = shop.query(f"""
        select value, is_passed, is_decisive from experiment_checks
        where experiment_id = '{name}' and check_name = '{check}'
    """)
    assert not is_passed
    assert is_decisive == (check in ("crossed", "srm"))
    assert value is None or found == pytest.approx(value)


def test_nothing_else_is_found(shop):
    failed = {
        tuple(row) for row in shop.query("select experiment_id, check_name from experiment_checks where not is_passed")
    }
    untouched = {("items", "too_few"), ("shadowed", "too_few"), ("future", "too_few")}
    expected = {("crossed", "crossed"), ("two_ids", "crossed"), ("broken", "srm"), ("empty", "srm")}
    expected |= {("few", "too_few"), ("empty", "too_few"), ("fixed", "peeking"), ("endless", "peeking")}
    lost = {("items", "lost_exposures"), ("shadowed", "lost_exposures")}
    segments = {row for row in failed if row[1] == "srm_segment"}
    assert segments <= {("broken", "srm_segment"), ("empty", "srm_segment")}
    assert failed - segments == expected | untouched | lost


def test_verdicts__only_where_they_may_be(shop):
    verdicts = dict(
        shop.query("""
            select experiment_id, concat(verdict, ': ', note) from experiment_results
            where metric = 'buyers' and segment_by = '' and is_newest
        """)
    )
    assert verdicts["crossed"] == "invalid: the check crossed fails, see experiment_checks"
    assert verdicts["broken"].startswith("invalid: the check srm")
    assert verdicts["few"] == "undecided: fewer than 100 people in an arm"
    assert verdicts["fixed"] == "undecided: its planned end is not reached"
    assert verdicts["endless"].startswith("undecided: a fixed test needs an end")
    assert "empty" not in verdicts
    assert {
        row[0] for row in shop.query("select is_valid from experiment_results where experiment_id = 'crossed'")
    } == {False}


def test_plans__before_the_start(shop):
    """From who came in the 28 days before the longest window; here it is longer than the data, so nobody."""
    plans = shop.query("select metric from experiment_plans where experiment_id = 'future'")
    assert plans == []
    assert shop.value("select count(*) from experiment_plans where experiment_id = 'e' and metric = 'buyers'") == 1
    assert shop.value("select count(*) from experiment_moments where arm = ''") == 0


@pytest.mark.parametrize("number", range(len(BAD_METRICS)))
def test_bad_metrics__are_set_aside_with_a_reason(shop, number):
    given, text = BAD_METRICS[number]
    name = given.get("metric", f"bad{number}")
    [(problem,)] = shop.query(f"select problem from checked_metrics where metric = '{name}'")
    assert text in problem
    assert shop.value(f"select count(*) from experiment_moments where metric = '{name}'") == 0


@pytest.fixture(scope="module")
def unit_shop(tmp_path_factory):
    """Purchases by chance of people with items, in experiments whose units are both, or items."""
    random, world = np.random.default_rng(7), World()
    world.happen("last", "view", 31)
    world.declare("pairs", unit="user_item")
    world.declare("goods", unit="item")
    arms, rows = ("control", "b"), []
    for user in range(260):
        for item in random.choice(12, size=random.integers(1, 6), replace=False):
            place = int(random.integers(2))
            world.show(f"u{user}", "pairs", arms[place], 10, item_id=f"i{item}")
            amount = round(float(random.gamma(1, 5)), 2) if random.random() < 0.5 else 0.0
            rows.append((user, place, amount))
            if amount:
                world.happen(f"u{user}", "purchase", 12, value=amount, item_id=f"i{item}")
                world.happen(f"u{user}", "purchase", 12, value=100.0, item_id="other")
    goods = []
    for item in range(240):
        place, amount = item % 2, round(float(random.gamma(1, 5)), 2)
        for user in range(3):
            world.show(f"u{user}", "goods", arms[place], 10 + user, item_id=f"g{item}")
        world.happen(f"u{item % 7}", "purchase", 11, value=amount, item_id=f"g{item}")
        goods.append((place, amount))
    shop = Shop(tmp_path_factory.mktemp("units"))
    shop.load(
        events=world.events,
        experiments=rows_of(world.experiments),
        experiment_arms=rows_of(world.arms),
        experiment_metrics=rows_of(METRICS),
    )
    shop.pairs, shop.goods = rows, goods
    return shop.build(*BUILD, tables=TABLES)


def result(shop, name, metric="spend"):
    with duckdb.connect(shop.database, read_only=True) as connection:
        [row] = connection.execute(f"""
            select * from experiment_results
            where experiment_id = '{name}' and metric = '{metric}' and segment_by = '' and is_newest
        """).df().to_dict("records")  # fmt: skip
    return row


def test_units_of_people_and_items__are_clustered_by_person(unit_shop):
    """Means per pair, errors of the ratio of sums over people; what is bought of other items doesn't count."""
    found, squares = result(unit_shop, "pairs"), 0
    for place, column in enumerate(("control", "treatment")):
        people = {}
        for user, of_place, amount in unit_shop.pairs:
            if of_place == place:
                people.setdefault(user, []).append(amount)
        y = np.array([sum(amounts) for amounts in people.values()])
        d = np.array([len(amounts) for amounts in people.values()])
        ratio = y.sum() / d.sum()
        assert found[column] == pytest.approx(ratio, rel=1e-9)
        squares += np.var(y - ratio * d, ddof=1) / d.mean() ** 2 / len(y)
        assert found["n" if place else "n_control"] == len(people)
    assert found["standard_error"] == pytest.approx(np.sqrt(squares), rel=1e-9)


def test_units_of_items(unit_shop):
    found = result(unit_shop, "goods")
    control, treated = (np.array([amount for of, amount in unit_shop.goods if of == place]) for place in (0, 1))
    assert (found["n_control"], found["n"]) == (120, 120)
    assert found["effect"] == pytest.approx(treated.mean() - control.mean(), rel=1e-9)
    error = np.sqrt(treated.var(ddof=1) / 120 + control.var(ddof=1) / 120)
    assert found["standard_error"] == pytest.approx(error, rel=1e-9)
