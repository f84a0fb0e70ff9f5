"""Who is in which arm of which experiment: a hash, the same in SQL (macro unit_key), here and on devices."""

from __future__ import annotations

import calendar
import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, cast

HOLDOUT = "holdout"


class Assignment(TypedDict):
    """The arm of a unit. share: the probability with which units of this context get it, the propensity.

    policy, value, min_price and max_price are what the experiment declares of the arm, None where it declares nothing.
    """

    kind: str
    arm: str
    is_control: bool
    policy: str | None
    value: str | None
    min_price: float | None
    max_price: float | None
    context: str
    share: float
    key: str


def unit_key(text: str) -> str:
    """The key of a unit in an experiment or a layer; keys are compared as text."""
    return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:8]


def moment(text: str | None, otherwise: float) -> float:
    """Seconds since 1970 of a time in UTC, written as 2026-12-01 00:00:00."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S")) if text else otherwise


@dataclass
class Experiment:
    """An experiment; arms: {context: [(from_key, to_key, what is said of the arm), ...]}."""

    experiment_id: str
    unit: str
    is_holdout: bool
    prefix: str
    layer_prefix: str | None
    layer_from_key: str
    layer_to_key: str
    starts_at: float
    ends_at: float
    arms: dict[str, list[tuple[str, str, dict[str, Any]]]] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Experiment:
        is_holdout = row["kind"] == HOLDOUT
        is_everything = row["layer_from_key"] == "00000000" and row["layer_to_key"] == "g"
        return cls(
            row["experiment_id"],
            row["unit"],
            is_holdout,
            f"{HOLDOUT if is_holdout else row['experiment_id']}|{row['salt']}|",
            None if is_everything else f"layer|{row['layer']}|",
            row["layer_from_key"],
            row["layer_to_key"],
            moment(row["starts_at"], float("-inf")),
            moment(row["ends_at"], float("inf")),
        )

    def assign(self, unit: str, context: str, now: float) -> Assignment | None:
        """The arm of a unit; None where the experiment doesn't run, or its part of the layer hasn't the unit."""
        if not self.starts_at <= now < self.ends_at:
            return None
        if self.layer_prefix and not self.layer_from_key <= unit_key(self.layer_prefix + unit) < self.layer_to_key:
            return None
        key = unit_key(self.prefix + unit)
        # In a context that it has no shares of, those for everybody count.
        for from_key, to_key, arm in self.arms.get(context) or self.arms.get("") or ():
            if from_key <= key < to_key:
                return cast(Assignment, {**arm, "key": key})
        return None


class Arms:
    """The experiments of a release, from the rows of its table `arms`."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]):
        found: dict[str, Experiment] = {}
        for row in rows:
            experiment = found.setdefault(row["experiment_id"], Experiment.of(row))
            arm = {name: row[name] for name in Assignment.__annotations__ if name != "key"}
            arm["is_control"] = bool(arm["is_control"])
            experiment.arms.setdefault(row["context"], []).append((row["from_key"], row["to_key"], arm))
        # Holdouts come first, one after the other.
        self.holdouts = [found[name] for name in sorted(found) if found[name].is_holdout]
        self.others = [found[name] for name in sorted(found) if not found[name].is_holdout]

    def held_out(self, user_id: str, now: float) -> dict[str, Assignment]:
        """The person's arms in the holdouts. The last one is the control where the person is held out."""
        assigned: dict[str, Assignment] = {}
        for holdout in self.holdouts:
            arm = holdout.assign(user_id, "", now)
            if arm:
                assigned[holdout.experiment_id] = arm
                if arm["is_control"]:
                    break
        return assigned

    def is_held_out(self, user_id: str, now: float) -> bool:
        return any(arm["is_control"] for arm in self.held_out(user_id, now).values())

    def assign(
        self, user_id: str | None, item_id: str | None, context: str, now: float, experiment_id: str | None = None
    ) -> dict[str, Assignment]:
        """{experiment_id: the arm} of the experiments that the person, the item or the two of them are in."""
        assigned = self.held_out(user_id, now) if user_id and self.holdouts else {}
        if not any(arm["is_control"] for arm in assigned.values()):
            units = {"user": user_id, "item": item_id}
            units["user_item"] = f"{user_id}|{item_id}" if user_id and item_id else None
            for experiment in self.others:
                unit = units[experiment.unit]
                if unit and experiment_id in (None, experiment.experiment_id):
                    arm = experiment.assign(unit, context, now)
                    if arm:
                        assigned[experiment.experiment_id] = arm
        if experiment_id is not None:
            assigned = {name: arm for name, arm in assigned.items() if name == experiment_id}
        return assigned
