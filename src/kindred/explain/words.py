"""A case in plain sentences, for a terminal of 120 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from kindred.experiments.report import number, table
from kindred.explain.case import HOLDOUT, INTERLEAVED, Case, Pool, brief
from kindred.explain.tables import Row
from kindred.serving.words import say

WIDTH = 118
N_SHOWN = 5
FEATURES = {
    "n_generators": "how many generators propose it",
    "fixed_blend": "the generators' weighted ranks",
    "item_n_users": "how many people touched it",
    "item_popularity": "popularity",
    "item_trend": "trend",
    "item_age_days": "its age",
    "item_recency_days": "when it was last touched",
    "item_price_percentile": "its price",
    "user_n_liked_items": "the length of the history",
    "user_n_sessions": "the number of visits",
    "user_recency_days": "the last visit",
    "user_tenure_days": "the time since the first visit",
    "user_top_category_share": "how narrow the taste is",
    "is_top_category": "the person's main category",
    "is_top_brand": "the person's main brand",
    "price_distance": "the distance from the prices of the history",
    "baseline": "the base of all scores",
}


def plural(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def wrapped(lines: Iterable[str]) -> list[str]:
    """Each line broken at the width, its continuation indented."""
    return [part for line in lines for part in (textwrap.wrap(line, WIDTH, subsequent_indent="  ") or [""])]


def person_lines(case: Case) -> list[str]:
    """Who it is, what they allow, and what counts of their history."""
    others = [row["identity_id"] for row in case.identities if row["identity_id"] != case.user_id]
    person = case.person
    known = f"{case.user_id}" + (f", also known as {', '.join(others[:4])}" if others else "")
    known += f" and {len(others) - 4} more ids" if len(others) > 4 else ""
    if not person:
        return [f"{known}: nothing was known of them at the moment the build learned until."]
    segment = f"segment {person['segment']}" if person["segment"] else "no segment"
    lines = [f"{known}: {segment}, {person['activity']}, {plural(person['n_events'], 'event')} that count"
             f" with {plural(person['n_items'], 'item')}."]  # fmt: skip
    answers = [f"{row['purpose']} {'granted' if row['is_granted'] else 'refused'} {row['valid_from']:%Y-%m-%d}"
               for row in case.consents]  # fmt: skip
    lines.append(f"Consent: {', '.join(answers)}." if answers else "Consent: no answer, and none is required.")
    liked = [row for row in case.history if row["weight"] > 0]
    if liked:
        counted = [f"{case.named(row['item_id'])} {number(row['weight'])} ({deeds(row)})" for row in liked[:N_SHOWN]]
        more = f"; and {plural(len(liked) - N_SHOWN, 'more item')}" if len(liked) > N_SHOWN else ""
        lines.append(f"History used, by weight: {'; '.join(counted)}{more}.")
    else:
        lines.append("History used: none, so nothing personal can be in the list but stated preferences.")
    kept_out = [row for row in case.history if row["is_excluded"]]
    if kept_out:
        named = [case.named(row["item_id"]) for row in kept_out[:3]]
        more = f" and {len(kept_out) - 3} more" if len(kept_out) > 3 else ""
        lines.append(f"Not recommended again, as the history excludes them: {', '.join(named)}{more}.")
    return lines


def deeds(row: Row) -> str:
    """What a person did with an item."""
    counts = [(row["n_views"], "view"), (row["n_carts"], "cart"), (row["n_purchases"], "purchase")]
    other = row["n_events"] - sum(count for count, _word in counts)
    parts = [plural(count, word) for count, word in [*counts, (other, "other event")] if count > 0]
    return f"{', '.join(parts)}, last {row['last_at']:%Y-%m-%d}"


def list_lines(case: Case) -> list[str]:
    """Which list it is: the build, the policy and arm, the release."""
    first = case.places[0]
    build = f"build {first['run_id'][:8]} of {first['generated_at']:%Y-%m-%d %H:%M} UTC"
    kinds = {
        "own": f"The list of {plural(len(case.places), 'item')} was made by {build} by policy {case.policy}.",
        HOLDOUT: f"The person is held out: {build} gave them the list for everyone, and nothing personal is in it.",
        "fallback": f"The person has no list of their own; apps show the fallback list of {build}, of"
        f" {'segment ' + first['segment'] if first.get('segment') else 'everyone'}.",
    }
    lines = [kinds[case.kind]]
    if case.policy == INTERLEAVED:
        teams = joined([f"{team} = policy {policy}" for team, policy in sorted(case.teams.items())])
        lines.append(f"It is drafted from two policies' lists: team {teams}.")
    arms = [
        f"{row['experiment_id']}: arm {row['arm']}"
        + (f" in context {row['context']}" if row["context"] else "")
        + f", with probability {number(row['propensity'])}"
        for row in case.experiments
    ]
    lines.append(f"Experiments: {'; '.join(arms)}." if arms else "Experiments: in none.")
    if case.release:
        is_read = case.served is not None and case.served["release_id"] == case.release["release_id"]
        newest = "" if is_read or case.served is None else f"; the newest release is {case.served['release_id']}"
        lines.append(f"Published in release {case.release['release_id']} on"
                     f" {case.release['published_at']:%Y-%m-%d %H:%M}"
                     f" UTC{newest}.")  # fmt: skip
    else:
        newest = f"apps read {case.served['release_id']}" if case.served else "nothing is published yet"
        lines.append(f"This list was not published ({newest}): publish_gates and the build's output say why.")
    return lines


def method(pool: Pool) -> str:
    """What scores are made of."""
    return {
        "learned": "the learned ranker: contributions add up to a margin, score = 1 / (1 + exp(-margin))",
        "linear": "the linear blend: learned weight * standardised score of each generator, which add up to a margin, "
        "score = 1 / (1 + exp(-margin))",
        "fixed": "the fixed blend: the sum over generators of weight / (60 + rank)",
    }[pool.scored.kind]


def case_lines(case: Case) -> list[str]:
    """The list with the reason of each place."""
    lines = [*person_lines(case), *list_lines(case)]
    pool = case.pool_of()
    if pool:
        lines.append(f"Scores are {method(pool)}.")
    places = [brief(case, place) for place in case.places]
    rows = [[str(place["rank"]), shortened(place), reason(case, place), way(place)] for place in places]
    return [*wrapped(lines), "", *table(["place", "item", "why", "how"], rows)]


def shortened(place: Row) -> str:
    """An item's title, shortened, and its id."""
    return f"{shorten(place['title'], 36)} ({place['item_id']})" if place["title"] else str(place["item_id"])


def shorten(text: str, n: int) -> str:
    return text if len(text) <= n else text[: n - 1] + "…"


def reason(case: Case, place: Row) -> str:
    return shorten(
        say(case.texts, place["reason"], case.names.get(place["because_item_id"] or "", place["because_item_id"])), 52
    )


def way(place: Row) -> str:
    """How a place came about, in a few words."""
    if "sources" not in place:
        return f"score {number(place['score'])}"
    if place["generator"] == "pinned":
        return joined([f"rule {rule['rule_id']}" for rule in place["rules"]] or ["a pin"])
    # The base is the same for all.
    largest = [(name, value) for name, value in place["sources"] if name != "baseline"][:2]
    sources = " ".join(f"{FEATURES.get(name, name)} {value:+.3f}" for name, value in largest)
    parts = [
        f"drawn, chance {number(place['propensity'])}" if place["is_drawn"] else "",
        sources or "popular, fills up",
    ]
    parts += [f"{rule['action']} {rule['rule_id']} x {number(rule['amount'])}" for rule in place["rules"]]
    before, after = place["place_by_score"], place["place_by_value"]
    parts.append(f"diversity {before} to {after}" if before != after and not place["is_drawn"] else "")
    kept = place["place_with_discoveries"]
    if kept and after and kept < after and not place["is_drawn"]:
        parts.append(f"kept for a discovery, {after} to {kept}")
    return ", ".join(part for part in parts if part)


# One item ------------------------------------------------------------------------------------------------------------


def item_lines(case: Case, found: Row, place: Row | None) -> list[str]:
    """Why an item is at its place, or why it isn't in the list. found: of `trace`."""
    name = case.named(found["item_id"])
    pool = case.pool_of(found["team"])
    assert pool is not None
    lines = []
    if place:
        lines.append(f"{name} is at place {place['rank']} of {found['n_listed']} in the list of {case.user_id}.")
        because = case.names.get(place["because_item_id"] or "", place["because_item_id"])
        lines.append(f"Why: {say(case.texts, place['reason'], because)}.")
        source = next((row for row in case.history if row["item_id"] == place["because_item_id"]), None)
        if source:
            lines.append(f"Of the history it rests most on {case.named(source['item_id'])}: {deeds(source)}, weight"
                         f" {number(source['weight'])}.")  # fmt: skip
    else:
        lines += [f"{name} is not in the list of {case.user_id}.", f"Why: {why_not(case, pool, found)}"]
    lines += score_lines(pool, found)
    lines += change_lines(found, place)
    return wrapped([*lines, "", *list_lines(case), *person_lines(case)[:2]])


def score_lines(pool: Pool, found: Row) -> list[str]:
    """Who proposed an item, and what its score is made of."""
    if not found["proposals"]:
        if found["outcome"] == "not_proposed":
            return []
        return ["No generator proposes it to this person." + (" It is popular and fills up a short list."
                if found["is_filler"] else "")]  # fmt: skip
    proposed = [
        f"{row['generator']} at rank {row['rank']} (score {number(row['score'])})" for row in found["proposals"]
    ]
    lines = [f"Proposed by {plural(len(proposed), 'generator')}: {', '.join(proposed)}."]
    if not found["terms"]:
        return [*lines, "None of them has a weight in this policy, or the item can't be recommended: it has no score."]
    parts = [f"{FEATURES.get(name, name)} {value:+.4f}" for name, value in found["sources"][:8]]
    rest = sum(value for _name, value in found["sources"][8:])
    parts += [f"all else {rest:+.4f}"] if len(found["sources"]) > 8 else []
    score = found["computed_score"]
    total = (
        f"= score {score:.4f}" if pool.scored.kind == "fixed" else f"= margin {found['total']:+.4f}, score {score:.4f}"
    )
    lines.append(f"Its score, by {method(pool)}: {', '.join(parts)} {total}.")
    if found["score"] is None:
        lines.append(f"That is rank {found['computed_rank']} of {found['n_computed']} candidates; the pool takes"
                     " the best"
                     f" {found['n_pool']}.")  # fmt: skip
    elif abs(found["score"] - score) > 1e-6:
        lines.append(f"The stored score is {found['score']:.6f}: the tables are of different builds. Run `dbt build`.")
    else:
        lines.append(f"That is rank {found['pool_rank']} of the {found['n_pool']} candidates in the person's pool.")
    return lines


def change_lines(found: Row, place: Row | None) -> list[str]:
    """What rules, fatigue, freshness, diversity, pins and chance made of a score."""
    lines = []
    for rule in found["rules"]:
        if rule["action"] in ("boost", "bury"):
            lines.append(f"Rule {rule['rule_id']} ({rule['action']}) multiplies the score by {number(rule['amount'])}.")
        elif rule["action"] == "pin":
            stands = found["pinned_rank"]
            lines.append(f"Rule {rule['rule_id']} pins it at place {number(rule['amount'])}"
                         + (f"; it stands at {stands}." if stands else ", and it isn't: it may not be"
                                                                       " shown."))  # fmt: skip
    if found["fatigue_factor"] is not None:
        lines.append(
            f"Fatigue multiplies the score by {number(found['fatigue_factor'])}: it was shown on"
            f" {found['n_visits_in_vain']} recent visits, and nothing was done with it."
        )
    if found["freshness_factor"]:
        lines.append(f"Freshness multiplies the score by {number(found['freshness_factor'])}.")
    if found["ruled_score"] is not None and found["ruled_score"] != found["score"] and found["score"] is not None:
        lines.append(f"The score after that is {found['ruled_score']:.4f}.")
    if not lines:
        lines.append("No rule acts on it.")
    before, after = found["place_by_score"], found["place_by_value"]
    if found["outcome"] == "variant":
        return lines
    if before and after:
        lines.append(
            f"Diversity {number(found['diversity'])} "
            + (f"moves it from place {before} to place {after}" if before != after else f"leaves it at place {after}")
            + f" of the {found['n_fitting']} items that may stand in the list."
        )
    kept = found["place_with_discoveries"]
    if after and kept and kept != after:
        share = f"(discovery_share {number(found['discovery_share'])})"
        lines.append(
            f"Its place is kept for an item that the person hasn't bought {share}: that moves it from place {after} to"
            f" place {kept}."
            if kept < after
            else f"Places kept for items that the person hasn't bought {share} move it from place {after} to place"
            f" {kept}."
        )
    after = kept or after
    if place and place["generator"] == "exploration":
        lines.append(f"Chance: its place is for exploration, drawn from {plural(found['n_drawn_from'], 'item')}"
                     " like it;"
                     f" the probability (propensity) was {number(place['propensity'])}.")  # fmt: skip
    elif place:
        lines.append(f"Chance: none, the propensity is {number(place['propensity'])}.")
        if place["generator"] != "pinned" and after and after != place["rank"]:
            lines.append(f"Pins or another policy's items before it move it from place {after} to {place['rank']}.")
    return lines


def why_not(case: Case, pool: Pool, found: Row) -> str:
    """One sentence on what kept an item out."""
    own = found["history"]
    rules = [rule for rule in found["rules"] if rule["action"] == "exclude"]
    caps = joined([f"{rule['rule_id']} (at most {number(rule['amount'])})" for rule in found["caps"]] or ["a cap"])
    last = max((row["rank"] for row in case.places), default=0)
    by_value, kept = found["place_by_value"], found["place_with_discoveries"]
    at = f"{by_value} by value" + (f", {kept} with places kept for discoveries" if kept and kept != by_value else "")
    share = found["discovery_share"]
    kept_pool = f", a share of {number(share)} of it kept for items that the person hasn't bought" if share else ""
    sentences: dict[str, Any] = {
        "unknown_then": "it was not in the catalogue at the moment that the build learned until (items.created_at).",
        "unavailable": "it can't be had: items.is_available is false.",
        "excluded_for_all": "a rule of the table rules excludes it for everyone; item_rules says which.",
        "not_eligible": f"the person isn't eligible for it: of its conditions {joined(found['unmet'])}"
        f" {'does' if len(found['unmet']) == 1 else 'do'} not hold, or the field is unknown (eligibility_answers)."
        if found["unmet"]
        else "",
        "history": f"the person had it before, and that excludes it: {deeds(own)}." if own else "",
        "rule": f"rule {joined([rule['rule_id'] for rule in rules])} excludes it for this person." if rules else "",
        "not_proposed": "no generator proposes it to this person, so it is no candidate. Each generator proposes"
        " its best"
        " n_candidates (kindred__lists).",
        "below_pool": f"it is rank {found['computed_rank']} of the person's candidates, below the pool of the best"
        f" {found['n_pool']}{kept_pool}.",
        "cap": f"better items of the same category or brand use up the rule {caps}.",
        "variant": f"{case.named(found.get('instead'))} is the same thing in another size or colour and stands for it.",
        "not_drawn": f"it is at place {at}. The last places are drawn by chance from"
        f" {plural(found['n_drawn_from'], 'item')}, and it was not drawn today.",
        "pushed_out": f"it is at place {found['rank_alone']} of the list that policy {found['policy']} would"
        " show alone, and the other policy's items took its place.",
        "below_cut": f"it is at place {at}, below the cut: the list has"
        f" {plural(last, 'place')}"
        f", {found['n_places']} of them not pinned.",
    }
    return str(sentences[found["outcome"]])


def unpersonal_lines(case: Case, item_id: str) -> list[str]:
    """Why an item is or isn't in a list that has nothing personal."""
    place = next((row for row in case.places if row["item_id"] == item_id), None)
    if place:
        line = (f"{case.named(item_id)} is at place {place['rank']} of {len(case.places)} in the list that"
                f" {case.user_id}"
                f" sees: {say(case.texts, place['reason'], None)} (score {number(place['score'])}).")  # fmt: skip
    else:
        line = (f"{case.named(item_id)} is not in the list that {case.user_id} sees: it isn't among the"
                f" {len(case.places)} most popular and trending items.")  # fmt: skip
    return wrapped([line, *list_lines(case), *person_lines(case)[:2]])
