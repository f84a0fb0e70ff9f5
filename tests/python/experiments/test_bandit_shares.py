"""The Python model bandit_shares: what waits, what follows results, what is frozen."""

import duckdb
import pytest
from conftest import REPOSITORY, run_model

from kindred.experiments import bandits, shares

BANDIT = {
    "experiment_id": "e",
    "allocation": "thompson",
    "unit": "user",
    "forgetting": 1.0,
    "statistic": "mean",
    "numerator": "people",
    "higher_is_better": True,
    "frozen_by": None,
}
TYPES = {
    "bandits": "experiment_id varchar, allocation varchar, unit varchar, forgetting double, statistic varchar, "
    "numerator varchar, higher_is_better boolean, frozen_by varchar",
    "context_arms": "experiment_id varchar, context varchar, arm varchar, position bigint, share double, "
    "previous_share double",
    "bandit_rewards": "experiment_id varchar, context varchar, arm varchar, age_days bigint, n_people bigint, "
    "reward double, reward_squared double, denominator double, denominator_squared double, reward_denominator double",
}


def arms(*rows, experiment="e", context=""):
    """Rows of context_arms: (arm, share, share of the build before)."""
    return [(experiment, context, arm, i + 1, share, previous) for i, (arm, share, previous) in enumerate(rows)]


def rewards(*rows, experiment="e", context=""):
    """Rows of bandit_rewards of shares of people: (arm, age, people, who did it)."""
    return [(experiment, context, arm, age, n, y, y, n, n, y) for arm, age, n, y in rows]


def run(given, context_arms, bandit_rewards):
    connection = duckdb.connect()
    tables = {"bandits": [tuple(row.values()) for row in given]}
    tables |= {"context_arms": context_arms, "bandit_rewards": bandit_rewards}
    for name, rows in tables.items():
        connection.execute(f"create table {name} ({TYPES[name]})")
        if rows:
            connection.executemany(f"insert into {name} values ({', '.join('?' * len(rows[0]))})", rows)
    run_model(connection, "bandit_shares", {})
    return connection.table("bandit_shares").to_arrow_table().to_pylist()


def by_arm(rows, context="", column="share"):
    return {row["arm"]: row[column] for row in rows if row["context"] == context}


DECLARED = arms(("a", 0.6, 0.3), ("b", 0.4, 0.7), ("shadow", 0.0, 0.0))
ENOUGH = rewards(("a", 0, 1000, 50), ("b", 0, 1000, 60))


def test_no_such_experiment__an_empty_table_at_once(monkeypatch):
    monkeypatch.setattr(bandits, "experiment_rows", None)
    assert run([], DECLARED, ENOUGH) == []


def test_shares_follow_results():
    rows = run([BANDIT], DECLARED, ENOUGH)
    best = shares.beta_p_best([51, 61], [951, 941])[0]
    assert by_arm(rows) == pytest.approx({"a": 0.02 + 0.96 * best[0], "b": 0.02 + 0.96 * best[1], "shadow": 0})
    assert by_arm(rows, column="p_best") == {"a": pytest.approx(best[0]), "b": pytest.approx(best[1]), "shadow": None}
    told = rows[1]
    assert (told["n_people"], told["reward"], told["reason"], told["is_frozen"]) == (1000, 0.06, "learned", False)
    assert told["posterior_mean"] == pytest.approx(61 / 1002)
    assert rows == run([BANDIT], DECLARED[::-1], ENOUGH[::-1])


def test_shares_are_as_declared_until_every_arm_has_enough_people():
    rows = run([BANDIT], DECLARED, rewards(("a", 0, 5000, 50), ("b", 0, 99, 60)))
    assert by_arm(rows) == {"a": 0.6, "b": 0.4, "shadow": 0}
    assert {row["reason"] for row in rows} == {"too_few_people"}
    assert by_arm(rows, column="n_people") == {"a": 5000, "b": 99, "shadow": 0}
    assert by_arm(run([BANDIT], DECLARED, [])) == {"a": 0.6, "b": 0.4, "shadow": 0}


def test_a_failed_check_freezes_the_shares_of_the_build_before():
    frozen = BANDIT | {"frozen_by": "srm"}
    rows = run([frozen], DECLARED, ENOUGH)
    assert by_arm(rows) == {"a": 0.3, "b": 0.7, "shadow": 0}
    assert {(row["reason"], row["is_frozen"]) for row in rows} == {("frozen_srm", True)}
    # What is believed is told all the same.
    assert by_arm(rows, column="p_best")["b"] > 0.8
    # An arm that the build before didn't have: as declared.
    other = arms(("a", 0.6, 0.3), ("b", 0.2, 0.7), ("new", 0.2, None))
    assert by_arm(run([frozen], other, ENOUGH)) == {"a": 0.6, "b": 0.2, "new": 0.2}


def test_forgetting():
    """b was better before, a is now."""
    given = rewards(("a", 30, 2000, 100), ("b", 30, 2000, 160), ("a", 0, 1000, 70), ("b", 0, 1000, 50))
    assert by_arm(run([BANDIT], DECLARED, given))["b"] > 0.9
    assert by_arm(run([BANDIT | {"forgetting": 0.9}], DECLARED, given))["a"] > 0.9


def test_periods_of_uneven_shares():
    """Of all its people a looks better: it had them on the good day."""
    given = rewards(("a", 1, 100, 8), ("b", 1, 900, 90), ("a", 0, 900, 342), ("b", 0, 100, 40))
    assert by_arm(run([BANDIT], DECLARED, given))["b"] > 0.7


def test_lower_is_better_and_means():
    # (people, sum, squares) of two arms
    given = [("e", "", arm, 0, 500, y, yy, 500, 500, y) for arm, y, yy in (("a", 1000, 4000), ("b", 1100, 4500))]
    money = BANDIT | {"numerator": "value"}
    rows = run([money], DECLARED, given)
    assert by_arm(rows)["b"] > 0.9 and by_arm(rows, column="reward")["b"] == 2.2
    assert by_arm(run([money | {"higher_is_better": False}], DECLARED, given))["a"] > 0.9
    assert by_arm(run([BANDIT | {"higher_is_better": False}], DECLARED, ENOUGH))["a"] > 0.8


def test_contexts_with_other_arms():
    """b may not be shown in one context, and a alone in another gets everybody."""
    given = [
        *arms(("a", 0.5, None), ("b", 0.25, None), ("c", 0.25, None)),
        *arms(("a", 0.5, None), ("b", 0.0, None), ("c", 0.5, None), context="segment=|activity=hot"),
        *arms(("a", 0.0, None), ("b", 0.0, None), ("c", 0.0, None), context="segment=|activity=cold"),
    ]
    rows = run([BANDIT], given, rewards(("a", 0, 1000, 50), ("b", 0, 1000, 60), ("c", 0, 1000, 55)))
    assert sum(by_arm(rows).values()) == pytest.approx(1) and min(by_arm(rows).values()) > 0.02
    hot = by_arm(rows, "segment=|activity=hot")
    best = shares.beta_p_best([51, 56], [951, 946])[0]
    assert hot == pytest.approx({"a": 0.02 + 0.96 * best[0], "b": 0, "c": 0.02 + 0.96 * best[1]})
    assert by_arm(rows, "segment=|activity=cold") == {"a": 0, "b": 0, "c": 0}
    assert set(by_arm(rows, "segment=|activity=cold", "reason").values()) == {"no_arms"}


CONTEXTS = [
    "segment=DE|activity=hot",
    "segment=DE|activity=cold",
    "segment=FR|activity=hot",
    "segment=FR|activity=cold",
]


def test_contextual():
    """DE likes b, FR a; who is unknown gets the shares of the average person."""
    given = [row for context in ["", *CONTEXTS] for row in arms(("a", 0.5, None), ("b", 0.5, None), context=context)]
    seen = []
    for context in CONTEXTS:
        a, b = (50, 80) if "DE" in context else (80, 50)
        seen += rewards(("a", 0, 1000, a), ("b", 0, 1000, b), context=context)
    # A context that nobody is in any more.
    seen += rewards(("a", 0, 1000, 65), ("b", 0, 1000, 65), context="segment=a|b|activity=warm")
    rows = run([BANDIT | {"allocation": "contextual"}], given, seen)
    for context in CONTEXTS:
        better = "b" if "DE" in context else "a"
        assert by_arm(rows, context)[better] > 0.95
        assert by_arm(rows, context, "n_people") == {"a": 1000, "b": 1000}
    assert by_arm(rows)["a"] == pytest.approx(0.5, abs=0.05)
    assert by_arm(rows, column="n_people") == {"a": 5000, "b": 5000}
    assert {row["context"] for row in rows} == {"", *CONTEXTS}


def test_a_context_is_read_as_it_is_written():
    assert bandits.split_context("segment=a|activity=b|activity=hot") == ("a|activity=b", "hot")
    assert bandits.split_context("segment=|activity=cold") == ("", "cold")
    assert bandits.split_context("") == ("", "")


def test_the_least_share_is_the_same_in_sql():
    text = (REPOSITORY / "macros/sql/unit_key.sql").read_text(encoding="utf-8")
    assert f"return('{shares.FLOOR}e0')" in text
