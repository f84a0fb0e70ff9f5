"""Figures as HTML and SVG that is drawn once and for all: no script, no address outside, any width, light and dark.

Everything that comes out of the warehouse passes `text`. Standard library alone.
"""

from __future__ import annotations

import datetime
import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

# Longer texts, such as titles, are cut: a report is read, not searched.
LONGEST_TEXT = 120
N_SERIES = 4


def text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """A value of the warehouse as text of a page; also safe within a quoted attribute."""
    shown = str(value)
    # Marks that turn the direction of writing or hide letters could make a page say something else.
    shown = "".join(letter if letter.isprintable() else " " for letter in shown)
    return html.escape(shown if len(shown) <= longest else f"{shown[: longest - 1]}…")


def count(value: Any, one: str = "", many: str = "") -> str:
    """A whole number with its noun; - = none."""
    if value is None:
        return "-"
    noun = one if value == 1 else many or f"{one}s"
    return f"{value:,.0f} {noun}".strip() if one else f"{value:,.0f}"


def day_of(value: Any) -> datetime.date:
    """A day as the warehouse gives it."""
    if isinstance(value, datetime.datetime):
        return value.date()
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value)[:10])


def short_day(value: Any) -> str:
    day = day_of(value)
    return f"{day.day} {day:%b}"


def number(value: Any) -> str:
    """A figure with three significant digits; - = none."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) < 1e-6:
        return f"{value:.1e}"
    # Not as 1e-05.
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    shown = f"{value:.{min(digits, 8)}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def is_known(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def figure(title: str, body: str, n: str, unit: str, note: str = "", n_left_out: int = 0, smallest: int = 0) -> str:
    """A figure with what it rests on. n: how many of what; unit: of its values. Both are told below it."""
    parts = [f"n = {n}", f"unit: {unit}"]
    if n_left_out:
        parts.append(f"left out: {count(n_left_out, 'cell')} of fewer than {smallest} people")
    told = " · ".join(text(part, 400) for part in parts)
    more = f"<br>{text(note, 500)}" if note else ""
    return f'<figure class="card"><h3>{text(title)}</h3>{body}<figcaption>{told}{more}</figcaption></figure>'


def tag(word: str, tone: str = "") -> str:
    return f'<span class="tag {tone}">{text(word)}</span>'


def grid(figures: Iterable[str], least: str = "19rem") -> str:
    """Figures side by side, where the page is wide enough."""
    found = [one for one in figures if one]
    return f'<div class="grid" style="--least:{least}">{"".join(found)}</div>' if found else ""


# Scales -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """From values to percent of a track. ticks: round values on it."""

    lower: float
    upper: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        return round(100 * (min(max(value, self.lower), self.upper) - self.lower) / (self.upper - self.lower), 2)


def make_scale(values: Iterable[Any], with_zero: bool = False, n_ticks: int = 3) -> Scale:
    """A scale that holds the values, with ends and ticks at round numbers."""
    known = [float(value) for value in values if is_known(value)]
    known += [0.0] if with_zero or not known else []
    lower, upper = min(known), max(known)
    if upper == lower:
        margin = abs(upper) * 0.1 or 1.0
        lower, upper = (0.0, upper + margin) if with_zero and upper > 0 else (lower - margin, upper + margin)
    raw = (upper - lower) / n_ticks
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(lower / step + 1e-9), math.ceil(upper / step - 1e-9)
    ticks = tuple(round(place * step, 12) for place in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks)


def tick_text(value: float, is_share: bool = False) -> str:
    if is_share:
        return f"{100 * value:.4g} %"
    if abs(value) >= 10_000:
        return f"{value / 1000:,.4g}k"
    return f"{value:,.4g}"


# Rows: intervals and bars -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mark:
    """A row of a chart. told: its figures in words; tone: better, worse, muted or ''; more: a small line below."""

    name: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    told: str = ""
    told_more: str = ""
    tone: str = ""
    more: str = ""


def rows_chart(marks: Sequence[Mark], with_zero: bool = False, is_share: bool = False, as_bars: bool = False) -> str:
    """Values with their intervals, or bars from 0, a row each on one scale."""
    values = [one for mark in marks for one in (mark.value, mark.lower, mark.upper)]
    scale = make_scale(values, with_zero or as_bars)

    def between(place: int) -> str:
        """Where there is little room, every other tick has a number, the first and the last among them."""
        is_shown = place == len(scale.ticks) - 1 if len(scale.ticks) % 2 == 0 and place else place % 2 == 0
        return "" if is_shown else ' class="between"'

    lines = "".join(
        f'<i style="left:{scale.place(tick)}%"{" class=zero" if tick == 0 else ""}></i>' for tick in scale.ticks
    )
    rows = []
    for mark in marks:
        drawn = lines
        if as_bars and is_known(mark.value):
            start, end = sorted((scale.place(0), scale.place(float(mark.value or 0))))
            drawn += f'<b class="bar {mark.tone}" style="left:{start}%;width:{round(end - start, 2)}%"></b>'
        if is_known(mark.lower) and is_known(mark.upper):
            start, end = scale.place(float(mark.lower or 0)), scale.place(float(mark.upper or 0))
            drawn += f'<b class="span {mark.tone}" style="left:{start}%;width:{round(end - start, 2)}%"></b>'
        if not as_bars and is_known(mark.value):
            drawn += f'<b class="dot {mark.tone}" style="left:{scale.place(float(mark.value or 0))}%"></b>'
        more = f"<small>{text(mark.more)}</small>" if mark.more else ""
        told_more = f"<small>{text(mark.told_more)}</small>" if mark.told_more else ""
        rows.append(
            f'<div class="row"><div class="name">{text(mark.name)}{more}</div>'
            f'<div class="track" aria-hidden="true">{drawn}</div>'
            f'<div class="told">{text(mark.told or number(mark.value))}{told_more}</div></div>'
        )
    axis = "".join(
        f'<span{between(place)} style="left:{scale.place(tick)}%">{text(tick_text(tick, is_share))}</span>'
        for place, tick in enumerate(scale.ticks)
    )
    below = f'<div class="none"></div><div class="axis" aria-hidden="true">{axis}</div><div class="none"></div>'
    return f'<div class="rows">{"".join(rows)}{below}</div>'


def interval_text(value: Any, lower: Any, upper: Any, is_share: bool = False) -> tuple[str, str]:
    """(a value, its interval) in words; the interval '' where none is known."""

    def shown(one: Any) -> str:
        return f"{100 * one:.3g} %" if is_share and is_known(one) else number(one)

    return shown(value), f"{shown(lower)} to {shown(upper)}" if is_known(lower) and is_known(upper) else ""


# Lines over days --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Series:
    """Points by rising day: (day, value, lower, upper); what is None is not drawn."""

    name: str
    points: Sequence[tuple[Any, float | None, float | None, float | None]]


def lines_chart(
    series: Sequence[Series],
    with_zero: bool = False,
    is_share: bool = False,
    max_gap_days: int = 1,
    height: str = "9rem",
) -> str:
    """Lines over days with the bands of their intervals. A gap of more than max_gap_days breaks a line."""
    series = series[:N_SERIES]
    points = [point for one in series for point in one.points]
    days = sorted({day_of(point[0]) for point in points})
    if not days:
        return ""
    scale = make_scale([value for point in points for value in point[1:]], with_zero)
    width = max((days[-1] - days[0]).days, 1)

    def across(day: Any) -> float:
        return round(1000 * (day_of(day) - days[0]).days / width, 1)

    def down(value: float) -> float:
        return round(100 - scale.place(value), 2)

    drawn = [
        f'<path class="{"zero" if tick == 0 and scale.lower < 0 else "rule"}" d="M0 {down(tick)}H1000"/>'
        for tick in scale.ticks
    ]
    for place, one in enumerate(series, start=1):
        for run in unbroken(one.points, max_gap_days):
            known = [point for point in run if is_known(point[2]) and is_known(point[3])]
            if len(known) > 1:
                upper = "L".join(f"{across(point[0])} {down(float(point[3] or 0))}" for point in known)
                lower = "L".join(f"{across(point[0])} {down(float(point[2] or 0))}" for point in known[::-1])
                drawn.append(f'<path class="band s{place}" d="M{upper}L{lower}Z"/>')
            line = "L".join(f"{across(point[0])} {down(float(point[1] or 0))}" for point in run)
            if len(run) == 1:
                drawn.append(f'<path class="point s{place}" d="M{line}h0"/>')
            else:
                drawn.append(f'<path class="s{place}" d="M{line}"/>')
    labels = "".join(
        f'<span style="top:{down(tick)}%">{text(tick_text(tick, is_share))}</span>' for tick in scale.ticks
    )
    middle = days[0] + datetime.timedelta(days=width // 2)
    below = [
        short_day(days[0]),
        *([short_day(middle)] if width > 2 else []),
        *([short_day(days[-1])] if days[1:] else []),
    ]
    legend = "".join(
        f'<span><svg viewBox="0 0 30 8" aria-hidden="true"><path class="s{place}" d="M0 4H30"/></svg>'
        f"{text(one.name)}</span>"
        for place, one in enumerate(series, start=1)
    )
    named = f'<div class="legend">{legend}</div>' if len(series) > 1 else ""
    return (
        f'{named}<div class="plot" style="--height:{height}"><svg viewBox="0 0 1000 100" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(drawn)}</svg>{labels}</div>'
        f'<div class="days">{"".join(f"<span>{day}</span>" for day in below)}</div>'
    )


def unbroken(points: Sequence[Any], max_gap_days: int) -> list[list[Any]]:
    """The points with a value, split where days are missing."""
    runs: list[list[Any]] = []
    for point in points:
        if not is_known(point[1]):
            continue
        if runs and (day_of(point[0]) - day_of(runs[-1][-1][0])).days <= max_gap_days:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


# Tables -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Html:
    """A cell that is HTML already."""

    content: str


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[int] = ()) -> str:
    """Rows under their header; on a phone a card each. numbers: places of columns that are set to the right."""

    def cell(place: int, value: Any) -> str:
        shown = value.content if isinstance(value, Html) else text(value, 300)
        kind = "th scope=row" if place == 0 else "td"
        style = ' class="number"' if place in numbers else ""
        return f'<{kind}{style} data-name="{text(header[place])}"><span>{shown}</span></{kind[:2]}>'

    head = "".join(
        f'<th scope="col"{" class=number" if place in numbers else ""}>{text(name)}</th>'
        for place, name in enumerate(header)
    )
    body = "".join(f"<tr>{''.join(cell(place, value) for place, value in enumerate(row))}</tr>" for row in rows)
    return f'<table class="wide"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def heat_table(
    corner: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[float | None]]], n_early: int = 8
) -> str:
    """Shares as numbers in percent on a ground that darkens with them; on a phone the first n_early columns."""

    def late(place: int) -> str:
        return ' class="late"' if place >= n_early else ""

    def cell(place: int, value: float | None) -> str:
        if not is_known(value) or value is None:
            return f"<td{late(place)}></td>"
        # At most 45 %, so that the ink stays readable on it.
        return f'<td{late(place)} style="--share:{min(45, round(45 * value, 1))}%">{100 * value:.0f}</td>'

    head = "".join(f"<th{late(place)}>{text(name)}</th>" for place, name in enumerate(columns))
    body = "".join(
        f"<tr><th scope=row>{text(name)}</th>{''.join(cell(place, value) for place, value in enumerate(values))}</tr>"
        for name, values in rows
    )
    return f'<table class="heat"><thead><tr><th>{text(corner)}</th>{head}</tr></thead><tbody>{body}</tbody></table>'
