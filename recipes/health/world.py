"""The world of the recipe health: content, members, permissions, what members opened and finished, and their checks.

Planted are tastes; reading levels, above which hardly anybody finishes anything; the old app, which minded neither
contraindications nor levels; and members who read much about a sensitive topic in silence: they never said that it
concerns them, and allowed nobody to learn it. What people who did say so read besides gives the silent ones away, as
soon as their reading is learned from. The same rows on every run.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from recipes.run import World

START, END = datetime(2026, 3, 1), datetime(2026, 6, 1)
# Members; and of each sensitive topic those who read in silence, and those who say or allow something.
N_MEMBERS, N_SILENT, N_OPEN = 440, 35, 30

# {topic: (what members with it would state, words of its titles)}
TOPICS = {
    "Heart health": ("hypertension", "Blood pressure|Cholesterol|Heart attack signs|Salt|Walking for the heart|Pulse"),
    "Diabetes": ("diabetes", "Blood sugar|Insulin basics|Feet and nerves|Carbohydrates|Eyes and sugar|Meal timing"),
    "Back and joints": ("back_pain", "Lower back|Sitting well|Knees|Shoulders|Arthritis|Lifting"),
    "Breathing": ("asthma", "Asthma triggers|Inhalers|Pollen|Breathing drills|Cold air|Sports with asthma"),
    "Sleep": ("insomnia", "Falling asleep|Night waking|Naps|Screens at night|Snoring|Sleep diary"),
    "Nutrition": ("", "Vegetables|Breakfast|Protein|Iron|Reading labels|Cooking for one"),
    "Movement": ("", "Strength|Stretching|Balance|Running|Swimming|Stairs"),
    "Stress": ("", "Breaks|Worry|Noise|Deadlines|Saying no|Calm evenings"),
    "Depression": ("depression", "Low mood|Talking about it|Getting up|Relapse|Friends who help|Therapy rooms"),
    "Pregnancy": ("pregnancy", "First weeks|Midwives|Nausea|Birth plan|Sleeping on your side|After birth"),
    "Living with HIV": ("hiv", "Undetectable|Telling others|Daily tablets|Blood tests|Travel|Stigma"),
    "Check-ups": ("", "Blood pressure|Cholesterol|Bowel|Smear test|Flu shot|Tetanus shot|Eyes|Bone density"),
}
# What people with a sensitive topic read besides. Silent readers don't, so that nothing else tells of them.
COMPANIONS = {"Depression": "Sleep", "Pregnancy": "Nutrition", "Living with HIV": "Stress"}
PURPOSES = {
    "Depression": "mental_health",
    "Pregnancy": "reproductive_health",
    "Living with HIV": "sexual_health",
}
ORDINARY = [topic for topic in TOPICS if topic not in PURPOSES]

# Risks of recipes and of exercise videos; articles and courses have none. {risk: dishes that have it}
RISKS = {
    "recipe": ("contains_nuts", "grapefruit", "high_potassium", "raw_fish", "fasting"),
    "video": ("high_impact", "breath_holding"),
}
DISHES = {
    "contains_nuts": "Walnut porridge|Almond bread|Peanut noodles|Hazelnut salad",
    "grapefruit": "Grapefruit salad|Citrus salmon|Bitter marmalade|Grapefruit sorbet",
    "high_potassium": "Banana shake|Bean stew|Potato curry|Spinach bake",
    "raw_fish": "Sushi|Tuna tartare|Ceviche|Herring rolls",
    "fasting": "A day of broth|Sixteen hours|Two meals a day|Juice day",
    "": "Lentil soup|Oat pancakes|Rice bowl|Pea omelette|Barley risotto|Cabbage rolls|Plum crumble|Corn chowder",
}
FORMATS = {topic: ("article", "course") for topic in TOPICS} | {
    "Check-ups": ("article",),
    "Heart health": ("article", "recipe", "video"),
    "Diabetes": ("article", "recipe"),
    "Back and joints": ("article", "video"),
    "Breathing": ("article", "video"),
    "Nutrition": ("article", "recipe"),
    "Movement": ("article", "video"),
    "Pregnancy": ("article", "video"),
}
STATED = {
    "conditions": ("kidney_disease", "heart_failure", "osteoporosis", "eating_disorder"),
    "allergies": ("nuts", "peanuts", "fish", "gluten", "lactose"),
    "medicines": ("simvastatin", "felodipine", "spironolactone", "lisinopril", "metformin", "insulin"),
}
SHARE_SILENT_ABOUT = 0.2  # of members who say nothing of a field, or not how well they read
# What forms really hold: one text for several words, an empty word, a misspelling, the form of an older system.
ODD_SETS = ('["nuts, fish"]', '["fish", ""]', '["nutz"]', "nuts|fish", "none", '["Nuts "]', '[null, "gluten"]')

LEVELS = (1, 2, 3, 4)
# The probability of opening what is shown, and of finishing it by the steps that it lies above the member's level.
OPENS = {True: 0.30, False: 0.06}
FINISHES = (0.65, 0.35, 0.04)
# What comes of forms and imports; a member's columns that must not be believed.
WRONG: tuple[dict[str, Any], ...] = (
    {"born_at": datetime(2090, 5, 5)},
    {"born_at": datetime(1890, 5, 5)},
    {"sex": "female"},
    {"reading_level": 9},
    {"reading_level": 0},
)
N_TWICE = 3  # members of whom there are two rows, which differ
CHECKS = ("blood_pressure", "cholesterol", "colon", "cervical", "flu_shot", "tetanus", "eye_check", "bone_density")


@dataclass
class Member:
    """A member, what they say, and what is true of them."""

    member_id: str
    sex: str | None
    born: datetime | None
    level: int  # the true one
    tastes: set[str]
    stated: dict[str, str | None]  # field: as the form has it
    sensitive: str | None = None  # the sensitive topic that they read about
    is_silent: bool = False
    permissions: list[dict[str, Any]] = field(default_factory=list)


def make_content(rng: np.random.Generator) -> list[dict[str, Any]]:
    content, n_of = [], {"recipe": 0, "video": 0}
    dishes = {risk: iter(names.split("|")) for risk, names in DISHES.items()}
    for topic, (_, words) in TOPICS.items():
        for word in words.split("|"):
            for kind in FORMATS[topic]:
                risks: list[str] = []
                if kind in RISKS:
                    n_of[kind] += 1
                    # Two of three have a risk, some of these two; each risk comes up as often.
                    if n_of[kind] % 3:
                        names = RISKS[kind]
                        risks = [names[n_of[kind] % len(names)]]
                        if n_of[kind] % 7 == 0:
                            risks.append(names[(n_of[kind] + 1) % len(names)])
                name = next(dishes[risks[0] if risks else ""]) if kind == "recipe" else f"{word} ({kind})"
                row: dict[str, Any] = {"content_id": f"c{len(content) + 1:03d}", "title": name}
                row |= {"summary": f"{topic}. {name}", "topic": topic, "format": kind}
                row |= {"reading_level": int(rng.choice(LEVELS, p=(0.25, 0.3, 0.25, 0.2)))}
                row |= {"risks": json.dumps(risks), "published_at": START - timedelta(days=60)}
                content.append(row)
    return content


def make_stated(rng: np.random.Generator, own: list[str]) -> dict[str, str | None]:
    """What a member says of each field: a list of JSON, an odd text, or nothing."""
    stated: dict[str, str | None] = {}
    for name, words in STATED.items():
        chosen = [str(word) for word in rng.choice(words, size=int(rng.choice(3, p=(0.55, 0.3, 0.15))), replace=False)]
        stated[name] = json.dumps((own if name == "conditions" else []) + chosen)
        if rng.random() < SHARE_SILENT_ABOUT:
            stated[name] = None
    if rng.random() < 0.08:
        stated["allergies"] = str(rng.choice(ODD_SETS))
    return stated


def answer(rng: np.random.Generator, member: Member, purpose: str, p_yes: float, p_no: float) -> None:
    """Ask a member for a purpose: yes, no, no answer, or a yes that is withdrawn."""
    lot = rng.random()
    if lot > p_yes + p_no:
        return
    moment = START - timedelta(days=int(rng.integers(1, 300)), seconds=int(rng.integers(86400)))
    row = {"member_id": member.member_id, "purpose": purpose, "is_allowed": bool(lot <= p_yes), "answered_at": moment}
    member.permissions.append(row)
    if lot > p_yes and rng.random() < 0.3:
        earlier = {"is_allowed": True, "answered_at": moment - timedelta(days=30)}
        member.permissions.append(row | earlier)


def make_members(rng: np.random.Generator) -> list[Member]:
    members = []
    for number in range(1, N_MEMBERS + 1):
        born = datetime(1940, 1, 1) + timedelta(days=int(rng.integers(0, 69 * 365)))
        if number % 40 == 0:
            born = datetime(1960 + number // 40, 1, 31) if number % 80 else datetime(1980, 2, 29)
        sex = str(rng.choice(["F", "M", ""], p=(0.5, 0.45, 0.05))) or None
        concerns = [str(topic) for topic in rng.choice(ORDINARY, size=2, replace=False)]
        own = [TOPICS[topic][0] for topic in concerns if TOPICS[topic][0] and rng.random() < 0.6]
        member = Member(
            f"m{number:04d}", sex, None if number % 12 == 5 else born, int(rng.choice(LEVELS)), set(concerns),
            make_stated(rng, own),
        )  # fmt: skip
        members.append(member)
    order = [members[index] for index in rng.permutation(N_MEMBERS)]
    for topic in PURPOSES:
        fitting = [
            member
            for member in order
            if member.sensitive is None and (topic != "Pregnancy" or (member.sex == "F" and is_fertile(member)))
        ]
        for place, member in enumerate(fitting[: N_SILENT + N_OPEN]):
            member.sensitive, member.is_silent = topic, place < N_SILENT
            if member.is_silent:
                continue
            member.tastes = {COMPANIONS[topic]}
            if place % 3:  # two of three say that it concerns them, two of three allow its purpose
                said = json.loads(member.stated["conditions"] or "[]")
                member.stated["conditions"] = json.dumps([*said, TOPICS[topic][0]])
            if place % 3 != 1:
                row = {"member_id": member.member_id, "purpose": PURPOSES[topic], "is_allowed": True}
                member.permissions.append(row | {"answered_at": START - timedelta(days=100)})
    for member in members:
        answer(rng, member, "personalization", 0.86, 0.08)
        answer(rng, member, "reminders", 0.7, 0.2)
        answer(rng, member, "newsletter", 0.5, 0.2)
        for topic, purpose in PURPOSES.items():
            if member.sensitive != topic:
                answer(rng, member, purpose, 0.15, 0.25)
            elif member.is_silent:
                answer(rng, member, purpose, 0.0, 0.5)
    return members


def is_fertile(member: Member) -> bool:
    return member.born is not None and 1981 <= member.born.year <= 2006


def chances(member: Member, content: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """(how probably a member opens each item when it is shown, and finishes it when it is opened)"""
    likes = np.array([item["topic"] in member.tastes or item["topic"] == member.sensitive for item in content])
    steps = np.array([min(max(item["reading_level"] - member.level, 0), 2) for item in content])
    opens = np.where(likes, OPENS[True], OPENS[False])
    strange = np.array([item["topic"] in PURPOSES and item["topic"] != member.sensitive for item in content])
    return np.where(strange, 0.01, opens), np.array(FINISHES)[steps]


def read(
    rng: np.random.Generator, members: list[Member], content: list[dict[str, Any]], opens: np.ndarray, ends: np.ndarray
) -> list[dict[str, Any]]:
    """What members opened, bookmarked and finished in the old app, which showed anything to anybody."""
    rows: list[dict[str, Any]] = []
    ids = [item["content_id"] for item in content]
    appeal = np.clip(rng.lognormal(0, 0.4, len(content)), 0.4, 2.5)
    for index, member in enumerate(members):
        pace = float(rng.uniform(4, 10))
        # Members come by day, each about an hour of their own (UTC).
        usual = int(rng.integers(8, 21))
        day = START + timedelta(days=int(rng.uniform(0, pace)))
        finished: set[int] = set()
        while day < END:
            moment = day + timedelta(hours=usual, minutes=int(rng.integers(-60, 61)))
            visit = f"{member.member_id}-{moment:%m%d%H%M}"
            weights = opens[index] * appeal
            weights[list(finished)] = 0
            chosen = rng.choice(len(content), size=int(rng.integers(1, 4)), replace=False, p=weights / weights.sum())
            for what in map(int, chosen):
                moment += timedelta(minutes=int(rng.integers(1, 12)))
                row = {"member_id": member.member_id, "visit_id": visit, "content_id": ids[what]}
                kinds = ["open"]
                if rng.random() < ends[index, what]:
                    kinds.append("finish")
                    finished.add(what)
                if rng.random() < 0.05:
                    kinds.append("bookmark")
                for step, kind in enumerate(kinds):
                    happened = (moment + timedelta(seconds=20 * step)).replace(microsecond=0)
                    rows.append({"event_id": f"e{len(rows) + 1:06d}", **row, "what": kind, "happened_at": happened})
            day += timedelta(days=1 + int(rng.exponential(pace)))
    return rows


def make_checks(rng: np.random.Generator, members: list[Member]) -> list[dict[str, Any]]:
    """Screenings and vaccinations of the past, some on the last days of months, some done twice."""
    rows = []
    for member in members:
        for what in CHECKS:
            for _ in range(int(rng.choice(3, p=(0.5, 0.35, 0.15)))):
                done = END - timedelta(days=int(rng.integers(1, 365 * (12 if what in ("colon", "tetanus") else 4))))
                if rng.random() < 0.3:
                    done = datetime(done.year - 1, int(rng.choice((1, 3, 8, 12))), 31)
                row = {"check_id": f"k{len(rows) + 1:05d}", "member_id": member.member_id, "what": what}
                rows.append(row | {"done_at": done.replace(hour=9, minute=0, second=0)})
    return rows


def make_sends(rng: np.random.Generator, members: list[Member], content: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Reminders that were sent in the last months, each an event of the content of its check."""
    rows: list[dict[str, Any]] = []
    for member in members:
        for item in content:
            if item["topic"] == "Check-ups" and rng.random() < 0.2:
                row = {"event_id": f"s{len(rows) + 1:06d}", "member_id": member.member_id, "visit_id": None}
                sent = END - timedelta(days=int(rng.integers(1, 90)), hours=-9)
                rows.append({**row, "content_id": item["content_id"], "what": "send", "happened_at": sent})
    return rows


def spoil(people: list[dict[str, Any]]) -> list[str]:
    """Make some members' rows wrong, and some twice: the second says that nothing is to be minded. Returns whose."""
    for place, wrong in enumerate(3 * WRONG):
        people[20 * place + 11] |= wrong
    careless = {"reading_level": 4, "conditions": "[]", "allergies": "[]", "medicines": "[]"}
    twice = [people[20 * place + 17] for place in range(N_TWICE)]
    people += [row | careless for row in twice]
    return [row["member_id"] for row in twice] + [
        people[20 * place + 11]["member_id"] for place in range(3 * len(WRONG))
    ]


def make_world() -> World:
    rng = np.random.default_rng(20261202)
    content, members = make_content(rng), make_members(rng)
    pairs = [chances(member, content) for member in members]
    opens, ends = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    people = [
        {
            "member_id": member.member_id,
            "joined_at": START - timedelta(days=30),
            "sex": member.sex,
            "born_at": member.born,
            "reading_level": None if rng.random() < SHARE_SILENT_ABOUT else member.level,
            **member.stated,
        }
        for member in members
    ]
    events = read(rng, members, content, opens, ends)
    checks = make_checks(rng, members)
    events += make_sends(rng, members, content)
    spoilt = spoil(people)
    permissions = [row for member in members for row in member.permissions]
    tables = {"content": content, "members": people, "events": events, "checks": checks, "permissions": permissions}
    ids = [item["content_id"] for item in content]
    return World(
        tables={name: pa.Table.from_pylist(rows) for name, rows in tables.items()},
        truths={
            # The raw tables again: the promise evaluates conditions and intervals by itself.
            **tables,
            "silent": {member.member_id: member.sensitive for member in members if member.is_silent},
            "finishes": {
                member.member_id: dict(zip(ids, (opens[index] * ends[index]).round(6).tolist(), strict=True))
                for index, member in enumerate(members)
            },
            "levels": {member.member_id: member.level for member in members},
            "spoilt": spoilt,
        },
    )
