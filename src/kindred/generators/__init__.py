"""The registry of generators: one file of this folder each.

A generator that is written in Python is an instance named GENERATOR in a module here and a row of the seed
`generators`. Its settings, their checks, the search for better ones, its candidates and its explanations follow from
the instance. (A generator that is written in SQL is a model `*_candidates` in models/candidates and a row of the seed.)
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
from collections.abc import Mapping
from typing import Any

from kindred.generators.base import FromProfile, Generator, ItemToItem
from kindred.settings import GROUPS
from kindred.warehouse import Relation, read_table

__all__ = [
    "FromProfile",
    "Generator",
    "ItemToItem",
    "choose_settings",
    "from_profiles",
    "item_to_item",
    "neighbors_kept",
    "registry",
]


def module_names() -> list[str]:
    """The modules of this folder, sorted, whether it lies on a disk or is embedded into a dbt model."""
    for finder in sys.meta_path:
        paths = getattr(finder, "paths", {}) if hasattr(finder, "kindred_fingerprint") else {}
        if __name__ in paths:
            return sorted(name for name in paths if name.startswith(__name__ + "."))
    return sorted(module.name for module in pkgutil.iter_modules(__path__, __name__ + "."))


@functools.cache
def registry() -> dict[str, Generator]:
    """{name: generator} of all generators that are written in Python, in the order of their names."""
    modules = map(importlib.import_module, module_names())
    found = [module.GENERATOR for module in modules if hasattr(module, "GENERATOR")]
    return {generator.name: generator for generator in sorted(found, key=lambda generator: generator.name)}


def from_profiles() -> list[FromProfile]:
    """The generators that propose from a person's profile and what was fitted to the items."""
    return [generator for generator in registry().values() if isinstance(generator, FromProfile)]


def item_to_item() -> list[ItemToItem]:
    """The generators that propose the neighbours of a person's items."""
    return [generator for generator in registry().values() if isinstance(generator, ItemToItem)]


def choose_settings(
    generator: Generator, given: Mapping[str, Any], tuning_trials: Relation, folds: Relation
) -> dict[str, Any]:
    """A generator's settings: the best trial's where there was tuning, else the defaults; what is given wins.

    given: the variable kindred__generators. Errors: ValueError for a setting that the generator doesn't have.
    """
    own = given_settings(generator, given)
    fixed = {name: value for name, value in own.items() if value != "auto"}
    return generator.defaults() | best_trial(generator, tuning_trials, folds) | fixed


def neighbors_kept(settings: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """How many neighbours of an item are kept: the generator's own number, else that of kindred__generators."""
    own = settings.get("n_neighbors", "auto")
    return int((GROUPS["generators"] | dict(given))["n_neighbors"] if own == "auto" else own)


def given_settings(generator: Generator, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What kindred__generators gives for one generator."""
    own = given.get(generator.name) or {}
    for name in own:
        if name not in generator.settings:
            raise ValueError(
                f"kindred__generators has {generator.name}: {name}; its settings are {', '.join(generator.settings)}"
            )
    return own


def best_trial(generator: Generator, tuning_trials: Relation, folds: Relation) -> dict[str, Any]:
    """The settings of the best trial, by ndcg, of the newest search that knew nothing later than this build."""
    import json

    moments = read_table(folds, ["as_of"])["as_of"].to_pylist()
    columns = ["as_of", "trial", "settings", "ndcg"]
    trials = read_table(tuning_trials, columns, f"generator = '{generator.name}'").to_pylist()
    trials = [trial for trial in trials if moments and trial["as_of"] <= max(moments)]
    newest = max((trial["as_of"] for trial in trials), default=None)
    of_newest = [trial for trial in trials if trial["as_of"] == newest]
    best = max(of_newest, key=lambda trial: (trial["ndcg"], -trial["trial"]), default={"settings": "{}"})
    return json.loads(best["settings"])
