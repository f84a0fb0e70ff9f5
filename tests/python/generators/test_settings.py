"""Generators' settings: what is given, what a search found, what is the default; and that each is documented."""

import csv

import duckdb
import pytest
from conftest import REPOSITORY

from kindred.generators import ItemToItem, choose_settings, registry

GENERATORS = registry()


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


TRIALS = """
    select generator, as_of::timestamp as as_of, trial::bigint as trial, settings, ndcg::double as ndcg
    from (values
        ('sequence', '2026-01-01', 1, '{"decay": 0.1, "n_steps": 99}', 0.9),
        ('sequence', '2026-01-02', 1, '{"decay": 0.2}', 0.3),
        ('sequence', '2026-01-02', 2, '{"decay": 0.3}', 0.4),
        ('sequence', '2026-01-02', 3, '{"decay": 0.4}', 0.4),
        ('content', '2026-01-03', 1, '{"decay": 0.5}', 0.8)
    ) as trials(generator, as_of, trial, settings, ndcg)
"""


def test_choose_settings__given_before_tuned_before_default(connection):
    folds = connection.sql("select timestamp '2026-01-05' as as_of")
    trials, none = connection.sql(TRIALS), connection.sql(f"{TRIALS} limit 0")
    sequence = GENERATORS["sequence"]
    defaults = sequence.defaults()

    def choose(given, trials=trials, folds=folds):
        return choose_settings(sequence, {"n_neighbors": 7, "sequence": given}, trials, folds)

    assert choose({}, none) == defaults
    assert choose({"decay": "auto"}, none) == defaults
    assert choose_settings(sequence, {}, none, folds) == defaults
    # The newest search's best trial, and of two as good the first; what an older search found is gone.
    assert choose({"n_steps": "auto"}) == defaults | {"decay": 0.3}
    assert choose({"decay": 0, "n_steps": 3}) == defaults | {"decay": 0, "n_steps": 3}
    # A replay of an earlier day doesn't know what a later search found.
    earlier = connection.sql("select timestamp '2026-01-01' as as_of")
    assert choose({}, trials, earlier) == defaults | {"decay": 0.1, "n_steps": 99}
    assert choose_settings(GENERATORS["neighbors"], {}, trials, folds) == GENERATORS["neighbors"].defaults()


def test_choose_settings__what_does_not_exist_is_named(connection):
    given, nothing = {"content": {"steps": 3}}, connection.sql("select null as as_of")
    with pytest.raises(ValueError, match="kindred__generators has content: steps; its settings are decay, n_steps"):
        choose_settings(GENERATORS["content"], given, connection.sql(TRIALS), nothing)


@pytest.mark.parametrize("name", GENERATORS)
def test_declaration__is_whole(name):
    """What `make embed`, the search, the checks and the documentation are made of."""
    generator = GENERATORS[name]
    assert generator.method
    assert generator.search_share > 0 or not any(setting.searched for setting in generator.settings.values())
    assert generator.settings
    for key, setting in generator.settings.items():
        assert setting.meaning, key
        # What is searched could be given, and so could the default.
        values = [*setting.searched] + [setting.default] * (setting.default != "auto")
        assert (values or not generator.search_share) and all(
            value > 0 if setting.above_zero else value >= 0 for value in values
        ), key
    if isinstance(generator, ItemToItem):
        assert {"decay", "n_steps"} <= set(generator.settings)


def test_seed__every_registered_generator_has_its_weight_and_reason():
    with open(REPOSITORY / "seeds/config/generator_weights.csv", encoding="utf-8", newline="") as file:
        rows = {row["generator"]: row for row in csv.DictReader(file)}
    assert set(GENERATORS) <= set(rows)
    assert all(float(rows[name]["weight"]) > 0 and rows[name]["reason"] for name in GENERATORS)


def test_registry__names_are_those_of_the_files():
    assert {name: type(generator).__module__ for name, generator in GENERATORS.items()} == {
        name: f"kindred.generators.{name}" for name in GENERATORS
    }
