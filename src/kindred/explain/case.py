"""One person's case, read from the warehouse's tables: the person, the list, and how each of its places came about."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from kindred.built import Warehouse
from kindred.explain.scores import Scored, by_source, rows_of, score_person
from kindred.explain.tables import Row, read, text
from kindred.ids import id_hash, normal_id
from kindred.serving.words import ENGLISH, Texts

LIST = "rank item_id score policy generator reason because_item_id propensity run_id generated_at expires_at"
HISTORY = "item_id weight n_events n_views n_carts n_purchases is_excluded last_at"
PERSON = (
    "segment activity n_events n_items n_liked_items n_excluded_items n_views n_carts n_purchases first_seen_at"
    " last_event_at"
)
POOL = "item_id generator score pin_number popular_rank stage marginal_relevance"
HOLDOUT, INTERLEAVED = "holdout", "interleaved"


@dataclass
class Pool:
    """How one policy made a person's list. Rows are dicts by item_id, of the models that their comments name."""

    policy: Row  # checked_policies
    scored: Scored
    candidates: dict[str, Row]  # scored_candidates
    ruled: dict[str, Row]  # ruled_candidates
    valued: dict[str, Row]  # valued_candidates
    ordered: dict[str, Row]  # ordered_candidates
    placed: dict[str, Row]  # placed_candidates
    passed_over: dict[str, int]  # visits, of passed_over_items
    rules: dict[str, list[Row]]  # the rows of item_rules for this person and policy

    def places(self, by: str) -> dict[str, int]:
        """The places of what isn't pinned, by score (before diversity) or by marginal_relevance (after it)."""
        free = [row for row in self.valued.values() if row["pin_number"] is None]
        ordered = sorted(
            free,
            key=lambda row: (
                *(row["stage"], row["popular_rank"] is not None, row["popular_rank"] or 0, -row[by], -row["score"]),
                row["item_id"],
            ),
        )
        return {row["item_id"]: place for place, row in enumerate(ordered, start=1)}


@dataclass
class Case:
    """What is known of a person's list. kind: own, holdout (the list for everyone) or fallback (no list of their own).

    names: {item_id: title} of all items that are spoken of. release: the row of `releases` that the list was published
    in, None = it wasn't; served: that of the newest release. texts: the sentences of reasons in English.
    """

    asked: str
    user_id: str
    identities: list[Row]
    consents: list[Row]
    person: Row
    kind: str
    places: list[Row]
    history: list[Row]
    experiments: list[Row]
    release: Row | None
    served: Row | None
    pools: dict[str, Pool] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    texts: Texts = field(default_factory=dict)

    @property
    def policy(self) -> str:
        return str(self.places[0]["policy"])

    def pool_of(self, team: str | None = None) -> Pool | None:
        """The pool of the list's policy; of an interleaved list that of a team, A where a place is nobody's."""
        return self.pools.get(self.teams.get(team or "A", self.policy))

    def nearest_team(self, item_id: str) -> str | None:
        """Of an interleaved list, the team whose policy would place an item best, A where neither has it."""

        def distance(team: str) -> tuple[float, float, str]:
            pool = self.pools[self.teams[team]]
            place = pool.places("marginal_relevance").get(item_id, math.inf)
            return place, pool.scored.ranks().get(item_id, math.inf), team

        return min(self.teams, key=distance, default=None)

    def named(self, item_id: str | None) -> str:
        title = self.names.get(item_id or "")
        return f"{title} ({item_id})" if title else str(item_id)


class Unexplained(RuntimeError):
    """There is nothing to explain; the message says why, and what to do."""


def find_person(warehouse: Warehouse, asked: str, ignores_case: bool) -> tuple[str, list[Row]]:
    """(user_id, the rows of identities of all of the person's ids) of the person whom any id names.

    Raises Unexplained where nobody is known by the id, the person is left out as no person, or refused. Of erased
    people nothing is said but that nobody is known.
    """
    nobody = Unexplained(
        f"no person is known by the id {asked!r}. Give an id as your events, users or identity links have it;"
        " where it is"
        " new, run `dbt build`, and where its events can't be used, look in rejected_events"
    )
    own = normal_id(asked, ignores_case)
    if own is None:
        raise nobody
    columns = "identity_id user_id link is_anonymous is_consented traffic n_events"
    found = read(warehouse, "identities", columns, f"where identity_id = {text(own)}")
    if not found:
        raise nobody
    [row] = found
    if row["user_id"] is None:
        raise Unexplained(
            f"the id {asked!r} is no single person's (link: {row['link']}), so nothing personal is made from its"
            " events;"
            " docs/identity.md says how ids become people"
        )
    user_id = str(row["user_id"])
    rows = read(warehouse, "identities", columns, f"where user_id = {text(user_id)} order by identity_id")
    keys = read(warehouse, "forgotten_key", "hash_key")
    hashes = ", ".join(text(id_hash(key["hash_key"], one["identity_id"])) for key in keys for one in rows)
    if hashes and read(warehouse, "forgotten_ids", "id_hash", f"where id_hash in ({hashes})"):
        raise nobody
    if row["traffic"] is not None:
        raise Unexplained(
            f"the id {asked!r} is left out as {row['traffic']} and gets no list; traffic_report has the rules, and"
            " kindred__tables: {traffic_rules: ...} changes them"
        )
    if not row["is_consented"]:
        refused = read(warehouse, "consent_history", "purpose valid_from is_granted",
                       f"where user_id = {text(user_id)} and valid_to is null order by purpose")  # fmt: skip
        noes = [f"{one['purpose']} since {one['valid_from']:%Y-%m-%d}" for one in refused if not one["is_granted"]]
        why = f"refused ({', '.join(noes)})" if noes else "has not consented"
        raise Unexplained(
            f"{asked!r} {why}: kindred uses nothing of this person and makes no list, and apps show the list for"
            " everyone. consent_history has the answers; there is nothing to do unless the person consents"
        )
    return user_id, rows


def find_item(warehouse: Warehouse, asked: str, ignores_case: bool) -> str:
    """The id of an item. Raises Unexplained where there is none."""
    own = normal_id(asked, ignores_case)
    if own is None or not read(warehouse, "items", "item_id", f"where item_id = {text(own)}"):
        raise Unexplained(
            f"there is no item {asked!r} in the catalogue: give an item_id of your table items; where it is new, run"
            " `dbt build`, and where its row can't be used, look in input_problems"
        )
    return own


def list_of(warehouse: Warehouse, user_id: str, segment: str | None) -> tuple[str, list[Row]]:
    """(kind, rows) of what a person is shown. Raises Unexplained where nothing was built."""
    rows = read(warehouse, "recommendations", LIST, f"where user_id = {text(user_id)} order by rank")
    if rows:
        return HOLDOUT if rows[0]["policy"] == HOLDOUT else "own", rows
    columns = "segment rank item_id score generator reason run_id generated_at"
    wanted = f"where segment in ('', {text(segment or '')}) order by segment desc, rank"
    fallback = read(warehouse, "fallback_recommendations", columns, wanted)
    if not fallback:
        raise Unexplained(
            "nothing is recommended to anybody yet: look in input_problems and rejected_events, and build"
        )
    own = [row for row in fallback if row["segment"] == fallback[0]["segment"]]
    return "fallback", [row | {"policy": "main", "because_item_id": None, "propensity": 1.0} for row in own]


def read_pool(warehouse: Warehouse, user_id: str, policy: str, person: Row) -> Pool:
    """How a policy made the list of a person; views and what isn't stored are computed."""
    mine = f"where fold = 'live' and user_id = {text(user_id)} and policy = {text(policy)}"

    def by_item(model: str, columns: str) -> dict[str, Row]:
        return {row["item_id"]: row for row in read(warehouse, model, columns, mine)}

    is_for = (
        f"(segment is null or segment = {text(person.get('segment') or '')})"
        f" and (activity is null or activity = {text(person.get('activity') or '')})"
        f" and (policy is null or policy = {text(policy)})"
    )
    rules: dict[str, list[Row]] = {}
    columns = "rule_id item_id action amount counted_as"
    for row in read(warehouse, "item_rules", columns, f"where fold = 'live' and {is_for} order by rule_id, item_id"):
        rules.setdefault(row["item_id"], []).append(row)
    columns = "policy ranker generators diversity freshness fatigue discovery_share exploration_share"
    [described] = read(warehouse, "checked_policies", columns, f"where policy = {text(policy)}")
    own = f"where fold = 'live' and user_id = {text(user_id)}"
    passed_over = read(warehouse, "passed_over_items", "item_id n_visits", own) if described["fatigue"] else []
    return Pool(
        described,
        score_person(warehouse, user_id, policy),
        by_item("scored_candidates", "item_id rank score generator"),
        by_item("ruled_candidates", "item_id score pin_number pinned_rank popular_rank"),
        by_item("valued_candidates", POOL),
        by_item("ordered_candidates", "item_id is_discovery place"),
        by_item("placed_candidates", "item_id place n_places is_drawn"),
        {row["item_id"]: row["n_visits"] for row in passed_over},
        rules,
    )


def read_case(warehouse: Warehouse, asked: str, ignores_case: bool = True) -> Case:
    """The case of a person. Raises Unexplained where there is none."""
    user_id, identities = find_person(warehouse, asked, ignores_case)
    mine = f"where user_id = {text(user_id)}"
    people = read(warehouse, "user_features", PERSON, f"{mine} and fold = 'live'")
    person = people[0] if people else {}
    kind, places = list_of(warehouse, user_id, person.get("segment"))
    history = read(
        warehouse, "interactions", HISTORY, f"{mine} and fold = 'live' order by weight desc, last_at desc, item_id"
    )
    experiments = []
    if warehouse.has("assignments"):
        columns = "experiment_id kind arm is_held_out policy context propensity"
        experiments = read(warehouse, "assignments", columns, f"{mine} order by experiment_id")
    columns = "release_id run_id store as_of published_at"
    releases = read(warehouse, "releases", columns, "order by published_at desc, release_id desc")
    consents = read(warehouse, "consent_history", "purpose is_granted valid_from", f"{mine} and valid_to is null")
    published = next((row for row in releases if row["run_id"] == places[0]["run_id"]), None)
    served = next(iter(releases), None)
    case = Case(asked, user_id, identities, consents, person, kind, places, history, experiments, published, served)
    if kind == "own":
        if case.policy == INTERLEAVED:
            made = read(warehouse, "person_policies", "team policy", f"{mine} and fold = 'live' and team is not null")
            case.teams = {row["team"]: row["policy"] for row in made}
            teams = {row["rank"]: row["team"] for row in read(warehouse, "live_lists", "rank team", mine)}
            for place in places:
                place["team"] = teams.get(place["rank"])
        for policy in case.teams.values() or [case.policy]:
            case.pools[policy] = read_pool(warehouse, user_id, policy, person)
    ids = {row[name] for row in [*places, *history] for name in ("item_id", "because_item_id") if row.get(name)}
    case.names = read_names(warehouse, ids)
    case.texts = read_texts(warehouse)
    return case


def read_texts(warehouse: Warehouse) -> Texts:
    found = read(
        warehouse, "release_reason_texts", "reason text_with_item text_alone", f"where language = {text(ENGLISH)}"
    )
    return {row["reason"]: (row["text_with_item"], row["text_alone"]) for row in found}


def read_names(warehouse: Warehouse, item_ids: set[str]) -> dict[str, str]:
    if not item_ids:
        return {}
    listed = ", ".join(map(text, sorted(item_ids)))
    return {row["item_id"]: row["title"] for row in read(warehouse, "items", "item_id title",
                                                         f"where item_id in ({listed})") if row["title"]}  # fmt: skip


# One item ------------------------------------------------------------------------------------------------------------


def trace(warehouse: Warehouse, case: Case, item_id: str, team: str | None = None) -> Row:
    """How an item came to its place in a list made for the person, or where it was left: `outcome` says which.

    outcome: listed, unknown_then, excluded_for_all, unavailable, not_eligible, history, rule, not_proposed, below_pool,
    cap, variant, pushed_out, below_cut, not_drawn. Numbers that don't exist are None.
    """
    pool = case.pool_of(team)
    assert pool is not None
    place = next((row for row in case.places if row["item_id"] == item_id), None)
    # What a policy would have shown alone, of which an interleaved list has a part.
    alone = read(warehouse, "ranked_lists", "rank", f"where fold = 'live' and user_id = {text(case.user_id)}"
                 f" and team = {text(team)} and item_id = {text(item_id)}") if team and not place else []  # fmt: skip
    own = next((row for row in case.history if row["item_id"] == item_id), None)
    proposals = read(
        warehouse, "candidates", "generator rank score",
        f"where fold = 'live' and user_id = {text(case.user_id)} and item_id = {text(item_id)} order by rank,"
        " generator",
    )  # fmt: skip
    features = read(warehouse, "item_features", "is_recommendable variant_group age_days category",
                    f"where fold = 'live' and item_id = {text(item_id)}")  # fmt: skip
    scored, ruled, valued = (rows.get(item_id) for rows in (pool.candidates, pool.ruled, pool.valued))
    rules = pool.rules.get(item_id, [])
    terms = pool.scored.terms.get(item_id, [])
    n_visits = pool.passed_over.get(item_id, 0)
    fatigue_factor = (1 - (pool.policy["fatigue"] or 0)) ** n_visits
    factor = fatigue_factor * math.prod(rule["amount"] for rule in rules if rule["action"] in ("boost", "bury"))
    changed = ruled["score"] / scored["score"] if scored and ruled and scored["score"] else 1.0
    ordered, placed = pool.ordered.get(item_id, {}), pool.placed.get(item_id, {})
    conditions = read(warehouse, "item_conditions", "rule_id", f"where item_id = {text(item_id)} order by rule_id")
    mine = f"where user_id = {text(case.user_id)} and is_met"
    answers = read(warehouse, "eligibility_answers", "rule_id", mine) if conditions else []
    met = {row["rule_id"] for row in answers}
    found: Row = {
        "item_id": item_id,
        "unmet": [row["rule_id"] for row in conditions if row["rule_id"] not in met],
        "rank": place["rank"] if place else None,
        "n_listed": len(case.places),
        "team": team,
        "policy": pool.policy["policy"],
        "rank_alone": alone[0]["rank"] if alone else None,
        "proposals": proposals,
        "model": pool.scored.kind,
        "terms": rows_of(terms),
        "sources": by_source(terms),
        "total": pool.scored.total(item_id) if terms else None,
        "computed_score": pool.scored.score(item_id) if terms else None,
        "computed_rank": pool.scored.ranks().get(item_id),
        "n_computed": len(pool.scored.terms),
        "score": scored["score"] if scored else None,
        "pool_rank": scored["rank"] if scored else None,
        "n_pool": len(pool.candidates),
        "rules": [rule for rule in rules if rule["action"] != "cap"],
        "caps": [rule for rule in rules if rule["action"] == "cap"],
        "fatigue_factor": fatigue_factor if n_visits else None,
        "n_visits_in_vain": n_visits,
        "freshness_factor": changed / factor if factor and abs(changed / factor - 1) > 1e-9 else None,
        "ruled_score": ruled["score"] if ruled else None,
        "pinned_rank": ruled["pinned_rank"] if ruled else None,
        "is_filler": bool(ruled and ruled["popular_rank"] is not None and not scored),
        "place_by_score": pool.places("score").get(item_id),
        "place_by_value": pool.places("marginal_relevance").get(item_id),
        "is_discovery": ordered.get("is_discovery"),
        "place_with_discoveries": ordered.get("place"),
        "n_places": next((row["n_places"] for row in pool.placed.values()), None),
        "n_drawn_from": sum(1 for row in pool.placed.values() if row["is_drawn"]),
        "n_fitting": sum(1 for row in pool.valued.values() if row["pin_number"] is None),
        "is_drawn": bool(placed.get("is_drawn")),
        "diversity": pool.policy["diversity"],
        "discovery_share": pool.policy["discovery_share"],
        "history": own,
        "variant_group": features[0]["variant_group"] if features else None,
        "category": features[0]["category"] if features else None,
    }
    found["outcome"] = "listed" if place else outcome(warehouse, case, pool, found, features, valued)
    if found["outcome"] == "variant":
        found["instead"] = variant_instead(warehouse, case, found)
    return found


def outcome(warehouse: Warehouse, case: Case, pool: Pool, found: Row, features: list[Row], valued: Row | None) -> str:
    """Why an item isn't in the list: the first thing on the way that kept it out."""
    excludes = [rule for rule in found["rules"] if rule["action"] == "exclude"]
    if not features:
        return "unknown_then"
    if not features[0]["is_recommendable"]:
        catalogue = read(warehouse, "items", "is_available", f"where item_id = {text(found['item_id'])}")
        return "unavailable" if not catalogue[0]["is_available"] else "excluded_for_all"
    if found["unmet"]:
        return "not_eligible"
    if found["rank_alone"]:
        return "pushed_out"
    if found["history"] and found["history"]["is_excluded"]:
        return "history"
    if excludes:
        return "rule"
    if found["ruled_score"] is None:
        return "below_pool" if found["terms"] else "not_proposed"
    if valued is None:
        return "cap"
    if valued["stage"] == 1:
        return "variant"
    return "not_drawn" if found["is_drawn"] else "below_cut"


def variant_instead(warehouse: Warehouse, case: Case, found: Row) -> str | None:
    """The item of the same variant group that stands in the list or the pool for this one."""
    pool = case.pool_of(found["team"])
    assert pool is not None
    group = read(warehouse, "item_features", "item_id",
                 f"where fold = 'live' and variant_group = {text(found['variant_group'])}")  # fmt: skip
    twins = [row["item_id"] for row in group if pool.valued.get(row["item_id"], {}).get("stage") == 0]
    case.names |= read_names(warehouse, set(twins))
    return next(iter(sorted(twins)), None)


def brief(case: Case, place: Row) -> Row:
    """What the list says of one place, without asking the warehouse again."""
    pool = case.pool_of(place.get("team"))
    item_id = place["item_id"]
    found: Row = dict(place) | {
        "title": case.names.get(item_id),
        "because_title": case.names.get(place["because_item_id"]),
    }
    if pool is None:
        return found
    scored, ruled = pool.candidates.get(item_id), pool.ruled.get(item_id)
    ordered = pool.ordered.get(item_id, {})
    found |= {
        "pool_rank": scored["rank"] if scored else None,
        "pool_score": scored["score"] if scored else None,
        "rules": acting(place, pool.rules.get(item_id, [])),
        "place_by_score": pool.places("score").get(item_id),
        "place_by_value": pool.places("marginal_relevance").get(item_id),
        "is_discovery": ordered.get("is_discovery"),
        "place_with_discoveries": ordered.get("place"),
        "ruled_score": ruled["score"] if ruled else None,
        "sources": by_source(pool.scored.terms.get(item_id, [])),
        "is_drawn": place["generator"] == "exploration",
    }
    return found


def acting(place: Row, rules: list[Row]) -> list[Row]:
    """The rules that put an item where it stands: its pins where it is pinned, else what multiplied its score."""
    wanted: Any = ("pin",) if place["generator"] == "pinned" else ("boost", "bury")
    return [rule for rule in rules if rule["action"] in wanted]
