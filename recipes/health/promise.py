"""The promise of the recipe health, measured on its world, and an extract of what it makes.

Conditions, intervals and permissions are evaluated here once more, from the raw tables and without any SQL.
"""

import calendar
import json
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from kindred.serving import Store
from recipes.health.world import COMPANIONS, END, LEVELS, PURPOSES, TOPICS
from recipes.run import Ask, title

# The same project without what the recipe adds: no reading levels, and everything that was read is learned from.
# Both with the world's day, and with rules that pin and boost what some must not see.
SETTINGS = yaml.safe_load(Path(__file__).with_name("dbt_project.yml").read_text(encoding="utf-8"))["vars"]["kindred"]
VARIABLES = {
    "today": f"{END:%Y-%m-%d}",
    "kindred__tables": SETTINGS["kindred__tables"] | {"rules": "forcing_rules"},
}
OPTIONS = ["--vars", json.dumps(VARIABLES)]
CARELESS = {"is_careful": False, "kindred__as_of": f"{END:%Y-%m-%d}", "kindred__folds": ["tuning", "live"]}
COMPARED = ["--select", "+compared_lists", "--exclude-resource-type", "test"]
COMPARED += ["--vars", json.dumps(VARIABLES | CARELESS)]

TODAY = END.date()
DAYS_BEFORE = 30
AT_ONCE = 2
N_ASKED = 10  # members of whom the functions of the warehouse are asked; the store is asked of all

# health_eligibility.csv written again: {risk: (field, words that must not be in it)}, and by age.
HARMS = {
    "contains_nuts": [("allergies", {"nuts", "peanuts"})],
    "grapefruit": [("medicines", {"simvastatin", "felodipine"})],
    "high_potassium": [
        ("conditions", {"kidney_disease", "heart_failure"}),
        ("medicines", {"spironolactone", "lisinopril"}),
    ],
    "raw_fish": [("conditions", {"pregnancy"}), ("allergies", {"fish"})],
    "fasting": [
        ("conditions", {"diabetes", "eating_disorder", "pregnancy"}),
        ("medicines", {"insulin", "metformin"}),
    ],
    "high_impact": [("conditions", {"heart_failure", "osteoporosis", "back_pain", "pregnancy"})],
    "breath_holding": [("conditions", {"hypertension", "heart_failure", "pregnancy"})],
}
AGES = {"fasting": (18, math.inf), "high_impact": (0, 75)}
WORDS = {
    "conditions": {word for word, _ in TOPICS.values() if word}
    | {"kidney_disease", "heart_failure", "osteoporosis", "eating_disorder", "none"},
    "allergies": {"nuts", "peanuts", "fish", "gluten", "lactose", "none"},
    "medicines": {"simvastatin", "felodipine", "spironolactone", "lisinopril", "metformin", "insulin", "none"},
}
# guideline_intervals.csv:
# (id, content, check, sex, condition, excluded by, from age, to age, every months, starts months after, quiet days)
GUIDELINES = (
    ("blood_pressure", "c139", "blood_pressure", None, None, None, 18, None, 24, 0, 60),
    ("blood_pressure_high", "c139", "blood_pressure", None, "hypertension", None, 18, None, 3, 0, 30),
    ("cholesterol", "c140", "cholesterol", None, None, None, 40, 75, 60, 0, 60),
    ("bowel", "c141", "colon", None, None, None, 50, 74, 120, 0, 60),
    ("smear", "c142", "cervical", "F", None, "pregnancy", 25, 64, 36, 0, 60),
    ("flu_shot", "c143", "flu_shot", None, None, None, 65, None, 12, 0, 60),
    ("tetanus", "c144", "tetanus", None, None, None, 18, None, 120, 0, 60),
    ("eyes_diabetes", "c145", "eye_check", None, "diabetes", None, 18, None, 12, 3, 60),
    ("bones", "c146", "bone_density", "F", None, None, 65, 80, None, 6, 60),
)
# {content of a check: (sex, from age, to age)}
FOR_WHOM = {row[1]: (row[3], row[6], row[7]) for row in GUIDELINES}


def words_of(text: str | None, vocabulary: set[str]) -> set[str] | None:
    """The words that a member said; None = nothing, or not so that it is sure what."""
    if text is None:
        return None
    entries = json.loads(text) if text.startswith("[") else text.split("|")
    words = {entry.strip().lower() if isinstance(entry, str) else "" for entry in entries}
    return words if words <= vocabulary else None


def years_between(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def months_after(day: date, months: int) -> date:
    """The same day so many months later; in a shorter month its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass
class Person:
    """What is known of a member; of a visitor nothing."""

    age: int | None = None
    level: int | None = None
    sex: str | None = None
    born: date | None = None
    joined: date | None = None
    sets: dict[str, set[str] | None] = field(default_factory=dict)
    allowed: set[str] = field(default_factory=set)

    def may_learn(self, topic: str) -> bool:
        return topic not in PURPOSES or PURPOSES[topic] in self.allowed

    def may_see(self, content: Mapping[str, Any]) -> bool:
        topic = content["topic"]
        stated = self.sets.get("conditions") or set()
        if topic in PURPOSES and not (TOPICS[topic][0] in stated or self.may_learn(topic)):
            return False
        if content["reading_level"] > 2 and (self.level is None or content["reading_level"] > self.level + 1):
            return False
        if content["content_id"] in FOR_WHOM:
            sex, youngest, oldest = FOR_WHOM[content["content_id"]]
            if self.age is None or not youngest <= self.age <= (oldest or math.inf) or (sex and sex != self.sex):
                return False
        for risk in json.loads(content["risks"]):
            for name, words in HARMS[risk]:
                said = self.sets.get(name)
                if said is None or said & words:
                    return False
            low, high = AGES.get(risk, (None, None))
            if low is not None and (self.age is None or not low <= self.age <= high):
                return False
        return True


NOBODY = Person()


def person_of(row: Mapping[str, Any]) -> Person:
    """What may be believed of a row of members."""
    born = row["born_at"].date() if row["born_at"] else None
    age = years_between(born, TODAY) if born else None
    if age is not None and not 0 <= age <= 120:
        born = age = None
    level = row["reading_level"]
    return Person(
        age,
        level if level in LEVELS else None,
        row["sex"] if row["sex"] in ("F", "M") else None,
        born,
        row["joined_at"].date(),
        {name: words_of(row[name], vocabulary) for name, vocabulary in WORDS.items()},
    )


@dataclass
class Facts:
    """The raw tables, read."""

    people: dict[str, Person]  # every member
    content: dict[str, dict[str, Any]]
    listed: dict[str, Person]  # members who allowed personalization

    def __init__(self, truths: Mapping[str, Any]) -> None:
        newest: dict[tuple[str, str], tuple[datetime, bool]] = {}
        for row in truths["permissions"]:
            key, found = (row["member_id"], row["purpose"]), (row["answered_at"], not row["is_allowed"])
            newest[key] = max(newest.get(key, found), found)
        rows_of = Counter(row["member_id"] for row in truths["members"])
        self.people = {
            row["member_id"]: person_of(row)
            if rows_of[row["member_id"]] == 1
            else Person(joined=row["joined_at"].date())
            for row in truths["members"]
        }
        for (member, purpose), (_, is_refused) in newest.items():
            if not is_refused:
                self.people[member].allowed.add(purpose)
        self.content = {row["content_id"]: row for row in truths["content"]}
        self.listed = {member: person for member, person in self.people.items() if "personalization" in person.allowed}

    def may_see(self, member: str | None, content_id: str) -> bool:
        """Whether an item may be shown; of a member without a list, as of a visitor, nothing is known."""
        return self.listed.get(member or "", NOBODY).may_see(self.content[content_id])

    def topic(self, content_id: str) -> str:
        return str(self.content[content_id]["topic"])


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    return statistics.mean(values), statistics.stdev(values) / len(values) ** 0.5


def auc_and_error(ones: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """How often one of the first has the higher score, and its standard error (DeLong et al. 1988)."""
    wins = [[(one > other) + (one == other) / 2 for other in others] for one in ones]
    rows = [statistics.mean(row) for row in wins]
    columns = [statistics.mean(column) for column in zip(*wins, strict=True)]
    error = math.sqrt(statistics.variance(rows) / len(rows) + statistics.variance(columns) / len(columns))
    return statistics.mean(rows), error


def asked_sessions(facts: Facts, number: int) -> list[list[str]]:
    """Sessions to ask for a member: none, content with a risk, sensitive content, and anything."""
    risky = [content_id for content_id, row in facts.content.items() if row["risks"] != "[]"]
    sensitive = [content_id for content_id, row in facts.content.items() if row["topic"] in PURPOSES]
    anything = list(facts.content)
    return [[], *([ids[number % len(ids)], ids[number * 7 % len(ids)]] for ids in (risky, sensitive, anything))]


def shown_by_tables(ask: Ask) -> list[tuple[str | None, str]]:
    """(member, item) of all tables that show an item to a member, or (None) to anybody."""
    return [
        *ask("select user_id, item_id from recommendations"),
        *ask("select user_id, item_id from buy_again"),
        *ask("select user_id, item_id from people_for_item"),
        *ask("select user_id, item_id from campaign_people"),
        *[
            (user_id, entry[0])
            for user_id, items in ask("select user_id, items from release_lists")
            for entry in json.loads(items)
        ],
        *ask("select null, item_id from fallback_recommendations"),
        *ask("select null, item_id from trending_items"),
    ]


def shown_at_request(ask: Ask, facts: Facts) -> list[tuple[str | None, str]]:
    """The same of lists that are made at the moment of a request: by the store for all, by SQL for some."""
    everything = sorted(facts.content)
    shown: list[tuple[str | None, str]] = []
    askers = [*facts.people, "a visitor"]
    [(location,)] = ask("select location from releases order by published_at desc limit 1")
    path = Path(__file__).parent / location
    if path.suffix == ".sqlite":
        store = Store(path.parents[1])
        for number, member in enumerate(askers):
            for session in asked_sessions(facts, number):
                answer = store.recommend(member, session=session, n=len(everything))
                shown += [(member, item["item_id"]) for item in answer["items"]]
            given = [item["item_id"] for item in store.rerank(member, everything)["items"]]
            assert set(given) == {content_id for content_id in everything if facts.may_see(member, content_id)}, (
                f"of all items, rerank gives {member} others than those that may be shown"
            )
            shown += [(member, content_id) for content_id in given]
    for number, member in enumerate(askers[:: len(askers) // N_ASKED]):
        session = json.dumps(asked_sessions(facts, number)[number % 4])
        # Of several arguments the emulator of Snowflake wants all.
        arguments = f"'{member}', '{session}', 200" + ", null" * 7
        listed = ask(f"select item_id from recommend_items({arguments}) order by 1")
        given_rows = ask(
            f"select item_id from rerank_items('{member}', '{json.dumps(everything)}', null, null) order by 1"
        )
        assert [row[0] for row in given_rows] == [item for item in everything if facts.may_see(member, item)], (
            f"of all items, rerank_items gives {member} others than those that may be shown"
        )
        shown += [(member, content_id) for (content_id,) in listed + given_rows]
    return shown


def keep_contraindications(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Nobody is shown what they must not be shown, in any list, whatever is pinned or boosted."""
    facts = Facts(truths)
    at_request = shown_at_request(ask, facts)
    shown = shown_by_tables(ask) + at_request
    # A reminder goes by what its member said, whether or not they allowed lists.
    reminded = ask("select member_id, item_id from reminders_due where item_id is not null")
    wrong = [place for place in shown if not facts.may_see(*place)]
    wrong += [place for place in reminded if not facts.people[place[0]].may_see(facts.content[place[1]])]
    shown += reminded
    assert not wrong, f"{len(wrong)} of {len(shown)} shown items are contraindicated: {wrong[:5]}"
    # What may be shown at all at request time, for each member and each item: both ways.
    sets = ask("select item_id, eligibility from release_items")
    lists = ask("select user_id, eligible_for from release_lists")
    assert len(sets) == len(facts.content) and {row[0] for row in lists} <= set(facts.listed)
    for member, text in lists:
        eligible_for = {"", *json.loads(text)}
        for content_id, eligibility in sets:
            assert (eligibility in eligible_for) == facts.may_see(member, content_id), (member, content_id)
    # Beside an item: for everybody who may be shown the item.
    viewers = {
        content_id: [member for member in [None, *facts.listed] if facts.may_see(member, content_id)]
        for content_id in facts.content
    }
    beside = ask(
        "select item_id, similar_item_id from similar_items union all select item_id, bundle_item_id from bundles"
    )
    wrong_beside = [
        (content_id, other) for content_id, other in beside for member in viewers[content_id]
        if not facts.may_see(member, other)
    ]  # fmt: skip
    assert not wrong_beside, f"beside an item stands what its reader must not be shown: {wrong_beside[:5]}"
    n_conditioned = sum(not NOBODY.may_see(facts.content[content_id]) for _, content_id in shown)
    assert n_conditioned > 1000, "hardly anything under a condition is shown to anybody: this says little"
    pinned = Counter(
        content_id for (content_id,) in ask("select item_id from recommendations where generator = 'pinned'")
    )
    pins = ("c014", "c103")
    refused = {content_id: len(lists) - pinned[content_id] for content_id in pins}
    assert all(refused[pin] > 20 and pinned[pin] > 20 for pin in pins), f"pins have no test: {pinned}, {refused}"
    n_before = sum(
        not facts.may_see(row["member_id"], row["content_id"])
        for row in truths["events"]
        if row["what"] == "open" and row["member_id"] in facts.listed
    )
    assert n_before > 500, "members hardly ever opened what they must not be shown: nothing pulls towards it"
    return [
        f"{len(shown):,} shown pairs of member and item, {n_conditioned:,} of them under a condition: 0 contraindicated"
        f" (before, members had opened {n_before:,} such); pins that conditions stopped: {sum(refused.values())}",
        f"{len(lists) * len(sets):,} pairs that a request could show: all decided as by the raw tables;"
        f" {len(beside):,} pairs of items: 0 contraindicated for whoever may see the first",
    ]


def keep_consent(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """People who haven't allowed personalization have no list, and nobody is reminded or mailed without the purpose."""
    facts = Facts(truths)
    named = {
        table: {row[0] for row in ask(f"select distinct user_id from {table}")}
        for table in ("recommendations", "people_for_item", "campaign_people", "release_lists")
    }
    for table, members in named.items():
        strangers = members - set(facts.listed)
        assert members and not strangers, (
            f"{table} has {len(strangers)} members without consent: {sorted(strangers)[:5]}"
        )
    unmailed = {
        member for member in named["campaign_people"] if "newsletter" not in facts.people[member].allowed
    }  # fmt: skip
    assert not unmailed, f"{sorted(unmailed)[:5]} would get a newsletter without consent"
    n_without = len(facts.people) - len(facts.listed)
    assert named["recommendations"] == set(facts.listed) and n_without > 30
    return [f"{n_without} members who didn't allow personalization have no list, {len(facts.listed)} have one"]


def due_reminders(facts: Facts, truths: Mapping[str, Any]) -> tuple[dict[tuple[str, str], tuple[Any, ...]], int, int]:
    """({(member, check): (reminder, content, last done, due, overdue days)} of everybody who allowed reminders,
    how many are quiet, as they were sent, and how many wait for others)"""
    last: dict[tuple[str, str], date] = {}
    done_or_sent = [(row["member_id"], row["what"], row["done_at"].date()) for row in truths["checks"]]
    done_or_sent += [
        (row["member_id"], row["content_id"], row["happened_at"].date())
        for row in truths["events"]
        if row["what"] == "send"
    ]
    for member, what, day in done_or_sent:
        if day <= TODAY:
            last[member, what] = max(last.get((member, what), day), day)
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    n_quiet = n_waiting = 0
    for member, person in facts.people.items():
        if "reminders" not in person.allowed or person.born is None or person.age is None or person.joined is None:
            continue
        stated = person.sets.get("conditions")
        soonest: dict[str, tuple[Any, ...]] = {}
        for reminder, content_id, check, sex, condition, excluding, youngest, oldest, every, after, quiet in GUIDELINES:
            if (sex and sex != person.sex) or (condition and condition not in (stated or set())):
                continue
            if not youngest <= person.age <= (oldest or math.inf) or (
                excluding and (stated is None or excluding in stated)
            ):
                continue
            done = last.get((member, check))
            if done and not every:
                continue
            start = months_after(max(months_after(person.born, 12 * youngest), person.joined), after)
            due = months_after(done, every) if done and every else start
            if check not in soonest or (due, reminder) < soonest[check][:2]:
                soonest[check] = (due, reminder, content_id, done, quiet)
        # (when it was sent, due, reminder, ...)
        waiting = []
        n_open = AT_ONCE
        for check, (due, reminder, content_id, done, quiet) in soonest.items():
            sent = last.get((member, content_id), date.min)
            if (due - TODAY).days > DAYS_BEFORE:
                continue
            if (TODAY - sent).days < quiet:
                n_open -= 1
                n_quiet += 1
            else:
                waiting.append((sent, due, reminder, check, content_id, done))
        waiting.sort(key=lambda entry: entry[:3])
        n_waiting += max(len(waiting) - max(n_open, 0), 0)
        for _, due, reminder, check, content_id, done in waiting[: max(n_open, 0)]:
            shown = content_id if person.may_see(facts.content[content_id]) else None
            found[member, check] = (reminder, shown, done, due, max((TODAY - due).days, 0) if done else None)
    return found, n_quiet, n_waiting


def keep_reminders(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Reminders are those that the intervals say, by another calendar."""
    facts = Facts(truths)
    expected, n_quiet, n_waiting = due_reminders(facts, truths)
    rows = ask("""
        select
            member_id,
            done_as,
            reminder_id,
            item_id,
            last_done_on,
            due_on,
            overdue_days,
            send_hour
        from reminders_due
    """)
    found = {(row[0], row[1]): tuple(row[2:7]) for row in rows}
    assert len(found) == len(rows), "a member is reminded of one check twice"
    differing = {key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)}
    assert not differing, f"{len(differing)} reminders are wrong: " + str(
        [(key, found.get(key), expected.get(key)) for key in sorted(differing)[:3]]
    )
    assert all(hour is None or 6 <= hour <= 22 for *_, hour in rows), "reminders are sent by night"
    clamped = sum(due.day < done.day for _, _, done, due, _ in expected.values() if done)
    n_recorded = sum(done is not None for _, _, done, _, _ in expected.values())
    counts = (len(rows), n_recorded, clamped, n_quiet, n_waiting)
    assert len(rows) > 200 and min(n_recorded, n_quiet, n_waiting) > 30 and clamped, f"too few to tell: {counts}"
    n_members = len({member for member, _ in found})
    return [
        f"{len(rows)} reminders of {n_members} members: all agree with a second calculation of the same rules; of"
        f" {n_recorded} a check is on record, {clamped} due on the last day of a shorter month; {n_quiet} more are"
        f" quiet, as they were sent, and {n_waiting} wait for others"
    ]


def keep_members(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Exactly the members whose rows were spoilt are named, and what they must not be believed opens nothing."""
    named = {row[0] for row in ask("select member_id from checked_members where problem is not null")}
    assert named == set(truths["spoilt"]), f"named as wrong: {sorted(named ^ set(truths['spoilt']))[:5]}"
    return [f"{len(named)} members have values that can't be right: all are named, and count as unknown"]


def telling_scores(facts: Facts, truths: Mapping[str, Any], topic: str) -> dict[str, float]:
    """{content: how much rather it is read by members who say that a sensitive topic concerns them}

    This is what somebody could know who wants to find out who reads in silence.
    """
    condition = TOPICS[topic][0]
    stated = {
        member for member, person in facts.people.items() if condition in (person.sets.get("conditions") or set())
    }
    others = set(facts.people) - stated - set(truths["silent"])
    readers: dict[str, set[str]] = defaultdict(set)
    for row in truths["events"]:
        if row["what"] != "send":
            readers[row["content_id"]].add(row["member_id"])
    return {
        content_id: math.log((len(readers[content_id] & stated) + 1) / (len(stated) + 2))
        - math.log((len(readers[content_id] & others) + 1) / (len(others) + 2))
        for content_id in facts.content
    }


def silence(ask: Ask, facts: Facts, truths: Mapping[str, Any], is_careful: bool) -> tuple[float, float, float, float]:
    """How well lists tell who read in silence (AUC, its error), and by how much more of the topic they have than other
    members' (difference of the share of the topic and of what is read beside it, its error)."""
    lists: dict[str, list[str]] = defaultdict(list)
    for member, content_id in ask(f"select user_id, item_id from compared_lists where is_careful = {is_careful}"):
        lists[member].append(content_id)
    assert len(lists) > 300, f"{len(lists)} lists are compared: build what is compared first"
    aucs, gaps = [], []
    for number, topic in enumerate(PURPOSES):
        scores = telling_scores(facts, truths, topic)
        silent = [member for member in sorted(lists) if truths["silent"].get(member) == topic]
        # Each of the others is asked once, so that the three figures don't depend on one another.
        others = [
            member
            for place, member in enumerate(sorted(lists))
            if place % len(PURPOSES) == number
            and member not in truths["silent"]
            and not facts.people[member].may_learn(topic)
            and TOPICS[topic][0] not in (facts.people[member].sets.get("conditions") or set())
        ]
        assert len(silent) > 10 and len(others) > 30, (topic, len(silent), len(others))
        of_topic = {topic, COMPANIONS[topic]}
        sums = [[sum(scores[item] for item in lists[member]) for member in group] for group in (silent, others)]
        shares = [
            [statistics.mean(facts.topic(item) in of_topic for item in lists[member]) for member in group]
            for group in (silent, others)
        ]
        aucs.append(auc_and_error(*sums))
        (ones, one_error), (rest, rest_error) = map(mean_and_error, shares)
        gaps.append((ones - rest, math.hypot(one_error, rest_error)))
    auc, gap = (statistics.mean(value for value, _ in figures) for figures in (aucs, gaps))
    errors = [math.hypot(*(error for _, error in figures)) / len(PURPOSES) for figures in (aucs, gaps)]
    return auc, errors[0], gap, errors[1]


def keep_silence(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Lists don't tell who read about a sensitive topic in silence; reasons name it to nobody who didn't allow it."""
    facts = Facts(truths)
    auc, error, gap, gap_error = silence(ask, facts, truths, True)
    told, told_error, told_gap, told_gap_error = silence(ask, facts, truths, False)
    assert abs(auc - 0.5) < 2.5 * error, f"lists tell who read in silence: AUC {auc:.2f} +- {error:.2f}"
    assert abs(gap) < 2.5 * gap_error, f"silent readers get more of the topic: {gap:.3f} +- {gap_error:.3f}"
    assert told - 0.5 > 3 * told_error, f"learning from it tells nobody ({told:.2f} +- {told_error:.2f}): no test"
    because = ask("""
        select
            user_id,
            because_item_id
        from recommendations
        where because_item_id is not null
        union all
        select
            user_id,
            because_item_id
        from explanations
        where because_item_id is not null
    """)
    because += [
        (member, entry[0] if isinstance(entry, list) else entry)
        for member, history in ask("select user_id, history from release_lists where history is not null")
        for entry in json.loads(history)
    ]
    wrong = [row for row in because if not facts.people[row[0]].may_learn(facts.topic(row[1]))]
    assert len(because) > 1000 and not wrong, f"reasons name sensitive content to {len(wrong)} members: {wrong[:5]}"
    expected: Counter[str] = Counter()
    for row in truths["events"]:
        topic = facts.topic(row["content_id"])
        if row["what"] != "send" and not facts.people[row["member_id"]].may_learn(topic):
            expected[topic] += 1
    found: Counter[str] = Counter()
    for topic, n_events in ask("select category, n_events from left_out_events"):
        found[topic] += n_events
    assert found == expected and min(found.values()) > 100, f"left out {found}, expected {expected}"
    return [
        f"who read about a sensitive topic in silence, lists tell with an AUC of {auc:.2f} ± {error:.2f} (95% interval"
        f" {auc - 1.96 * error:.2f} to {auc + 1.96 * error:.2f}; 0.5 is chance;"
        f" {told:.2f} ± {told_error:.2f} where their reading is learned from); they hold {100 * gap:.1f} ±"
        f" {100 * gap_error:.1f} points more of it and of what is read beside it"
        f" ({100 * told_gap:.1f} ± {100 * told_gap_error:.1f})",
        f"{sum(found.values()):,} events are left out; {len(because):,} reasons: 0 name what the member didn't allow",
    ]


def keep_levels(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Lists that mind reading levels are finished more often."""
    facts = Facts(truths)
    lists: dict[bool, dict[str, list[str]]] = {True: defaultdict(list), False: defaultdict(list)}
    for is_careful, member, content_id in ask("select is_careful, user_id, item_id from compared_lists"):
        lists[bool(is_careful)][member].append(content_id)
    # Of silent readers the two lists differ by more than levels.
    members = sorted((lists[True].keys() & lists[False].keys()) - truths["silent"].keys())
    finished = {
        is_careful: {
            member: statistics.mean(truths["finishes"][member][item] for item in lists[is_careful][member])
            for member in members
        }
        for is_careful in lists
    }
    gain, error = mean_and_error([finished[True][member] - finished[False][member] for member in members])
    assert gain > 3 * error, f"{100 * gain:.2f} +- {100 * error:.2f} completions per 100 places more: too little"
    means = {is_careful: statistics.mean(finished[is_careful].values()) for is_careful in lists}
    too_hard = {
        is_careful: statistics.mean(
            facts.content[item]["reading_level"] > truths["levels"][member] + 1
            for member in members
            for item in lists[is_careful][member]
        )
        for is_careful in lists
    }
    return [
        f"of 100 places {100 * means[True]:.1f} are finished, {100 * gain:.1f} ± {100 * error:.1f} more than without"
        f" reading levels; {too_hard[True]:.0%} lie two levels and more above the member's, {too_hard[False]:.0%}"
        " without"
    ]


def keep_fit(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """People who stated a condition find its topic among the first ten more often than others."""
    facts = Facts(truths)
    firsts: dict[str, set[str]] = defaultdict(set)
    for member, content_id in ask("select user_id, item_id from recommendations where rank <= 10"):
        firsts[member].add(facts.topic(content_id))
    found: dict[bool, list[float]] = {True: [], False: []}
    for topic, (condition, _) in TOPICS.items():
        if condition and topic not in PURPOSES:
            for member, topics in firsts.items():
                found[condition in (facts.people[member].sets.get("conditions") or set())].append(
                    float(topic in topics)
                )
    (own, own_error), (others, others_error) = mean_and_error(found[True]), mean_and_error(found[False])
    assert own - others > 3 * math.hypot(own_error, others_error), f"{own:.0%} find their topic, others {others:.0%}"
    return [
        f"{own:.0%} ± {own_error:.0%} find the topic of a condition that they stated among the first ten,"
        f" {others:.0%} of others do"
    ]


def keep(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """The promise, figure by figure. Errors: AssertionError where it is broken."""
    parts = (keep_contraindications, keep_consent, keep_members, keep_reminders, keep_silence, keep_levels, keep_fit)
    return [line for part in parts for line in part(ask, truths)]


def extract(ask: Ask) -> list[str]:
    """What an editor and a data protection officer would look at first."""
    lines = title("A list: the first five of a member, without what the promise's rules force")
    for row in ask("""
        select
            recommendations.user_id,
            recommendations.rank,
            items.title,
            recommendations.reason,
            because_items.title
        from recommendations
        inner join health_items as items
            on recommendations.item_id = items.item_id
        left join health_items as because_items
            on recommendations.because_item_id = because_items.item_id
        left join forcing_rules
            on recommendations.item_id = forcing_rules.item_id
        where forcing_rules.item_id is null
            and recommendations.user_id in (select min(user_id) from recommendations)
        order by recommendations.rank
        limit 5
    """):
        because = f"{row[3]}, because of {row[4]}" if row[4] else row[3]
        lines.append(f"{row[0]} place {row[1]:2} {row[2]:30} {because}")
    lines += title("Members with values that can't be right")
    for row in ask("select problem, count(*) from checked_members where problem is not null group by 1 order by 1"):
        lines.append("{:80} {:3} members".format(*row))
    lines += title("Reminders, by whether a check is on record")
    for row in ask("""
        select
            is_on_record,
            title,
            count(*),
            max(overdue_days)
        from reminders_due
        group by
            is_on_record,
            title
        order by
            is_on_record desc,
            title
    """):
        late = f"at most {row[3]} days overdue" if row[0] else "no check on record"
        lines.append(f"{row[1]:36} {row[2]:3} members, {late}")
    lines += title("Reminders that are longest overdue")
    for row in ask("""
        select
            member_id,
            title,
            last_done_on,
            due_on,
            send_hour
        from reminders_due
        where last_done_on is not null
            and send_hour is not null
        order by
            overdue_days desc,
            member_id,
            done_as
        limit 5
    """):
        lines.append("{} {:36} last on {:%Y-%m-%d}, due on {:%Y-%m-%d}, at {:02}:00 UTC".format(*row))
    lines += title("What was read and is not learned from")
    for row in ask("select category, reason, n_events, n_members from left_out_events order by category, reason"):
        lines.append("{:16} {:38} {:5} events of {:3} members".format(*row))
    lines += title("Why content is declined")
    for row in ask("""
        select
            conditions.kind,
            sum(declines.n_items),
            sum(declines.n_items * declines.n_eligible),
            sum(declines.n_items * declines.n_declined),
            sum(declines.n_items * declines.n_unknown)
        from eligibility_declines as declines
        inner join (
            select
                rule_id,
                case
                    when rule_id like '%:c%' and rule_id not like 'sensitive:%'
                        then substr(rule_id, 1, length(rule_id) - 5)
                    else rule_id
                end as kind
            from health_conditions
        ) as conditions
            on declines.rule_id = conditions.rule_id
        group by conditions.kind
        order by conditions.kind
    """):
        lines.append("{:26} {:3} items: {:6} pairs eligible, {:6} not, {:6} unknown".format(row[0], *map(int, row[1:])))
    return lines
