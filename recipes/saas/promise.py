"""The promise of the recipe saas, measured on its world, and an extract of what it makes."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from kindred.serving.arms import unit_key
from recipes.run import Ask, first_places, title
from recipes.saas.world import END, HAZARD, PERIOD_DAYS, Feature, includes

# What prompts read of the build before: a build of a week ago, as far as it is read.
DAYS_BEFORE = 7
BEFORE = f"{{kindred__as_of: '{END - timedelta(days=DAYS_BEFORE):%Y-%m-%d}'}}"
COMPARED = ["--select", "+customer_values", "--exclude-resource-type", "test", "--vars", BEFORE]

N_JUDGED = 3  # newest moments of which it is known who cancelled; what the risk learned from lies before each
PROMPT_FROM_RISK = 0.15  # as prompt_from_risk of dbt_project.yml
CONTROL_ENDS = "80000000"  # the key at which the share of the control, one half, ends
STEPS = {  # as onboarding_steps.csv
    "admin": ["f01", "f06", "f16", "f11", "f36"],
    "maker": ["f01", "f02", "f06", "f16", "f26"],
    "viewer": ["f11", "f16", "f17"],
}


def areas(scores: Sequence[np.ndarray], is_case: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUC of each score on the same rows, and their covariances (DeLong, DeLong, Clarke-Pearson, Biometrics 1988)."""
    wins = [
        (score[is_case][:, None] > score[~is_case]) + 0.5 * (score[is_case][:, None] == score[~is_case])
        for score in scores
    ]
    of_cases, of_others = (np.cov([win.mean(axis=axis) for win in wins]) for axis in (1, 0))
    return np.array([win.mean() for win in wins]), of_cases / is_case.sum() + of_others / (~is_case).sum()


def keep_signals(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """What risk is made of is what was to be seen before the moment: nothing of later, nothing of other accounts."""
    found: dict[tuple[str, Any], dict[str, float]] = defaultdict(dict)
    for account, moment, signal, value in ask("select account_id, moment, signal, value from account_signals"):
        found[account, moment][signal] = float(value)
    known = {key: signals for key, signals in truths["signals"].items() if key[1] < END}
    assert set(known) <= set(found), f"{len(set(known) - set(found))} accounts that could cancel aren't assessed"
    wrong = [
        (key, name)
        for key, signals in found.items()
        for name in set(HAZARD) - {"base"}
        if abs(signals.get(name, math.inf) - truths["signals"][key][name]) > 1e-3
    ]
    assert not wrong, f"{len(wrong)} of {len(found) * (len(HAZARD) - 1)} signals are wrong: {wrong[:5]}"
    outcomes = ask("select account_id, moment, is_cancelled from account_moments where is_cancelled is not null")
    assert {(account, moment) for account, moment, _ in outcomes} == set(known), (
        "not all outcomes are known, or too many"
    )
    for account, moment, is_cancelled in outcomes:
        cancelled_at = truths["cancelled_at"][account]
        truly = cancelled_at is not None and cancelled_at < moment + timedelta(days=PERIOD_DAYS)
        assert is_cancelled == truly, f"{account} at {moment}"
    return [f"{len(found) * (len(HAZARD) - 1):,} signals of {len(found):,} assessed account months: 0 wrong"]


def keep_churn(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """The risk tells who cancels nearly as well as the true probability; it learned from what was over alone."""
    rows = ask("""
        select
            account_id,
            moment,
            churn_risk,
            is_cancelled,
            n_learned
        from account_health
        where is_cancelled is not null
            and churn_risk is not null
        order by
            moment,
            account_id
    """)
    judged = sorted({moment for _, moment, *_ in rows})[-N_JUDGED:]
    assert len(judged) == N_JUDGED, f"there is a risk for {len(judged)} moments"
    for _, moment, _, _, n_learned in rows:
        n_over = sum(earlier + timedelta(days=PERIOD_DAYS) <= moment for _, earlier in truths["hazards"])
        assert n_learned == n_over, f"the risk at {moment} learned from {n_learned} account months, {n_over} were over"
    rows = [row for row in rows if row[1] in judged]
    risk = np.array([float(row[2]) for row in rows])
    true_risk = np.array([truths["hazards"][account, moment] for account, moment, *_ in rows])
    has_cancelled = np.array([bool(row[3]) for row in rows])
    (area, true_area), covariances = areas([risk, true_risk], has_cancelled)
    error, true_error = np.sqrt(np.diag(covariances))
    lost = true_area - area
    lost_error = math.sqrt(covariances[0, 0] + covariances[1, 1] - 2 * covariances[0, 1])
    assert area - 3 * error > 0.5, f"AUC {area:.3f} +- {error:.3f}: no better than chance"
    assert abs(lost) <= 2 * lost_error, f"AUC is {lost:.3f} +- {lost_error:.3f} below that of the true probability"
    n, expected = int(has_cancelled.sum()), float(risk.sum())
    spread = math.sqrt(float((risk * (1 - risk)).sum()))
    assert abs(n - expected) < 3 * spread, f"{n} cancelled, {expected:.0f} +- {spread:.0f} were expected"
    return [
        f"churn AUC {area:.3f} ± {error:.3f} on {len(rows)} account months that the risk had not seen, {n} of which"
        f" cancelled; the true probability has {true_area:.3f} ± {true_error:.3f}, {lost:.3f} ± {lost_error:.3f} more",
        f"the risks of these add up to {expected:.0f} ± {spread:.0f} cancelled accounts, {n} were",
    ]


def keep_reasons(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Contributions add up to the risk, the three reasons are the largest ones."""
    sums: dict[tuple[str, Any], list[tuple[float, str]]] = defaultdict(list)
    for account, moment, sentence, contribution in ask(
        "select account_id, moment, sentence, contribution from churn_reasons"
    ):
        sums[account, moment].append((float(contribution), sentence))
    rows = ask("""
        select
            health.account_id,
            health.moment,
            health.churn_risk,
            scales.base + scales.intercept,
            health.reason_1,
            health.reason_2,
            health.reason_3
        from account_health as health
        inner join risk_scales as scales
            on health.moment = scales.moment
    """)
    for account, moment, risk, start, *reasons in rows:
        parts = sums[account, moment]
        log_odds = float(start) + sum(contribution for contribution, _ in parts)
        assert abs(1 / (1 + math.exp(-log_odds)) - float(risk)) < 1e-3, f"the reasons of {account} don't add up"
        largest = sorted((part for part in parts if part[0] > 0), key=lambda part: -part[0])[:3]
        given = dict(map(reversed, parts))  # type: ignore[arg-type]
        assert [given[reason] for reason in reasons if reason] == [contribution for contribution, _ in largest], account
    assert len(rows) > 500
    return [f"the reasons of {len(rows):,} risks add up to them"]


def keep_prompts(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """The experiment finds what prompts do for adoption."""
    [(effect, error, lower, upper, n_people, verdict, note)] = ask("""
        select
            effect,
            standard_error,
            lower,
            upper,
            n_control + n,
            verdict,
            note
        from experiment_results
        where experiment_id = 'prompts'
            and metric = 'adoption'
            and segment_by = ''
            and is_newest
    """)
    assert verdict == "better", f"the verdict is {verdict}: {note}"
    assert 0 < lower <= truths["effect"] <= upper, (
        f"{effect:.3f} ({lower:.3f} to {upper:.3f}), not {truths['effect']:.3f}"
    )
    return [
        f"a prompt makes {100 * effect:.1f} ± {100 * error:.1f} points more adopt a feature (95 % interval"
        f" {100 * lower:.1f} to {100 * upper:.1f}), truly {100 * truths['effect']:.1f}"
    ]


def left_waiting(spans: Sequence[tuple[float, bool]], day: float) -> tuple[float, float]:
    """Who has no value yet after so many days, by Kaplan-Meier, and its standard error (Greenwood)."""
    share, spread = 1.0, 0.0
    for moment in sorted({days for days, has_value in spans if has_value and days <= day}):
        n_at_risk = sum(days >= moment for days, _ in spans)
        n_valued = sum(days == moment for days, has_value in spans if has_value)
        share *= 1 - n_valued / n_at_risk
        spread += n_valued / (n_at_risk * max(n_at_risk - n_valued, 1))
    return share, share * math.sqrt(spread)


def keep_time_to_value(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Of each plan, half of the users have had value after the planted number of days."""
    spans: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for plan, days, has_value in ask("select plan, days, has_value from time_to_value where kind = 'user'"):
        spans[plan].append((float(days), bool(has_value)))
    medians = {
        plan: (float(median), n_waiting)
        for plan, median, n_waiting in ask(
            "select plan, median_days, n_waiting from value_medians where kind = 'user' and plan <> ''"
        )
    }
    assert set(medians) == set(truths["median_days"]), f"there are medians of {sorted(medians)}"
    assert sum(n for _, n in medians.values()) > 0, "nobody still waits: who waits has no test"
    found = []
    for plan, true_median in truths["median_days"].items():
        median, n_waiting = medians[plan]
        share, error = left_waiting(spans[plan], true_median)
        assert abs(share - 0.5) < 3 * error, f"{plan}: {share:.2f} +- {error:.2f} wait after {true_median} days"
        # The table's median is that of an independent curve, rounded.
        assert left_waiting(spans[plan], median + 0.06)[0] <= 0.5 <= left_waiting(spans[plan], median - 0.06)[0], plan
        assert n_waiting == sum(not has_value for _, has_value in spans[plan])
        found.append(f"{plan} {median:.1f} (planted {true_median:.0f})")
    return [f"days until half of the users have had value: {', '.join(found)}"]


def keep_adoption(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Adoption counts whom it should; lists and checklists hold what they should."""
    live = {user: who for user, who in truths["users"].items() if truths["cancelled_at"][who[0]] is None}
    features = {name: Feature(**fields) for name, fields in truths["features"].items()}
    used = truths["used"]
    allowed = {
        user: {name for name, feature in features.items() if includes(plan, role, feature)}
        for user, (_, plan, role) in live.items()
    }
    rows = ask("select feature_id, n_users, n_adopters, n_adopting_accounts from feature_adoption order by feature_id")
    for name, n_users, n_adopters, n_accounts in rows:
        sitting: dict[str, list[bool]] = defaultdict(list)
        for user, (account, *_) in live.items():
            if name in allowed[user]:
                sitting[account].append(name in used.get(user, ()))
        counts = (sum(map(len, sitting.values())), sum(map(sum, sitting.values())))
        adopting = sum(sum(seats) >= min(2, len(seats)) for seats in sitting.values())
        assert (n_users, n_adopters, n_accounts) == (*counts, adopting), (
            f"{name}: {n_users}, {n_adopters}, {n_accounts}"
        )
    assert len(rows) == len(features)
    proposed = ask("select user_id, rank, feature_id from next_features")
    wrong = [row for row in proposed if row[2] in used.get(row[0], ()) or row[2] not in allowed.get(row[0], ())]
    assert not wrong, f"{len(wrong)} proposals are used already or not in the plan: {wrong[:5]}"
    scores: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for user, rank, name in proposed:
        scores[live[user][0]][name] += 1 / rank
    best: dict[str, list[float]] = defaultdict(list)
    for account, name, score in ask("select account_id, feature_id, score from account_next_features order by rank"):
        assert abs(scores[account][name] - float(score)) < 1e-3, f"{name} scores {score} in {account}"
        best[account].append(float(score))
    for account, found in scores.items():
        largest = sorted(found.values(), reverse=True)[:3]
        assert max(map(abs, np.subtract(best[account], largest))) < 1e-3, f"{account} wants something else first"
    gains = []
    for user, rank, name in proposed:
        if rank > 1:
            continue
        chances = {
            other: features[other].forerunner is None or features[other].forerunner in used.get(user, ())
            for other in allowed[user] - used.get(user, set())
        }
        gains.append(chances[name] - statistics.mean(chances.values()))
    gain, error = statistics.mean(gains), statistics.stdev(gains) / len(gains) ** 0.5
    assert gain > 3 * error, f"proposals are ready {gain:.2f} +- {error:.2f} more often than any feature: too little"
    lists = ask("select user_id, n_steps, n_done, next_feature_id from onboarding_checklists")
    for user, n_steps, n_done, following in lists:
        steps = [step for step in STEPS[live[user][2]] if step in allowed[user]]
        left = [step for step in steps if step not in used.get(user, ())]
        expected = (len(steps), len(steps) - len(left), left[0] if left else None)
        assert (n_steps, n_done, following) == expected, f"the checklist of {user}"
    assert len(lists) == len(live)
    n_short = sum(n_steps < len(STEPS[live[user][2]]) for user, n_steps, *_ in lists)
    assert n_short > 50, f"{n_short} users have fewer steps than their role: that plans lack features isn't tested"
    return [
        f"adoption of {len(rows)} features and {len(lists)} checklists: 0 wrong; {len(proposed):,} proposals: 0 used"
        f" already, 0 not in the plan; what the first one builds on is used {100 * gain:.0f} ± {100 * error:.0f} points"
        " more often than of any feature"
    ]


def keep_targets(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Users of accounts at risk are prompted who were left in peace lately; values are those of the build before.

    Who would be in the control of the running experiment is not prompted.
    """
    rows = ask("""
        select
            user_id,
            feature_id,
            account_id,
            churn_risk,
            account_value,
            value_age_days,
            value_at_risk
        from prompt_targets
        order by priority
    """)
    assert len(rows) >= 30, f"{len(rows)} users are prompted: too few to look at"
    for user, feature, account, risk, value, age, _ in rows:
        assert truths["cancelled_at"][account] is None and truths["users"][user][0] == account, (
            f"{user} is no user of it"
        )
        assert float(risk) >= PROMPT_FROM_RISK, f"{account} is at no risk ({risk})"
        assert user not in truths["announced"], f"{user} was prompted a week ago"
        assert unit_key(f"prompts|prompts|{user}|{feature}") >= CONTROL_ENDS, f"{user} is in the control for {feature}"
        assert (value is None) == (age is None) and age in (None, DAYS_BEFORE), (
            f"the value of {account} is {age} days old"
        )
        assert value is None or math.isfinite(value), f"the value of {account} is {value}"
    [(n_controls,)] = ask(f"""
        select count(*)
        from next_features
        inner join account_health
            on next_features.account_id = account_health.account_id
                and account_health.is_newest
        where next_features.rank = 1
            and account_health.churn_risk >= {PROMPT_FROM_RISK}
            and substr(md5(concat('prompts|prompts|', user_id, '|', feature_id)), 1, 8) < '{CONTROL_ENDS}'
    """)
    assert n_controls >= 30, f"{n_controls} users at risk are in the control: that they are left out isn't tested"
    values = [float(at_risk) for *_, at_risk in rows if at_risk is not None]
    assert len(values) > 0.9 * len(rows), f"a value is known for {len(values)} of {len(rows)}"
    assert values == sorted(values, reverse=True) and all(row[-1] is None for row in rows[len(values) :]), "the order"
    return [
        f"{len(rows)} users of {len({row[2] for row in rows})} accounts at risk are to be prompted: 0 lately prompted,"
        f" 0 of the {n_controls} in the control; values of the build before are {DAYS_BEFORE} days old"
    ]


def keep(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """The promise, figure by figure. Errors: AssertionError where it is broken."""
    parts = (
        keep_churn, keep_prompts, keep_signals, keep_reasons, keep_time_to_value, keep_adoption, keep_targets
    )  # fmt: skip
    return [line for part in parts for line in part(ask, truths)]


def extract(ask: Ask) -> list[str]:
    """What somebody who looks after customers would look at first."""
    lines = title("Accounts at risk, and why")
    for row in ask("""
        select
            account_id,
            plan,
            churn_risk,
            health_score,
            concat(
                reason_1,
                coalesce(concat('; ', reason_2), ''),
                coalesce(concat('; ', reason_3), '')
            )
        from account_health
        where is_newest
        order by
            churn_risk desc,
            account_id
        limit 5
    """):
        lines.append("{} {:10} {:4.0%} health {:4.1f}: {}".format(*row))
    lines += title("Which user to prompt for which feature, by the value at risk")
    for row in ask("""
        select
            user_id,
            title,
            coalesce(because_title, 'nothing yet'),
            churn_risk,
            account_value,
            value_age_days
        from prompt_targets
        where account_value is not null
        order by priority
        limit 5
    """):
        lines.append("{} {:20.20} after {:20.20} risk {:3.0%} of {:7.2f}, as of {:.0f} days ago".format(*row))
    [(person,)] = ask("select user_id from prompt_targets order by priority limit 1")
    lines += title(f"What {person} uses")
    for row in ask(f"""
        select
            saas_items.title,
            saas_items.category,
            feature_firsts.n_uses
        from feature_firsts
        inner join saas_items
            on feature_firsts.feature_id = saas_items.item_id
        where feature_firsts.user_id = '{person}'
        order by
            feature_firsts.n_uses desc,
            saas_items.item_id
        limit 5
    """):
        lines.append("{:20} {:16} {:3} times".format(*row))
    lines += [*title(f"The next best features of {person}, and why"), *first_places(ask, person)]
    lines += title("What accounts want next")
    for row in ask("""
        select
            account_id,
            title,
            n_users,
            score
        from account_next_features
        where rank = 1
        order by
            score desc,
            account_id
        limit 4
    """):
        lines.append("{} {:20} {} users, score {:.2f}".format(*row))
    lines += title("Adoption by module and its first and last feature")
    for row in ask("""
        select
            module,
            title,
            adoption,
            n_adopting_accounts,
            n_accounts
        from feature_adoption
        where feature_id in ('f01', 'f05', 'f16', 'f20', 'f26', 'f30')
        order by feature_id
    """):
        lines.append("{:12} {:20} {:4.0%} of users, {:3} of {:3} accounts".format(*row))
    lines += title("Days to the first share with a guest")
    for row in ask("""
        select
            kind,
            case when plan = '' then 'all' else plan end,
            n,
            n_waiting,
            median_days
        from value_medians
        order by
            kind,
            plan
    """):
        median = "never half" if row[4] is None else f"{row[4]:.1f} days"
        lines.append("{:8} {:10} {:4}, {:3} still wait: half after {}".format(*row[:4], median))
    lines += title("Onboarding")
    for row in ask("""
        select
            role,
            count(*),
            avg(share_done),
            sum(case when share_done = 1 then 1 else 0 end)
        from onboarding_checklists
        group by role
        order by role
    """):
        lines.append("{:8} {:4} users, {:4.0%} of their steps done, {:4} with all".format(*row))
    return lines
