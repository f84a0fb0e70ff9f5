"""recipes/saas: whom prompts are for, what they read of the build before, and what seeds may not say."""

import json
from datetime import datetime, timedelta

import duckdb
import pytest
from conftest import copy_package, run_dbt

from kindred.serving.arms import unit_key
from recipes import run

NOW = datetime(2026, 6, 1)


class Recipe:
    """The recipe in a DuckDB file of its own, of which single models are built."""

    def __init__(self, folder):
        self.project = copy_package(folder / "kindred", "recipes/saas") / "recipes/saas"
        self.paths = {"project": self.project, "target": folder / "target", "database": folder / "saas.duckdb"}
        self.environment = {"KINDRED_WORLD": str(self.project / "world")}
        run.write_tables(run.load("saas").make_world(), self.project)
        self.run("deps")

    def dbt(self, *command, **settings):
        return run_dbt(*command, environment=self.environment, writes=True, settings=settings, **self.paths)

    def run(self, *command, **settings):
        result = self.dbt(*command, **settings)
        assert result.returncode == 0, result.output
        return result.output

    def execute(self, *statements):
        """The rows of the last statement."""
        with duckdb.connect(self.paths["database"]) as connection:
            for statement in statements:
                rows = connection.execute(statement).fetchall()
            return rows

    def build(self, model):
        self.run("run", "--select", model)
        return self.execute(f"from {model} order by all")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return Recipe(tmp_path_factory.mktemp("saas"))


def test_values_before__are_those_of_the_build_before_and_none_in_the_first(recipe):
    assert recipe.build("values_before") == []
    users = "('a001-1', 10.5, timestamp '2026-05-25'), ('a001-2', 2, timestamp '2026-05-24'), ('a002-1', 1, null)"
    table = f"(values {users}) as _ (user_id, value_90d, as_of)"
    # What a version of kindred made that didn't tell as of when.
    recipe.execute(
        "drop table if exists customer_values",
        f"create table customer_values as select user_id, value_90d from {table}",
    )
    assert recipe.build("values_before") == [("a001", 12.5, None), ("a002", 1.0, None)]
    recipe.execute("drop table customer_values", f"create table customer_values as from {table}")
    assert recipe.build("values_before") == [("a001", 12.5, datetime(2026, 5, 24)), ("a002", 1.0, None)]


def test_values_before__come_before_anything_that_the_build_makes(recipe):
    """customer_values is replaced by each build: who reads it at the same time reads by chance the one or the other."""
    recipe.run("parse")
    nodes = json.loads((recipe.paths["target"] / "manifest.json").read_text(encoding="utf-8"))["nodes"]

    def above(name, found):
        for parent in nodes.get(name, {}).get("depends_on", {}).get("nodes", ()):
            if parent not in found:
                found.add(parent)
                above(parent, found)
        return found

    assert "model.saas.values_before" in above("model.kindred.customer_values", set())
    assert "model.kindred.customer_values" not in above("model.saas.prompt_targets", set())


@pytest.mark.parametrize("is_first", [True, False], ids=["the first build", "a later build"])
def test_prompt_targets__with_and_without_values(recipe, is_first):
    """By the value at risk; accounts of no known value come last, by their risk. Nobody of the control is prompted."""
    # Of u8, at risk as u2 is, the key of the first feature lies in the control.
    users = [("u1", "a1"), ("u2", "a2"), ("u3", "a3"), ("u4", "a4"), ("u5", "a5"), ("u8", "a2")]
    assert [unit_key(f"prompts|prompts|{user}|f01") >= "e" for user, _ in users] == [False] * 5 + [True]
    arm = "'prompts', 'offer', 'user_item', '', 'prompts', 'prompts', '00000000', 'g'"
    named = "experiment_id, kind, unit, context, salt, layer, layer_from_key, layer_to_key, arm, is_control"
    proposals = ", ".join(
        f"('{user}', {rank}, '{account}', 'f0{rank}', 'Board', 'your_history', null)"
        for user, account in users
        for rank in (1, 2)
    )
    # a3 may leave, and nothing is known of its value; a4 won't leave; a5 was at risk a month ago.
    risks = [("a1", True, 0.2), ("a2", True, 0.5), ("a3", True, 0.9), ("a4", True, 0.14)]
    risks += [("a5", True, 0.01), ("a5", False, 0.9)]
    health = ", ".join(f"('{account}', {newest}, {risk}, 'why')" for account, newest, risk in risks)
    worth = [] if is_first else [("a1", 100.0), ("a2", 20.0), ("a4", 999.0)]
    as_of = NOW - timedelta(days=3, hours=12)
    values = " union all ".join(
        ["select '' as account_id, 0.0 as value_90d, timestamp '1990-01-01' as as_of where false"]
        + [f"select '{account}', {value}, timestamp '{as_of}'" for account, value in worth]
    )
    proposed = "user_id, rank, account_id, feature_id, title, reason, because_title"
    recipe.execute(
        f"create or replace table folds as select 'live' as fold, timestamp '{NOW}' as as_of",
        f"create or replace table next_features as from (values {proposals}) as _ ({proposed})",
        "create or replace table account_health as from"
        f" (values {health}) as _ (account_id, is_newest, churn_risk, reason_1)",
        f"create or replace table values_before as {values}",
        "create or replace table current_arms as from (values"
        f" ({arm}, 'prompt', false, '00000000', 'e0000000', true), ({arm}, 'control', true, 'e0000000', 'g', true)"
        f") as _ ({named}, from_key, to_key, is_running)",
    )
    recipe.build("prompt_targets")
    found = recipe.execute(
        "select user_id, feature_id, account_value, value_age_days, value_at_risk from prompt_targets order by priority"
    )
    if is_first:
        assert [row[0] for row in found] == ["u3", "u2", "u1"]
        assert {row[2:] for row in found} == {(None, None, None)}
    else:
        assert found == [
            ("u1", "f01", 100.0, 3.5, 20.0),
            ("u2", "f01", 20.0, 3.5, 10.0),
            ("u3", "f01", None, None, None),
        ]
    # Once the experiment is over there is no control.
    recipe.execute("update current_arms set is_running = false")
    recipe.build("prompt_targets")
    [(n_targets,)] = recipe.execute("select count(*) from prompt_targets")
    assert n_targets == 4


def test_onboarding__has_no_step_that_the_user_can_never_do(recipe):
    """u1 has done what the plan has, u2 may do all; of the feature f3 nobody knows whether u3 may use it."""
    recipe.execute(
        "create or replace table product_users as select *, 'a' as account_id, 'maker' as role, false as has_left"
        " from (values ('u1'), ('u2'), ('u3')) as _ (user_id)",
        "create or replace table onboarding_steps as from (values ('maker', 1, 'f1'), ('maker', 2, 'f2'),"
        " ('maker', 3, 'f3')) as _ (role, step, feature_id)",
        "create or replace table saas_items as select *, item_id as title"
        " from (values ('f1'), ('f2'), ('f3')) as _ (item_id)",
        "create or replace table feature_firsts as from (values ('u1', 'f1'), ('u1', 'f2'), ('u2', 'f1'), ('u2', 'f2'),"
        " ('u3', 'f1')) as _ (user_id, feature_id)",
        "create or replace table item_conditions as select 'pro' as rule_id, 'f3' as item_id",
        "create or replace table eligibility_answers as from (values ('u1', 'pro', false), ('u2', 'pro', true))"
        " as _ (user_id, rule_id, is_met)",
    )
    recipe.run("run", "--select", "onboarding_checklists")
    assert recipe.execute(
        "select user_id, n_steps, n_done, next_feature_id from onboarding_checklists order by user_id"
    ) == [("u1", 2, 2, None), ("u2", 3, 2, "f3"), ("u3", 2, 1, "f2")]


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("trend,3,-0.3,0.3", "trend,3,-0.2,0.3", "signal 'trend' of health_signals: no class has values from -0.3 to"),
        ("trend,3,-0.3,0.3", "trend,3,-0.4,0.3", "class 3 overlaps the one before"),
        ("n_bad,3,2,,", "n_bad,3,2,9,", "no class has values from 9.0 on: leave to_value of the highest class empty"),
        ("breadth,1,,2", "breadth,1,0,2", "no class has values below 0.0: leave from_value of the lowest class empty"),
        ("days_silent,", "days_still,", "signal 'days_silent' of health_signals: it has no class"),
    ],
)
def test_health_signals__have_a_class_for_every_value(recipe, before, after, problem):
    seed = recipe.project / "seeds/health_signals.csv"
    text = seed.read_text(encoding="utf-8")
    assert before in text
    seed.write_text(text.replace(before, after), encoding="utf-8")
    try:
        result = recipe.dbt("build", "--select", "health_signals")
    finally:
        seed.write_text(text, encoding="utf-8")
    assert result.returncode == 1
    assert problem in result.text


def test_onboarding_steps__name_features(recipe):
    seed = recipe.project / "seeds/onboarding_steps.csv"
    text = seed.read_text(encoding="utf-8")
    recipe.run("run", "--select", "saas_items")
    for change, returncode in ((("f16", "f16"), 0), (("f16", "f61"), 1)):
        seed.write_text(text.replace(*change), encoding="utf-8")
        result = recipe.dbt("build", "--select", "onboarding_steps")
        seed.write_text(text, encoding="utf-8")
        assert result.returncode == returncode, result.output
    assert "every_onboarding_step_is_a_feature" in result.text
