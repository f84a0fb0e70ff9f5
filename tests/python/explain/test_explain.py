"""`kindred explain` on the tables of the sample shop: the terms add up to the scores, and each fate of an item is told.

What a rule, a pin or a draft would have made is written into a copy of the shop; views follow by themselves.
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal

import duckdb
import pytest
from conftest import EXPERIMENTS, REPOSITORY, Shop, slowly
from explained_tables import Tables

from kindred.explain.case import Unexplained, brief, read_case
from kindred.explain.command import as_json, explain_case, lines_of, rows_of
from kindred.explain.scores import score_person
from kindred.explain.tables import text
from kindred.ids import id_hash
from kindred.ranking import scoring
from kindred.ranking.boosters import Boosters
from kindred.ranking.cross_scores import Scorers
from kindred.ranking.features import pair_up, ranker_feature_names, ranker_features
from kindred.ranking.tables import read_candidates, read_ranker_tables


@pytest.fixture
def sample(sample_shop):
    with duckdb.connect(str(sample_shop.database), read_only=True) as connection:
        yield Tables(connection)


@pytest.fixture
def copy(sample_shop, tmp_path):
    """A copy of the shop that may be written."""
    shop = Shop(tmp_path)
    shutil.copy(sample_shop.database, shop.database)
    with duckdb.connect(str(shop.database)) as connection:
        yield Tables(connection)


@pytest.fixture(scope="module")
def person(sample_shop):
    """A person whose list has items of their own generators, a drawn one, and a history that excludes items."""
    return sample_shop.value("""
        select min(user_id) from user_features
        where fold = 'live' and activity = 'hot' and n_excluded_items > 1 and segment = 'DE'
    """)


def say(tables, user, item=None):
    return " ".join("\n".join(lines_of(*explain_case(tables, user, item, True))).split())


def as_score(tables, total):
    """A sum of terms as the ranker of the shop makes a score of it."""
    return total if tables.value("select kind from rankers") == "fixed" else 1 / (1 + math.exp(-total))


def fate(tables, user, item):
    return explain_case(tables, user, item, True)[1]


# Scores --------------------------------------------------------------------------------------------------------------


def test_the_terms_of_the_ranker_that_serves_add_up_to_every_score(sample):
    kind = sample.value("select kind from rankers")
    people = [row[0] for row in sample.rows("select user_id from user_features where fold = 'live' order by"
                                            " md5(user_id)"
                                            " limit 25")]  # fmt: skip
    n_checked = 0
    for user in people:
        scored = score_person(sample, user, "main")
        assert scored.kind == kind
        stored = sample.rows(
            f"select item_id, score, rank from scored_candidates where fold = 'live' and user_id = '{user}'"
        )
        ranks = scored.ranks()
        for item, score, rank in stored:
            assert scored.score(item) == pytest.approx(score, abs=1e-6)
            # Trees give many items the same score, but for the last digit of a sum.
            is_tied = sum(abs(scored.score(other) - score) < 1e-6 for other in scored.terms) > 1
            assert ranks[item] == rank or is_tied
        n_checked += len(stored)
    assert n_checked > 1000


def scorers(connection):
    fitted = ("item_neighbors", "item_content_neighbors", "spectral_item_factors")
    names = ("als_item_factors", "als_user_factors", "tuning_trials", "folds")
    tables = {name: connection.table(name) for name in fitted}
    return Scorers({}, connection.table("interactions"), tables, *(connection.table(name) for name in names))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("linear", "by the linear blend: learned weight * standardised score"),
        ("fixed", "by the fixed blend: the sum over generators of weight / (60 + rank)"),
    ],
)
def test_the_terms_of_a_blend_add_up_to_every_score(copy, kind, words):
    names = [row[0] for row in copy.rows("select generator from generators order by 1")]
    weights = json.dumps({name: 0.1 * number for number, name in enumerate(names)})
    copy.connection.execute("delete from rankers")
    copy.connection.execute(
        "insert into rankers by name select max(as_of) as as_of, 'run' as run_id, ? as kind, '' as note,"
        " 1 as n_people, 1 as n_rows, ? as weights, '' as model from folds", [kind, weights])  # fmt: skip
    table = copy.connection.table
    people = "user_id in (select user_id from user_features where fold = 'live' order by md5(user_id) limit 12)"
    relations = [table("candidates").filter(f"fold = 'live' and {people}"), table("item_features"),
                 table("user_features").filter(people), table("generators"), table("rankers"),
                 table("folds").filter("fold = 'live'"), table("checked_policies"),
                 table("person_policies")]  # fmt: skip
    made = scoring.scored_candidates(copy.connection, 100, *relations, scorers(copy.connection), []).read_all()
    users = sorted(set(made["user_id"].to_pylist()))
    assert len(users) == 12
    for user in users:
        scored = score_person(copy, user, "main")
        assert scored.kind == kind
        for row in made.filter(duckdb_equal(made, user)).to_pylist():
            assert scored.score(row["item_id"]) == pytest.approx(row["score"], abs=1e-6)
            assert {term.feature for term in scored.terms[row["item_id"]]} <= set(names)
            assert kind != "fixed" or scored.ranks()[row["item_id"]] == row["rank"]
    copy.connection.execute(f"delete from scored_candidates where fold = 'live' and {people}")
    copy.connection.execute("insert into scored_candidates by name select * from made")
    said = say(copy, user, made.filter(duckdb_equal(made, user)).to_pylist()[0]["item_id"])
    assert words in said
    assert "of different builds" not in said


@pytest.mark.parametrize("n_boosters", [3, *slowly(1)])
def test_the_contributions_of_a_learned_ranker_add_up_to_every_score(copy, n_boosters):
    """A ranker learned from the shop's own features, and scores made by the model's own code."""
    import lightgbm
    import numpy as np

    people = "user_id in (select user_id from user_features where fold = 'live' order by md5(user_id) limit 12)"
    table = copy.connection.table
    known = [table("candidates").filter(f"fold = 'live' and {people}"), table("item_features"),
             table("user_features").filter(people), table("generators")]  # fmt: skip
    tables = read_ranker_tables(known[3], known[1], known[2], "live")
    rows = read_candidates(known[0], tables, "live", tables.blocks()[0])
    cross_scores = scorers(copy.connection).read(tables, "live")
    pairs = pair_up(tables, *rows)
    features, votes = ranker_features(tables, pairs, cross_scores), pairs.votes
    # Prices and popularity count, which the blend knows nothing of.
    wanted = np.nan_to_num(features[:, ranker_feature_names(tables.generators).index("item_trend")]) + 100 * votes.sum(
        axis=1
    )
    data = lightgbm.Dataset(features, wanted, feature_name=ranker_feature_names(tables.generators))
    parameters = {"objective": "regression", "num_leaves": 8, "feature_fraction": 0.5, "verbosity": -1}
    boosters = Boosters(lightgbm.train(parameters | {"seed": seed}, data, 30) for seed in range(n_boosters))
    as_of = copy.value("select max(as_of) from folds")
    copy.connection.execute("delete from rankers")
    row = ["run", "learned", "", 1, 1, 0.5, 0.4, boosters.text]
    copy.connection.execute(
        "insert into rankers (as_of, run_id, kind, note, n_people, n_rows, ndcg_learned, ndcg_fixed, model)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [as_of, *row])  # fmt: skip
    # A ranker of a later day isn't known yet.
    copy.connection.execute("insert into rankers select * replace (as_of + interval 1 day as as_of, 'fixed' as kind)"
                            " from rankers")  # fmt: skip
    relations = [*known, table("rankers"), table("folds").filter("fold = 'live'"), table("checked_policies"),
                 table("person_policies")]  # fmt: skip
    made = scoring.scored_candidates(copy.connection, 100, *relations, scorers(copy.connection), []).read_all()
    n_checked = 0
    for user in sorted(set(made["user_id"].to_pylist())):
        scored = score_person(copy, user, "main")
        assert scored.kind == "learned"
        for row in made.filter(duckdb_equal(made, user)).to_pylist():
            assert scored.score(row["item_id"]) == pytest.approx(row["score"], abs=1e-6)
            n_checked += 1
        terms = next(iter(scored.terms.values()))
        assert {"baseline", "item_trend"} <= {term.feature for term in terms}
        assert {term.source for term in terms if term.feature == "als_rank"} <= {"als"}
    assert n_checked > 500
    copy.connection.execute(f"delete from scored_candidates where fold = 'live' and {people}")
    copy.connection.execute("insert into scored_candidates by name select * from made")
    item = made.filter(duckdb_equal(made, user)).to_pylist()[0]["item_id"]
    assert "by the learned ranker: contributions add up to a margin" in say(copy, user, item)
    assert "of different builds" not in say(copy, user, item)
    # What was scored by another build is not passed off as this one's.
    copy.connection.execute(f"update scored_candidates set score = score / 2 where user_id = '{user}'")
    assert "the tables are of different builds" in say(copy, user, item)


def duckdb_equal(table, user):
    import pyarrow.compute as pc

    return pc.equal(table["user_id"], user)


# The list ------------------------------------------------------------------------------------------------------------


def test_the_list_says_why_each_place_is_what_it_is(sample, person):
    case, _ = explain_case(sample, person, None, True)
    lines = lines_of(case, None)
    stored = sample.rows(f"select rank, item_id from recommendations where user_id = '{person}' order by rank")
    begun = lines.index("") + 2
    assert [(line.split()[0], f"({item})" in line) for line, (_rank, item) in
            zip(lines[begun:], stored, strict=True)] == [(str(rank), True) for rank, _item in stored]  # fmt: skip
    text = " ".join(" ".join(lines).split())
    assert "drawn, chance 0.0" in text and "because you liked" in text and re.search(r"als [+-][0-9]", text)
    release_id = sample.value("select release_id from releases")
    assert f"Published in release {release_id}" in text and "personalization granted" in text
    assert len(lines) < 45, "one screen"


def test_the_rows_are_the_tables_rows(sample, person):
    case, found = explain_case(sample, person, None, True)
    rows = json.loads(json.dumps(rows_of(case, found), default=str))
    history = sample.rows(f"select item_id, weight from interactions where fold = 'live' and user_id = '{person}'")
    assert {(row["item_id"], row["weight"]) for row in rows["history"]} == set(history)
    assert [place["item_id"] for place in rows["places"]] == [
        row[0] for row in sample.rows(f"select item_id from recommendations where user_id = '{person}' order by rank")
    ]
    assert rows["policy"] == "main" and rows["policies"]["main"]["exploration_share"] == 0.05
    for place in rows["places"]:
        total = sum(value for _name, value in place["sources"])
        assert as_score(sample, total) == pytest.approx(place["pool_score"], abs=1e-6)


def test_decimals_as_dbt_reads_them_change_nothing(sample, person):
    class Decimals(Tables):
        def rows(self, sql):
            to_decimal = lambda value: Decimal(repr(value)) if type(value) in (int, float) else value  # noqa: E731
            return [tuple(map(to_decimal, row)) for row in super().rows(sql)]

    item = read_case(sample, person).places[0]["item_id"]
    expected = rows_of(*explain_case(sample, person, item, True))
    assert rows_of(*explain_case(Decimals(sample.connection), person, item, True)) == expected


def test_any_id_of_a_person_is_enough(sample):
    [(device, user)] = sample.rows("select min(identity_id), arg_min(user_id, identity_id) from identities where "
                                   "identity_id <> user_id and is_consented and traffic is null")  # fmt: skip
    case = read_case(sample, f" {device}")
    assert case.user_id == user and case.places == read_case(sample, user).places


# One item ------------------------------------------------------------------------------------------------------------


def test_where_an_item_was_left(sample, person):
    mine = f"fold = 'live' and user_id = '{person}'"
    listed = f"(select item_id from recommendations where user_id = '{person}')"
    picks = {
        "listed": f"select min(item_id) from recommendations where user_id = '{person}'",
        "history": f"select min(item_id) from interactions where {mine} and is_excluded",
        "unavailable": "select min(item_id) from items where not is_available",
        "not_proposed": "select min(item_id) from item_features where fold = 'live' and is_recommendable and"
        " item_id not in"
        f" (select item_id from candidates where {mine}) and item_id not in (select item_id from interactions"
        f" where {mine})",
        "below_pool": f"select min(item_id) from candidates where {mine} and item_id not in"
        f" (select item_id from scored_candidates where {mine})",
        "variant": f"select min(item_id) from valued_candidates where {mine} and stage = 1",
        "not_drawn": f"select min(item_id) from placed_candidates where {mine} and is_drawn and item_id not in"
        f" {listed}",
        "below_cut": f"select min(item_id) from valued_candidates where {mine} and stage = 0 and item_id not in"
        f" (select item_id from placed_candidates where {mine})",
    }
    items = {name: sample.value(sql) for name, sql in picks.items()}
    assert {name: fate(sample, person, item)["outcome"] for name, item in items.items()} == {
        name: name for name in picks
    }
    assert "the person had it before" in say(sample, person, items["history"])
    assert "items.is_available is false" in say(sample, person, items["unavailable"])
    below = fate(sample, person, items["below_pool"])
    assert below["computed_rank"] > below["n_pool"] == 100 and below["score"] is None
    instead = fate(sample, person, items["variant"])["instead"]
    group = "select variant_group from item_features where fold = 'live' and item_id = ?"
    assert instead != items["variant"] and sample.value(group, instead) == sample.value(group, items["variant"])
    assert fate(sample, person, items["below_cut"])["place_by_value"] > 20


def test_where_an_item_stands(sample, person):
    [(item, rank, because)] = sample.rows(f"select item_id, rank, because_item_id from recommendations where user_id ="
                                          f" '{person}' and because_item_id is not null and propensity = 1"
                                          " order by rank limit 1")  # fmt: skip
    found, text = fate(sample, person, item), say(sample, person, item)
    assert found["outcome"] == "listed" and found["place_by_value"] == rank
    total = sum(term["contribution"] for term in found["terms"])
    assert as_score(sample, total) == pytest.approx(found["score"], abs=1e-6)
    proposals = sample.rows("select generator, rank, score from candidates where fold = 'live' and user_id ="
                            f" '{person}' and item_id = '{item}'")  # fmt: skip
    assert {(row["generator"], row["rank"], row["score"]) for row in found["proposals"]} == set(proposals)
    assert f"is at place {rank} of 20" in text and f"({because})" in text and "the propensity is 1" in text
    assert f"rank {found['pool_rank']} of the 100 candidates" in text
    drawn = sample.value(f"select item_id from recommendations where user_id = '{person}' and reason = 'exploration'")
    chance = sample.value(f"select propensity from recommendations where user_id = '{person}' and item_id = ?", drawn)
    assert 1 / fate(sample, person, drawn)["n_drawn_from"] == pytest.approx(chance)


def add_rule(copy, item, action, amount=None, rule_id="spring"):
    copy.connection.execute(
        "insert into item_rules (fold, rule_id, item_id, action, counted_as, amount) values ('live', ?, ?, ?, '|', ?)",
        [rule_id, item, action, amount],
    )


def test_rules_freshness_and_pins_that_acted(copy, person):
    items = [row["item_id"] for row in read_case(copy, person).places]
    mine = f"fold = 'live' and user_id = '{person}' and item_id"
    # As a build would have left the tables.
    add_rule(copy, items[1], "boost", 3)
    add_rule(copy, items[1], "bury", 0.5, "less")
    copy.connection.execute(f"update ruled_candidates set score = score * 1.5 * 1.25 where {mine} = '{items[1]}'")
    add_rule(copy, items[2], "exclude")
    copy.connection.execute(f"delete from ruled_candidates where {mine} = '{items[2]}'")
    add_rule(copy, items[3], "pin", 4)
    copy.connection.execute(f"update ruled_candidates set pin_number = 1, pinned_rank = 4 where {mine} = '{items[3]}'")
    copy.connection.execute(f"update recommendations set generator = 'pinned', reason = 'pinned' where user_id ="
                            f" '{person}'"
                            f" and item_id = '{items[3]}'")  # fmt: skip
    copy.connection.execute(f"delete from recommendations where user_id = '{person}' and item_id in"
                            f" ('{items[2]}', '{items[4]}')")  # fmt: skip
    add_rule(copy, items[4], "cap", 0, "few")
    # A rule for other people's activity or segment is no rule of this person.
    copy.connection.execute(f"insert into item_rules (fold, rule_id, item_id, action, segment, counted_as, amount)"
                            " values"
                            f" ('live', 'austria', '{items[1]}', 'boost', 'AT', '|', 9)")  # fmt: skip
    boosted = fate(copy, person, items[1])
    assert [(rule["rule_id"], rule["amount"]) for rule in boosted["rules"]] == [("less", 0.5), ("spring", 3)]
    assert boosted["freshness_factor"] == pytest.approx(1.25)
    assert boosted["ruled_score"] == pytest.approx(boosted["score"] * 1.875)
    text = say(copy, person, items[1])
    assert (
        "Rule spring (boost) multiplies the score by 3." in text and "Freshness multiplies the score by 1.25." in text
    )
    assert "austria" not in text
    copy.connection.execute("update checked_policies set fatigue = 0.2")
    copy.connection.execute(
        f"create or replace view passed_over_items as select 'live' as fold, '{person}' as user_id,"
        f" '{items[1]}' as item_id, 2 as n_visits"
    )
    copy.connection.execute(f"update ruled_candidates set score = score * 0.64 where {mine} = '{items[1]}'")
    tired = fate(copy, person, items[1])
    assert tired["fatigue_factor"] == pytest.approx(0.64) and tired["freshness_factor"] == pytest.approx(1.25)
    said = "Fatigue multiplies the score by 0.64: it was shown on 2 recent visits, and nothing was done with it."
    assert said in say(copy, person, items[1])
    assert fate(copy, person, items[2])["outcome"] == "rule"
    assert "rule spring excludes it for this person" in say(copy, person, items[2])
    assert "Rule spring pins it at place 4; it stands at 4." in say(copy, person, items[3])
    assert fate(copy, person, items[4])["outcome"] == "cap" and "few (at most 0)" in say(copy, person, items[4])
    whole = say(copy, person)
    assert "picked by the shop rule spring" in whole and "boost spring x 3" in whole and "bury less x 0.5" in whole


def test_diversitys_move(copy, person):
    copy.connection.execute("update checked_policies set diversity = 0.8")
    values = {row[0]: row[1:] for row in copy.rows(
        "select item_id, score, marginal_relevance from valued_candidates where fold = 'live' and user_id ="
        f" '{person}' and stage = 0")}  # fmt: skip
    if all(score == value for score, value in values.values()):
        # Without diversity in the project the view has none: one that has it, as a build with it makes it.
        copy.connection.execute(
            "create or replace table diverse as select *, row_number() over (partition by fold, user_id, stage order by"
            " score desc, item_id) as place from valued_candidates"
        )
        copy.connection.execute("drop view valued_candidates")
        copy.connection.execute("create table valued_candidates as select * exclude (place) replace (case when"
                                " place = 2"
                                " then -1.0 else score end as marginal_relevance) from diverse")  # fmt: skip
    second = copy.value(f"select item_id from valued_candidates where fold = 'live' and user_id = '{person}' and"
                        " stage = 0"
                        " and marginal_relevance = -1")  # fmt: skip
    found = fate(copy, person, second)
    assert found["place_by_score"] == 2
    n_best = sum(1 for _ in values)
    assert found["place_by_value"] == n_best
    assert f"Diversity 0.8 moves it from place 2 to place {n_best}" in say(copy, person, second)


def test_a_place_that_is_kept_for_a_discovery(copy, person):
    copy.connection.execute("update checked_policies set discovery_share = 0.25")
    # The sample shop keeps no places; a view of one that does: what was at place 3 was bought, 9 comes before it.
    copy.connection.execute(
        "create table kept as select * replace (place not in (1, 2, 3, 4) as is_discovery,"
        " case when place = 9 then 3 when place between 3 and 8 then place + 1 else place end as place)"
        f" from ordered_candidates where fold = 'live' and user_id = '{person}'"
    )
    copy.connection.execute("drop view ordered_candidates")
    copy.connection.execute("alter table kept rename to ordered_candidates")
    places = read_case(copy, person).pools["main"].places("marginal_relevance")
    by_value = {place: item for item, place in places.items()}
    kept, moved = fate(copy, person, by_value[9]), fate(copy, person, by_value[3])
    assert (kept["is_discovery"], kept["place_by_value"], kept["place_with_discoveries"]) == (True, 9, 3)
    assert (moved["is_discovery"], moved["place_by_value"], moved["place_with_discoveries"]) == (False, 3, 4)
    assert (
        "Its place is kept for an item that the person hasn't bought (discovery_share 0.25): that moves it from place 9"
        " to place 3."
    ) in say(copy, person, by_value[9])
    assert (
        "Places kept for items that the person hasn't bought (discovery_share 0.25) move it from place 3 to place 4."
    ) in say(copy, person, by_value[3])
    assert "hasn't bought" not in say(copy, person, by_value[1])
    assert say(copy, person).count("kept for a discovery, 9 to 3") == 1


def test_an_item_that_is_excluded_for_all_or_new(copy, person):
    case = read_case(copy, person)
    # Nobody has a history with an item that is new.
    items = [row["item_id"] for row in case.places]
    items = [item for item in items if item not in {row["item_id"] for row in case.history}]
    for table in ("recommendations", "ruled_candidates", "scored_candidates"):
        copy.connection.execute(f"delete from {table} where item_id in ('{items[0]}', '{items[1]}')")
    copy.connection.execute(f"update item_features set is_recommendable = false where item_id = '{items[0]}'")
    copy.connection.execute(f"delete from item_features where item_id = '{items[1]}'")
    assert fate(copy, person, items[0])["outcome"] == "excluded_for_all"
    assert "a rule of the table rules excludes it for everyone" in say(copy, person, items[0])
    assert fate(copy, person, items[1])["outcome"] == "unknown_then"


def test_an_item_that_a_person_is_not_eligible_for(copy, person):
    item = read_case(copy, person).places[0]["item_id"]
    for table in ("recommendations", "ruled_candidates", "scored_candidates"):
        copy.connection.execute(f"delete from {table} where item_id = '{item}'")
    for rule_id in ("adults", "club", "met"):
        copy.connection.execute(f"insert into item_conditions values ('{item}', '{rule_id}', '[]')")
    copy.connection.execute(
        f"insert into eligibility_answers values ('{person}', 'met', true), ('{person}', 'club', false)"
    )
    assert fate(copy, person, item)["outcome"] == "not_eligible"
    assert "isn't eligible for it: of its conditions adults and club do not hold" in say(copy, person, item)


def test_the_pool_of_an_interleaved_place_is_its_teams(copy, person):
    items = [row["item_id"] for row in read_case(copy, person).places]
    copy.connection.execute("insert into checked_policies by name select * replace ('bold' as policy, 'als' as"
                            " generators, 'fixed' as ranker)"
                            " from checked_policies")  # fmt: skip
    copy.connection.execute("insert into scored_candidates by name select * replace ('bold' as policy, 0.5 as score)"
                            f" from scored_candidates where user_id = '{person}' and item_id ="
                            f" '{items[1]}'")  # fmt: skip
    copy.connection.execute(f"update recommendations set policy = 'interleaved' where user_id = '{person}'")
    copy.connection.execute("drop view if exists live_lists")
    copy.connection.execute(f"create table live_lists as select user_id, rank, case when rank = 2 then 'B' else 'A' end"
                            f" as team from recommendations where user_id = '{person}'")  # fmt: skip
    copy.connection.execute("drop view if exists person_policies")
    copy.connection.execute(f"create table person_policies as select 'live' as fold, '{person}' as user_id,"
                            " unnest(['A',"
                            " 'B']) as team, unnest(['main', 'bold']) as policy")  # fmt: skip
    case, found = explain_case(copy, person, items[1], True)
    assert case.teams == {"A": "main", "B": "bold"} and found["score"] == 0.5
    assert {term["feature"] for term in found["terms"]} == {"als"}
    assert "team A = main" in say(copy, person) or "A = policy main and B = policy bold" in say(copy, person)
    others = {name for name, _value in brief(case, case.places[0])["sources"]}
    assert len(others) > 1


# Lists that are not personal, and those of nobody -------------------------------------------------------------------


def test_a_person_who_is_held_out_has_the_list_for_everyone(copy, person):
    copy.connection.execute(f"update recommendations set policy = 'holdout', because_item_id = null, reason = 'popular'"
                            f" where user_id = '{person}'")  # fmt: skip
    copy.connection.execute("insert into assignments (experiment_id, user_id, kind, arm, is_held_out, policy, context,"
                            f" key, propensity) values ('quiet', '{person}', 'holdout', 'held', true, null, '',"
                            " '0', 0.1)")  # fmt: skip
    text = say(copy, person)
    assert "The person is held out" in text and "quiet: arm held, with probability 0.1" in text
    assert "Scores are" not in text
    item = read_case(copy, person).places[4]["item_id"]
    assert f"is at place 5 of 20 in the list that {person} sees: popular with everyone" in say(copy, person, item)
    assert "it isn't among the 20 most popular" in say(copy, person, "i100" if item != "i100" else "i101")


def test_a_person_without_a_list_sees_the_fallback(copy, person):
    copy.connection.execute(f"delete from recommendations where user_id = '{person}'")
    case = read_case(copy, person)
    stored = copy.rows("select item_id from fallback_recommendations where segment = 'DE' order by rank")
    assert case.kind == "fallback" and [(row["item_id"],) for row in case.places] == stored
    assert "The person has no list of their own; apps show the fallback list" in say(copy, person)
    assert "of segment DE" in say(copy, person)


def test_a_list_that_was_not_published(copy, person):
    copy.connection.execute("update releases set run_id = 'earlier'")
    release_id = copy.value("select release_id from releases")
    assert f"This list was not published (apps read {release_id})" in say(copy, person)
    copy.connection.execute("delete from releases")
    assert "nothing is published yet" in say(copy, person)


def test_who_refused_is_told_so_and_nothing_else(sample):
    user = sample.value("select min(user_id) from identities where identity_id = user_id and not is_consented and"
                        " user_id in"
                        " (select user_id from consent_history where not is_granted and valid_to is null)")  # fmt: skip
    with pytest.raises(Unexplained, match=rf"{user}' refused \(personalization since .*there is nothing to do unless"):
        read_case(sample, user)


def test_nobody_and_who_was_erased_are_told_the_same(copy, person):
    def refusal(user):
        with pytest.raises(Unexplained) as raised:
            read_case(copy, user)
        return str(raised.value).replace(user, "WHO")

    nobody = refusal("no-such-person")
    assert "no person is known by the id 'WHO'" in nobody and "run `dbt build`" in nobody and refusal(" ") != ""
    read_case(copy, person)
    # A request that the next build erases counts already, whichever id of the person it names.
    key = copy.value("select hash_key from forgotten_key")
    copy.connection.execute("insert into forgotten_ids (id_hash, request_id, is_named, requested_at, forgotten_at)"
                            " values (?, 'r', true, now(), now())", [id_hash(key, person)])  # fmt: skip
    assert refusal(person) == nobody


def test_ids_that_are_no_persons(copy, person):
    copy.connection.execute(f"update identities set traffic = 'bot' where identity_id = '{person}'")
    with pytest.raises(Unexplained, match="is left out as bot and gets no list; traffic_report has the rules"):
        read_case(copy, person)
    copy.connection.execute(f"update identities set user_id = null, link = 'hub' where identity_id = '{person}'")
    with pytest.raises(Unexplained, match="is no single person's"):
        read_case(copy, person)


def test_an_unknown_item(sample, person):
    with pytest.raises(
        Unexplained, match="there is no item 'i9999' in the catalogue: give an item_id of your table items"
    ):
        fate(sample, person, "i9999")


def test_text_like_sql_is_text(sample, person):
    for odd in ("it's", "a\\", "\\' or true --", "plain"):
        assert sample.value(f"select {text(odd)}") == odd
        assert "\\" not in text(odd), "Snowflake's escape"
    with pytest.raises(Unexplained, match="no person is known"):
        read_case(sample, "x' or 'a' = 'a")
    with pytest.raises(Unexplained, match="there is no item"):
        fate(sample, person, "i001' or true --")


# The command ---------------------------------------------------------------------------------------------------------


def run_explain(database, person, folder, *options):
    """`kindred explain` as JSON, in a process of its own."""
    environment = os.environ | {
        "DBT_PROFILES_DIR": str(REPOSITORY),
        "KINDRED_TEMP_DIRECTORY": str(folder / "temp"),
        "PYTHONPATH": str(REPOSITORY / "src"),
        "KINDRED_DUCKDB_PATH": str(database),
    }
    command = [sys.executable, "-m", "kindred.cli", "explain", person, "--json", "--log-path", str(folder), *options]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)


def expected_places(database, person):
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = rows_of(*explain_case(Tables(connection), person, None, True))
    return json.loads(json.dumps(rows["places"], default=as_json))


def test_the_command(sample_shop, person, tmp_path):
    """By the files of the build, and while another process reads."""
    target = ["--target-path", str(sample_shop.database.parent / "target")]
    with duckdb.connect(str(sample_shop.database), read_only=True):
        done = run_explain(sample_shop.database, person, tmp_path, *target)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["places"] == expected_places(sample_shop.database, person)


@pytest.mark.slow
def test_the_command_asks_dbt(sample_shop, person, tmp_path):
    """Where variables are given, dbt tells which tables there are; and where nothing was built."""
    options = ["--target-path", str(tmp_path / "target"), "--vars", json.dumps({"kindred__tables": EXPERIMENTS})]
    done = run_explain(sample_shop.database, person, tmp_path, *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["places"] == expected_places(sample_shop.database, person)
    done = run_explain(tmp_path / "none.duckdb", person, tmp_path, *options)
    assert done.returncode == 1 and "none.duckdb: run `dbt build` first" in done.stderr
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    done = run_explain(tmp_path / "empty.duckdb", person, tmp_path, *options)
    assert done.returncode == 1
    assert "no build has made recommendations, identities, candidates, releases yet: run `dbt build`" in done.stderr
