"""The world of the recipe saas: a software product that opened in November, its accounts, users, features and uses.

Planted are how probably an account cancels in the next 30 days, a function of what its log shows by then; what prompts
do for the adoption of a feature; features that build on one another, modules that roles like; and how long users of a
plan take to the feature that is worth their money. The same rows on every run.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.serving.arms import unit_key
from recipes.run import World

PERIOD_DAYS, N_PERIODS = 30, 7
END = datetime(2026, 6, 1)
START = END - timedelta(days=PERIOD_DAYS * N_PERIODS)
N_ACCOUNTS = 320
SHARE_AT_THE_START = 0.65  # of the accounts, signed up in the first period
USERS = (2, 5)
# The monthly price of a seat, how common the plan is, and the median days from invitation to the aha feature.
PLANS = {"basic": (12, 0.45, 20.0), "pro": (24, 0.35, 12.0), "enterprise": (45, 0.20, 7.0)}
MODULES = {
    "Projects": ("basic", "Task list|Due dates|Subtasks|Dependencies|Baselines"),
    "Boards": ("basic", "Board|Swimlanes|Work limits|Board filters|Card ageing"),
    "Documents": ("basic", "Page|Templates|Comments on pages|Page history|Approval"),
    "Sharing": ("basic", "Share with a guest|Public link|Embedded view|Guest rights|Share report"),
    "Reports": ("pro", "Burndown|Time report|Custom report|Scheduled report|Forecast"),
    "Automation": ("pro", "Rule|Recurring task|Webhook|Script|Approval flow"),
    "Planning": ("pro", "Calendar|Workload|Roadmap|Scenarios|Budget"),
    "Administration": ("enterprise", "Teams|Roles|Single sign-on|Audit log|Data residency"),
}
FOR_ADMINS = ("Single sign-on", "Audit log", "Data residency")
AHA = "Share with a guest"
ROLES = {
    "admin": ("Administration", "Reports", "Planning"),
    "maker": ("Projects", "Boards", "Automation"),
    "viewer": ("Documents", "Sharing", "Reports"),
}
LIKES = {True: 6.0, False: 1.0}
COUNTRIES = ("DE", "FR", "US")

# The logarithm of the odds that an account cancels in the next 30 days, by what was seen in the 30 days before.
HAZARD = {"base": -0.7, "breadth": -0.14, "active_share": -1.3, "trend": -0.7, "days_silent": 0.07, "n_bad": 0.7}
CANCELS_AFTER = (15.0, 29.9)  # days after that moment
# An account younger than that has paid for its first month.
LEAST_AGE_DAYS = 30

# The experiment: three features that a user hasn't used, each with an arm of its own. How probably it is adopted within
# the days, where its forerunner is used and where not.
PROMPTED_PERIODS, PROMPTED_FIRST_DAYS, N_PROMPTED, ADOPTED_WITHIN = (5, 6), 5, 3, 9.5
ADOPTS = {True: {"control": 0.10, "prompt": 0.28}, False: {"control": 0.04, "prompt": 0.12}}
# A week before the end some users are prompted outside of the experiment.
ANNOUNCED_AT, SHARE_ANNOUNCED = END - timedelta(days=7), 0.15


@dataclass
class Feature:
    feature_id: str
    name: str
    module: str
    plan: str
    forerunner: str | None


@dataclass
class User:
    user_id: str
    role: str
    invited_at: datetime
    pace: float
    aha_at: datetime
    affinity: np.ndarray
    adopted: list[int] = field(default_factory=list)
    prompted: set[int] = field(default_factory=set)


@dataclass
class Account:
    account_id: str
    plan: str
    signed_up_at: datetime
    engagement: float
    users: list[User]
    cancelled_at: datetime | None = None


@dataclass
class Log:
    """What the product writes while its accounts use it, and what is true of it."""

    rng: np.random.Generator
    features: list[Feature]
    # The number of the forerunner of each feature; -1 = it has none
    forerunners: np.ndarray = field(init=False)
    aha: int = field(init=False)
    uses: list[dict[str, Any]] = field(default_factory=list)
    page_views: list[dict[str, Any]] = field(default_factory=list)
    prompts: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    tickets: list[dict[str, Any]] = field(default_factory=list)
    # (account, moment): the true probability, and what it was made of
    hazards: dict[tuple[str, datetime], float] = field(default_factory=dict)
    signals: dict[tuple[str, datetime], dict[str, float]] = field(default_factory=dict)
    effects: list[float] = field(default_factory=list)
    by_account: dict[str, list[tuple[datetime, str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = {feature.feature_id: index for index, feature in enumerate(self.features)}
        self.forerunners = np.array([numbers.get(feature.forerunner or "", -1) for feature in self.features])
        [self.aha] = [index for index, feature in enumerate(self.features) if feature.name == AHA]

    def use(self, account: Account, user: User, index: int, moment: datetime) -> None:
        feature = self.features[index]
        if index not in user.adopted:
            user.adopted.append(index)
        row: dict[str, Any] = {"use_id": f"n{len(self.uses) + 1:06d}", "user_id": user.user_id}
        row |= {"feature_id": feature.feature_id, "used_at": moment, "n_actions": int(self.rng.integers(1, 30))}
        self.uses.append(row)
        self.by_account.setdefault(account.account_id, []).append((moment, user.user_id, feature.feature_id))

    def view(self, user: User, index: int, moment: datetime) -> None:
        row = {"view_id": f"w{len(self.page_views) + 1:06d}", "user_id": user.user_id}
        self.page_views.append(row | {"feature_id": self.features[index].feature_id, "viewed_at": moment})


def make_features() -> list[Feature]:
    features: list[Feature] = []
    for module, (plan, names) in MODULES.items():
        forerunner = None
        for name in names.split("|"):
            feature = Feature(f"f{len(features) + 1:02d}", name, module, plan, forerunner)
            features.append(feature)
            forerunner = feature.feature_id
    return features


def includes(plan: str, role: str, feature: Feature) -> bool:
    """Whether a user of the plan may use the feature."""
    plans = list(PLANS)
    return plans.index(feature.plan) <= plans.index(plan) and (feature.name not in FOR_ADMINS or role == "admin")


def make_account(rng: np.random.Generator, number: int, features: list[Feature]) -> Account:
    plan = str(rng.choice(list(PLANS), p=[share for _, share, _ in PLANS.values()]))
    day = (
        rng.uniform(0, PERIOD_DAYS)
        if rng.random() < SHARE_AT_THE_START
        else rng.uniform(PERIOD_DAYS, PERIOD_DAYS * (N_PERIODS - 1))
    )
    signed_up_at = (START + timedelta(days=float(day))).replace(microsecond=0)
    users = []
    for place in range(int(rng.integers(USERS[0], USERS[1] + 1))):
        role = "admin" if place == 0 else str(rng.choice(["maker", "viewer"], p=[0.65, 0.35]))
        invited_at = signed_up_at + timedelta(days=float(rng.uniform(0, 10)) if place else 0.0)
        invited_at = invited_at.replace(microsecond=0)
        aha_at = invited_at + timedelta(days=float(rng.exponential(PLANS[plan][2] / math.log(2))))
        affinity = np.array(
            [LIKES[feature.module in ROLES[role]] * includes(plan, role, feature) for feature in features]
        )
        pace = float(rng.lognormal(0, 0.35)) * (0.7 if role == "viewer" else 1.0)
        users.append(
            User(f"a{number:03d}-{place + 1}", role, invited_at, pace, aha_at.replace(microsecond=0), affinity)
        )
    return Account(f"a{number:03d}", plan, signed_up_at, float(rng.normal(0, 0.6)), users)


def signals_at(log: Log, account: Account, moment: datetime) -> dict[str, float]:
    """What the log shows of an account in the 30 days before a moment."""
    since, middle = moment - timedelta(days=PERIOD_DAYS), moment - timedelta(days=PERIOD_DAYS / 2)
    uses = [use for use in log.by_account.get(account.account_id, []) if since <= use[0] < moment]
    seats = sum(user.invited_at < moment for user in account.users)
    late = sum(use[0] >= middle for use in uses)
    silent = min(((moment - max(use[0] for use in uses)).total_seconds() / 86400) if uses else 30.0, 30.0)
    bad = [
        ticket
        for ticket in log.tickets
        if ticket["account_id"] == account.account_id
        and since <= ticket["opened_at"] < moment
        and ticket["satisfaction"] <= 2
    ]
    return {
        "breadth": float(len({use[2] for use in uses})),
        "active_share": len({use[1] for use in uses}) / seats,
        "trend": math.log((late + 3) / (len(uses) - late + 3)),
        "days_silent": silent,
        "n_bad": float(len(bad)),
    }


def decide(log: Log, account: Account, moment: datetime) -> None:
    """Whether the account cancels in the period that begins."""
    if moment - account.signed_up_at < timedelta(days=LEAST_AGE_DAYS):
        return
    signals = signals_at(log, account, moment)
    odds = HAZARD["base"] + sum(HAZARD[name] * value for name, value in signals.items())
    hazard = 1 / (1 + math.exp(-odds))
    log.hazards[account.account_id, moment], log.signals[account.account_id, moment] = hazard, signals
    if log.rng.random() < hazard:
        cancelled_at = moment + timedelta(days=float(log.rng.uniform(*CANCELS_AFTER)))
        account.cancelled_at = cancelled_at.replace(microsecond=0)


def visit_times(log: Log, account: Account, user: User, begins: datetime, slope: float) -> list[datetime]:
    """When the user comes in a period: in the second half more or less often than in the first, by the slope."""
    rate = 3.0 * user.pace * math.exp(account.engagement)
    times = []
    for half in (0, 1):
        tilt = math.exp(slope * (half - 0.5))
        for _ in range(int(log.rng.poisson(min(rate / 2 * tilt, 25)))):
            day = int(log.rng.integers(PERIOD_DAYS // 2)) + half * (PERIOD_DAYS // 2)
            seconds = int(log.rng.integers(7 * 3600, 18 * 3600))
            times.append(begins + timedelta(days=day, seconds=seconds))
    until = account.cancelled_at or END
    return sorted(moment for moment in times if user.invited_at < moment < until)


def draw(log: Log, weights: np.ndarray) -> int | None:
    """An index by its weight; None where none has any."""
    total = float(weights.sum())
    return None if total <= 0 else int(np.searchsorted(np.cumsum(weights), log.rng.random() * total, side="right"))


def ready(log: Log, user: User) -> np.ndarray:
    """Which features come next for a user: those without a forerunner, or whose forerunner is used."""
    used = np.zeros(len(log.features) + 1, dtype=bool)
    used[user.adopted] = True
    used[-1] = True
    return used[log.forerunners]


def new_features(log: Log, user: User) -> np.ndarray:
    """How much a user would like the features that are still unused and in the plan; never the aha feature."""
    weights = user.affinity.copy()
    weights[user.adopted] = 0
    weights[log.aha] = 0
    return weights


def prompt(log: Log, user: User, moment: datetime) -> list[tuple[datetime, int]]:
    """Show the user prompts for three features, or in the control nothing; returns what is adopted of them and when."""
    adopted = []
    for _ in range(N_PROMPTED):
        is_ready = ready(log, user)
        weights = new_features(log, user) * np.where(is_ready, 3.0, 1.0)
        weights[list(user.prompted)] = 0
        index = draw(log, weights)
        if index is None:
            break
        user.prompted.add(index)
        feature_id = log.features[index].feature_id
        arm = "prompt" if unit_key(f"prompts|prompts|{user.user_id}|{feature_id}") >= "80000000" else "control"
        row: dict[str, Any] = {"prompt_id": f"m{len(log.prompts) + 1:05d}", "user_id": user.user_id}
        log.prompts.append(row | {"feature_id": feature_id, "arm": arm, "shown_at": moment})
        chances = ADOPTS[bool(is_ready[index])]
        log.effects.append(chances["prompt"] - chances["control"])
        if log.rng.random() < chances[arm]:
            delay = timedelta(days=float(log.rng.uniform(0.01, ADOPTED_WITHIN)))
            adopted.append(((moment + delay).replace(microsecond=0), index))
    return adopted


def spend_period(log: Log, account: Account, number: int, begins: datetime) -> None:
    """What the users of an account do in a period."""
    rng = log.rng
    slope = float(rng.normal(0, 0.9))
    for user in account.users:
        times = visit_times(log, account, user, begins, slope)
        planned: list[tuple[datetime, int]] = []
        if begins <= user.aha_at < min(begins + timedelta(days=PERIOD_DAYS), account.cancelled_at or END):
            planned.append((user.aha_at, log.aha))
        reserved: set[int] = set()
        is_early = bool(times) and times[0] < begins + timedelta(days=PROMPTED_FIRST_DAYS)
        if number in PROMPTED_PERIODS and is_early and user.adopted:
            before = set(user.prompted)
            planned += prompt(log, user, times[0])
            reserved = user.prompted - before
        steps = sorted([(moment, -1) for moment in times] + planned)
        for moment, what in steps:
            if what >= 0:
                log.use(account, user, what, moment)
                continue
            visit(log, account, user, moment, reserved)


def visit(log: Log, account: Account, user: User, moment: datetime, reserved: set[int]) -> None:
    rng = log.rng
    weights = new_features(log, user) * ready(log, user)
    weights[list(reserved)] = 0
    if rng.random() < (0.25 if user.adopted else 0.8):
        index = draw(log, weights)
        if index is not None:
            if rng.random() < 0.3:
                log.view(user, index, moment)
            log.use(account, user, index, moment + timedelta(seconds=90))
    elif rng.random() < 0.08:
        index = draw(log, weights)
        if index is not None:
            log.view(user, index, moment)
    known = np.zeros(len(log.features))
    known[user.adopted] = user.affinity[user.adopted]
    for number in range(1, 2 + int(rng.poisson(0.7))):
        index = draw(log, known)
        if index is not None:
            log.use(account, user, index, moment + timedelta(minutes=5 * number))
            known[index] = 0


def open_tickets(log: Log, account: Account, begins: datetime) -> None:
    for _ in range(int(log.rng.poisson(0.8))):
        moment = begins + timedelta(seconds=int(log.rng.integers(PERIOD_DAYS * 86400)))
        if account.signed_up_at < moment < (account.cancelled_at or END):
            row: dict[str, Any] = {"ticket_id": f"t{len(log.tickets) + 1:04d}", "account_id": account.account_id}
            row |= {"opened_by": account.users[0].user_id, "opened_at": moment}
            log.tickets.append(row | {"satisfaction": int(log.rng.integers(1, 6))})


def announce(log: Log, accounts: list[Account]) -> None:
    """Tell some users of all accounts of the roadmap."""
    roadmap = next(feature.feature_id for feature in log.features if feature.name == "Roadmap")
    for account in accounts:
        for user in account.users:
            if not account.cancelled_at and log.rng.random() < SHARE_ANNOUNCED:
                row: dict[str, Any] = {"prompt_id": f"m{len(log.prompts) + 1:05d}", "user_id": user.user_id}
                log.prompts.append(row | {"feature_id": roadmap, "arm": None, "shown_at": ANNOUNCED_AT})


def pay(log: Log, account: Account) -> None:
    """The account pays its seats when it signs up and every 30 days from then on."""
    moment = account.signed_up_at
    while moment < (account.cancelled_at or END):
        seats = sum(user.invited_at <= moment for user in account.users)
        row: dict[str, Any] = {"payment_id": f"y{len(log.payments) + 1:05d}", "account_id": account.account_id}
        row |= {"paid_by": account.users[0].user_id, "paid_at": moment, "seats": seats}
        log.payments.append(row | {"plan": account.plan, "amount": float(PLANS[account.plan][0] * seats)})
        moment += timedelta(days=PERIOD_DAYS)


def make_world() -> World:
    rng = np.random.default_rng(20261202)
    features = make_features()
    log = Log(rng, features)
    accounts = [make_account(rng, number, features) for number in range(1, N_ACCOUNTS + 1)]
    for account in accounts:
        for number in range(N_PERIODS):
            begins = START + timedelta(days=number * PERIOD_DAYS)
            if account.signed_up_at >= begins + timedelta(days=PERIOD_DAYS):
                continue
            decide(log, account, begins)
            spend_period(log, account, number, begins)
            open_tickets(log, account, begins)
            if account.cancelled_at:
                break
            shock = -1.3 if rng.random() < 0.10 else 0.0
            account.engagement = 0.75 * account.engagement + shock + float(rng.normal(0, 0.45))
        pay(log, account)
    announce(log, accounts)
    for account in accounts:
        if not account.cancelled_at:
            log.signals[account.account_id, END] = signals_at(log, account, END)
    rows_of_accounts = [
        {
            "account_id": account.account_id,
            "plan": account.plan,
            "country": COUNTRIES[int(rng.integers(len(COUNTRIES)))],
            "signed_up_at": account.signed_up_at,
            "cancelled_at": account.cancelled_at,
        }
        for account in accounts
    ]
    rows_of_users = [
        {
            "user_id": user.user_id,
            "account_id": account.account_id,
            "role": user.role,
            "invited_at": user.invited_at,
        }
        for account in accounts
        for user in account.users
        if user.invited_at < (account.cancelled_at or END)
    ]
    rows_of_features = [
        {
            "feature_id": feature.feature_id,
            "name": feature.name,
            "module": feature.module,
            "lowest_plan": feature.plan,
        }
        for feature in features
    ]
    tables = {
        "accounts": rows_of_accounts, "users": rows_of_users, "features": rows_of_features,
        "feature_uses": log.uses, "page_views": log.page_views, "prompts": log.prompts, "payments": log.payments,
        "tickets": log.tickets,
    }  # fmt: skip
    used: dict[str, set[str]] = {}
    for uses in log.by_account.values():
        for _, user_id, feature_id in uses:
            used.setdefault(user_id, set()).add(feature_id)
    return World(
        tables={name: pa.Table.from_pylist(rows) for name, rows in tables.items()},
        truths={
            "hazards": log.hazards,
            "signals": log.signals,
            "cancelled_at": {account.account_id: account.cancelled_at for account in accounts},
            "effect": float(np.mean(log.effects)),
            "median_days": {plan: median for plan, (_, _, median) in PLANS.items()},
            # {user: (account, plan, role)} of those who were invited
            "users": {
                user.user_id: (account.account_id, account.plan, user.role)
                for account in accounts
                for user in account.users
                if user.invited_at < (account.cancelled_at or END)
            },
            "used": used,
            "announced": {row["user_id"] for row in log.prompts if row["arm"] is None},
            "features": {feature.feature_id: vars(feature) for feature in features},
        },
    )
