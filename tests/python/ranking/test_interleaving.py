"""The team draft: by hand, against all coins there are, and fair to both sides."""

import collections
import itertools

import duckdb
import pyarrow as pa
import pytest
from conftest import run_model

from kindred.ranking.interleaving import coin, draft_person, place_chances, team_draft


def paired(first, second, user_id="u1", run_key="r"):
    return [
        {"fold": "live", "run_key": run_key, "user_id": user_id, "team": team, "rank": rank, "item_id": item}
        | {"generator": f"of_{team}", "score": 1.0 / rank}
        for team, items in (("A", first), ("B", second))
        for rank, item in enumerate(items, 1)
    ]


def test_by_hand():
    """x belongs to nobody; A picks first in the first round, B in the second, where both want d."""
    assert team_draft("xabde", "xcade", "AB") == [("x", None), ("a", "A"), ("c", "B"), ("d", "B"), ("b", "A")]
    assert team_draft("xabde", "xcade", "BA") == [("x", None), ("c", "B"), ("a", "A"), ("b", "A"), ("d", "B")]
    assert team_draft("ab", "ab", "") == [("a", None), ("b", None)]
    assert team_draft("a", "bcd", "ABA") == [("a", "A"), ("b", "B"), ("c", "B")]
    assert team_draft("", "bc", "AA") == [("b", "B"), ("c", "B")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("abcdef", "badcfe"),
        ("abcdef", "bcdefa"),
        ("xyabcd", "xyefgh"),
        ("abcde", "ebacd"),
        ("abc", "defgh"),
        ("a", "ba"),
    ],
)
def test_chances__are_those_of_all_coins(first, second):
    n_rounds = max(len(first), len(second))
    drafts = [
        [item for item, _team in team_draft(first, second, coins)] for coins in itertools.product("AB", repeat=n_rounds)
    ]
    counts = collections.Counter((place, item) for draft in drafts for place, item in enumerate(draft))
    for draft in drafts:
        expected = [counts[place, item] / len(drafts) for place, item in enumerate(draft)]
        assert place_chances(first, second, draft) == pytest.approx(expected, abs=1e-12)


def test_long_lists_have_chances_too():
    """Two lists that share every item in another order have more states than are kept."""
    first = [f"i{number:03d}" for number in range(60)]
    second = [first[number ^ 1] if number % 3 else first[-1 - number] for number in range(60)]
    second = list(dict.fromkeys([*second, *first]))[:60]
    drafted = [item for item, _team in team_draft(first, second, "AB" * 30)]
    chances = place_chances(first, second, drafted)
    assert len(chances) == 60 and all(0 < chance <= 1 + 1e-12 for chance in chances)


def test_coins__are_fair_and_not_those_of_another_round_or_run():
    people = [f"u{number}" for number in range(4000)]
    tossed = {key: [coin(key[0], person, key[1]) for person in people] for key in (("r", 1), ("r", 2), ("s", 1))}
    for coins in tossed.values():
        assert abs(coins.count("A") - 2000) < 4 * 32
    for one, other in itertools.combinations(tossed.values(), 2):
        assert abs(sum(a == b for a, b in zip(one, other, strict=True)) - 2000) < 4 * 32


def test_model():
    """People and folds apart; who picked an item says whose generator and score it has."""
    rows = paired("xab", "xba") + paired("ab", "ab", user_id="u2")
    rows += [row | {"fold": "backtest"} for row in paired("ab", "cd")]
    rows.reverse()
    with duckdb.connect() as connection:
        given = pa.Table.from_pylist(rows)  # noqa: F841, DuckDB finds it
        connection.execute("create table paired_lists as from given")
        run_model(connection, "drafted_lists", {})
        found = connection.execute("select * from drafted_lists").fetchall()
        connection.execute("delete from paired_lists")
        run_model(connection, "drafted_lists", {})
        assert connection.execute("select * from drafted_lists").fetchall() == []
    assert len(found) == 2 + 3 + 2
    mine = [row[2:6] for row in found if row[:2] == ("live", "u1")]
    leader = coin("r", "u1", 1)
    order = [("a", "A"), ("b", "B")] if leader == "A" else [("b", "B"), ("a", "A")]
    assert mine == [(1, "x", None, "of_A")] + [(n, *pick, f"of_{pick[1]}") for n, pick in enumerate(order, 2)]
    assert [row[2:5] for row in found if row[1] == "u2"] == [(1, "a", None), (2, "b", None)]
    expected = draft_person(paired("xab", "xba"))
    assert (
        [row[7] for row in found if row[:2] == ("live", "u1")]
        == [row["propensity"] for row in expected]
        == [1, 0.5, 0.5]
    )
