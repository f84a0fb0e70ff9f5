"""A ranker of several LightGBM boosters: its margins are the mean of theirs (bagging: L. Breiman, 1996)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

# Stands between the texts of two boosters; LightGBM writes none.
BETWEEN = "\f"


class Boosters:
    """Boosters of the same features. One text holds them; that of one booster is LightGBM's own."""

    def __init__(self, boosters: Iterable[Any]) -> None:
        self.boosters = tuple(boosters)

    @classmethod
    def from_text(cls, text: str) -> Boosters:
        """What `text` gave; it is also the text of a single booster, as versions before wrote it."""
        # It takes seconds to load, with all of scipy's statistics.
        import lightgbm

        return cls([lightgbm.Booster(model_str=part) for part in text.split(BETWEEN)])

    @property
    def text(self) -> str:
        return BETWEEN.join(booster.model_to_string() for booster in self.boosters)

    @property
    def feature_names(self) -> list[str]:
        return list(self.boosters[0].feature_name())

    def margins(self, features: np.ndarray) -> np.ndarray:
        """(n_rows,), in units of log odds."""
        return self._mean(features)

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """(n_rows, n_features + 1): what each feature adds to a margin, the last one the base of all."""
        return self._mean(features, pred_contrib=True)

    def _mean(self, features: np.ndarray, **options: Any) -> np.ndarray:
        of_each = [booster.predict(features, num_threads=1, **options) for booster in self.boosters]
        return np.asarray(np.mean(of_each, axis=0))
