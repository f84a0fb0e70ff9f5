"""Who is in which arm of which experiment: a hash, the same in SQL (macro unit_key), here and on devices."""

from __future__ import annotations

import calendar
import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict, cast

HOLDOUT = "holdout"
# (from_key, to_key, what is said of the arm), by key.
Ranges = list[tuple[str, str, dict[str, Any]]]
# Entries of `item_arms` in a release: experiment_id, context, arm, value, price, share, from_key, to_key.
ItemArms = Sequence[Sequence[Any]]


class Assignment(TypedDict):
    """The arm of a unit. share: the probability with which units of this context get it, the propensity.

    policy, value, min_price and max_price are what the experiment declares of the arm, None where it declares nothing.
    price: what the item that was asked for costs in the arm, in the currency of the inputs; None for other kinds, and
    where no item was asked for.
    """

    kind: str
    arm: str
    is_control: bool
    policy: str | None
    value: str | None
    min_price: float | None
    max_price: float | None
    price: float | None
    context: str
    share: float
    key: str


def context_of(segment: str | None, activity: str | None) -> str:
    """The context of a person (macro context_text); '' where nothing is known of the person."""
    return f"segment={segment or ''}|activity={activity}" if activity else ""


def unit_key(text: str) -> str:
    """The key of a unit in an experiment or a layer; keys are compared as text."""
    return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:8]


def moment(text: str | None, otherwise: float) -> float:
    """Seconds since 1970 of a time in UTC, written as 2026-12-01 00:00:00."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S")) if text else otherwise


@dataclass
class Experiment:
    """An experiment; arms: {context: ranges of keys}."""

    experiment_id: str
    unit: str
    is_holdout: bool
    prefix: str
    layer_prefix: str | None
    layer_from_key: str
    layer_to_key: str
    starts_at: float
    ends_at: float
    is_by_item: bool
    arms: dict[str, Ranges] = field(default_factory=dict)

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
            bool(row["is_by_item"]),
        )

    def assign(self, unit: str, context: str, now: float, of_item: ItemArms | None = None) -> Assignment | None:
        """The arm of a unit; None where the experiment doesn't run, or its part of the layer hasn't the unit.

        of_item: the arms of the item that was asked for, None where none was.
        """
        if not self.starts_at <= now < self.ends_at:
            return None
        if self.layer_prefix and not self.layer_from_key <= unit_key(self.layer_prefix + unit) < self.layer_to_key:
            return None
        key = unit_key(self.prefix + unit)
        # In a context that it doesn't know, the shares for everybody count.
        context = context if context in self.arms else ""
        if self.is_by_item and of_item is not None:
            ranges = self.ranges_of_item(context, of_item)
        else:
            ranges = self.arms.get(context, [])
        for from_key, to_key, arm in ranges:
            if from_key <= key < to_key:
                return cast(Assignment, {**arm, "key": key})
        return None

    def ranges_of_item(self, context: str, of_item: ItemArms) -> Ranges:
        """The ranges of an item: those of the arms that it may be in, with its price; empty where it is in none."""
        declared = {arm["arm"]: arm for _, _, arm in self.arms.get(context, [])}
        return [
            (from_key, to_key, {**declared[arm], "value": value, "price": price, "share": share})
            for experiment_id, own_context, arm, value, price, share, from_key, to_key in of_item
            if experiment_id == self.experiment_id and own_context == context and arm in declared
        ]


class Arms:
    """The experiments of a release, from the rows of its table `arms`."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]):
        found: dict[str, Experiment] = {}
        for row in rows:
            experiment = found.setdefault(row["experiment_id"], Experiment.of(row))
            arm = {name: row[name] for name in Assignment.__annotations__ if name not in ("key", "price")}
            arm["price"] = None
            arm["is_control"] = bool(arm["is_control"])
            experiment.arms.setdefault(row["context"], []).append((row["from_key"], row["to_key"], arm))
        # Holdouts come first, one after the other.
        self.holdouts = [found[name] for name in sorted(found) if found[name].is_holdout]
        self.others = [found[name] for name in sorted(found) if not found[name].is_holdout]
        # Without these neither the item nor the person is looked up.
        self.has_items = any(experiment.is_by_item for experiment in self.others)
        self.has_contexts = any(experiment.arms.keys() != {""} for experiment in self.others)

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
        self,
        user_id: str | None,
        item_id: str | None,
        context: str,
        now: float,
        experiment_id: str | None = None,
        of_item: ItemArms = (),
    ) -> dict[str, Assignment]:
        """{experiment_id: the arm} of the experiments that the person, the item or the two of them are in.

        of_item: the arms of the item in `item_arms` of the release. Without item_id experiments by item tell the arm of
        what may be in all of their arms.
        """
        assigned = self.held_out(user_id, now) if user_id and self.holdouts else {}
        if not any(arm["is_control"] for arm in assigned.values()):
            units = {"user": user_id, "item": item_id}
            units["user_item"] = f"{user_id}|{item_id}" if user_id and item_id else None
            for experiment in self.others:
                unit = units[experiment.unit]
                if unit and experiment_id in (None, experiment.experiment_id):
                    arm = experiment.assign(unit, context, now, of_item if item_id else None)
                    if arm:
                        assigned[experiment.experiment_id] = arm
        if experiment_id is not None:
            assigned = {name: arm for name, arm in assigned.items() if name == experiment_id}
        return assigned
