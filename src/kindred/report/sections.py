"""What all sections of the page are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from kindred.report.charts import text
from kindred.report.tables import Tables


@dataclass(frozen=True)
class Section:
    """A part of the page. figures: HTML; where there are none, `absent` says why in one sentence."""

    key: str
    title: str
    lede: str
    figures: Sequence[str]
    absent: str

    def html(self, number: int) -> str:
        body = "".join(self.figures) or f'<p class="card quiet">{text(self.absent, 400)}</p>'
        return (
            f'<section id="{self.key}"><h2><span>{number}</span>{text(self.title)}</h2>'
            f'<p class="lede">{text(self.lede, 400)}</p>{body}</section>'
        )


def z_of(tables: Tables) -> float:
    """Standard errors of half an interval."""
    return NormalDist().inv_cdf(1 - tables.alpha / 2)
