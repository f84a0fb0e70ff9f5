"""The promise of the recipe fintech, measured on its world, and an extract of what it makes."""

import csv
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from recipes.fintech.world import END, HELD, OFFERS, REPLAYED
from recipes.run import Ask, title

# An earlier day, replayed on the tables of today: all that decides, in a schema of its own, and nothing is published.
REPLAY = f"{{kindred__as_of: '{REPLAYED:%Y-%m-%d}'}}"
COMPARED = ["--select", "+decision_log", "--exclude-resource-type", "test", "--vars", REPLAY]

FLAGGED_SHARE = 0.01  # as in dbt_project.yml
# The audit keeps the rows of every build.
AUDIT = "(select * from decision_audit where run_id = (select max_by(run_id, started_at) from builds)) as audit"
LANGUAGES = 4  # of the seed decline_texts
FAMILIES = {offer: family for family, found in OFFERS.items() for offer, *_ in found}


def share_and_error(n: int, of: int) -> tuple[float, float]:
    share = n / of
    return share, (share * (1 - share) / of) ** 0.5


def read_conditions() -> list[dict[str, str]]:
    with open(Path(__file__).parent / "seeds/fintech_eligibility.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def as_text(value: Any) -> str | None:
    """What the bank knows, as a condition reads it; None = unknown."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else None if value is None else str(value)


def is_met(condition: Mapping[str, str], known: Mapping[str, Any]) -> bool:
    """The conditions of the seed, evaluated once more, in Python."""
    value, asked = as_text(known.get(condition["field"])), condition["value"]
    if value is None:
        return False
    match condition["operator"]:
        case "=":
            return value == asked
        case "in":
            return value in asked.split("|")
        case ">=":
            return float(value) >= float(asked)
        case "<=":
            return float(value) <= float(asked)
        case "known":
            return True
    raise ValueError(condition["operator"])


def reasons_of(known: Mapping[str, Any], offer: str) -> set[tuple[str, str]]:
    """{(condition that declines the offer, what is known)}"""
    return {
        (condition["rule_id"], as_text(known.get(condition["field"])) or "unknown")
        for condition in read_conditions()
        if offer == condition["item_id"] or FAMILIES[offer] == condition["category"]
        if not is_met(condition, known)
    }


def known_at(truths: Mapping[str, Any], moment: datetime) -> dict[str, dict[str, Any]]:
    """{customer: what was known before the moment}, from the raw rows, of customers who may be made offers."""
    known: dict[str, dict[str, Any]] = {}
    for row in sorted(truths["versions"], key=lambda row: row["valid_from"]):
        if row["valid_from"] < moment and row["customer_id"] not in truths["refusing"]:
            facts = ("age", "sex", "country", "income_band", "risk_profile")
            known[row["customer_id"]] = {name: row[name] for name in facts} | dict.fromkeys(HELD, False)
    for row in truths["holdings"]:
        ended = row["closed_at"] is not None and row["closed_at"] < moment
        if row["opened_at"] < moment and not ended and row["customer_id"] in known:
            known[row["customer_id"]][row["product"]] = True
    return known


Declines = dict[tuple[str, str], set[tuple[str, str]]]


def compare_reasons(ask: Ask, schema: str, customers: Mapping[str, Mapping[str, Any]]) -> Declines:
    """The declines with their reasons that follow from what is known; an AssertionError if the table has others."""
    expected = {
        (customer, offer): reasons
        for customer, known in customers.items()
        for offer in FAMILIES
        if (reasons := reasons_of(known, offer))
    }
    found: Declines = defaultdict(set)
    table = f"{schema}.decline_reasons"
    for customer, offer, rule, known in ask(f"select customer_id, offer_id, rule_id, known from {table}"):
        found[customer, offer].add((rule, known))
    wrong = [pair for pair in expected.keys() | found.keys() if expected.get(pair, set()) != found.get(pair, set())]
    assert not wrong, f"{table} is wrong for {len(wrong)} of {len(expected)} declines, such as {wrong[:3]}"
    return expected


def keep_reasons(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Every decline has each of its reasons, no others, and what is declined stands in no list."""
    customers = {name: known for name, known in truths["known"].items() if name not in truths["refusing"]}
    [(schema,)] = ask("select current_schema()")
    expected = compare_reasons(ask, schema, customers)
    n_unknown = sum(known == "unknown" for reasons in expected.values() for _, known in reasons)
    assert n_unknown > 100, "of hardly anybody a field is unknown: that unknown declines isn't tested"
    shown = [
        *ask("select user_id, item_id from recommendations"),
        *ask("select user_id, item_id from people_for_item"),
        *ask("select user_id, item_id from buy_again"),
        *ask("select '', item_id from fallback_recommendations"),
        *ask("select '', item_id from trending_items"),
    ]
    # Every offer is under a condition, so of an unknown visitor none may be shown.
    bad = [pair for pair in shown if pair in expected or pair[0] not in customers]
    assert len(shown) > 2000 and not bad, f"{len(bad)} of {len(shown)} places show what is declined: {bad[:3]}"
    # What requests go by.
    sets = ask("select item_id, eligibility from release_items")
    wrong_sets = [
        (customer, offer)
        for customer, text in ask("select user_id, eligible_for from release_lists")
        for offer, eligibility in sets
        if (eligibility in {"", *json.loads(text)}) == ((customer, offer) in expected)
    ]
    assert not wrong_sets, f"at request time {len(wrong_sets)} pairs are decided otherwise: {wrong_sets[:3]}"
    n_reasons = sum(map(len, expected.values()))
    [(n_sentences,)] = ask("select count(*) from decline_sentences")
    assert n_sentences == LANGUAGES * n_reasons, f"{n_sentences} sentences for {n_reasons} reasons"
    return [
        f"{len(expected):,} declined offers with {n_reasons:,} reasons: 0 without its reasons, and 0 of {len(shown):,}"
        " places show one"
    ]


def keep_audit(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """The audit has one decision for each customer and offer, with all conditions, and a row for who refuses."""
    answers = ask(f"select customer_id, offer_id, answer from {AUDIT} where input = 'decision'")
    decided = {(customer, offer): answer for customer, offer, answer in answers}
    n_customers = len(truths["known"]) - len(truths["refusing"])
    assert len(answers) == len(decided) == n_customers * len(FAMILIES), f"{len(answers)} decisions"
    offered = set(ask("select user_id, item_id from recommendations"))
    assert offered == {pair for pair, answer in decided.items() if answer == "offered"}, "offered is not what is shown"
    declined = set(ask("select customer_id, offer_id from decline_reasons"))
    assert declined == {pair for pair, answer in decided.items() if answer == "declined"}, "declined has no reason"
    conditions = Counter(
        offer
        for row in read_conditions()
        for offer in FAMILIES
        if row["item_id"] == offer or row["category"] == FAMILIES[offer]
    )
    inputs: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for customer, offer, name, answer in ask(
        f"select customer_id, offer_id, input, answer from {AUDIT} where input <> 'consent'"
    ):
        inputs[customer, offer][name] += 1
        inputs[customer, offer][f"{name} {answer}"] += 1
    for pair, counted in inputs.items():
        assert counted["condition"] == conditions[pair[1]], f"{pair} has {counted['condition']} conditions"
        if pair in offered:
            assert counted["condition met"] == counted["condition"] and counted["place"] == 1, pair
            assert counted["score"] == 1 and counted["candidate"] > 0, f"{pair} is offered, and nothing says why"
    places = {
        (customer, offer): reason if because is None else f"{reason}, because of {because}"
        for customer, offer, reason, because in ask(
            "select user_id, item_id, reason, because_item_id from recommendations"
        )
    }
    told = ask(f"select customer_id, offer_id, answer from {AUDIT} where input = 'place'")
    assert {(customer, offer): answer for customer, offer, answer in told} == places, "a place has another reason"
    refused = ask(f"""
        select
            customer_id,
            answer
        from {AUDIT}
        where input = 'consent'
            and known = 'not granted'
    """)
    assert dict(refused) == dict.fromkeys(truths["refusing"], "no personal offers"), f"{len(refused)} refuse"
    [(n_rows,)] = ask(f"select count(*) from {AUDIT}")
    return [f"{len(decided):,} decisions and {len(refused)} refused consents in {n_rows:,} rows of the audit"]


def keep_replay(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """A replay of an earlier day, on the tables of today, declines what was to be declined by what was known then."""
    [(schema,)] = ask("select current_schema()")
    replay = f"{schema}_replay"
    then, now = known_at(truths, REPLAYED), known_at(truths, END)
    assert now == {name: known for name, known in truths["known"].items() if name not in truths["refusing"]}
    expected = compare_reasons(ask, replay, then)
    # What was learned later decides: else the replay would prove nothing.
    changed = {
        (customer, offer) for customer, known in now.items() for offer in FAMILIES
        if reasons_of(known, offer) != expected.get((customer, offer), set())
    }  # fmt: skip
    assert len(changed) > 100, f"{len(changed)} decisions have other reasons today: too few"
    shown = ask(f"select user_id, item_id from {replay}.recommendations")
    bad = [pair for pair in shown if pair in expected or pair[0] not in then]
    assert len(shown) > 2000 and not bad, f"{len(bad)} of {len(shown)} places of the replay show what was declined"
    # The replay left today's tables alone.
    moments = [
        ask(f"select max_by(as_of, started_at), max(as_of), count(*) from {place}.builds") for place in (schema, replay)
    ]
    assert moments[0][0][:2] == (END, END) and moments[1][0][:2] == (REPLAYED, REPLAYED), moments
    return [
        f"replayed as of {REPLAYED:%d %B}: {len(expected):,} declines with the reasons of that day, {len(changed)}"
        f" of {len(now) * len(FAMILIES):,} decisions with other reasons than today"
    ]


def keep_fairness(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """No condition asks for sex, no group is surely below four fifths of another, and the gate says so."""
    assert "sex" not in {condition["field"] for condition in read_conditions()}
    rows = ask("""
        select
            measure,
            category,
            group_value,
            ratio,
            lower,
            upper
        from group_fairness
        where field = 'sex'
            and upper is not null
    """)
    compared = {(measure, category) for measure, category, *_ in rows}
    assert compared == {(measure, name) for measure in ("approval", "exposure") for name in ("", *OFFERS)}
    lowest = min(rows, key=lambda row: (row[5], row))
    assert lowest[5] >= 0.8, f"{lowest} is surely below four fifths"
    [(value, bound, is_passed)] = ask("""
        select
            publish_gates.value,
            publish_gates.bound,
            publish_gates.is_passed
        from publish_gates
        inner join recommendations
            on publish_gates.run_id = recommendations.run_id
        where publish_gates.gate = 'fairness'
        group by
            publish_gates.value,
            publish_gates.bound,
            publish_gates.is_passed
    """)
    assert is_passed and bound == 0.2 and abs(value - (1 - lowest[5])) < 1e-9, (value, bound, lowest)
    [(measure, ratio, lower, upper)] = [(row[0], *row[3:]) for row in rows if row[:2] == ("approval", "")]
    least = min(rows, key=lambda row: (row[3], row))
    # Conditions ask for ages, so of ages the gate can't hold: what it would say is measured here.
    shares: dict[str, list[bool]] = defaultdict(list)
    for customer, offer, answer in ask(f"select customer_id, offer_id, answer from {AUDIT} where input = 'decision'"):
        age = truths["known"][customer]["age"]
        if FAMILIES[offer] == "Loans" and age is not None:
            shares["from 73" if age > 72 else "28 to 59" if 27 < age < 60 else "other"].append(answer != "declined")
    assert not any(shares["from 73"]), "somebody is eligible for a loan above the age of loans_until_72"
    return [
        f"eligible share of loans: {statistics.mean(shares['28 to 59']):.2f} from 28 to 59, 0.00 from 73",
        f"women and men: eligible share {ratio:.2f} ({lower:.2f} to {upper:.2f}) of the other group's; of"
        f" {len(compared)} figures the least is {least[0]} of {least[1] or 'all'}:"
        f" {least[3]:.2f} ({least[4]:.2f} to {least[5]:.2f})",
    ]


def precision_and_recall(found: Iterable[Any], true: Iterable[Any]) -> str:
    found, true = set(found), set(true)
    n = len(found & true)
    precision, recall = share_and_error(n, len(found)), share_and_error(n, len(true))
    return "precision {:.2f} ± {:.2f}, recall {:.2f} ± {:.2f}".format(*precision, *recall)


def keep_insights(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Payments that recur and unusual months are found, and hardly anything else."""
    found = {
        (customer, merchant): (float(period), goes_on)
        for customer, merchant, period, goes_on in ask(
            "select customer_id, merchant, period_days, goes_on from recurring_payments"
        )
    }
    true = truths["recurring"]
    both = found.keys() & true.keys()
    assert len(both) > 0.95 * max(len(found), len(true)), f"{len(both)} of {len(found)} found and {len(true)} planted"
    wrong = [
        pair for pair in both
        if abs(found[pair][0] - true[pair]["days"]) > 1.5 or found[pair][1] != true[pair]["goes_on"]
    ]  # fmt: skip
    assert len(wrong) < 0.02 * len(both), f"period or end is wrong for {wrong[:5]}"
    left_out = {kind: n for kind, n in ask("select kind, n_entries from left_out_entries")}
    assert left_out == truths["left_out"], f"{left_out} entries are no payments, and {truths['left_out']} were planted"
    # A large fraud is unusual, too, and wasn't planted as a month: such months are left out.
    frauds = set(truths["frauds"].values())
    judged = set(ask("select customer_id, month, category from spending_by_month where is_unusual is not null"))
    months = {
        row for row in ask("select customer_id, month, category from spending_by_month where is_unusual")
        if row not in frauds
    }  # fmt: skip
    planted = set(truths["unusual"]) & judged - frauds
    hits = len(months & planted)
    assert hits > 0.5 * max(len(planted), len(months)), f"{hits} of {len(months)} found, {len(planted)} planted"
    return [
        f"{len(found)} recurring payments found, {len(both)} of them right; there are {len(true)}",
        f"{len(months)} unusual of {len(judged):,} months and categories: {precision_and_recall(months, planted)}",
    ]


def keep_signals(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Of as many payments as there are frauds, those with the largest scores; and the share that is flagged."""
    rows = ask("""
        select
            payment_id,
            score,
            amount,
            is_flagged,
            category
        from transaction_signals
        where is_flagged is not null
    """)
    frauds = truths["frauds"].keys() & {payment for payment, *_ in rows}
    k = len(frauds)
    assert k > 50, f"{k} frauds are judged: too few"
    amounts: dict[str, list[float]] = defaultdict(list)
    for _, _, amount, _, category in rows:
        amounts[category].append(float(amount))
    usual = {category: statistics.median(found) for category, found in amounts.items()}
    # What can be had without this recipe: the amount against everybody's of the category.
    scores = [{row[0]: float(row[1]) for row in rows}, {row[0]: float(row[2]) / usual[row[4]] for row in rows}]
    first = [set(sorted(score, key=lambda payment: (-score[payment], payment))[:k]) for score in scores]  # noqa: B023
    (precision, error), (by_amount, error_by_amount) = (share_and_error(len(frauds & found), k) for found in first)
    # Both find some of the same frauds: the error is that of the difference, fraud by fraud.
    gains = [(payment in first[0]) - (payment in first[1]) for payment in sorted(frauds)]
    gain, error_of_gain = statistics.mean(gains), statistics.stdev(gains) / k**0.5
    assert gain > 2 * error_of_gain, (
        f"{gain:.2f} +- {error_of_gain:.2f} more frauds than by the amount alone: too little"
    )
    flagged = [row for row in rows if row[3]]
    # The bound is itself an estimate, of a month as large: the error is that of a difference.
    share, chance = len(flagged) / len(rows), (2 * FLAGGED_SHARE * (1 - FLAGGED_SHARE) / len(rows)) ** 0.5
    assert abs(share - FLAGGED_SHARE) < 3 * chance, f"{share:.2%} +- {chance:.2%} are flagged, not {FLAGGED_SHARE:.0%}"
    kinds = truths["kinds"]
    found = Counter(kinds[row[0]] for row in flagged if row[0] in frauds)
    of_kind = Counter(kinds[payment] for payment in frauds)
    by_kind = ", ".join(f"{found[kind]} of {n} of {kind}" for kind, n in sorted(of_kind.items()))
    return [
        f"precision at {k}, the number of frauds in {len(rows):,} payments: {precision:.2f} ± {error:.2f};"
        f" by the amount against everybody's {by_amount:.2f} ± {error_by_amount:.2f},"
        f" {gain:.2f} ± {error_of_gain:.2f} less",
        f"{share:.2%} ± {chance:.2%} of the payments are flagged, as stated {FLAGGED_SHARE:.0%}: {by_kind}",
    ]


def keep(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """The promise, figure by figure. Errors: AssertionError where it is broken."""
    parts = (keep_reasons, keep_audit, keep_replay, keep_fairness, keep_signals, keep_insights)
    return [line for part in parts for line in part(ask, truths)]


def extract(ask: Ask) -> list[str]:
    """What an auditor, a customer and a fraud desk would look at first."""
    [(customer, offer)] = ask("""
        select
            customer_id,
            offer_id
        from decline_reasons
        group by
            customer_id,
            offer_id
        order by
            count(*) desc,
            customer_id,
            offer_id
        limit 1
    """)
    lines = title(f"Why {customer} is not offered {offer}")
    for row in ask(f"""
        select
            input,
            name,
            coalesce(asked, ''),
            coalesce(known, ''),
            answer
        from {AUDIT}
        where customer_id = '{customer}'
            and offer_id = '{offer}'
        order by
            step,
            name
    """):
        lines.append("{:10} {:24} {:32} {:24.24} {}".format(*row))
    lines += title("The same in words")
    lines += [
        "{}: {}".format(*row)
        for row in ask(f"""
            select
                language,
                sentence
            from decline_sentences
            where customer_id = '{customer}'
                and offer_id = '{offer}'
            order by
                language,
                sentence
        """)
    ]
    lines += title("Why offers are declined")
    for row in ask("""
        select
            rule_id,
            concat(field, ' ', operator, ' ', coalesce(value, '')),
            n_eligible,
            n_declined,
            n_unknown
        from eligibility_declines
        order by
            n_declined + n_unknown desc,
            rule_id
        limit 8
    """):
        lines.append("{:22} {:36} {:4} eligible, {:4} not, {:4} unknown".format(*row))
    lines += title("What women and men may be shown, and are shown")
    for row in ask("""
        select
            measure,
            case when category = '' then 'all' else category end,
            group_value,
            ratio,
            lower,
            upper,
            reference_group
        from group_fairness
        where upper is not null
        order by
            measure,
            category
    """):
        lines.append("{:9} {:11} {:7} {:.2f} ({:.2f} to {:.2f}) of that of {}".format(*row))
    lines += title("Unusual months")
    for row in ask("""
        select
            customer_id,
            month,
            category,
            amount_at_will,
            usual_amount,
            robust_z
        from spending_by_month
        where is_unusual
        order by
            robust_z desc,
            customer_id
        limit 5
    """):
        lines.append("{} {:%B %Y} {:13} {:8.2f}, usually {:7.2f} (z {:.1f})".format(*row))
    lines += title("Due next")
    for row in ask("""
        select
            customer_id,
            merchant,
            last_amount,
            period_days,
            next_due_at
        from recurring_payments
        where goes_on
        order by
            next_due_at,
            customer_id,
            merchant
        limit 5
    """):
        lines.append("{} {:12} {:8.2f} every {:4.1f} days, next on {:%d %B}".format(*row))
    lines += title("What the fraud desk looks at first")
    for row in ask("""
        select
            payment_id,
            customer_id,
            merchant,
            amount,
            amount_z,
            coalesce(km_per_hour, 0),
            n_in_the_hour,
            score
        from transaction_signals
        where is_flagged
        order by
            score desc,
            payment_id
        limit 8
    """):
        lines.append("{} {} {:14} {:8.2f} (z {:4.1f}), {:6.0f} km/h, {} in the hour: score {:.2f}".format(*row))
    return lines
