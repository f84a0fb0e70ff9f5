"""Policies and the experiments that put people under them, from the tables to the lists, in the sample shop."""

import json

import duckdb
import pytest
from conftest import Shop, run_dbt
from explained_tables import Tables

from kindred.explain.command import explain_case, lines_of

POLICIES = """
    select *
    from (values
        ('fresh', null, null, null, '2', '0.5'),
        ('loved', 'popular+trending', null, '0', '0', '0'),
        ('shade', null, 'fixed', '0.5', null, null)
    ) as t (policy, generators, ranker, diversity, freshness, exploration_share)
"""
EXPERIMENTS = """
    select *
    from (values
        ('quiet', 'holdout', null, null, null, null, '2026-01-01'),
        ('home', 'lists', 'lists', '0', '0.7', null, '2026-01-01'),
        ('taste', 'interleaving', 'lists', '0.7', '1', null, '2026-01-01')
    ) as t (experiment_id, kind, layer, layer_from, layer_to, salt, starts_at)
"""
ARMS = """
    select *
    from (values
        ('quiet', 'held', 0.1, 'yes', null, null), ('quiet', 'rest', 0.9, 'no', null, null),
        ('home', 'plain', 0.5, 'yes', 'main', '1'), ('home', 'new', 0.5, 'no', 'fresh', '2'),
        ('home', 'dark', 0, 'no', 'shade', '3'),
        ('taste', 'plain', 0.5, 'yes', 'main', '1'), ('taste', 'hits', 0.5, 'no', 'loved', '2')
    ) as t (experiment_id, arm, share, is_control, policy, position)
"""
RULES = """
    select
        'never' as rule_id, 'exclude' as action, {item} as item_id, 'fresh' as policy, null as category, null as brand
"""
TABLES = {name: f"main.shop_{name}" for name in ("policies", "experiments", "experiment_arms", "rules")}


# A whole shop is built, with its data tests.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(sample_shop, tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("policies"))
    [(item,)] = sample_shop.query("select item_id from recommendations group by item_id order by count(*) desc limit 1")
    shop.item = item
    for name, select in {
        "policies": POLICIES,
        "experiments": EXPERIMENTS,
        "experiment_arms": ARMS,
        "rules": RULES.format(item=f"'{item}'"),
    }.items():
        shop.run(f"create table shop_{name} as {select}")
    settings = {"kindred__tables": TABLES}
    command = ["build", "--exclude-resource-type", "unit_test"]
    result = run_dbt(*command, target=shop.targets, database=shop.database, settings=settings)
    assert result.returncode == 0, result.output
    return shop


def lists(shop, condition="true", table="recommendations"):
    """{(user_id, policy): items in order}"""
    found = {}
    for user, policy, item in shop.query(
        f"select user_id, policy, item_id from {table} where {condition} order by rank"
    ):
        found.setdefault((user, policy), []).append(item)
    return found


def test_main_is_what_it_was(shop, sample_shop):
    """To the bit, for everybody whom no experiment concerns, and in evaluation."""
    ranked = "select {} from ranked_lists where policy = 'main' and fold = '{}' order by all"
    columns = "user_id, rank, item_id, score, generator, reason, propensity"
    assert shop.query(ranked.format(columns, "backtest")) == sample_shop.query(ranked.format(columns, "backtest"))
    assert len(sample_shop.query(ranked.format(columns, "backtest"))) > 1000
    known = lists(sample_shop)
    mine = {key: items for key, items in lists(shop).items() if key[1] == "main"}
    assert len(mine) > 300
    assert mine == {key: known[key] for key in mine}
    metrics = "select {} from evaluation_metrics where policy = 'main' order by all"
    columns = "fold, generator, user_group, metric, k, value, standard_error, n_users"
    assert shop.query(metrics.format(columns)) == sample_shop.query(metrics.format(columns))


def test_each_person_has_the_list_of_the_arm(shop):
    arms = {}
    for user, kind, arm, policy, is_held_out in shop.query(
        "select user_id, kind, arm, policy, is_held_out from assignments"
    ):
        arms.setdefault(user, {})[kind] = "holdout" if is_held_out else policy if kind == "lists" else arm
    shown = {user: policy for user, policy in lists(shop)}
    assert len(shown) == shop.value("select count(*) from user_features where fold = 'live'")
    for user, policy in shown.items():
        own = arms[user]
        if own["holdout"] == "holdout":
            assert policy == "holdout" and own.keys() == {"holdout"}
        elif "interleaving" in own:
            assert policy == "interleaved"
        else:
            assert policy == own["lists"]
    assert {*shown.values()} == {"main", "fresh", "interleaved", "holdout"}
    # A shadow and a policy that is interleaved alone are nobody's list.
    assert {*shown.values()}.isdisjoint({"shade", "loved"})


def test_held_out_people_have_the_list_for_everyone(shop):
    everyone = shop.column("select item_id from fallback_recommendations where segment = '' order by rank")
    held = lists(shop, "policy = 'holdout'")
    assert len(held) > 30 and all(items == everyone for items in held.values())
    kept = shop.query("select distinct policy, items from release_lists where policy = 'holdout'")
    [(_, items)] = kept
    assert [row[0] for row in json.loads(items)] == everyone


def test_a_policy_does_what_it_says(shop):
    ranked = "select {} from ranked_lists where policy = '{}' and fold = '{}'"
    by_generator = {*shop.column(ranked.format("distinct generator", "loved", "backtest"))}
    assert by_generator <= {"popular", "trending"} and by_generator
    # Half of 20 places are drawn.
    drawn = "user_id, sum(case when generator = 'exploration' then 1 else 0 end)"
    n_drawn = shop.query(ranked.format(drawn, "fresh", "live") + " group by user_id")
    assert {n for _, n in n_drawn} == {10}
    # Its rule keeps an item off its lists alone.
    held_back = (
        f"select policy, count(*) from ranked_lists where item_id = '{shop.item}' and fold = 'live' group by policy"
    )
    counts = dict(shop.query(held_back))
    assert "fresh" not in counts and counts["main"] > 100
    assert shop.value("select count(distinct item_id) from recommendations") > 50


def test_policies_are_evaluated_on_the_same_people(shop):
    n_users = dict(
        shop.query("""
        select policy, min(n_users)
        from evaluation_metrics
        where fold = 'backtest' and generator = 'blend' and user_group = 'all' and metric = 'ndcg' and k = 10
        group by policy
    """)
    )
    assert n_users.keys() == {"main", "fresh", "loved", "shade"}
    assert len({*n_users.values()}) == 1
    values = dict(
        shop.query("""
        select policy, value from evaluation_metrics
        where fold = 'backtest' and generator = 'blend' and user_group = 'all' and metric = 'ndcg' and k = 10
    """)
    )
    assert values["loved"] < values["main"]


def test_a_tenth_of_the_people_have_all_lists_logged(shop):
    logged = lists(shop, table="policy_lists")
    people = {user for user, _ in logged}
    n_people = shop.value("select count(*) from user_features where fold = 'live'")
    assert 0.06 < len(people) / n_people < 0.14
    assert {policy for _, policy in logged} == {"main", "fresh", "shade"}
    assert all({(user, name) for name in ("main", "fresh", "shade")} <= logged.keys() for user in people)
    shown = lists(shop)
    assert all(logged[user, policy] == shown[user, policy] for user, policy in shown if user in people)


def test_an_interleaved_list_is_made_of_both(shop):
    both = shop.query("""
        select log.user_id, log.item_id, log.team, log.experiment_id,
            max(case when ranked.team = 'A' then 1 else 0 end), max(case when ranked.team = 'B' then 1 else 0 end)
        from recommendation_log as log
        left join ranked_lists as ranked
            on log.user_id = ranked.user_id and log.item_id = ranked.item_id and ranked.fold = 'live'
        where log.policy = 'interleaved'
        group by all
    """)
    assert len(both) > 1000
    assert {experiment for _, _, _, experiment, _, _ in both} == {"taste"}
    for _, _, team, _, is_first, is_second in both:
        assert is_first if team == "A" else is_second if team == "B" else is_first and is_second
    teams = [team for _, _, team, _, _, _ in both]
    assert abs(teams.count("A") - teams.count("B")) < 0.1 * len(teams)
    assert shop.value("""
        select count(*) from recommendations
        where policy = 'interleaved' and reason = 'your_history' and because_item_id is not null
    """) > 50  # fmt: skip


def test_what_an_interleaved_list_leaves_out_is_explained(shop):
    """An item that one policy would show alone, and of items in neither list what kept them out of the nearer one."""
    alone = shop.query("""
        select ranked.user_id, ranked.team, ranked.rank, ranked.item_id,
            count(*) over (partition by ranked.user_id, ranked.item_id) = 1 as is_of_one
        from ranked_lists as ranked
        inner join (select distinct user_id from recommendations where policy = 'interleaved') as people
            on ranked.user_id = people.user_id
        left join recommendations as shown
            on ranked.user_id = shown.user_id and ranked.item_id = shown.item_id
        where ranked.fold = 'live' and ranked.team is not null and shown.item_id is null
        qualify dense_rank() over (order by ranked.user_id) <= 3
        order by all
    """)
    assert {team for _, team, *_ in alone} == {"A", "B"}
    policies = {"A": "main", "B": "loved"}
    with duckdb.connect(str(shop.database), read_only=True) as connection:
        tables = Tables(connection)
        for user, team, rank, item, is_of_one in alone[::4]:
            case, found = explain_case(tables, user, item, True)
            assert found["outcome"] == "pushed_out" and found["rank"] is None, (user, item)
            if is_of_one:
                assert (found["policy"], found["rank_alone"]) == (policies[team], rank)
                text = " ".join(" ".join(lines_of(case, found)).split())
                assert f"at place {rank} of the list that policy {policies[team]} would show alone" in text
        user = alone[0][0]
        listed = {item for person, _, _, item, _ in alone if person == user} | set(lists(shop)[user, "interleaved"])
        placed = shop.column(f"select item_id from valued_candidates where fold = 'live' and user_id = '{user}'")
        others = sorted(set(placed) - listed)
        assert others and "pushed_out" not in {
            explain_case(tables, user, item, True)[1]["outcome"] for item in others[:5]
        }


def test_the_log_names_arms(shop):
    found = shop.query("""
        select log.experiment_id, log.arm, count(distinct log.user_id), count(*) filter (log.policy <> arms.policy)
        from recommendation_log as log
        left join checked_arms as arms
            on log.experiment_id = arms.experiment_id and log.arm = arms.arm
        group by all order by all
    """)
    assert [row[:2] for row in found if row[0] != "taste"] == [("home", "new"), ("home", "plain"), (None, None)]
    assert all(wrong == 0 for experiment, _, _, wrong in found if experiment == "home")


def test_a_policy_with_a_slip_makes_no_list(shop, tmp_path):
    """Its experiment is set aside, and the build fails its test with how to mend it."""
    shop.run("create or replace table shop_policies as " + POLICIES.replace("'popular+trending'", "'popular+trendy'"))
    try:
        select = ["checked_policies", "typed_arms", "arm_problems", "typed_experiments", "experiment_problems",
                  "checked_experiments"]  # fmt: skip
        result = run_dbt(
            "build", "--exclude-resource-type", "unit_test", "--select", *select, target=shop.targets,
            database=shop.database, settings={"kindred__tables": TABLES},
        )  # fmt: skip
        assert result.returncode != 0
        assert "generators is 'popular+trendy': write names of the table generators" in result.output
    finally:
        shop.run("create or replace table shop_policies as " + POLICIES)
