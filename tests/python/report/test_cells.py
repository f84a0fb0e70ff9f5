"""What is left out because it is about few people, and because the rest would tell it."""

import pytest

from kindred.report.cells import keep, keep_steps


def rows(**counts):
    return [{"name": name, "n": n} for name, n in counts.items()]


def names(cells):
    return [row["name"] for row in cells.rows]


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        ({"a": 20, "b": 19, "c": None}, "a"),
        # One part alone is small: the total less the others would be it.
        ({"a": 50, "b": 19, "c": 40}, "a"),
        # Two small parts can't be told apart.
        ({"a": 50, "b": 19, "c": 3}, "a"),
        ({"a": 50, "b": 20, "c": 40}, "abc"),
        ({"b": 19}, ""),
    ],
)
def test_parts_of_a_total(counts, kept):
    cells = keep(rows(**counts), ["n"], 20, lambda row: "all")
    assert names(cells) == list(kept)
    assert cells.n_left_out == len(counts) - len(kept)


def test_rows_that_are_no_parts():
    assert names(keep(rows(a=50, b=19, c=40), ["n"], 20)) == ["a", "c"]
    of = {"a": None, "b": "x", "c": "x", "d": "y"}
    assert names(keep(rows(a=50, b=19, c=40, d=30), ["n"], 20, lambda row: of[row["name"]])) == ["a", "d"]


def test_every_count_must_reach_it():
    both = [{"name": "a", "n": 20, "n_control": 19}, {"name": "b", "n": 20, "n_control": 20}]
    assert names(keep(both, ["n", "n_control"], 20)) == ["b"]


def test_steps_of_a_sum():
    """Days of which the newest is kept, and before it those that differ by enough people from the next one kept."""
    days = rows(a=15, b=30, c=31, d=49, e=70, f=71, g=90)
    assert names(keep_steps(days, ["n"], 20)) == ["d", "e", "g"]
    assert keep_steps(days, ["n"], 20).n_left_out == 4
    assert names(keep_steps(rows(a=3, b=19), ["n"], 20)) == []
