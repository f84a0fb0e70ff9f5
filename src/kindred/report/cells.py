"""Cells of few people are left out: how, for everything that the report and metrics.json show.

Standard library alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
# A figure about fewer people is not shown, whatever kindred__privacy says.
SMALLEST_CELL = 20


@dataclass(frozen=True)
class Cells:
    """Rows that may be shown, and how many were left out because of few people."""

    rows: list[Row] = field(default_factory=list)
    n_left_out: int = 0

    def __bool__(self) -> bool:
        return bool(self.rows)


def keep(
    rows: Sequence[Row],
    people: Sequence[str],
    smallest: int,
    parts_of: Callable[[Row], Hashable | None] | None = None,
) -> Cells:
    """The rows that rest on enough people.

    people: the columns that count them, of which each must reach `smallest`; null is none. parts_of: the total that a
    row is a part of, None for a row that is part of none. Where one part alone of a total is left out, the smallest of
    the others is left out too: the total and the others would tell it.
    """

    def least(row: Row) -> float:
        return min(row[name] or 0 for name in people)

    left_out = {place for place, row in enumerate(rows) if least(row) < smallest}
    if parts_of:
        parts: dict[Hashable, list[int]] = {}
        for place, row in enumerate(rows):
            total = parts_of(row)
            if total is not None:
                parts.setdefault(total, []).append(place)
        for places in parts.values():
            told = [place for place in places if place not in left_out]
            if told and len(places) - len(told) == 1:
                left_out.add(min(told, key=lambda place: (least(rows[place]), place)))
    return Cells([row for place, row in enumerate(rows) if place not in left_out], len(left_out))


def keep_steps(rows: Sequence[Row], people: Sequence[str], smallest: int) -> Cells:
    """Of rows that count everybody so far, by rising day, those that differ by enough people.

    Two rows that differ by few people would tell what these few did. The newest row stays where it has enough.
    """
    kept: list[Row] = []
    for row in reversed(rows):
        is_enough = all((row[name] or 0) >= smallest for name in people)
        if is_enough and all(kept[-1][name] - row[name] >= smallest for name in people if kept):
            kept.append(row)
    return Cells(kept[::-1], len(rows) - len(kept))
